// Beginning and ending what is compared: a pair of sandboxes, one of them the server's.

import { createSession, deleteSession } from "../../tests/integration/lib/client.js";
import { containersOfSession } from "../../tests/integration/lib/engine.js";
import { until } from "../../tests/integration/lib/wait.js";
import { AttachLine } from "./attach.js";
import { SocketLine } from "./socket.js";

/* Resolves when the container of a deleted session is really gone: its end must not cost the next sample. */
export function sessionGone(sessionId) {
	return until(async () => (await containersOfSession(sessionId)).length === 0, "the sandbox is gone", 120_000);
}

export async function endSession(server, sessionId) {
	await deleteSession(server, sessionId);
	await sessionGone(sessionId);
}

/* Runs work({ours, raw, sessionId}) with two shells, over the WebSocket and over an attach stream. */
export async function withPair({ server, containers, twin }, work) {
	const { sessionId } = await createSession(server);
	const ours = new SocketLine(server, sessionId);
	const raw = await AttachLine.start(containers, twin);
	await Promise.all([ours.firstByte(), raw.firstByte()]);
	const result = await work({ ours, raw, sessionId });
	await ours.close();
	raw.close();
	await Promise.all([endSession(server, sessionId), containers.remove(raw.name)]);
	return result;
}
