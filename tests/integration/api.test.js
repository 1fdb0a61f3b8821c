// The REST API: each route, its answers and its refusals.

import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { after, before, describe, test } from "node:test";
import { createSession, deleteSession, splitWsUrl } from "./lib/client.js";
import { containersOfSession } from "./lib/engine.js";
import { assertDiscreet, assertError, get, post, request } from "./lib/http.js";
import { RawSocket } from "./lib/raw.js";
import { startServer } from "./lib/server.js";
import { until } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const UNKNOWN = `sess_${"0".repeat(32)}`;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const HALF_AN_HOUR_MS = 1_800_000;

let server;

before(async () => {
	server = await startServer();
});
after(() => server.stop());

function lifetimeMs({ createdAt, expiresAt }) {
	assert.match(createdAt, ISO);
	assert.match(expiresAt, ISO);
	return Date.parse(expiresAt) - Date.parse(createdAt);
}

describe("what the server says of itself", () => {
	test("/health", async () => {
		const { status, json } = await get(server, "/health");
		assert.equal(status, 200);
		assert.equal(json.status, "ok");
		assert.match(json.timestamp, ISO);
		assert.match(json.uptime, /^(\d+h)?(\d+m)?\d+s$/);
		assert.equal(typeof json.uptimeSeconds, "number");
		for (const name of ["containers", "pool_size", "active_sessions"]) assert.ok(Number.isInteger(json[name]), name);
		assert.equal(json.worker_id, server.workerId);
		const { version, ...gvisor } = json.gvisor;
		assert.deepEqual(gvisor, { requested: true, available: true, runtime: "runsc", kind: "gvisor", platform: null });
		assert.match(version, /^[\w.+~-]*\d[\w.+~-]*$/);
		assert.match(json.version, /^\d+\.\d+\.\d+/);
		assert.equal("reasons" in json, false);
	});

	test("/health counts a session while it is there", async () => {
		const { sessionId } = await createSession(server);
		const { json } = await get(server, "/health");
		assert.equal(json.active_sessions, 1);
		assert.ok(json.containers >= 1);
		await deleteSession(server, sessionId);
		assert.equal((await get(server, "/health")).json.active_sessions, 0);
	});

	test("HEAD has the headers of GET and no body", async () => {
		for (const path of ["/health", "/", "/terminal.js", "/api/v1/environments"]) {
			const head = await request(server, "HEAD", path);
			const full = await get(server, path);
			assert.equal(head.status, 200, path);
			assert.equal(head.text, "");
			assert.equal(head.headers["content-type"], full.headers["content-type"]);
		}
	});

	test("/status, for operators", async () => {
		const { status, json, text } = await get(server, "/status");
		assert.equal(status, 200);
		for (const name of ["sessions", "limits", "engine", "checks"]) assert.equal(typeof json[name], "object", name);
		assert.equal(json.limits.maxLifetimeMs, HALF_AN_HOUR_MS);
		assert.match(json.engine.version, /^\d+\.\d+/);
		assert.equal(json.checks.engine, true);
		assert.doesNotMatch(text, /\.sock|\/var\//);
	});

	test("/api/v1/environments", async () => {
		const { status, json } = await get(server, "/api/v1/environments");
		assert.equal(status, 200);
		assert.deepEqual(json.environments.map(({ name }) => name).sort(), ["bash", "node", "python"]);
		for (const each of json.environments) {
			assert.deepEqual(Object.keys(each).sort(), ["category", "defaultTimeout", "description", "name"]);
			assert.match(each.category, /^(shell|runtime|vcs)$/);
			assert.ok(each.defaultTimeout >= 1000);
		}
	});

	test("/api/v1/status of a server with room", async () => {
		const { status, json } = await get(server, "/api/v1/status");
		assert.equal(status, 200);
		assert.equal(json.isOpen, false);
		assert.equal(json.reason, null);
		assert.deepEqual(Object.keys(json.metrics).sort(), ["containers", "maxContainers", "maxMemoryPercent", "memoryPercent"]);
	});
});

describe("sessions", () => {
	test("are created, found, deleted, and then unknown", async () => {
		const session = await createSession(server, { toolPair: "jj-git" });
		assert.deepEqual(Object.keys(session).sort(), ["createdAt", "expiresAt", "sessionId", "status", "wsUrl"]);
		assert.match(session.sessionId, /^sess_[0-9a-f]{32}$/);
		assert.equal(session.status, "RUNNING");
		assert.equal(splitWsUrl(session).bare, `ws://${server.host}${SESSIONS}/${session.sessionId}/ws`);
		assert.equal(lifetimeMs(session), HALF_AN_HOUR_MS);
		const path = `${SESSIONS}/${session.sessionId}`;
		const found = await get(server, path);
		assert.equal(found.status, 200);
		const { sessionId, createdAt, expiresAt } = session;
		assert.deepEqual(found.json, { sessionId, status: "RUNNING", createdAt, expiresAt, toolPair: "jj-git" });
		const deleted = await request(server, "DELETE", path);
		assert.equal(deleted.status, 200);
		assert.deepEqual(deleted.json, { success: true });
		assertError(await get(server, path), 404, "NotFound");
	});

	test("each environment runs what it is named after", async () => {
		for (const environment of ["bash", "python", "node"]) {
			const { sessionId, status } = await createSession(server, { environment });
			assert.equal(status, "RUNNING");
			const [container] = await containersOfSession(sessionId);
			assert.equal(container.Labels["sandbox-api.environment"], environment);
			await deleteSession(server, sessionId);
		}
	});

	test("a timeout of any size leaves the lifetime alone", async () => {
		for (const timeout of [1, 60, 3600, 3601, 1_800_000, 0.5 + 1]) {
			const session = await createSession(server, { timeout });
			assert.equal(lifetimeMs(session), HALF_AN_HOUR_MS);
			await deleteSession(server, session.sessionId);
		}
	});

	test("null stands for absent, and unknown fields are ignored", async () => {
		const { sessionId } = await createSession(server, { environment: null, init: null, timeout: null, color: "red" });
		await deleteSession(server, sessionId);
	});

	test("ids never repeat and are not guessed from one another", async () => {
		const ids = new Set();
		for (let i = 0; i < 3; i++) {
			const { sessionId } = await createSession(server);
			ids.add(sessionId.slice(5, 21)).add(sessionId.slice(21));
			await deleteSession(server, sessionId);
		}
		assert.equal(ids.size, 6);
	});

	test("unknown ones are 404 to look at, and a success to delete or destroy", async () => {
		for (const id of [UNKNOWN, "x", "sess_", `${UNKNOWN}0`, "sess_%2e%2e", "a".repeat(200)]) {
			assertError(await get(server, `${SESSIONS}/${id}`), 404, "NotFound");
			assert.deepEqual((await request(server, "DELETE", `${SESSIONS}/${id}`)).json, { success: true }, id);
			assert.deepEqual((await post(server, `${SESSIONS}/${id}/destroy`)).json, { success: true }, id);
		}
	});
});

describe("bad requests to create a session", () => {
	const nested = (depth) => `{"toolPair":"x","deep":${"[".repeat(depth)}${"]".repeat(depth)}}`;
	const cases = [
		["no body", ""],
		["no JSON", "hello"],
		["cut JSON", '{"toolPair":"x"'],
		["text after it", '{"toolPair":"x"} x'],
		["an array", '["x"]'],
		["a string", '"x"'],
		["null", "null"],
		["no toolPair", "{}"],
		["an empty toolPair", { toolPair: "" }],
		["a toolPair that is a number", { toolPair: 7 }],
		["a toolPair that is too long", { toolPair: "x".repeat(5000) }],
		["a toolPair with a NUL", '{"toolPair":"a\\u0000b"}'],
		["a toolPair that is not UTF-8", Buffer.from('{"toolPair":"\xff"}', "latin1")],
		["an environment that is a number", { toolPair: "x", environment: 7 }],
		["an environment that is unknown", { toolPair: "x", environment: "cobol" }],
		["an environment that is a path", { toolPair: "x", environment: "../bash" }],
		["an empty environment", { toolPair: "x", environment: "" }],
		["init that is a string", { toolPair: "x", init: "ls" }],
		["init that is an object", { toolPair: "x", init: {} }],
		["init with a number in it", { toolPair: "x", init: ["ls", 7] }],
		["init with too many commands", { toolPair: "x", init: Array(10_000).fill(":") }],
		["a timeout that is a string", { toolPair: "x", timeout: "60" }],
		["a timeout of 0", { toolPair: "x", timeout: 0 }],
		["a negative timeout", { toolPair: "x", timeout: -1 }],
		["a timeout beyond half an hour", { toolPair: "x", timeout: 1_800_001 }],
		["a timeout beyond all numbers", '{"toolPair":"x","timeout":1e400}'],
		["JSON that is too deep", nested(3000)],
		["JSON that is far too deep", nested(30_000)],
		["a key given twice", '{"toolPair":"x","toolPair":"y"}'],
	];
	for (const [what, body] of cases)
		test(`${what} is a 400 with a sentence`, async () => {
			assertError(await post(server, SESSIONS, body), 400, "BadRequest");
		});

	test("an unknown environment names the known ones", async () => {
		const { json } = await post(server, SESSIONS, { toolPair: "x", environment: "cobol" });
		for (const name of ["bash", "python", "node"]) assert.match(json.message, new RegExp(`\\b${name}\\b`));
	});

	test("a body that is too large is a 413, before it has been sent", async () => {
		const socket = new RawSocket(server);
		socket.write(`POST ${SESSIONS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n{"toolPair":`);
		assert.equal((await socket.head()).status, 413);
		socket.destroy();
	});

	test("a length that is no number is refused", async () => {
		for (const length of ["-1", "abc", "1e3", "18446744073709551617", "+5"]) {
			const socket = new RawSocket(server);
			socket.write(`POST ${SESSIONS} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n{}`);
			const { status } = await socket.head();
			assert.ok(status === 400 || status === 413, `${length}: ${status}`);
			socket.destroy();
		}
	});

	test("none of them has started anything", async () => {
		/* what earlier tests deleted may still be on its way out */
		await until(async () => (await server.containers()).length === 0, "no container is there");
		assert.equal((await get(server, "/health")).json.active_sessions, 0);
	});
});

describe("paths and methods", () => {
	test("what does not exist is a 404", async () => {
		for (const path of ["/nothing", "/api", "/api/v1", "/api/v1/", "/api/v2/sessions", "/api/v1/sessions/a/b", "/index.html.gz", "/etc/passwd", "/%2e%2e/etc/passwd", "/terminal.js/"])
			assertError(await get(server, path), 404, "NotFound");
	});

	test("a wrong method is a 405 that names the right ones", async () => {
		const cases = [
			["POST", "/health", "GET"],
			["DELETE", "/api/v1/environments", "GET"],
			["PUT", SESSIONS, "POST"],
			["GET", SESSIONS, "POST"],
			["POST", `${SESSIONS}/${UNKNOWN}`, "DELETE"],
			["GET", `${SESSIONS}/${UNKNOWN}/destroy`, "POST"],
		];
		for (const [method, path, allowed] of cases) {
			const answer = await request(server, method, path, { body: method === "GET" ? undefined : "{}" });
			assertError(answer, 405, "MethodNotAllowed");
			assert.ok(answer.headers.allow.split(/, */).includes(allowed), `${method} ${path}: ${answer.headers.allow}`);
		}
	});

	test("a query does not change the route", async () => {
		assert.equal((await get(server, "/health?x=1")).status, 200);
		assert.equal((await get(server, "/?x=1")).status, 200);
	});

	test("requests on one connection are answered in turn", async () => {
		const socket = new RawSocket(server);
		for (let i = 0; i < 3; i++) {
			socket.write("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
			const { status, headers } = await socket.head();
			assert.equal(status, 404);
			await socket.bytes(Number(headers["content-length"]));
		}
		socket.destroy();
	});
});

describe("the page", () => {
	const files = { "/": "text/html", "/terminal.js": "text/javascript", "/terminal.css": "text/css", "/favicon.svg": "image/svg+xml" };

	test("its files have their types, and headers that let nothing else in", async () => {
		for (const [path, type] of Object.entries(files)) {
			const { status, headers } = await get(server, path);
			assert.equal(status, 200, path);
			assert.ok(headers["content-type"].startsWith(type), path);
			assert.equal(headers["x-content-type-options"], "nosniff");
		}
		const policy = (await get(server, "/")).headers["content-security-policy"];
		assert.match(policy, /default-src 'self'/);
		assert.doesNotMatch(policy, /script-src|unsafe-eval|https?:|\*/);
	});

	test("goes compressed to who understands it", async () => {
		for (const path of ["/", "/terminal.js", "/terminal.css"]) {
			const plain = await get(server, path);
			const packed = await get(server, path, { "Accept-Encoding": "deflate, gzip" });
			assert.equal(plain.headers["content-encoding"], undefined);
			assert.equal(packed.headers["content-encoding"], "gzip");
			assert.deepEqual(gunzipSync(packed.body), plain.body);
			assert.match(packed.headers.vary, /accept-encoding/i);
			assert.notEqual(plain.headers.etag, packed.headers.etag);
		}
		assert.equal((await get(server, "/", { "Accept-Encoding": "gzip;q=0" })).headers["content-encoding"], undefined);
	});

	test("is not sent twice", async () => {
		for (const path of Object.keys(files)) {
			const { headers } = await get(server, path);
			const again = await get(server, path, { "If-None-Match": headers.etag });
			assert.equal(again.status, 304, path);
			assert.equal(again.text, "");
			assert.equal((await get(server, path, { "If-None-Match": '"other"' })).status, 200);
		}
	});

	test("says nothing of the machine", async () => {
		assertDiscreet((await get(server, "/")).text.replaceAll("</", "<"));
	});
});

describe("clients that do not take turns", () => {
	const create = `POST ${SESSIONS} HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{"toolPair":"x"}`;

	test("a byte after the body, before the answer, ends the connection and the session with it", async () => {
		const created = () => server.log.filter((line) => /session\.created/.test(line)).length;
		const before = created();
		const socket = new RawSocket(server);
		socket.write(create);
		await until(() => created() === before + 1, "the session is being made");
		socket.write("\r\n");
		await socket.gone();
		await until(async () => (await server.containers()).length === 0, "no container is left");
		assert.equal(created(), before + 1);
		assert.equal((await get(server, "/health")).json.active_sessions, 0);
	});

	for (const method of ["PUT", "PATCH"])
		test(`a ${method} without a length does not keep its connection`, async () => {
			const socket = new RawSocket(server);
			socket.write(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`);
			assert.equal((await socket.head()).headers.connection, "close");
			await socket.gone();
		});

	test("a body that drips has to be there within ten seconds", async () => {
		const socket = new RawSocket(server);
		socket.write(create.slice(0, -10));
		const drip = setInterval(() => socket.write(" "), 1500);
		await socket.gone().finally(() => clearInterval(drip));
		assert.equal(socket.received.length, 0);
	});

	test("a key that is wrong is refused before the body has come", async () => {
		const other = await startServer({ SANDBOX_API_KEY: "right" });
		const socket = new RawSocket(other);
		socket.write(`POST ${SESSIONS} HTTP/1.1\r\nHost: x\r\nX-API-Key: wrong\r\nContent-Length: 60000\r\n\r\n`);
		assert.equal((await socket.head()).status, 401);
		await socket.gone();
		await other.stop();
	});

	test("the page of an allowed origin can read that its key is wrong", async () => {
		const origin = "https://page.example";
		const other = await startServer({ SANDBOX_API_KEY: "right", SANDBOX_ALLOWED_ORIGINS: origin });
		const refused = await post(other, SESSIONS, { toolPair: "x" }, { Origin: origin, "X-API-Key": "wrong" });
		assertError(refused, 401, "InvalidApiKey");
		assert.equal(refused.headers["access-control-allow-origin"], origin);
		assertError(await post(other, SESSIONS, { toolPair: "x" }, { Origin: "https://evil.example", "X-API-Key": "wrong" }), 403, "Forbidden");
		await other.stop();
	});

	test("a Host that is none is a 400", async () => {
		const socket = new RawSocket(server);
		socket.write(Buffer.from(`GET /health HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n`, "latin1"));
		assert.equal((await socket.head()).status, 400);
		socket.destroy();
	});
});
