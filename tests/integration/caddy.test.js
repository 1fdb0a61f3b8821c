// The server behind the real caddy with the real deploy/Caddyfile: what is public, who is believed, and that nothing is
// lost on the way.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { CADDYFILE, startCaddy } from "./lib/caddy.js";
import { Terminal, createSession, deleteSession, refusedHandshake, ticketOf } from "./lib/client.js";
import { ask } from "./lib/clients.js";
import { assertError, get, post, request } from "./lib/http.js";
import { events } from "./lib/log.js";
import { freePort, startServer, withServer } from "./lib/server.js";
import { assertArrives, exactOutput, noise, sendInPieces, sha256 } from "./lib/transfer.js";
import { pause, until, within } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const MEGABYTE = 1 << 20;
const BODY_MAX = 65_536;
const KEY = "jT7-key-of-the-operator";

/* Clients of their own. 127.0.0.1, where caddy is, is the one proxy; the other loopback addresses are clients like any. */
const CLIENT = "127.0.0.21";
const OTHER_CLIENT = "127.0.0.22";
const TRUST = { TRUSTED_PROXIES: "127.0.0.1" };
const FORGED = "203.0.113.66";
const FORGERY = {
	"X-Forwarded-For": `${FORGED}, 127.0.0.1`,
	"X-Forwarded-Host": "evil.example",
	"X-Forwarded-Proto": "http",
	"X-Real-IP": FORGED,
	"X-Client-IP": FORGED,
	"CF-Connecting-IP": FORGED,
	"True-Client-IP": FORGED,
	Cookie: `client=${FORGED}`,
	Forwarded: `for=${FORGED};proto=http`,
};

/* Ways to say /metrics, /status and worse. */
const PRIVATE = [
	"/metrics", "/status", "/metrics/", "/status?", "/METRICS", "/Status", "//metrics", "//status", "///status", "/./status",
	"/%6detrics", "/%73tatus", "/%2fstatus", "/%2e/status", "/status%00", "/status%20", "/status;x", "/;/status", "/status/.",
	"/api/v1/../../metrics", "/api/v1/../../status", "/api/v1/%2e%2e/%2e%2e/status", "/api/v1/..%2f..%2fstatus", "/api/v1/%252e%252e/%252e%252e/status",
	"/api/v1/sessions/../../../status", "/api/v1//../../status", "/api/v1/..;/..;/status", "/api/v1/..\\..\\status", "/health/../status",
	"/health/..%2fstatus", "/terminal.js/../status", "/health%2f..%2f..%2fstatus", "/status#/health", "/status/../status", "/x/../status", "/HEALTH",
	"/health/", "/api", "/api/", "/api/v1/", "/API/v1/status", "/api/v2/status", "/api//v1/status", "/api/v1//status", "/api/v1/status/", "/terminalxjs",
	"/index.html", "/.git/config", "/.env", "/debug/pprof/", "/config/", "/terminal.js.map", "/favicon.ico", "/robots.txt",
];

const SECRETS = {
	key: KEY,
	wrong: "wrong-key-0af3",
	token: "eyJhbGciOiJIUzI1NiJ9.token-0af4.x",
	ticket: "ticket0af5ticket0af5ticket0af5ab",
	cookie: "cookie-0af6",
};

/* more: what else must not be there. count: requests, each of which has its line. */
function assertSecretless(site, count, more = []) {
	const text = site.log.join("\n");
	for (const secret of [...Object.values(SECRETS), ...more]) assert.deepEqual(site.log.filter((line) => line.includes(secret)), []);
	assert.equal(site.log.filter((line) => line.includes('"msg":"handled request"')).length, count, text);
}

function assertHeaders(headers) {
	assert.equal(headers.server, undefined);
	assert.equal(headers.via, undefined);
	assert.equal(headers["alt-svc"], undefined);
	assert.equal(headers["strict-transport-security"], "max-age=31536000");
	assert.equal(headers["x-content-type-options"], "nosniff");
	assert.equal(headers["referrer-policy"], "no-referrer");
	assert.match(headers["permissions-policy"], /camera=\(\)/);
}

