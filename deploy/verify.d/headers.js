// Do the page and the API tell browsers what is not to be done with them?

import { fail, ok, warn } from "./report.js";

function policy(value = "") {
	return Object.fromEntries(value.split(";").map((part) => part.trim().split(/\s+(.*)/s)).filter(([name]) => name));
}

function contentPolicy({ headers }) {
	const found = policy(headers["content-security-policy"]);
	const missing = ["default-src", "frame-ancestors"].filter((name) => !(name in found));
	if (missing.length) return fail(`Content-Security-Policy lacks ${missing.join(", ")}`);
	const scripts = found["script-src"] ?? found["default-src"];
	return /unsafe|\*/.test(scripts) ? fail(`scripts may come from ${scripts}`) : ok(`scripts: ${scripts}; frames: ${found["frame-ancestors"]}`);
}

const noSniffing = ({ headers }) => (headers["x-content-type-options"] === "nosniff" ? ok() : fail("there is no X-Content-Type-Options: nosniff"));

function discreet({ headers }) {
	const told = ["server", "via", "x-powered-by"].filter((name) => headers[name]).map((name) => `${name}: ${headers[name]}`);
	return told.length ? warn(told.join(", ")) : ok();
}

export async function headers({ target, report }) {
	let page, answer;
	const there = await report.check("the page is served", async () => {
		page = await target.get("/");
		return page.status === 200 && /^text\/html/.test(page.headers["content-type"]) ? ok(`${Math.round(page.ms)} ms`) : fail(`${page.status}`);
	});
	if (there) {
		await report.check("the page says where its content may come from", () => contentPolicy(page));
		await report.check("the page's type is not to be guessed", () => noSniffing(page));
		await report.check("the page's address is told to nobody", () =>
			/^(no-referrer|same-origin|strict-origin)/.test(page.headers["referrer-policy"]) ? ok(page.headers["referrer-policy"]) : fail("there is no Referrer-Policy"));
		await report.check("nothing says which programs serve", () => discreet(page));
	}
	await report.check("the API answers", async () => {
		answer = await target.get("/api/v1/environments");
		const names = answer.json?.environments?.map(({ name }) => name);
		return answer.status === 200 && names?.length ? ok(names.join(" ")) : fail(`${answer.status}`);
	});
	if (!answer) return;
	await report.check("the API's types are not to be guessed", () => noSniffing(answer));
	await report.check("the API's answers are not kept", () =>
		/no-store/.test(answer.headers["cache-control"]) ? ok() : fail(`Cache-Control: ${answer.headers["cache-control"] ?? "none"}`));
}
