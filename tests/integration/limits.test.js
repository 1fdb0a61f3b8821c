// What one client may have: exactly that, however it asks for it, and again as soon as it has ended.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { Terminal, createSession, deleteSession, refusedHandshake } from "./lib/client.js";
import { ask, askForMany, createMany, from, stranger } from "./lib/clients.js";
import * as engine from "./lib/engine.js";
import { engineProxy } from "./lib/engine_proxy.js";
import { assertError, get, post } from "./lib/http.js";
import { events } from "./lib/log.js";
import { RawSocket } from "./lib/raw.js";
import { withServer } from "./lib/server.js";
import { pause, until, within } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const HOUR_S = 3600;
const HOUR_SLACK_S = 10;

async function assertEchoes(terminal) {
	assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
}

function deleteAll(server, sessions) {
	return Promise.all(sessions.map(({ sessionId }) => deleteSession(server, sessionId)));
}

function wsPath(sessionId) {
	return `${SESSIONS}/${sessionId}/ws`;
}

describe("sessions at once", { concurrency: true }, () => {
	test("of a hundred asked for together exactly as many are made as are allowed", (t) =>
		withServer({ MAX_CONCURRENT_PER_IP: "2" }, async (server) => {
			for (let round = 0; round < 2; round++) {
				const { made, refused } = await askForMany(server, 100);
				assert.equal(made.length, 2);
				assert.equal(refused.length, 98);
				for (const answer of refused) assertError(answer, 429, "TooManySessions");
				assert.equal((await get(server, "/health")).json.active_sessions, 2);
				await deleteAll(server, made);
				t.diagnostic(`100 at once at limit 2: ${made.length} made, ${refused.length} refused`);
			}
		}));

	test("a refused one costs nothing of the hour, and no sandbox", () =>
		withServer({ MAX_CONCURRENT_PER_IP: "1", MAX_SESSIONS_PER_HOUR: "2" }, async (server) => {
			const first = await createSession(server);
			for (let i = 0; i < 20; i++) assertError(await ask(server), 429, "TooManySessions");
			assert.equal((await server.containers()).length, 1);
			await deleteSession(server, first.sessionId);
			await createSession(server);
			assert.equal(events(server, "session.created").length, 2);
		}));

	test("the default is two, and ten an hour", () =>
		withServer({ MAX_CONCURRENT_PER_IP: "", MAX_SESSIONS_PER_HOUR: "", MAX_WEBSOCKETS_PER_IP: "" }, async (server) => {
			const { made, refused } = await askForMany(server, 5);
			assert.deepEqual([made.length, refused.length], [2, 3]);
			await deleteAll(server, made);
			for (let i = 2; i < 10; i++) await deleteAll(server, [await createSession(server)]);
			assertError(await ask(server), 429, "TooManySessions");
		}));
});

describe("sessions within an hour", { concurrency: true }, () => {
	test("the one too many is told when the first is an hour old; another client has an hour of its own", () =>
		withServer({ MAX_SESSIONS_PER_HOUR: "3" }, async (server) => {
			const start = performance.now();
			for (let i = 0; i < 3; i++) await deleteAll(server, [await createSession(server)]);
			const passedS = (performance.now() - start) / 1000;
			const refused = await ask(server);
			assertError(refused, 429, "TooManySessions");
			const { retryAfter } = refused.json;
			assert.ok(retryAfter <= HOUR_S && retryAfter >= HOUR_S - passedS - 1, `retryAfter ${retryAfter} after ${passedS} s`);
			assert.ok(retryAfter >= HOUR_S - HOUR_SLACK_S, `retryAfter ${retryAfter}`);
			await createSession(server, {}, stranger());
			assertError(await ask(server), 429, "TooManySessions");
		}));

	test("of twenty asked for together exactly as many are made as are left", () =>
		withServer({ MAX_SESSIONS_PER_HOUR: "3" }, async (server) => {
			await createSession(server);
			const { made, refused } = await askForMany(server, 20);
			assert.equal(made.length, 2);
			for (const answer of refused) assertError(answer, 429, "TooManySessions");
		}));

	test("one whose sandbox failed to start does not count, and gives its place back", async () => {
		const rule = { method: "POST", path: /\/start$/, answer: { status: 500, body: '{"message":"no"}' } };
		const proxy = await engineProxy([rule], { later: true });
		try {
			await withServer({ DOCKER_HOST: proxy.host, MAX_SESSIONS_PER_HOUR: "2", MAX_CONCURRENT_PER_IP: "2" }, async (server) => {
				proxy.begin();
				for (let i = 0; i < 2; i++) assertError(await ask(server), 503, "ServiceUnavailable");
				delete rule.answer;
				await createMany(server, 2);
				assertError(await ask(server), 429, "TooManySessions");
			});
		} finally {
			proxy.close();
		}
	});
});