/* Answers that are caddy's own or the API's can be shown by no page. */
function assertGuarded(headers) {
	assertHeaders(headers);
	assert.equal(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
}

/* Resolves to {status, text}. */
function overHttp2({ url, connection }, path) {
	const session = http2.connect(url, connection);
	const answer = new Promise((resolve, reject) => {
		session.on("error", reject);
		const stream = session.request({ ":path": path });
		let text = "";
		let status;
		stream.on("response", (headers) => (status = headers[":status"]));
		stream.on("data", (chunk) => (text += chunk));
		stream.on("end", () => resolve({ status, text }));
		stream.on("error", reject);
	});
	return within(answer, `HTTP/2 ${path}`).finally(() => session.destroy());
}

async function inTerminal(site, work) {
	const session = await createSession(site);
	try {
		await work(await Terminal.open(site, session.sessionId, { query: { ticket: ticketOf(session) } }), session);
	} finally {
		await deleteSession(site, session.sessionId);
	}
}

async function comeBack(site, sessionId) {
	const ticket = await post(site, `${SESSIONS}/${sessionId}/tickets`, "");
	assert.equal(ticket.status, 201, ticket.text);
	return Terminal.open(site, sessionId, { query: { ticket: ticketOf(ticket.json) } });
}

/* A mark in the sandbox, something done to what stands between, and then the mark from a new terminal. */
async function assertSurvives(site, disturb) {
	const session = await createSession(site);
	const terminal = await Terminal.open(site, session.sessionId, { query: { ticket: ticketOf(session) } });
	assert.equal((await terminal.run("echo was-here > ~/mark")).status, 0);
	const end = await disturb(terminal);
	const [container, ...others] = await site.server.containers();
	assert.deepEqual(others, []);
	assert.equal(container.Labels["sandbox-api.session"], session.sessionId);
	const again = await comeBack(site, session.sessionId);
	assert.equal((await again.run("cat ~/mark")).output.trim(), "was-here");
	assert.equal((await site.server.containers())[0].Id, container.Id);
	await deleteSession(site, session.sessionId);
	assert.deepEqual(await again.closing(), { code: 1000, reason: "session deleted" });
	await until(async () => (await site.server.containers()).length === 0, "no container is left");
	return end;
}

describe("a server behind caddy", () => {
	let server;
	let site;

	before(async () => {
		server = await startServer(TRUST);
		site = await startCaddy(server);
	});
	after(() => Promise.all([site?.stop(), server?.stop()]));

	test("the certificate is valid for the name, and only with caddy's authority", async () => {
		await assert.rejects(get({ url: site.url, connection: { ...site.connection, ca: undefined } }, "/health"), /self-signed|unable to/);
		await assert.rejects(get({ url: site.url, connection: { ...site.connection, servername: "example.org" } }, "/health"));
		const socket = tls.connect({ host: "localhost", port: site.url.port, ALPNProtocols: ["h2", "http/1.1"], ...site.connection });
		await within(new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject)), "TLS");
		assert.equal(socket.authorized, true);
		assert.match(socket.getProtocol(), /^TLSv1\.[23]$/);
		assert.equal(socket.alpnProtocol, "h2");
		socket.destroy();
	});

	test("plain HTTP is sent to https, whatever is asked for", async () => {
		for (const path of ["/", "/status", "/api/v1/sessions?x=1"]) {
			const answer = await post({ url: site.plainUrl }, path, {});
			assert.equal(answer.status, 308);
			assert.equal(answer.headers.location, `https://localhost${path}`);
			assert.equal(answer.headers.server, undefined);
		}
	});

	test("the page and each of its files come as the server has them", async () => {
		const page = await get(site, "/");
		const names = [...page.text.matchAll(/ (?:href|src)="([\w.-]+)"/g)].map(([, name]) => name);
		assert.ok(names.length >= 3, names.join());
		for (const path of ["/", ...names.map((name) => `/${name}`)]) {
			const headers = { "Accept-Encoding": "gzip" };
			const [through, direct] = [await get(site, path, headers), await get(server, path, headers)];
			assert.equal(through.status, 200, path);
			assert.deepEqual(through.body, direct.body);
			assertHeaders(through.headers);
			for (const name of ["content-security-policy", "etag", "content-type", "cache-control", "content-encoding"]) assert.equal(through.headers[name], direct.headers[name], `${path} ${name}`);
			assert.equal((await get(site, path, { ...headers, "If-None-Match": through.headers.etag })).status, 304);
		}
	});

	test("health and the API are public, by HTTP/1.1 and by HTTP/2", async () => {
		for (const path of ["/health", "/api/v1/environments", "/api/v1/status"]) {
			const answer = await get(site, path);
			assert.equal(answer.status, 200);
			assertGuarded(answer.headers);
		}
		assert.equal((await request(site, "HEAD", "/health")).status, 200);
		assert.equal((await request(site, "OPTIONS", SESSIONS, { headers: { Origin: site.origin } })).status, 204);
		assertError(await request(site, "PUT", SESSIONS), 405, "MethodNotAllowed");
		assert.equal((await overHttp2(site, "/api/v1/environments")).status, 200);
	});

	test("nothing else is, however it is spelt", async () => {
		for (const path of PRIVATE) {
			const answer = await get(site, path);
			assertError(answer, 404, "NotFound");
			assertGuarded(answer.headers);
		}
		for (const path of ["/status", "//status", "/%73tatus", "*"]) assert.equal((await overHttp2(site, path)).status, 404, path);
		assert.equal((await get(site, `${site.origin}/status`)).status, 404);
		for (const method of ["POST", "DELETE", "OPTIONS", "TRACE"]) assertError(await request(site, method, "/status"), 404, "NotFound");
		/* none of them got as far as the server */
		const paths = events(server, "http.answer").map(({ path }) => path);
		assert.ok(paths.includes("/api/v1/environments"));
		assert.deepEqual(paths.filter((path) => /status$/i.test(path) && path !== "/api/v1/status"), []);
	});

	test("CONNECT, which has no path at all, is not that of the page", async () => {
		const socket = tls.connect({ host: "127.0.0.1", port: site.url.port, ...site.connection });
		socket.write(`CONNECT ${site.host} HTTP/1.1\r\nHost: ${site.host}\r\n\r\n`);
		const [answer] = await within(once(socket, "data"), "an answer");
		socket.destroy();
		assert.match(String(answer), /^HTTP\/1\.1 404 /);
		assert.deepEqual(events(server, "http.answer").filter(({ method }) => method === "CONNECT"), []);
	});

	test("another site's name is not served", async () => {
		for (const path of ["/", "/health", "/status"]) assert.equal((await get(site, path, { Host: "example.org" })).status, 421);
	});

	test("HTTP/2 without TLS is not spoken, nor by upgrade", async () => {
		await assert.rejects(overHttp2({ url: site.plainUrl }, "/health"));
		const upgrade = { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__" };
		assert.equal((await get({ url: site.plainUrl }, "/health", upgrade)).status, 308);
		assertError(await get(site, "/health", upgrade), 400, "BadRequest");
	});

	test("a terminal works through wsUrl as it was given, with the page's Origin and with no other", async () => {
		const session = await createSession(site, {}, { Origin: site.origin });
		assert.ok(session.wsUrl.startsWith(`wss://${site.host}${SESSIONS}/${session.sessionId}/ws?ticket=`), session.wsUrl);
		const path = session.wsUrl.slice(`wss://${site.host}`.length);
		assert.equal((await refusedHandshake(site, path, { Origin: "https://evil.example" })).status, 403);
		const terminal = await Terminal.open(site, session.sessionId, { query: { ticket: ticketOf(session), cols: 101 }, headers: { Origin: site.origin } });
		assert.equal((await terminal.run("echo $((6*7)); stty size")).output.trim(), "42\n24 101");
		await deleteSession(site, session.sessionId);
		assert.deepEqual(await terminal.closing(), { code: 1000, reason: "session deleted" });
	});

	test("1 MB of input and 1 MB of output arrive byte for byte", () =>
		inTerminal(site, async (terminal) => {
			const bytes = noise(MEGABYTE);
			await assertArrives(terminal, bytes, () => sendInPieces(terminal, bytes));
			const numbers = Buffer.from(Array.from({ length: 180_000 }, (_, i) => `${i + 1}\n`).join("")).subarray(0, MEGABYTE);
			assert.equal(numbers.length, MEGABYTE);
			const output = await exactOutput(terminal, `seq 1 180000 | head -c ${MEGABYTE}`);
			assert.equal(sha256(Buffer.from(output)), sha256(numbers));
		}));

	test("the server hears the client's own address, whatever the client says", async () => {
		const { sessionId } = await createSession(site.from(CLIENT), {}, FORGERY);
		const seen = () => events(server, "session.created").find(({ session }) => session === sessionId);
		assert.equal((await until(seen, "session.created")).client, CLIENT);
		assert.ok(!server.log.some((line) => line.includes(FORGED)));
		await deleteSession(site, sessionId);
	});

	test("cookies of other programs on the same host are no burden, and a header beyond the server's room is refused at once", async () => {
		assert.equal((await get(site, "/health", { Cookie: "x".repeat(15_000) })).status, 200);
		const start = performance.now();
		assertError(await get(site, "/health", { "X-Long": "x".repeat(9_000) }), 503, "ServiceUnavailable");
		assert.ok(performance.now() - start < 2_000);
	});

	test("a body of the server's limit is let through, and one byte more is not", async () => {
		const body = (length) => '{"toolPair":""}'.padEnd(length);
		assertError(await post(site, SESSIONS, body(BODY_MAX)), 400, "BadRequest");
		for (const length of [BODY_MAX + 1, BODY_MAX + 1, BODY_MAX + 1, MEGABYTE]) assertError(await post(site, SESSIONS, body(length)), 413, "PayloadTooLarge");
		assertError(await request(site, "POST", SESSIONS, { headers: { "Transfer-Encoding": "chunked" } }), 411, "LengthRequired");
		assert.equal((await get(site, "/health")).status, 200);
	});

	test("a reload ends terminals with 1001, and the session waits for its client", async () => {
		const end = await assertSurvives(site, async (terminal) => {
			await site.reload();
			return terminal.closing();
		});
		assert.deepEqual(end, { code: 1001, reason: "" });
	});

	test("a restart of caddy ends terminals, and the session waits for its client", async () => {
		const end = await assertSurvives(site, async (terminal) => {
			await site.end();
			await site.start();
			return terminal.closing();
		});
		assert.deepEqual(end, { code: 1001, reason: "" });
	});
});


