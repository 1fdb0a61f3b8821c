// Every way in which a session ends, and what is left of it: nothing.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import * as engine from "./lib/engine.js";
import { get, post, request } from "./lib/http.js";
import { goneFromHost, processesOf } from "./lib/processes.js";
import { newWorkerId, startServer, withServer } from "./lib/server.js";
import { LIMIT_MS, until, within } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const STOP_MAX_MS = 10_000;
const RECOVER_MAX_MS = 10_000;
const BOMB_LIMIT_MS = 60_000;

async function idsOf(server) {
	return (await server.containers()).map(({ Id }) => Id);
}

/* Resolves when neither the Engine nor the host knows of the containers any more. */
async function assertGone(ids, limitMs = LIMIT_MS) {
	for (const id of ids) await until(async () => !(await engine.exists(id)), "the container is removed", limitMs);
	await goneFromHost(ids, limitMs);
}

describe("an end that a client asks for", () => {
	let server;
	before(async () => {
		server = await startServer();
	});
	after(() => server.stop());

	test("a sandbox carries labels that say whose it is, and the limits of the contract", async () => {
		const { sessionId, expiresAt } = await createSession(server);
		const [{ Id }] = await engine.containersOfSession(sessionId);
		const { Config, HostConfig, Args, Name } = await engine.inspect(Id);
		const labels = Config.Labels;
		assert.equal(labels["sandbox-api.owner"], "sandbox-api");
		assert.equal(labels["sandbox-api.worker"], server.workerId);
		assert.equal(labels["sandbox-api.environment"], "bash");
		assert.match(labels["sandbox-api.instance"], /^[0-9a-f]{8,}$/);
		const deadline = Number(labels["sandbox-api.deadline"]) * 1000;
		assert.ok(deadline >= Date.parse(expiresAt) && deadline <= Date.parse(expiresAt) + 60_000);
		assert.equal(Args[0], "--lifetime");
		assert.ok(Number(Args[1]) >= 1800 && Number(Args[1]) <= 1860, Args.join(" "));
		assert.match(Name, /^\/sandbox-/);
		const { Runtime, NetworkMode, ReadonlyRootfs, AutoRemove, Privileged, Memory, MemorySwap, NanoCpus, PidsLimit, CapDrop, SecurityOpt, LogConfig } = HostConfig;
		assert.deepEqual(
			{ Runtime, NetworkMode, ReadonlyRootfs, AutoRemove, Privileged, Memory, MemorySwap, NanoCpus, PidsLimit, CapDrop, SecurityOpt, log: LogConfig.Type },
			{ Runtime: "runsc", NetworkMode: "none", ReadonlyRootfs: true, AutoRemove: true, Privileged: false, Memory: 134217728, MemorySwap: 134217728, NanoCpus: 500000000, PidsLimit: 2048, CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"], log: "none" },
		);
		assert.equal(Config.User, "1000:1000");
		await deleteSession(server, sessionId);
		await assertGone([Id]);
	});

	for (const [what, end] of [
		["DELETE", (path) => request(server, "DELETE", path)],
		["destroy", (path) => post(server, `${path}/destroy`)],
	])
		test(`${what} closes the sockets and leaves nothing`, async () => {
			const { sessionId } = await createSession(server);
			const terminals = [await Terminal.open(server, sessionId), await Terminal.open(server, sessionId)];
			const ids = await idsOf(server);
			assert.ok(processesOf(ids).length >= 2, "the witness sees shim and sandbox while they run");
			assert.equal((await end(`${SESSIONS}/${sessionId}`)).status, 200);
			for (const terminal of terminals) assert.deepEqual(await terminal.closing(), { code: 1000, reason: "session deleted" });
			const late = new Terminal(server, sessionId);
			assert.equal((await late.closing()).code, 4004);
			await assertGone(ids);
		});

	test("a session outlives its last socket", async () => {
		const { sessionId } = await createSession(server);
		const first = await Terminal.open(server, sessionId);
		await first.run("echo kept > ~/file");
		await first.type("exit");
		await first.closing();
		const second = await Terminal.open(server, sessionId);
		assert.equal((await second.run("cat ~/file")).output.trim(), "kept");
		await deleteSession(server, sessionId);
	});
});

describe("a client that leaves while its session is made", () => {
	const moments = {
		"the container is created": { method: "POST", path: /\/containers\/create/ },
		"the container is started": { method: "POST", path: /\/containers\/[^/]+\/start/ },
	};

	/* A POST whose client can be taken away. */
	function posting(server) {
		const outgoing = http.request({ host: server.url.hostname, port: server.url.port, method: "POST", path: SESSIONS, agent: false });
		outgoing.on("error", () => {});
		outgoing.end('{"toolPair":"test"}');
		return outgoing;
	}

	for (const [moment, rule] of Object.entries(moments))
		test(`after ${moment} leaves no container`, async () => {
			const { engineProxy } = await import("./lib/engine_proxy.js");
			const proxy = await engineProxy([{ ...rule, hold: true }], { later: true });
			try {
				await withServer({ DOCKER_HOST: proxy.host }, async (server) => {
					proxy.begin();
					const client = posting(server);
					await within(proxy.seen(0), moment);
					const ids = await idsOf(server);
					assert.equal(ids.length, 1);
					client.destroy();
					await until(() => server.log.some((line) => /session\.ended.*abandoned/.test(line)), "the server notices");
					proxy.release(0);
					await assertGone(ids);
					assert.equal((await get(server, "/health")).json.active_sessions, 0);
				});
			} finally {
				proxy.close();
			}
		});

	test("at any other moment leaves none, either", () =>
		withServer({}, async (server) => {
			const seen = new Set();
			for (let delayMs = 0; delayMs < 300; delayMs += 30) {
				const client = posting(server);
				await new Promise((resolve) => setTimeout(resolve, delayMs)); /* the moment under test */
				for (const id of await idsOf(server)) seen.add(id);
				client.destroy();
			}
			/* an answer that was out before its client left makes a session like any other */
			const named = (event) => server.log.flatMap((line) => line.match(new RegExp(`${event} session=(\\S+)`))?.[1] ?? []);
			const settled = () => new Set([...named("session.running"), ...named("session.ended")]).size;
			await until(() => settled() === named("session.created").length, "each is answered or ended");
			for (const id of named("session.running")) await deleteSession(server, id);
			await until(async () => (await server.containers()).length === 0, "no container is left");
			await assertGone([...seen]);
		}));
});

describe("an end by time", () => {
	test("a session without input ends as idle; output does not keep it, input does", () =>
		withServer({ IDLE_TIMEOUT: "2s" }, async (server) => {
			const { sessionId } = await createSession(server);
			const terminal = await Terminal.open(server, sessionId);
			const ids = await idsOf(server);
			const start = performance.now();
			for (let i = 0; i < 8; i++) {
				await terminal.run("echo $((6*7))");
				await terminal.run("sleep .4");
			}
			assert.ok(performance.now() - start > 3000, "it was kept beyond the idle time");
			await terminal.type("while :; do echo noise; sleep .1; done");
			const typed = performance.now();
			assert.deepEqual(await terminal.closing(), { code: 4008, reason: "idle for too long" });
			const idleMs = performance.now() - typed;
			assert.ok(idleMs > 1500 && idleMs < 6000, `${idleMs} ms`);
			await assertGone(ids);
		}));

	test("a session that nobody connects to ends as idle", () =>
		withServer({ IDLE_TIMEOUT: "2s" }, async (server) => {
			const { sessionId } = await createSession(server);
			const ids = await idsOf(server);
			await until(async () => (await get(server, `${SESSIONS}/${sessionId}`)).status === 404, "the session has ended");
			await assertGone(ids);
		}));

	test("no session outlives its lifetime, and expiresAt is true", () =>
		withServer({ MAX_LIFETIME: "3s" }, async (server) => {
			const { sessionId, createdAt, expiresAt } = await createSession(server);
			assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), 3000);
			const terminal = await Terminal.open(server, sessionId);
			const ids = await idsOf(server);
			assert.deepEqual(await terminal.closing(), { code: 4009, reason: "maximum lifetime reached" });
			const late = Date.now() - Date.parse(expiresAt);
			assert.ok(late > -500 && late < 3000, `${late} ms after expiresAt`);
			await assertGone(ids);
		}));
});