async function endedFor(server, reason) {
	const [event] = await until(() => {
		const found = events(server, "session.ended");
		return found.length > 0 && found;
	}, "the session ends");
	assert.equal(event.reason, reason);
}

describe("a place comes back at once", { concurrency: true }, () => {
	/* The client may have one session; each way to end it makes room for the next one. */
	const ways = [
		["after DELETE", {}, (server, { sessionId }) => deleteSession(server, sessionId)],
		["after destroy", {}, (server, { sessionId }) => post(server, `${SESSIONS}/${sessionId}/destroy`)],
		["after the sandbox was killed", {}, async (server, { sessionId }) => {
			const terminal = await Terminal.open(server, sessionId);
			const [{ Id }] = await engine.containersOfSession(sessionId);
			await engine.kill(Id);
			assert.equal((await terminal.closing()).code, 4011);
		}],
		["after the idle time", { IDLE_TIMEOUT: "3s" }, (server) => endedFor(server, "idle")],
		["after the lifetime", { MAX_LIFETIME: "4s" }, (server) => endedFor(server, "lifetime")],
	];
	for (const [when, env, end] of ways)
		test(when, () =>
			withServer({ MAX_CONCURRENT_PER_IP: "1", ...env }, async (server) => {
				await end(server, await createSession(server));
				await createSession(server);
			}),
		);

	test("after the client of a POST left, whatever the Engine does with its container", async () => {
		const proxy = await engineProxy([{ method: "POST", path: /\/containers\/create/, hold: true }], { later: true });
		try {
			await withServer({ DOCKER_HOST: proxy.host, MAX_CONCURRENT_PER_IP: "1" }, async (server) => {
				proxy.begin();
				const client = abandoner(server);
				await within(proxy.seen(0), "the container is being created");
				client.destroy();
				await until(() => events(server, "session.ended").length === 1, "the server notices");
				const next = ask(server);
				proxy.release(0);
				assert.equal((await next).status, 201);
			});
		} finally {
			proxy.close();
		}
	});

	test("a shell that exits ends no session, and frees no place", () =>
		withServer({ MAX_CONCURRENT_PER_IP: "1" }, async (server) => {
			const { sessionId } = await createSession(server);
			const terminal = await Terminal.open(server, sessionId);
			await terminal.type("exit");
			await terminal.closing();
			assertError(await ask(server), 429, "TooManySessions");
		}));
});

