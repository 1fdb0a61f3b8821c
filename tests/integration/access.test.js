// Who may: API key, Origin, trusted proxies.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal, createSession, deleteSession, refusedHandshake, splitWsUrl } from "./lib/client.js";
import { describeWith } from "./lib/describe_with.js";
import { assertError, get, post, request } from "./lib/http.js";

const SESSIONS = "/api/v1/sessions";
const UNKNOWN = `sess_${"0".repeat(32)}`;
const KEY = "k3y-with-other_bytes";
const FRONT = "https://front.example";
const OTHER = "https://other.example:8443";

describeWith("with an API key", { SANDBOX_API_KEY: KEY }, (it) => {
	const wrong = ["x", KEY.slice(0, -1), `${KEY}x`, KEY.toUpperCase(), KEY.repeat(5)];
	const attempts = (headers) => [
		post(it.server, SESSIONS, { toolPair: "x" }, headers),
		get(it.server, `${SESSIONS}/${UNKNOWN}`, headers),
		request(it.server, "DELETE", `${SESSIONS}/${UNKNOWN}`, { headers }),
		post(it.server, `${SESSIONS}/${UNKNOWN}/destroy`, "", headers),
	];

	test("what is open stays open", async () => {
		for (const path of ["/", "/health", "/status", "/api/v1/status", "/api/v1/environments"]) assert.equal((await get(it.server, path)).status, 200, path);
	});

	test("a missing key is told apart from a wrong one", async () => {
		for (const attempt of attempts({})) assertError(await attempt, 401, "MissingApiKey");
		for (const key of wrong) for (const attempt of attempts({ "X-API-Key": key })) assertError(await attempt, 401, "InvalidApiKey");
		for (const attempt of attempts({ Authorization: "Bearer wrong" })) assertError(await attempt, 401, "InvalidApiKey");
	});

	test("the key is checked before the body is looked at", async () => {
		assertError(await post(it.server, SESSIONS, "no JSON"), 401, "MissingApiKey");
	});

	test("the right key opens, in either header", async () => {
		for (const headers of [{ "X-API-Key": KEY }, { Authorization: `Bearer ${KEY}` }]) {
			const { sessionId } = await createSession(it.server, {}, headers);
			assert.equal((await get(it.server, `${SESSIONS}/${sessionId}`, headers)).status, 200);
			assert.equal((await deleteSession(it.server, sessionId, headers)).status, 200);
		}
	});

	test("a WebSocket needs the key, in a header or in the query", async () => {
		const { sessionId } = await createSession(it.server, {}, { "X-API-Key": KEY });
		const path = `${SESSIONS}/${sessionId}/ws`;
		assert.equal((await refusedHandshake(it.server, path)).status, 401);
		assert.equal((await refusedHandshake(it.server, `${path}?api_key=`)).status, 401);
		for (const key of wrong) assert.equal((await refusedHandshake(it.server, `${path}?api_key=${key}`)).status, 401);
		for (const options of [{ query: { api_key: KEY } }, { headers: { "X-API-Key": KEY } }, { headers: { Authorization: `Bearer ${KEY}` } }]) {
			const terminal = await Terminal.open(it.server, sessionId, options);
			assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
			await terminal.close();
		}
		await deleteSession(it.server, sessionId, { "X-API-Key": KEY });
	});

	test("a beacon carries the key in its body", async () => {
		const { sessionId } = await createSession(it.server, {}, { "X-API-Key": KEY });
		const path = `${SESSIONS}/${sessionId}/destroy`;
		for (const body of [{ apiKey: "wrong" }, { apiKey: KEY.slice(1) }]) assertError(await post(it.server, path, body), 401, "InvalidApiKey");
		for (const body of [{}, { apiKey: 7 }, { apiKey: `${KEY}\0` }, "no JSON", '["apiKey"]']) assertError(await post(it.server, path, body), 401, "MissingApiKey");
		assert.equal((await get(it.server, `${SESSIONS}/${sessionId}`, { "X-API-Key": KEY })).status, 200);
		const answer = await post(it.server, path, { apiKey: KEY }, { "Content-Type": "text/plain;charset=UTF-8" });
		assert.equal(answer.status, 200);
		assert.deepEqual(answer.json, { success: true });
		assertError(await get(it.server, `${SESSIONS}/${sessionId}`, { "X-API-Key": KEY }), 404, "NotFound");
	});

	test("the key is in no line of the log", () => {
		assert.equal(it.server.log.some((line) => line.includes(KEY)), false);
	});
});

