// One session from its beginning to its end, as a user has it, with the time of each step.

import { failure, shown } from "../../deploy/verify.d/report.js";
import { Sessions } from "../../deploy/verify.d/sessions.js";
import { Terminal } from "../../deploy/verify.d/terminal.js";

const NORMAL_CLOSE = 1000;

function checkAddress({ url, secure }, wsUrl) {
	const { protocol, host } = new URL(wsUrl);
	if (protocol !== (secure ? "wss:" : "ws:") || host !== url.host) throw new Error(`its address is at ${protocol}//${host}, not at ${url.host}`);
}

async function connect(target, wsUrl) {
	const terminal = new Terminal(target, wsUrl);
	try {
		await terminal.opened;
	} catch (error) {
		terminal.drop();
		throw error;
	}
	return terminal;
}

async function prompt(terminal) {
	await terminal.message("connected");
	await terminal.message("initComplete");
	await terminal.prompt();
}

/* Of a key, as it comes back from the terminal. */
async function echo(terminal) {
	await terminal.send("x");
	await terminal.waitFor(/x/, "echo");
}

async function end(sessions, id, terminal) {
	const answer = await sessions.end(id);
	if (answer.status !== 200) throw new Error(`DELETE is answered with ${answer.status}`);
	const { code, reason } = await terminal.closing();
	if (code !== NORMAL_CLOSE) throw new Error(`the socket closed with ${code} (${reason})`);
}

/* The steps, in their order. Each gets what those before it have found. */
const STEPS = [
	["create", async (it) => ({ ...(await it.sessions.create()).json })],
	["connect", async ({ target, wsUrl }) => (checkAddress(target, wsUrl), { terminal: await connect(target, wsUrl) })],
	["prompt", ({ terminal }) => prompt(terminal)],
	["echo", ({ terminal }) => echo(terminal)],
	["delete", ({ sessions, sessionId, terminal }) => end(sessions, sessionId, terminal)],
];

/* Calls onStep({name, ms, error?}) after each step, and resolves to whether all went well. signal: a reason to stop. Whatever
 * happens, the session is ended. */
export async function tryOne(target, signal, onStep) {
	const it = { target, sessions: new Sessions(target) };
	const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
	aborted.catch(() => {}); /* told to the step under way */
	try {
		for (const [name, step] of STEPS) if (!(await tell(name, () => Promise.race([step(it), aborted]), it, onStep))) return false;
		return true;
	} finally {
		it.terminal?.drop();
		await it.sessions.endAll();
	}
}

async function tell(name, work, it, onStep) {
	const begun = performance.now();
	let error;
	try {
		Object.assign(it, await work());
	} catch (thrown) {
		error = shown(failure(thrown).text);
	}
	onStep({ name, ms: performance.now() - begun, ...(error === undefined ? {} : { error }) });
	return error === undefined;
}
