// Waiting for the prompt: of a new sandbox, and of a new shell in a sandbox that runs. Both clocks stop at
// the first byte that the shell writes.

import { createSession } from "../tests/integration/lib/client.js";
import { AttachLine } from "./lib/attach.js";
import { endSession, withPair } from "./lib/sessions.js";
import { SocketLine, openAndPing } from "./lib/socket.js";
import { setting } from "./lib/settings.js";
import { interleave, summarize } from "./lib/stats.js";

const COLD_ROUNDS = setting("BENCH_COLD_ROUNDS", 20);
const WARM_ROUNDS = setting("BENCH_WARM_ROUNDS", 100);

async function coldOurs(server) {
	const start = performance.now();
	const { sessionId } = await createSession(server);
	const line = new SocketLine(server, sessionId);
	const took = (await line.firstByte()) - start;
	await line.close();
	await endSession(server, sessionId);
	return took;
}

async function coldRaw(containers, twin) {
	const start = performance.now();
	const line = await AttachLine.start(containers, twin);
	const took = (await line.firstByte()) - start;
	line.close();
	await containers.remove(line.name);
	return took;
}

async function measureCold({ server, containers, twin }) {
	const samples = await interleave(COLD_ROUNDS, () => coldOurs(server), () => coldRaw(containers, twin));
	return {
		title: "POST /sessions to the prompt",
		unit: "ms",
		ours: summarize(samples.ours),
		references: [["create, attach, start, hello, open on the Engine", summarize(samples.reference)]],
	};
}

async function warmOurs(server, sessionId) {
	const start = performance.now();
	const line = new SocketLine(server, sessionId);
	const took = (await line.firstByte()) - start;
	await line.close();
	return took;
}

/* line: an attach stream without a shell. */
async function warmRaw(line) {
	const start = performance.now();
	line.openShell();
	const took = (await line.firstByte()) - start;
	await line.closeShell();
	return took;
}

async function measureWarm(context) {
	return withPair(context, async ({ raw, sessionId }) => {
		const { server } = context;
		await raw.closeShell();
		/* In this order: the shell that the ping leaves behind in our sandbox has the time of the other one to end. */
		const references = async () => ({ ping: await openAndPing(server, sessionId), shell: await warmRaw(raw) });
		const samples = await interleave(WARM_ROUNDS, () => warmOurs(server, sessionId), references);
		return {
			title: "WebSocket to the prompt, session runs",
			unit: "ms",
			ours: summarize(samples.ours),
			references: [
				["open on a raw attach stream", summarize(samples.reference.map(({ shell }) => shell))],
				["WebSocket open, ping, pong, no prompt", summarize(samples.reference.map(({ ping }) => ping))],
			],
		};
	});
}

export async function measureConnect(context) {
	return { figures: [await measureCold(context), await measureWarm(context)], costs: [] };
}
