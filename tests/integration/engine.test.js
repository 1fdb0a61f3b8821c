// An Engine that is absent, silent, rude or failing: 503, a healthy server, and not a word of it outside.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSession, deleteSession } from "./lib/client.js";
import { engineProxy, fakeEngine } from "./lib/engine_proxy.js";
import { assertError, get, post } from "./lib/http.js";
import { startServer } from "./lib/server.js";
import { until } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const ANSWER_MAX_MS = 1000;
const SECRET = '{"message":"open /var/lib/docker/overlay2/abc: no such file, see engine.c:42"}';

/* What holds for every server whose Engine is unusable. */
async function assertDegraded(host) {
	const server = await startServer({ DOCKER_HOST: host }, { health: false });
	try {
		const answer = post(server, SESSIONS, { toolPair: "x" });
		const start = performance.now();
		const health = await get(server, "/health");
		assert.ok(performance.now() - start < ANSWER_MAX_MS, "/health waits for the Engine");
		assert.equal(health.status, 503);
		assert.equal(health.json.status, "degraded");
		assert.ok(health.json.reasons.length > 0);
		assert.equal(health.json.gvisor.available, false);
		assert.doesNotMatch(health.text, /overlay2|\.sock|\/var\//);
		assertError(await answer, 503, "ServiceUnavailable");
		assert.ok((await answer).json.retryAfter > 0);
		assert.equal((await get(server, "/")).status, 200);
	} finally {
		await server.stop();
	}
}

async function assertDegradedBy(onConnection) {
	const fake = await fakeEngine(onConnection);
	try {
		await assertDegraded(fake.host);
	} finally {
		fake.close();
	}
}

function replying(text) {
	return (socket) => socket.on("data", () => socket.write(text));
}

describe("an unusable Engine", () => {
	test("no socket", () => assertDegraded("unix:///nonexistent/engine.sock"));
	test("a file that is no socket", () => assertDegraded("unix:///etc/hostname"));
	test("accepts and never answers", () => assertDegradedBy(() => {}));
	test("closes at once", () => assertDegradedBy((socket) => socket.destroy()));
	test("answers 500", () => assertDegradedBy(replying(`HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: ${SECRET.length}\r\n\r\n${SECRET}`)));
	test("answers garbage", () => assertDegradedBy(replying("\x00\xff garbage\r\n\r\n")));
	test("answers HTML", () => assertDegradedBy(replying("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>")));
	test("answers without end", () =>
		assertDegradedBy((socket) =>
			socket.once("data", () => {
				socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
				const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
				const more = () => {
					while (socket.writable && socket.write(chunk));
				};
				socket.on("drain", more);
				more();
			}),
		));
	test("answers with another kind of JSON", () => assertDegradedBy(replying('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n[[1,null]]\n')));
});

describe("an Engine that fails at one step", () => {
	const steps = [
		["create with 500", { method: "POST", path: /\/containers\/create/, answer: { status: 500, body: SECRET } }],
		["create with 409", { method: "POST", path: /\/containers\/create/, answer: { status: 409, body: SECRET } }],
		["create with 404, for a missing image", { method: "POST", path: /\/containers\/create/, answer: { status: 404, body: SECRET } }],
		["create with an id that leads elsewhere", { method: "POST", path: /\/containers\/create/, answer: { status: 201, body: '{"Id":"../../images/prune","Warnings":[]}' } }],
		["create with no JSON", { method: "POST", path: /\/containers\/create/, answer: { status: 201, body: "created!" } }],
		["attach with 500", { method: "POST", path: /\/attach/, answer: { status: 500, body: SECRET } }],
		["start with 500", { method: "POST", path: /\/start/, answer: { status: 500, body: SECRET } }],
	];
	for (const [what, rule] of steps)
		test(`${what}: the client gets a 503, and no container is left`, async () => {
			const proxy = await engineProxy([rule], { later: true });
			const server = await startServer({ DOCKER_HOST: proxy.host });
			proxy.begin();
			try {
				const answer = await post(server, SESSIONS, { toolPair: "x" });
				assertError(answer, 503, "ServiceUnavailable");
				await until(async () => (await server.containers()).length === 0, "no container is left");
				assert.equal((await get(server, "/health")).json.active_sessions, 0);
			} finally {
				await server.stop();
				proxy.close();
			}
		});
});

test("after three failed starts no more are tried, and everybody can know why", async () => {
	const proxy = await engineProxy([{ method: "POST", path: /\/start$/, answer: { status: 500, body: SECRET } }], { later: true });
	const server = await startServer({ DOCKER_HOST: proxy.host, LOG_LEVEL: "debug" });
	proxy.begin();
	try {
		for (let i = 0; i < 3; i++) assertError(await post(server, SESSIONS, { toolPair: "x" }), 503, "ServiceUnavailable");
		assertError(await post(server, SESSIONS, { toolPair: "x" }), 503, "ServiceUnavailable");
		assert.equal(server.log.filter((line) => /session\.created/.test(line)).length, 3);
		const { json } = await get(server, "/api/v1/status");
		assert.deepEqual([json.isOpen, json.reason], [true, "Sandboxes fail to start"]);
		const health = await get(server, "/health");
		assert.deepEqual([health.status, health.json.reasons], [503, ["sandboxes fail to start"]]);
	} finally {
		await server.stop();
		proxy.close();
	}
});

describe("a host that is full", () => {
	test("refuses more sessions with 503, and takes them again when there is room", async () => {
		const server = await startServer({ CIRCUIT_MAX_CONTAINERS: "1" });
		const { sessionId } = await createSession(server);
		const refused = await post(server, SESSIONS, { toolPair: "x" });
		assertError(refused, 503, "ServiceUnavailable");
		assert.ok(refused.json.retryAfter > 0);
		const { json } = await get(server, "/api/v1/status");
		assert.equal(json.isOpen, true);
		assert.match(json.reason, /^Too many active containers \(1\/1\)/);
		assert.equal(json.metrics.maxContainers, 1);
		await deleteSession(server, sessionId);
		await until(async () => !(await get(server, "/api/v1/status")).json.isOpen, "there is room again");
		await deleteSession(server, (await createSession(server)).sessionId);
		await server.stop();
	});

	test("of sessions asked for at once, exactly as many as fit are taken", async () => {
		const server = await startServer({ CIRCUIT_MAX_CONTAINERS: "2" });
		const answers = await Promise.all(Array.from({ length: 10 }, () => post(server, SESSIONS, { toolPair: "x" })));
		assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, ...Array(8).fill(503)]);
		await server.stop();
	});
});

describe("a configuration that is wrong", () => {
	test("stops the start with one message that lists all mistakes", async () => {
		const { Server } = await import("./lib/server.js");
		const server = new Server({ PORT: "eighty", HOST: "127.0.0.1", IDLE_TIMEOUT: "soon", LOG_LEVEL: "loud", WORKER_ID: "test" });
		const { code } = await server.exited;
		assert.ok(code > 0);
		for (const name of ["PORT", "IDLE_TIMEOUT", "LOG_LEVEL", "eighty", "soon", "loud"]) assert.match(server.log.join("\n"), new RegExp(name));
	});
});
