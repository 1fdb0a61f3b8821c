// Sessions come and go: the server's descriptors and memory stay, and the host is left as it was.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { descriptorCount, goneFromHost, residentBytes } from "./lib/processes.js";
import { startServer } from "./lib/server.js";
import { until } from "./lib/wait.js";

const ROUNDS = Number(process.env.CHURN_ROUNDS ?? 5);
const SESSIONS_PER_ROUND = 10;
/* The first rounds fill caches: malloc's arenas, libwebsockets' tables. */
const WARM_UP_ROUNDS = 2;
/* ASan keeps what is freed in quarantine, so that its figure says less. */
const SANITIZED = (process.env.SERVER ?? "").includes("sanitize");
const GROWTH_MAX_BYTES = (SANITIZED ? 64 : 2) * (1 << 20);
const REMOVAL_LIMIT_MS = 60_000;

let server;

before(async () => {
	server = await startServer();
});
after(() => server.stop());

async function oneSession() {
	const { sessionId } = await createSession(server);
	const terminal = await Terminal.open(server, sessionId);
	assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
	return { sessionId, terminal };
}

/* Resolves to the ids of the round's containers, when the Engine has none of them left. */
async function round() {
	const sessions = await Promise.all(Array.from({ length: SESSIONS_PER_ROUND }, oneSession));
	const ids = (await server.containers()).map(({ Id }) => Id);
	assert.equal(ids.length, SESSIONS_PER_ROUND);
	await Promise.all(sessions.map(({ sessionId }) => deleteSession(server, sessionId)));
	await Promise.all(sessions.map(({ terminal }) => terminal.closing()));
	await until(async () => (await server.containers()).length === 0, "the round's containers are gone", REMOVAL_LIMIT_MS);
	return ids;
}

test(`ten sessions in each of ${ROUNDS} rounds leave descriptors, memory and host as they were`, async (t) => {
	const ids = [];
	for (let i = 0; i < WARM_UP_ROUNDS; i++) ids.push(...(await round()));
	const descriptors = descriptorCount(server.pid);
	const resident = residentBytes(server.pid);
	for (let i = 0; i < ROUNDS; i++) ids.push(...(await round()));
	const growth = residentBytes(server.pid) - resident;
	t.diagnostic(`${ids.length} sessions; descriptors ${descriptors} -> ${descriptorCount(server.pid)}; resident ${resident} ${growth >= 0 ? "+" : ""}${growth} bytes`);
	await until(() => descriptorCount(server.pid) <= descriptors, "the descriptors are back");
	assert.ok(growth < GROWTH_MAX_BYTES, `the server grew by ${growth} bytes`);
	await goneFromHost(ids, REMOVAL_LIMIT_MS);
});
