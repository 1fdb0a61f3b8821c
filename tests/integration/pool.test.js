// The warm pool on a real Engine: sessions that need not wait, spares that die, and that nothing of it is left behind.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { inspect } from "./lib/engine.js";
import { get } from "./lib/http.js";
import { startServer, withServer } from "./lib/server.js";
import { until } from "./lib/wait.js";

const ROUNDS = Number(process.env.POOL_ROUNDS ?? 10);
const TAKES_PER_ROUND = 4;
const KILLS_PER_ROUND = 3;
const FILL_LIMIT_MS = 120_000;

const pool = async (server) => (await get(server, "/status")).json.pool;
const ready = (server, count) =>
	until(async () => Object.values(await pool(server)).every((shelf) => shelf.ready >= count), `${count} spares of each are ready`, FILL_LIMIT_MS);

const sandboxOf = (server, sessionId) => new RegExp(`session\\.running session=${sessionId} sandbox=(\\S+)`).exec(server.log.join("\n"))[1];

async function take(server, options) {
	const { sessionId } = await createSession(server, options);
	const terminal = await Terminal.open(server, sessionId);
	assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
	return { sessionId, terminal };
}

describe("a session gets a spare sandbox", { concurrency: false }, () => {
	test("that stands at its prompt, in a terminal of the right size, and another one takes its place", async () => {
		await withServer({ POOL_SIZE: "2" }, async (server) => {
			await ready(server, 2);
			const before = await server.containers();
			assert.equal(before.length, 6);
			const { sessionId } = await createSession(server);
			assert.ok(before.some(({ Names }) => Names[0] === `/${sandboxOf(server, sessionId)}`));
			const terminal = await Terminal.open(server, sessionId, { query: { cols: 101, rows: 33 } });
			assert.equal((await terminal.run("stty size")).output.trim(), "33 101");
			assert.equal((await terminal.run("tput cols; tput lines")).output.trim().split(/\s+/).join(" "), "101 33");
			assert.equal((await pool(server)).bash.hits, 1);
			await until(async () => (await server.containers()).length === 7, "the pool is full again");
			const { json } = await get(server, "/health");
			assert.deepEqual([json.pool_size >= 5, json.pool.size, json.pool.hits, json.pool.misses, json.active_sessions], [true, 6, 1, 0, 1]);
		});
	});

	test("of each environment, and runs its init commands in it", async () => {
		await withServer({ POOL_SIZE: "1" }, async (server) => {
			await ready(server, 1);
			for (const [environment, command, shown] of [["python", "python3 -c 'print(6*7)'", "42"], ["node", "node -e 'console.log(String(6*7))'", "42"]]) {
				const { sessionId } = await createSession(server, { environment, init: ["export GREETING=hello"] });
				const terminal = await Terminal.open(server, sessionId);
				assert.equal((await terminal.run(command)).output.trim(), shown);
				assert.equal((await terminal.run("echo $GREETING")).output.trim(), "hello");
			}
			const { python, node } = await pool(server);
			assert.deepEqual([python.hits, node.hits], [1, 1]);
		});
	});

	test("whose agent's clock begins with the session", async () => {
		await withServer({ POOL_SIZE: "1", MAX_LIFETIME: "4s" }, async (server) => {
			await ready(server, 1);
			const { terminal } = await take(server);
			assert.equal((await terminal.closing()).code, 4009);
		});
	});
});

describe("spares die", { concurrency: false }, () => {
	test(`none that is dead is handed out: ${ROUNDS * TAKES_PER_ROUND} takes`, async (t) => {
		await withServer({ POOL_SIZE: "8", POOL_MIN: "8" }, async (server) => {
			const taken = new Set();
			for (let round = 0; round < ROUNDS; round++) {
				await until(async () => (await pool(server)).bash.ready >= TAKES_PER_ROUND + KILLS_PER_ROUND, "spares are ready", FILL_LIMIT_MS);
				const spares = (await server.containers()).filter(({ Names, Labels }) => Labels["sandbox-api.environment"] === "bash" && !taken.has(Names[0]));
				/* The list is newest first: the oldest ones are next. */
				const victims = spares.slice(-KILLS_PER_ROUND);
				const pids = (await Promise.all(victims.map(({ Id }) => inspect(Id)))).map(({ State }) => State.Pid);
				/* Dead before the takes are asked for, and the server has not heard of it. */
				for (const pid of pids) process.kill(pid, "SIGKILL");
				const sessions = await Promise.all(Array.from({ length: TAKES_PER_ROUND }, () => take(server)));
				for (const { sessionId, terminal } of sessions) {
					taken.add(`/${sandboxOf(server, sessionId)}`);
					await deleteSession(server, sessionId);
					await terminal.closing();
				}
			}
			const { hits, misses, discarded } = (await pool(server)).bash;
			t.diagnostic(`${hits} spares taken, ${misses} sessions that waited, ${discarded} spares lost`);
			assert.equal(hits + misses, ROUNDS * TAKES_PER_ROUND);
			assert.ok(discarded >= ROUNDS * KILLS_PER_ROUND / 2, "the spares that were killed were spares");
		});
	});

	test("a server that is killed leaves none: the next one removes them", async () => {
		const first = await startServer({ POOL_SIZE: "2" });
		await ready(first, 2);
		const left = (await first.containers()).map(({ Id }) => Id);
		assert.equal(left.length, 6);
		await first.signal("SIGKILL");
		const second = await startServer({ WORKER_ID: first.workerId, POOL_SIZE: "0" });
		assert.deepEqual(await second.containers(), []);
		await second.stop();
	});

	test("stopping takes them all away", async () => {
		const server = await startServer({ POOL_SIZE: "2" });
		await ready(server, 1);
		await server.stop();
	});
});
