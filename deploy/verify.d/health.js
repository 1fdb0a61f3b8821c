// What the server says of itself.

import { fail, ok, warn } from "./report.js";

function judgeGvisor(gvisor) {
	if (!gvisor?.requested) return fail("sandboxes share the host's kernel (SANDBOX_USE_GVISOR=false)");
	if (!gvisor.available) return fail(`the runtime ${gvisor.runtime} is not available`);
	if (!gvisor.kind) return warn(`${gvisor.runtime}; the server does not say of what kind it is`);
	const platform = gvisor.platform ? `, platform ${gvisor.platform}` : "";
	const text = `${gvisor.runtime}: ${gvisor.kind}, version ${gvisor.version ?? "unknown"}${platform}`;
	return gvisor.version ? ok(text) : warn(text);
}

export async function health({ target, report }) {
	let answer;
	await report.check("the server is well", async () => {
		answer = await target.get("/health");
		const { status, version, uptime, reasons } = answer.json ?? {};
		if (answer.status === 200 && status === "ok") return ok(`version ${version}, up for ${uptime}`);
		return fail(`${answer.status} ${status ?? "without JSON"}${reasons ? `: ${reasons.join("; ")}` : ""}`);
	});
	await report.check("sandboxes are isolated by gVisor or a virtual machine", () => judgeGvisor(answer?.json?.gvisor));
	await report.check("there is room for sessions", async () => {
		const { json } = await target.get("/api/v1/status");
		if (!json?.metrics) return fail("/api/v1/status does not say");
		const { containers, maxContainers, memoryPercent } = json.metrics;
		const text = `${containers} of ${maxContainers} sandboxes, ${memoryPercent} % of memory in use`;
		return json.isOpen ? fail(`${json.reason} (${text})`) : ok(text);
	});
}