describe("a sandbox that fails", () => {
	let server;
	before(async () => {
		server = await startServer();
	});
	after(() => server.stop());

	test("killed from outside closes with 4011", async () => {
		const { sessionId } = await createSession(server);
		const terminal = await Terminal.open(server, sessionId);
		const [id] = await idsOf(server);
		await engine.kill(id);
		const { code, reason } = await terminal.closing();
		assert.equal(code, 4011);
		assert.match(reason, /killed/);
		assert.equal((await get(server, `${SESSIONS}/${sessionId}`)).status, 404);
		await assertGone([id]);
	});

	test("that kills its own init closes with 4011", async () => {
		const { sessionId } = await createSession(server);
		const terminal = await Terminal.open(server, sessionId);
		const ids = await idsOf(server);
		await terminal.type("kill -9 1; kill -9 -1");
		const { code } = await terminal.closing();
		assert.ok(code === 4011 || code === 1000, `code ${code}`);
		await deleteSession(server, sessionId);
		await assertGone(ids);
	});

	test("out of memory closes with 4011 and says so", async () => {
		const { sessionId } = await createSession(server);
		const terminal = await Terminal.open(server, sessionId);
		const ids = await idsOf(server);
		await terminal.type("tail /dev/zero");
		const { code, reason } = await terminal.closing(BOMB_LIMIT_MS);
		assert.equal(code, 4011);
		assert.match(reason, /memory/);
		await assertGone(ids);
	});

	test("its neighbour lives on, and so does one that forks without end", async () => {
		const neighbour = await createSession(server);
		const calm = await Terminal.open(server, neighbour.sessionId);
		const { sessionId } = await createSession(server);
		const terminal = await Terminal.open(server, sessionId);
		terminal.sink = () => {};
		await terminal.type("bomb() { bomb | bomb & }; bomb");
		for (let i = 0; i < 10; i++) assert.equal((await calm.run("echo $((6*7))")).output.trim(), "42");
		await deleteSession(server, sessionId);
		await terminal.closing();
		await deleteSession(server, neighbour.sessionId);
		await until(async () => (await server.containers()).length === 0, "both are removed", 120_000);
	});
});

