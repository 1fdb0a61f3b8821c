// What the server tells its service manager, with a manager that listens, one that is stuck and one that goes away.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { createSession, deleteSession } from "./lib/client.js";
import { get } from "./lib/http.js";
import { Manager } from "./lib/manager.js";
import { withServer } from "./lib/server.js";
import { pause } from "./lib/wait.js";

const WATCHDOG_MS = 900;
/* More than a manager's socket takes. */
const DUE = 15;
const NO_ENGINE = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
const UNREACHABLE = "STATUS=degraded: Docker Engine is unreachable";
const DRAINED = "STATUS=draining, 0 sandboxes left";

let manager;
beforeEach(async () => (manager = await new Manager().listen()));
afterEach(() => manager.close());

function watched() {
	return { ...manager.env, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) };
}

describe("the service manager", () => {
	test("hears that the server is ready, how it is, and that it stops", async () => {
		let place;
		await withServer(manager.env, async (server) => {
			assert.equal(manager.texts()[0], "READY=1");
			place = await manager.hears("STATUS=serving, 0 sessions");
			const { sessionId } = await createSession(server);
			place = await manager.hears("STATUS=serving, 1 session", place);
			await deleteSession(server, sessionId);
			place = await manager.hears("STATUS=serving, 0 sessions", place);
			await createSession(server);
			place = await manager.hears("STATUS=serving, 1 session", place);
		});
		place = await manager.hears("STOPPING=1", place);
		await manager.hears("STATUS=draining, 1 sandbox left", place);
		assert.equal(manager.texts().filter((text) => text === "READY=1").length, 1);
		assert.ok(!manager.texts().includes("WATCHDOG=1"), "nobody asked for a watchdog");
	});

	test("is told that the server is ready when it can be reached, with an Engine or without one", async () => {
		await withServer({ ...manager.env, ...NO_ENGINE }, async (server) => {
			const place = await manager.hears("READY=1");
			assert.equal((await get(server, "/health")).status, 503);
			await manager.hears(UNREACHABLE, place);
		}, { health: false });
		await manager.hears(DRAINED);
		assert.deepEqual(manager.texts(), ["READY=1", UNREACHABLE, "STOPPING=1", DRAINED]);
	});

	test("hears from the watchdog's loop in time, and nothing of a loop that stands", async (t) => {
		await withServer({ ...watched(), ...NO_ENGINE }, async (server) => {
			let place = 0;
			for (let i = 0; i < 8; i++) place = await manager.hears("WATCHDOG=1", place);
			const times = manager.told.filter(({ text }) => text === "WATCHDOG=1").map(({ ms }) => ms);
			const longest = Math.max(...times.slice(1).map((ms, i) => ms - times[i]));
			t.diagnostic(`WATCHDOG=1 after at most ${Math.round(longest)} ms, ${WATCHDOG_MS} ms are allowed`);
			assert.ok(longest < WATCHDOG_MS);
			process.kill(server.pid, "SIGSTOP");
			await pause(WATCHDOG_MS / 2); /* what was under way has arrived */
			const said = manager.told.length;
			await pause(2 * WATCHDOG_MS);
			assert.deepEqual(manager.texts(said), []);
			process.kill(server.pid, "SIGCONT");
			await manager.hears("WATCHDOG=1", said);
		}, { health: false });
	});

	test("that does not read is not waited for", async (t) => {
		await withServer({ ...watched(), ...NO_ENGINE }, async (server) => {
			await manager.hears(UNREACHABLE);
			const said = manager.told.length;
			const stopped = performance.now();
			let slowest = 0;
			manager.child.kill("SIGSTOP");
			while (performance.now() < stopped + DUE * (WATCHDOG_MS / 3)) {
				const asked = performance.now();
				assert.equal((await get(server, "/health")).status, 503);
				slowest = Math.max(slowest, performance.now() - asked);
				await pause(20);
			}
			manager.child.kill("SIGCONT");
			const kept = await manager.hears("WATCHDOG=1", said).then(() => pause(WATCHDOG_MS / 6)).then(() => manager.texts(said));
			t.diagnostic(`of ${DUE} messages to a manager that does not read ${kept.length} were kept, the slowest answer took ${Math.round(slowest)} ms`);
			assert.ok(kept.length < DUE, "it was full");
			assert.ok(slowest < WATCHDOG_MS);
			await manager.hears("WATCHDOG=1", said + kept.length);
		}, { health: false });
	});

	test("that comes back is told again", async () => {
		await withServer({ ...watched(), ...NO_ENGINE }, async (server) => {
			await manager.hears("WATCHDOG=1");
			await manager.leave();
			assert.ok(!existsSync(manager.path));
			await pause(WATCHDOG_MS);
			assert.equal((await get(server, "/health")).status, 503);
			const said = manager.told.length;
			await manager.listen();
			await manager.hears("WATCHDOG=1", said);
		}, { health: false });
	});
});
