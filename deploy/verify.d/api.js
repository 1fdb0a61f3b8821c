// Does the API refuse what it must? None of this starts a sandbox.

import { fail, ok, skip, warn } from "./report.js";

const SESSIONS = "/api/v1/sessions";
const UNKNOWN = `${SESSIONS}/sess_${"0".repeat(32)}`;
const STRANGE_ORIGIN = { Origin: "https://verify.invalid" };
const BODY_BYTES = 70_000;

function expected({ status, json }, wanted) {
	return status === wanted ? ok(json?.error) : fail(`${status} ${json?.error ?? ""}, not ${wanted}`);
}

/* True when the session routes ask for a key. */
async function missingKey({ target, report }) {
	const { status } = await target.get(UNKNOWN);
	await report.check("without a key there is no session", () => {
		if (status === 401) return ok("401");
		if (status === 404) return warn("SANDBOX_API_KEY IS NOT SET: whoever reaches this server gets a terminal, with any program");
		return fail(`${status}, not 401`);
	});
	return status === 401;
}

async function strangeOrigin(target, keyed) {
	const { status, headers } = await target.get(UNKNOWN, { ...STRANGE_ORIGIN, ...target.keyHeader });
	if (status === 403) return ok("403");
	if (!headers["access-control-allow-origin"]) return fail(`${status}, not 403`);
	const text = `any page on the web may talk to it (${status}): SANDBOX_ALLOWED_ORIGINS is *`;
	return keyed ? warn(text) : fail(`${text}, and there is no key`);
}

export async function api(context) {
	const { target, report } = context;
	const keyed = await missingKey(context);
	await report.check("a wrong key is refused", async () => {
		if (!keyed) return skip("none is asked for");
		return expected(await target.get(UNKNOWN, { "X-API-Key": `${target.key ?? "wrong"}x` }), 401);
	});
	await report.check("a page of another site is refused", () => strangeOrigin(target, keyed));
	if (keyed && !target.key) return report.add("the key is accepted", fail("there is none to show: --api-key-file FILE"));
	await report.check("the key is accepted", async () => {
		if (!keyed) return skip("none is asked for");
		return expected(await target.get(UNKNOWN, target.keyHeader), 404);
	});
	await report.check("malformed JSON is refused", async () => expected(await target.post(SESSIONS, '{"toolPair":'), 400));
	/* By its length: whoever sends it all may be hung up on before the answer is read. */
	await report.check("a body of 70 KB is refused", async () => expected(await target.post(SESSIONS, '{"toolPair":"', {}, BODY_BYTES), 413));
	return undefined;
}