describe("the end of the server", () => {
	async function fiveSessions(server) {
		const made = await Promise.all(Array.from({ length: 5 }, () => createSession(server)));
		return Promise.all(made.map(({ sessionId }) => Terminal.open(server, sessionId)));
	}

	for (const signal of ["SIGTERM", "SIGINT"])
		test(`${signal} closes every socket, removes every sandbox and ends with 0`, async () => {
			const server = await startServer();
			const terminals = await fiveSessions(server);
			const ids = await idsOf(server);
			assert.equal(ids.length, 5);
			const start = performance.now();
			const ended = server.signal(signal);
			for (const terminal of terminals) assert.deepEqual(await terminal.closing(), { code: 1001, reason: "server going away" });
			assert.deepEqual(await ended, { code: 0, signal: null });
			const tookMs = performance.now() - start;
			assert.ok(tookMs < STOP_MAX_MS, `${tookMs} ms`);
			assert.deepEqual(await server.containers(), []);
			await goneFromHost(ids);
		});

	test("while it ends it says so, and starts nothing", async () => {
		const { engineProxy } = await import("./lib/engine_proxy.js");
		const proxy = await engineProxy([{ method: "DELETE", path: /\/containers\//, hold: true }], { later: true });
		const server = await startServer({ DOCKER_HOST: proxy.host });
		proxy.begin();
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
		try {
			await createSession(server);
			assert.equal((await request(server, "GET", "/health", { agent })).status, 200);
			const ended = server.signal("SIGTERM");
			await within(proxy.seen(0), "the sandbox is being removed");
			const health = await request(server, "GET", "/health", { agent });
			assert.equal(health.status, 503);
			assert.equal(health.json.status, "draining");
			const refused = await request(server, "POST", SESSIONS, { agent, body: '{"toolPair":"x"}' });
			assert.equal(refused.status, 503);
			proxy.release(0);
			assert.deepEqual(await ended, { code: 0, signal: null });
		} finally {
			agent.destroy();
			proxy.close();
		}
	});

	test("what a killed server leaves behind is removed by the next, and nothing else", async () => {
		const workerId = newWorkerId();
		const killed = await startServer({ WORKER_ID: workerId });
		await fiveSessions(killed).then((terminals) => terminals.forEach((each) => (each.sink = () => {})));
		const left = await idsOf(killed);
		assert.equal(left.length, 5);
		const foreign = await Promise.all([
			engine.createForeign({ name: `sandbox-foreign-${workerId}` }),
			engine.createForeign({ name: `sandbox-other-${workerId}`, labels: { "sandbox-api.owner": "sandbox-api", "sandbox-api.worker": `${workerId}-other`, "sandbox-api.instance": "00", "sandbox-api.deadline": "1" } }),
		]);
		try {
			await killed.signal("SIGKILL");
			assert.equal((await killed.containers()).length, 5);
			const start = performance.now();
			const next = await startServer({ WORKER_ID: workerId });
			await until(async () => (await next.containers()).length === 0, "the five are gone", RECOVER_MAX_MS);
			assert.ok(performance.now() - start < RECOVER_MAX_MS);
			const { sessionId } = await createSession(next);
			await deleteSession(next, sessionId);
			await next.stop();
			await goneFromHost(left);
			for (const id of foreign) assert.equal(await engine.exists(id), true, "a foreign container was touched");
		} finally {
			await Promise.all(foreign.map(engine.remove));
			await Promise.all(left.map(engine.remove));
		}
	});

	test("the agent ends its sandbox by itself when nobody else does", async () => {
		const server = await startServer({ MAX_LIFETIME: "3s" });
		await createSession(server);
		const [id] = await idsOf(server);
		const { Args, Config } = await engine.inspect(id);
		assert.equal(Args[0], "--lifetime");
		const seconds = Number(Args[1]);
		assert.ok(seconds >= 3 && seconds <= 63, Args.join(" "));
		assert.ok(Number(Config.Labels["sandbox-api.deadline"]) * 1000 - Date.now() <= seconds * 1000);
		await server.signal("SIGKILL");
		await assertGone([id], (seconds + 20) * 1000);
	});
});
