// What is for operators must not be there for the public, however its name is spelt.

import { fail, ok } from "./report.js";

const NAMES = ["metrics", "status"];

const SPELLINGS = [
	(name) => `/${name}`,
	(name) => `/${name}/`,
	(name) => `//${name}`,
	(name) => `/./${name}`,
	(name) => `/${name}?x=1`,
	(name) => `/${name}#x`,
	(name) => `/${name};x`,
	(name) => `/${name.toUpperCase()}`,
	(name) => `/%${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
	(name) => `/%2f${name}`,
	(name) => `/health/../${name}`,
	(name) => `/api/v1/../../${name}`,
	(name) => `/api/v1/%2e%2e/%2e%2e/${name}`,
	(name) => `/api/v1/..%2f..%2f${name}`,
	(name) => `/api/v1/..\\..\\${name}`,
];

async function hidden(target, name) {
	const open = [];
	for (const path of SPELLINGS.map((spell) => spell(name))) {
		const { status } = await target.get(path);
		if (status < 400 || status > 499) open.push(`${path} (${status})`);
	}
	return open.length ? fail(open.join(", ")) : ok(`${SPELLINGS.length} spellings`);
}

export async function paths({ target, report }) {
	for (const name of NAMES) await report.check(`/${name} is not public`, () => hidden(target, name));
	await report.check("what does not exist is a 404", async () => {
		const { status } = await target.get("/there-is-no-such-page");
		return status === 404 ? ok() : fail(String(status));
	});
	await report.check("TRACE is refused", async () => {
		const { status } = await target.request("TRACE", "/");
		return status >= 400 && status < 500 ? ok(String(status)) : fail(`TRACE is answered with ${status}`);
	});
}