/* A server and a caddy of the test's own. site.server is stopped in the end, whichever it is by then. */
async function withSite(env, work, options) {
	const server = await startServer({ ...TRUST, ...env });
	let site = { server };
	try {
		site = await startCaddy(server, options);
		return await work(site);
	} finally {
		await site.stop?.();
		await site.server.stop();
	}
}

/* A caddy with nothing but the test's own listener behind it. */
async function withUpstream(handler, work, options) {
	const upstream = http.createServer(handler);
	await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
	const site = await startCaddy(null, { upstream: `127.0.0.1:${upstream.address().port}`, ...options });
	try {
		return await work(site, upstream);
	} finally {
		await site.stop();
		upstream.closeAllConnections();
		upstream.close();
	}
}

/* The Caddyfile with short times against slow clients, so that a test can outlast them. */
async function withShortTimes(work) {
	const folder = mkdtempSync(join(tmpdir(), "sandbox-caddyfile-"));
	const config = join(folder, "Caddyfile");
	const text = readFileSync(CADDYFILE, "utf8");
	const short = text.replace(/\b(read_header|read_body|idle) \w+$/gm, "$1 1s");
	assert.equal(short.match(/ 1s$/gm).length, 3);
	writeFileSync(config, short);
	try {
		await work(config);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/* Milliseconds until the other side has closed a connection on which only this was said. */
async function cutOffAfter(site, text, secure = true) {
	const port = (secure ? site.url : site.plainUrl).port;
	const options = { host: "127.0.0.1", port, ...(secure ? site.connection : {}) };
	const socket = secure ? tls.connect(options) : connect(options);
	await within(once(socket, secure ? "secureConnect" : "connect"), "a connection");
	const start = performance.now();
	socket.on("error", () => {}); /* a reset is an end, too */
	socket.resume().write(text);
	await within(once(socket, "close"), "caddy hangs up");
	return performance.now() - start;
}

describe("what goes through caddy", { concurrency: true }, () => {
	test("one X-Forwarded-For, of the peer, and no other word about the client", () => {
		const echo = (request, response) => response.end(JSON.stringify(request.rawHeaders));
		return withUpstream(echo, async (site) => {
			const { text } = await get(site.from(CLIENT), "/health", FORGERY);
			const raw = JSON.parse(text);
			const pairs = raw.flatMap((name, i) => (i % 2 ? [] : [[name.toLowerCase(), raw[i + 1]]])).filter(([name]) => /forward|client|real|connecting|via/.test(name));
			const expected = [["x-forwarded-for", CLIENT], ["x-forwarded-host", site.host], ["x-forwarded-proto", "https"]];
			assert.deepEqual(pairs.filter(([name]) => name !== "via").sort(), expected);
			assert.ok(!text.includes(FORGED));
		});
	});

	test("an answer may come later than a body has to", () =>
		withShortTimes((config) => {
			const late = (request, response) => request.resume().on("end", () => setTimeout(() => response.end("late"), 2_500));
			const work = async (site) => assert.deepEqual([(await get(site, "/health")).text, (await post(site, SESSIONS, {})).text, (await overHttp2(site, "/health")).text], Array(3).fill("late"));
			return withUpstream(late, work, { config });
		}));

	test("an upstream's answer loses its Server and Via, and keeps the rest", () =>
		withUpstream(
			(_, response) => response.writeHead(200, { Server: "x/1", Via: "1.1 x", "X-Other": "stays", "Referrer-Policy": "origin", "Strict-Transport-Security": "max-age=1" }).end(),
			async (site) => {
				const { headers } = await get(site, "/");
				assert.equal(headers.server, undefined);
				assert.equal(headers.via, undefined);
				assert.equal(headers["x-other"], "stays");
				assert.equal(headers["referrer-policy"], "origin");
				assert.equal(headers["strict-transport-security"], "max-age=31536000");
			},
		));

	test("a header without end is cut off after 10 s, with TLS and without", () =>
		withUpstream(
			() => assert.fail("a request came through"),
			async (site) => {
				const times = await Promise.all([cutOffAfter(site, "GET /health HTTP/1.1\r\nHost: lo"), cutOffAfter(site, "GET / HTTP/1.1\r\nHost: lo", false), cutOffAfter(site, "G")]);
				for (const ms of times) assert.ok(ms > 8_000 && ms < 14_000, `${times.map(Math.round)} ms`);
			},
		));

	test("a header of 32 KiB is refused", () =>
		withUpstream(
			() => assert.fail("a request came through"),
			async (site) => assert.equal((await get(site, "/health", { "X-Long": "x".repeat(32_768) })).status, 431),
		));

	test("the times against slow clients cut no terminal and no typed line", () =>
		withShortTimes((config) =>
			withSite(
				{},
				async (site) => {
					const beginnings = ["GET /health HTTP/1.1\r\nHost: lo", `POST ${SESSIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{`];
					const times = await Promise.all(beginnings.map((text) => cutOffAfter(site, text)));
					for (const ms of times) assert.ok(ms < 3_000, `${ms} ms`);
					await inTerminal(site, async (terminal) => {
						await pause(4_000); /* what is tested: silence that is longer than every one of them */
						assert.equal((await terminal.run("sleep 2; echo $((6*7))")).output.trim(), "42");
					});
				},
				{ config },
			)));

	test("who forges an address has no more sessions than any other", () =>
		withSite({ MAX_CONCURRENT_PER_IP: "2" }, async (site) => {
			const one = (n) => ask(site.from(CLIENT), { ...FORGERY, "X-Forwarded-For": `203.0.113.${n}` });
			for (const n of [1, 2]) assert.equal((await one(n)).status, 201);
			assertError(await one(3), 429, "TooManySessions");
			assert.equal((await ask(site.from(OTHER_CLIENT))).status, 201);
		}));

	test("while the server is away new requests wait a while, and then it is said as the API says it", async () => {
		const port = String(await freePort());
		const site = await startCaddy(null, { upstream: `127.0.0.1:${port}` });
		try {
			const start = performance.now();
			const path = `${SESSIONS}/sess_x/ws?ticket=${SECRETS.ticket}`;
			const [plain, posted, socket] = await Promise.all([get(site, "/health"), post(site, SESSIONS, {}), refusedHandshake(site, path)]);
			const ms = performance.now() - start;
			assert.ok(ms > 4_000 && ms < 9_000, `${ms} ms`);
			for (const answer of [plain, posted, { ...socket, json: JSON.parse(socket.text) }]) {
				assertError(answer, 503, "ServiceUnavailable");
				assert.equal(answer.json.retryAfter, 5);
				assertGuarded(answer.headers);
			}
			const waiting = get(site, "/api/v1/environments");
			await withServer({ ...TRUST, PORT: port }, async () => assert.equal((await waiting).status, 200));
		} finally {
			await site.stop();
		}
		assertSecretless(site, 4);
	});

	test("the server is restarted under a terminal: 1001 with its reason, and the next request finds the new one", () =>
		withSite({}, async (site) => {
			const session = await createSession(site);
			const terminal = await Terminal.open(site, session.sessionId, { query: { ticket: ticketOf(session) } });
			await site.server.stop();
			assert.deepEqual(await terminal.closing(), { code: 1001, reason: "server going away" });
			const waiting = get(site, `${SESSIONS}/${session.sessionId}`);
			site.server = await startServer({ ...TRUST, PORT: site.server.url.port });
			assertError(await waiting, 404, "NotFound");
			await inTerminal(site, async (next) => assert.equal((await next.run("echo $((6*7))")).output.trim(), "42"));
		}));

	test("no secret is in caddy's log, which has a line for every request", async () => {
		const queries = [`api_key=${SECRETS.wrong}`, `token=${SECRETS.token}`, `a=b&ticket=${SECRETS.ticket}`, `api%5Fkey=${SECRETS.wrong}`, `token=a&token=${SECRETS.token}&x=;${SECRETS.ticket}`];
		const headers = { Authorization: SECRETS.token, "X-API-Key": SECRETS.wrong, Cookie: `a=${SECRETS.cookie}`, Referer: `https://x.example/?${SECRETS.ticket}` };
		let session;
		const site = await withSite({ SANDBOX_API_KEY: SECRETS.key }, async (site) => {
			session = await createSession(site, {}, { "X-API-Key": SECRETS.key });
			const terminal = await Terminal.open(site, session.sessionId, { query: { ticket: ticketOf(session), cols: 80 } });
			await deleteSession(site, session.sessionId, { Authorization: `Bearer ${SECRETS.key}` });
			await terminal.closing();
			for (const query of queries) await get(site, `${SESSIONS}/x?${query}`, headers);
			await get({ url: site.plainUrl }, `/?api_key=${SECRETS.wrong}`, headers);
			await get(site, `/status?token=${SECRETS.token}`, headers);
			await get(site, `/health?token=${SECRETS.token}`, { ...headers, Host: "example.org" });
			return site;
		});
		assertSecretless(site, 6 + queries.length, [ticketOf(session)]);
		assert.ok(site.log.some((line) => line.includes(`"uri":"${SESSIONS}/${session.sessionId}/ws?cols=80"`)), site.log.join("\n"));
	});
});

describe("deploy/Caddyfile", () => {
	const env = (given) => ({ PATH: process.env.PATH, HOME: tmpdir(), ...given });
	const caddy = (command, given = {}) => spawnSync("caddy", command, { env: env(given), encoding: "utf8" });
	const adapted = (given) => JSON.parse(caddy(["adapt", "--config", CADDYFILE, "--adapter", "caddyfile"], given).stdout);
	const servers = (config) => Object.values(config.apps.http.servers);

	test("is valid and formatted, and caddy warns of nothing but what is meant", () => {
		const { status, stderr } = caddy(["validate", "--config", CADDYFILE, "--adapter", "caddyfile"]);
		assert.equal(status, 0, stderr);
		const warnings = stderr.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)).filter(({ level }) => level !== "info");
		assert.deepEqual(warnings.map(({ msg }) => msg).sort(), ["automatic HTTP->HTTPS redirects are disabled", "server is listening only on the HTTP port, so no automatic HTTPS will be applied to this server"]);
		assert.equal(caddy(["fmt", CADDYFILE]).stdout, readFileSync(CADDYFILE, "utf8"));
	});

	test("without variables it is for localhost, 80 and 443, and the server's own address", () => {
		const config = adapted();
		assert.deepEqual(servers(config).map(({ listen }) => listen[0]), [":443", ":80"]);
		assert.deepEqual(servers(config)[0].routes[0].match, [{ host: ["localhost"] }]);
		assert.equal(config.admin.listen, "unix//run/caddy/admin.sock");
		assert.deepEqual([...JSON.stringify(config).matchAll(/"dial":"([^"]*)"/g)].map(([, address]) => address), ["127.0.0.1:3001"]);
	});

	test("an operator's line is the site's name, or several of them", () => {
		for (const hosts of [["terminal.example.org"], ["example.org", "www.example.org"]])
			assert.deepEqual(servers(adapted({ SANDBOX_DOMAIN: hosts.join(", ") }))[0].routes[0].match, [{ host: hosts }]);
	});
});
