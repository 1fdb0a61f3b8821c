// A session as its user has it, from the first prompt to the end.

import { createHash, randomBytes } from "node:crypto";
import { fail, ok, skip } from "./report.js";
import { Terminal } from "./terminal.js";

const PROMPT_LIMIT_MS = 10_000;
const PASTE_BYTES = 100_000;
const PIECE_BYTES = 32 * 1024;
/* The most that SANDBOX_MAX_WS_MESSAGE_SIZE may be. */
const MESSAGE_LIMIT_MAX_BYTES = 1 << 24;

async function start({ target, sessions }) {
	const begun = performance.now();
	const { json } = await sessions.create();
	const url = new URL(json.wsUrl);
	const scheme = target.secure ? "wss:" : "ws:";
	if (url.protocol !== scheme || url.host !== target.url.host)
		throw new Error(`its address is ${url.protocol}//${url.host}, not ${scheme}//${target.url.host}: does the proxy say X-Forwarded-Proto and Host?`);
	const terminal = await Terminal.open(target, json.wsUrl);
	return { id: json.sessionId, terminal, ms: performance.now() - begun };
}

/* A second terminal of the session. */
async function comeBack({ target }, id) {
	const { status, json } = await target.post(`/api/v1/sessions/${id}/tickets`);
	if (status !== 201) throw new Error(`no ticket: ${status}`);
	return Terminal.open(target, json.wsUrl);
}

async function echo(terminal) {
	const begun = performance.now();
	const { output } = await terminal.run("printf '%s' $((6 * 7)) für 42 €");
	return output === "42für42€" ? ok(`${Math.round(performance.now() - begun)} ms for a command`) : fail(`it says ${output}`);
}

async function resize(terminal) {
	await terminal.send(JSON.stringify({ type: "resize", cols: 133, rows: 43 }));
	const { output } = await terminal.run("stty size");
	return output === "43 133" ? ok(output) : fail(`stty size says ${output}, not 43 133`);
}

/* Without line ends: at a shell's prompt each would count as a command. */
async function paste(terminal) {
	const bytes = Buffer.from(randomBytes(PASTE_BYTES).toString("base64").slice(0, PASTE_BYTES));
	await terminal.type(`stty raw -echo; printf '<%s>' go; head -c ${PASTE_BYTES} | sha256sum; stty sane`);
	await terminal.waitFor(/<go>/, "answer to a command");
	const begun = performance.now();
	for (let at = 0; at < PASTE_BYTES; at += PIECE_BYTES) await terminal.send(bytes.subarray(at, at + PIECE_BYTES));
	const [, sum] = await terminal.waitFor(/([0-9a-f]{64})  -/, "sum of what was pasted");
	await terminal.prompt();
	if (sum !== createHash("sha256").update(bytes).digest("hex")) return fail("what arrived is not what was sent");
	return ok(`${Math.round(performance.now() - begun)} ms`);
}

async function exitCode(terminal) {
	await terminal.type("exit 7");
	const { code } = await terminal.message("exit");
	const end = await terminal.closing();
	return code === 7 && end.code === 1000 ? ok(`closed with ${end.code} (${end.reason})`) : fail(`code ${code}, closed with ${end.code}`);
}

/* In fragments, and no more than it takes. */
async function oversize(terminal) {
	const piece = Buffer.alloc(PIECE_BYTES, "x");
	let sent = 0;
	const closed = terminal.closing();
	while (!terminal.end && sent <= MESSAGE_LIMIT_MAX_BYTES) {
		await terminal.send(piece, { fin: false }).catch(() => {}); /* it has closed: how, is asked next */
		sent += piece.length;
		await new Promise(setImmediate);
	}
	const { code, reason } = await closed;
	return code === 1009 ? ok(`closed with ${code} (${reason})`) : fail(`closed with ${code} (${reason}), not 1009`);
}

async function ending({ target, sessions }, id, terminal) {
	const { status } = await sessions.end(id);
	const { code, reason } = await terminal.closing();
	const after = await target.get(`/api/v1/sessions/${id}`, target.keyHeader);
	if (status !== 200 || after.status !== 404) return fail(`DELETE ${status}, afterwards ${after.status}`);
	return code === 1000 && reason ? ok(`closed with ${code} (${reason})`) : fail(`closed with ${code} (${reason})`);
}

export async function session(context) {
	const { report } = context;
	let it;
	context.hasSessions = await report.check("a session begins, with a prompt", async () => {
		it = await start(context);
		const text = `${Math.round(it.ms)} ms`;
		return it.ms <= PROMPT_LIMIT_MS ? ok(text) : fail(`${text}, not within ${PROMPT_LIMIT_MS / 1000} s`);
	});
	if (!it) return report.add("all of session", skip("there is none"));
	const { id, terminal } = it;
	await report.check("a command answers", () => echo(terminal));
	await report.check("a change of size arrives", () => resize(terminal));
	await report.check("a paste of 100 KB arrives byte for byte", () => paste(terminal));
	await report.check("the end of the shell is told", () => exitCode(terminal));
	await report.check("a message that is too big ends the socket", async () => oversize(await comeBack(context, id)));
	await report.check("DELETE ends the session and says so", async () => ending(context, id, await comeBack(context, id)));
	return undefined;
}