/* The socket of a client that has sent its POST and will not wait. */
function abandoner(server) {
	const socket = connect(server.url.port, server.url.hostname);
	const body = '{"toolPair":"test"}';
	socket.on("error", () => {}); /* it is meant to break */
	socket.resume();
	socket.write(`POST ${SESSIONS} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
	return socket;
}

describe("clients that do not wait", () => {
	const WAVES = 20;
	const IN_A_WAVE = 5;
	const LAST_MOMENT_MS = 400;
	const LEAVE = { FIN: (socket) => socket.destroy(), RST: (socket) => socket.resetAndDestroy() };

	/* Over all waves the moments are spread evenly, and each kind of leaving over all moments. */
	async function wave(server, number) {
		const leaving = Array.from({ length: IN_A_WAVE }, async (_, i) => {
			const socket = abandoner(server);
			const at = i * WAVES + number;
			await pause((at * LAST_MOMENT_MS) / (WAVES * IN_A_WAVE)); /* the moment under test */
			LEAVE[(i + number) % 2 ? "RST" : "FIN"](socket);
			await new Promise((resolve) => (socket.closed ? resolve() : socket.on("close", resolve)));
		});
		await Promise.all(leaving);
	}

	/* What the server has read is answered or ended: an answer that was out before its client left
	 * makes a session like any other, which is then ended here. Resolves to how many those were. */
	async function settle(server) {
		await get(server, "/health"); /* the sockets that have gone come before it */
		const ids = (name) => events(server, name).map(({ session }) => session);
		await until(() => {
			const over = new Set([...ids("session.running"), ...ids("session.ended")]);
			return ids("session.created").every((id) => over.has(id));
		}, "each creation is answered or ended");
		const ended = new Set(ids("session.ended"));
		const left = ids("session.running").filter((id) => !ended.has(id));
		await Promise.all(left.map((id) => deleteSession(server, id)));
		return left.length;
	}

	test("a hundred creations, given up at moments from 0 to 400 ms, lose no place and leave no container", (t) =>
		withServer({ MAX_CONCURRENT_PER_IP: String(IN_A_WAVE), CIRCUIT_MAX_CONTAINERS: "200" }, async (server) => {
			let answered = 0;
			for (let i = 0; i < WAVES; i++) {
				await wave(server, i);
				answered += await settle(server);
			}
			const created = events(server, "session.created").length;
			const refused = events(server, "session.refused").length;
			await until(async () => (await server.containers()).length === 0, "no container is left", 60_000);
			assert.equal((await get(server, "/health")).json.active_sessions, 0);
			const { made } = await askForMany(server, IN_A_WAVE + 5);
			t.diagnostic(`${WAVES * IN_A_WAVE} aborted creations: ${IN_A_WAVE - made.length} slots lost (${created} had begun, ${answered} were answered in time, ${refused} refused)`);
			assert.equal(made.length, IN_A_WAVE);
			assert.equal(refused, 0, "a place was not free in time");
			assert.ok(created > (WAVES * IN_A_WAVE) / 2, "the test has hit the server's work at all");
		}));
});

describe("WebSockets at once", { concurrency: true }, () => {
	const KEY = "a-key-for-limits";
	const LIMIT = 4;

	function openMany(server, sessionId, options) {
		return Promise.all(Array.from({ length: LIMIT }, () => Terminal.open(server, sessionId, options)));
	}

	async function assertFull(server, sessionId, headers) {
		const { status, text } = await refusedHandshake(server, wsPath(sessionId), headers);
		assert.equal(status, 429);
		assert.equal(JSON.parse(text).error, "TooManyConnections");
	}

	test("the fifth is refused before the upgrade; when one has closed there is room for one", () =>
		withServer({ MAX_WEBSOCKETS_PER_IP: String(LIMIT) }, async (server) => {
			const { sessionId } = await createSession(server);
			const terminals = await openMany(server, sessionId);
			for (let round = 0; round < 3; round++) {
				await assertFull(server, sessionId);
				const other = await Terminal.open(server, sessionId, { headers: stranger() });
				await terminals.shift().close();
				terminals.push(await Terminal.open(server, sessionId));
				await other.close();
			}
			for (const terminal of terminals) await assertEchoes(terminal);
		}));

	test("those of all sessions of a client count together, and all their places come back with their end", () =>
		withServer({ MAX_WEBSOCKETS_PER_IP: "2" }, async (server) => {
			const [one, two] = await createMany(server, 2);
			const terminals = [await Terminal.open(server, one.sessionId), await Terminal.open(server, two.sessionId)];
			for (const { sessionId } of [one, two]) await assertFull(server, sessionId);
			await deleteSession(server, one.sessionId);
			assert.equal((await terminals[0].closing()).code, 1000);
			await assertEchoes(await Terminal.open(server, two.sessionId));
			await assertFull(server, two.sessionId);
		}));

	test("two hundred handshakes that come to nothing take no place", (t) =>
		withServer({ SANDBOX_API_KEY: KEY, MAX_WEBSOCKETS_PER_IP: String(LIMIT) }, async (server) => {
			const right = { "X-API-Key": KEY };
			/* The shells of those that got in are still being closed when others want one. */
			const [{ sessionId }, calm] = await createMany(server, 2, right);
			const path = wsPath(sessionId);
			const refused = (status, target, headers) => async () => {
				const socket = new RawSocket(server);
				assert.equal((await socket.handshake(target, { ...right, ...headers })).status, status);
				await socket.gone();
			};
			const broken = (text, wait) => async () => {
				const socket = new RawSocket(server);
				await new Promise((resolve) => socket.socket.write(text, "latin1", resolve));
				if (wait) await socket.head();
				socket.socket.resetAndDestroy();
				await socket.gone();
			};
			const head = `GET ${path} HTTP/1.1\r\nHost: ${server.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-API-Key: ${KEY}\r\n`;
			const nonce = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
			const kinds = [
				refused(403, path, { Origin: "https://evil.example" }),
				refused(401, path, { "X-API-Key": "wrong" }),
				refused(426, path, { "Sec-WebSocket-Version": "8" }),
				refused(400, "/api/v1/sessions//ws"),
				broken(head),
				broken(`${head}${nonce}`),
				broken(`${head}${nonce}\r\n`),
				broken(`${head}${nonce}\r\n`, true),
				broken(`${head}Sec-WebSocket-Version: 13\r\n\r\n`),
				broken(`${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${"A".repeat(200)}\r\n\r\n`),
			];
			for (let i = 0; i < 200; i++) await kinds[i % kinds.length]();
			const seen = (name) => events(server, name).length;
			const entered = () => seen("websocket.connected") + seen("terminal.failed");
			await get(server, "/health"); /* the last of them come before it */
			await until(() => entered() === seen("websocket.disconnected"), "those that got in are gone");
			const gotIn = entered();
			const terminals = await openMany(server, calm.sessionId, { headers: right });
			await assertFull(server, calm.sessionId, right);
			for (const terminal of terminals) await assertEchoes(terminal);
			t.diagnostic(`200 handshakes: ${gotIn} reset after the upgrade, ${seen("websocket.refused") - 1} refused; then ${LIMIT} sockets`);
		}));

	test("an upgrade that fails after it was let in gives its place back at once", () =>
		withServer({}, async (server) => {
			const taken = async () => (await get(server, "/status")).json.clients.websockets;
			for (const headers of [{ Connection: undefined }, { "Sec-WebSocket-Protocol": "x".repeat(2000) }, { "Sec-WebSocket-Key": undefined }]) {
				const socket = new RawSocket(server);
				await socket.handshake(wsPath(`sess_${"0".repeat(32)}`), headers).catch(() => {});
				socket.destroy();
				await until(async () => (await taken()) === 0, `no place is taken after ${JSON.stringify(headers).slice(0, 60)}`, 2000);
			}
		}));

	test("those on sessions that do not exist give their places back", () =>
		withServer({ MAX_WEBSOCKETS_PER_IP: "1" }, async (server) => {
			for (let i = 0; i < 20; i++) {
				const terminal = new Terminal(server, `sess_${"0".repeat(32)}`);
				assert.equal((await terminal.closing()).code, 4004);
			}
		}));
});

test("CONNECT makes no connection that nobody counts", () =>
	withServer({}, async (server) => {
		const sockets = Array.from({ length: 50 }, () => new RawSocket(server));
		for (const socket of sockets) socket.write("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n");
		await within(Promise.all(sockets.map((socket) => socket.gone())), "each is closed", 5000);
		assert.equal((await get(server, "/health")).status, 200);
	}));

describe("a host that is full", () => {
	test("says so to everybody, counts it for nobody, and its running sessions do not feel it", (t) =>
		withServer({ CIRCUIT_MAX_CONTAINERS: "1", MAX_SESSIONS_PER_HOUR: "2" }, async (server) => {
			const { sessionId } = await createSession(server);
			const terminal = await Terminal.open(server, sessionId);
			const { made, refused } = await askForMany(server, 50);
			assert.equal(made.length, 0);
			for (const answer of refused) {
				assertError(answer, 503, "ServiceUnavailable");
				assert.ok(answer.json.retryAfter > 0);
			}
			const { json } = await get(server, "/api/v1/status");
			assert.deepEqual([json.isOpen, json.metrics.maxContainers], [true, 1]);
			assert.match(json.reason, /^Too many active containers \(1\/1\)/);
			const start = performance.now();
			const storm = askForMany(server, 50, from("203.0.113.50"));
			await assertEchoes(terminal);
			t.diagnostic(`an echo among 50 refusals took ${Math.round(performance.now() - start)} ms`);
			assert.equal((await storm).made.length, 0);
			await deleteSession(server, sessionId);
			await until(async () => !(await get(server, "/api/v1/status")).json.isOpen, "there is room again");
			await createSession(server);
		}));
});