describeWith("with lists of origins", { SANDBOX_ALLOWED_ORIGINS: `https://one.example,${OTHER}`, FRONTEND_ORIGIN: FRONT }, (it) => {
	const strangers = [
		"https://evil.example",
		"https://front.example.evil.example",
		"https://evilfront.example",
		"https://front.example:444",
		"http://front.example",
		"https://FRONT.example",
		"https://other.example",
		"https://front.example/",
		"https://front.example@evil.example",
		"null",
		"*",
		"https://front.example https://evil.example",
	];

	test("a listed one gets its CORS headers", async () => {
		for (const origin of [FRONT, OTHER, "https://one.example"]) {
			const { status, headers } = await get(it.server, "/api/v1/environments", { Origin: origin });
			assert.equal(status, 200);
			assert.equal(headers["access-control-allow-origin"], origin);
			assert.equal(headers["access-control-allow-credentials"], "true");
			assert.match(headers.vary, /\borigin\b/i);
		}
	});

	test("errors have them, too, or no page could read them", async () => {
		const answer = await post(it.server, SESSIONS, {}, { Origin: FRONT });
		assertError(answer, 400, "BadRequest");
		assert.equal(answer.headers["access-control-allow-origin"], FRONT);
	});

	test("a preflight is answered for a listed one", async () => {
		const headers = { Origin: FRONT, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-api-key" };
		for (const path of [SESSIONS, `${SESSIONS}/${UNKNOWN}`, `${SESSIONS}/${UNKNOWN}/destroy`]) {
			const answer = await request(it.server, "OPTIONS", path, { headers });
			assert.equal(answer.status, 204);
			assert.equal(answer.text, "");
			assert.equal(answer.headers["access-control-allow-origin"], FRONT);
			assert.deepEqual(answer.headers["access-control-allow-methods"].split(/, */).sort(), ["DELETE", "GET", "OPTIONS", "POST"]);
			assert.deepEqual(answer.headers["access-control-allow-headers"].toLowerCase().split(/, */).sort(), ["authorization", "content-type", "x-api-key"]);
		}
	});

	test("any other is refused, before anything happens", async () => {
		for (const origin of strangers) {
			const answer = await post(it.server, SESSIONS, { toolPair: "x" }, { Origin: origin });
			assertError(answer, 403, "Forbidden");
			assert.equal(answer.headers["access-control-allow-origin"], undefined);
			const preflight = await request(it.server, "OPTIONS", SESSIONS, { headers: { Origin: origin } });
			assert.equal(preflight.headers["access-control-allow-origin"], undefined, origin);
		}
		assert.deepEqual(await it.server.containers(), []);
	});

	test("a WebSocket of any other is refused", async () => {
		const { sessionId } = await createSession(it.server);
		const path = `${SESSIONS}/${sessionId}/ws`;
		for (const origin of [...strangers, `http://${it.server.host}`]) assert.equal((await refusedHandshake(it.server, path, { Origin: origin })).status, 403, origin);
		for (const origin of [FRONT, OTHER]) await (await Terminal.open(it.server, sessionId, { headers: { Origin: origin } })).close();
		await deleteSession(it.server, sessionId);
	});
});

describeWith("without lists of origins", {}, (it) => {
	test("only the same origin is let in", async () => {
		const { sessionId } = await createSession(it.server, {}, { Origin: `http://${it.server.host}` });
		const path = `${SESSIONS}/${sessionId}/ws`;
		const port = it.server.url.port;
		for (const origin of ["http://127.0.0.1", `http://localhost:${port}`, `http://127.0.0.1:${port}0`, `http://evil.example:${port}`, "null", "file://", `http://127.0.0.1.evil.example:${port}`])
			assert.equal((await refusedHandshake(it.server, path, { Origin: origin })).status, 403, origin);
		await (await Terminal.open(it.server, sessionId, { headers: { Origin: `http://${it.server.host}` } })).close();
		await (await Terminal.open(it.server, sessionId)).close();
		await deleteSession(it.server, sessionId);
	});

	test("the Host is the browser's word, also behind a proxy", async () => {
		const headers = { Host: "shell.example", Origin: "https://shell.example", "X-Forwarded-Proto": "https" };
		const session = await createSession(it.server, {}, headers);
		const { sessionId } = session;
		assert.equal(splitWsUrl(session).bare, `wss://shell.example${SESSIONS}/${sessionId}/ws`);
		await deleteSession(it.server, sessionId);
	});
});

describeWith("with any origin", { SANDBOX_ALLOWED_ORIGINS: "*" }, (it) => {
	test("any is let in, and named in the answer", async () => {
		for (const origin of ["https://evil.example", "null"]) {
			const { sessionId } = await createSession(it.server, {}, { Origin: origin });
			await (await Terminal.open(it.server, sessionId, { headers: { Origin: origin } })).close();
			const { headers } = await get(it.server, `${SESSIONS}/${sessionId}`, { Origin: origin });
			assert.equal(headers["access-control-allow-origin"], origin);
			await deleteSession(it.server, sessionId);
		}
	});
});

describeWith("behind a proxy that is not trusted", { TRUSTED_PROXIES: "10.0.0.0/8" }, (it) => {
	test("its word for https is not taken", async () => {
		const session = await createSession(it.server, {}, { Host: "shell.example:8080", "X-Forwarded-Proto": "https" });
		const { sessionId } = session;
		assert.equal(splitWsUrl(session).bare, `ws://shell.example:8080${SESSIONS}/${sessionId}/ws`);
		await deleteSession(it.server, sessionId);
	});
});
