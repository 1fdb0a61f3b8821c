// Resident memory of the server: before it has served anybody, and with ten sessions at their prompts.

import { createSession, deleteSession } from "../tests/integration/lib/client.js";
import { residentBytes } from "../tests/integration/lib/processes.js";
import { SocketLine } from "./lib/socket.js";
import { sessionGone } from "./lib/sessions.js";

const SESSIONS = 10;

async function connected(server) {
	const { sessionId } = await createSession(server);
	const line = new SocketLine(server, sessionId);
	await line.firstByte();
	return { sessionId, line };
}

export async function measureMemory({ server }) {
	const bare = residentBytes(server.pid);
	const open = [];
	for (let i = 0; i < SESSIONS; i++) open.push(await connected(server));
	const full = residentBytes(server.pid);
	for (const { sessionId, line } of open) {
		await line.close();
		await deleteSession(server, sessionId);
	}
	for (const { sessionId } of open) await sessionGone(sessionId);
	return {
		figures: [],
		costs: [
			["resident memory, no session", bare / 1e6, "MB"],
			[`resident memory, ${SESSIONS} sessions, each with a terminal`, full / 1e6, "MB"],
		],
	};
}
