// scripts/monitor: a server that is well, one that is not there, and ones that are not ours.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { WebSocketServer } from "ws";
import { get } from "./lib/http.js";
import { freePort, startServer } from "./lib/server.js";
import { until, within } from "./lib/wait.js";

const LIMIT_MS = 60_000;
const KEY = "monitor-0123456789-0123456789-012";
const ENV = { PATH: process.env.PATH, HOME: process.env.HOME, LANG: "C.UTF-8", TERM: "xterm" };

/* A monitor under way, or one in a terminal of 80x24 of its own: its process, what it has shown so far, and a promise of {code, out, err}. */
function start(args, { env = {}, terminal = false, size = "cols 80 rows 24" } = {}) {
	const script = `stty ${size}; exec scripts/monitor ${args.map((each) => `'${each}'`).join(" ")}`;
	const [file, list] = terminal ? ["socat", ["-", `EXEC:"bash -c \\"${script}\\"",pty,setsid,ctty,stderr`]] : ["scripts/monitor", args];
	const child = spawn(file, list, { env: { ...ENV, ...env }, stdio: ["pipe", "pipe", "pipe"] });
	const it = { child, out: "", err: "" };
	child.stdout.setEncoding("utf8").on("data", (chunk) => (it.out += chunk));
	child.stderr.setEncoding("utf8").on("data", (chunk) => (it.err += chunk));
	const ended = once(child, "close").then(([code]) => ({ code, out: it.out, err: it.err }));
	it.ended = within(ended, () => `the monitor ends\n${it.out}${it.err}`, LIMIT_MS);
	return it;
}

const monitor = (args, options) => start(args, options).ended;

describe("of a server that is well", () => {
	let server;
	before(async () => (server = await startServer({ SANDBOX_API_KEY: KEY, POOL_SIZE: "1", POOL_MIN: "1", POOL_MAX: "1" })));
	after(() => server?.stop());

	test("a session is tried from its beginning to its end, and each step has its time", async (t) => {
		await until(async () => (await get(server, "/health")).json.pool.ready === 3, "the pool is full");
		const { code, out, err } = await monitor(["--test", server.origin], { env: { SANDBOX_API_KEY: KEY } });
		assert.equal(code, 0, out + err);
		assert.equal(err, "");
		const steps = [...out.matchAll(/^ok {4}(.+?) +([\d.]+) (ms|s)$/gm)].map(([, name]) => name);
		assert.deepEqual(steps, ["create", "connect", "prompt", "echo", "delete", "all of it"]);
		t.diagnostic(`monitor --test: ${out.trim().replace(/ {2,}/g, " ").replaceAll("\nok", ",").slice(3)}`);
		await until(() => server.log.some((line) => /session\.ended.*reason=deleted/.test(line)), "the session has ended");
	});

	test("without its key no session can be tried", async () => {
		const { code, out } = await monitor(["--test", server.origin]);
		assert.equal(code, 1);
		assert.match(out, /^FAIL {2}create: no session: 401 MissingApiKey/);
	});

	test("a session under way is ended by Ctrl-C", async () => {
		const it = start(["--test", server.origin], { env: { SANDBOX_API_KEY: KEY } });
		await until(() => /^ok {4}create/m.test(it.out), "the session is there");
		it.child.kill("SIGINT");
		await it.ended;
		await until(async () => (await get(server, "/health")).json.active_sessions === 0, "the session is gone");
	});

	test("the figures are those of the server", async () => {
		const { code, out, err } = await monitor([server.origin]);
		assert.deepEqual([code, err], [0, ""]);
		assert.doesNotMatch(out, /\x1b/);
		assert.match(out, /^sandbox-api \d+\.\d+\.\d+ {2}● ok {2}up \d+/);
		assert.match(out, new RegExp(`^worker ${server.workerId} · `, "m"));
		for (const shown of [/^bash +\d\/1 +\d +\d+ % /m, /^deleted +[12]\b/m, /● up +[\d.<]+ /, /prompt warm +\d+ +[\d.]+ ms/, /echo +\d+ +[\d.]+ ms/, /memory +[\d.]+ MiB/])
			assert.match(out, shown);
		assert.ok(out.split("\n").every((line) => line.length <= 80), out);
	});

	test("a program gets them as JSON", async () => {
		const { out } = await monitor(["--json", server.origin]);
		const { status, worker, pool, waiting, engine, sessions } = JSON.parse(out);
		assert.deepEqual([status, worker, engine.up, sessions.open], ["ok", server.workerId, true, true]);
		assert.deepEqual(Object.keys(pool), ["bash", "python", "node"]);
		assert.equal(pool.bash.target, 1);
		assert.ok(waiting["prompt warm"].count > 0 && waiting["prompt warm"].p95 > 0);
	});

	test("they are drawn again and again, until Ctrl-C gives the terminal back", async () => {
		const it = start(["--watch", "0.2", server.origin], { terminal: true });
		await until(() => it.out.split("\x1b[H").length > 4, "it is drawn");
		it.child.stdin.write("\x03");
		const { code, out } = await it.ended;
		assert.equal(code, 0);
		assert.ok(out.startsWith("\x1b[?1049h\x1b[?25l"), JSON.stringify(out.slice(0, 40)));
		assert.ok(out.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(out.slice(-40)));
		const screens = out.split("\x1b[H").slice(1).map((screen) => screen.replace(/\x1b\[[?\d;]*[a-zA-Z]/g, "").replace("^C", "").split("\r\n"));
		for (const lines of screens) assert.deepEqual([lines.length, new Set(lines.map((line) => line.length))], [24, new Set([80])]);
	});

	test("no colours where none are wanted", async () => {
		const { code, out } = await monitor([server.origin], { terminal: true, env: { NO_COLOR: "1" } });
		assert.equal(code, 0);
		assert.doesNotMatch(out, /\x1b/);
		assert.match((await monitor([server.origin], { terminal: true })).out, /\x1b\[32m● ok\x1b\[0m/);
	});

	test("a narrow terminal gets them one below the other", async () => {
		const { out } = await monitor([server.origin], { terminal: true, size: "cols 44 rows 24", env: { NO_COLOR: "1" } });
		assert.ok(out.split("\r\n").every((line) => line.length <= 44), out);
		assert.match(out, /^create cold +\d/m);
	});

	test("where its output ends, so does it", async () => {
		const it = start(["--watch", "0.1", server.origin]);
		await until(() => it.out.split("Sessions").length > 2, "two reports");
		it.child.stdout.destroy();
		const { code, err } = await it.ended;
		assert.deepEqual([code, err], [0, ""]);
	});
});

test("metrics that have an address of their own are found there, and their absence is explained", async () => {
	const port = await freePort();
	const server = await startServer({ METRICS_HOST: "127.0.0.1", METRICS_PORT: String(port) });
	try {
		const { code, out, err } = await monitor([server.origin]);
		assert.deepEqual([code, out], [1, ""]);
		assert.equal(err, `monitor: ${server.origin}/metrics is not there: has METRICS_PORT given it an address of its own? Then say --metrics URL\n`);
		assert.equal((await monitor(["--metrics", `http://127.0.0.1:${port}`, server.origin])).code, 0);
	} finally {
		await server.stop();
	}
});

test("a server that cannot be reached is said to be so", async () => {
	const url = `http://127.0.0.1:${await freePort()}`;
	for (const args of [[url], ["--watch", url], ["--json", url]]) {
		const { code, out, err } = await monitor(args);
		assert.deepEqual([code, out], [1, ""]);
		assert.match(err, new RegExp(`^monitor: ${url}/health cannot be reached: .*ECONNREFUSED.*\n$`));
	}
	const { code, out } = await monitor(["--test", url]);
	assert.equal(code, 1);
	assert.match(out, /^FAIL {2}create: .*ECONNREFUSED/);
});

test("a server that goes away while it is watched is missed, and the last figures stay", async () => {
	const server = await startServer();
	const it = start(["--watch", "0.2", server.origin], { terminal: true });
	try {
		await until(() => it.out.split("\x1b[H").length > 2, "it is drawn");
	} finally {
		await server.stop();
	}
	await until(() => /▲ http\S+ cannot be reached/.test(it.out.split("\x1b[H").at(-1)), "it says that the server is gone");
	assert.match(it.out.split("\x1b[H").at(-1), /Sessions/);
	it.child.stdin.write("\x03");
	assert.equal((await it.ended).code, 0);
});

test("wrong calls end with 2 and say what is right", async () => {
	const url = "http://127.0.0.1:1";
	for (const args of [["--nonsense"], ["ftp://x"], [`${url}/path`], ["nowhere"], [url, url], ["--metrics"], ["--watch=0", url], ["--watch", "1e9", url], ["--watch", "--test", url]]) {
		const { code, out, err } = await monitor(args);
		assert.deepEqual([code, out], [2, ""], `${args}`);
		assert.match(err, /^monitor: .+\n\nusage: scripts\/monitor /);
	}
	const { code, err } = await monitor(["--test", "http://example.org"], { env: { SANDBOX_API_KEY: KEY } });
	assert.equal(code, 2);
	assert.match(err, /needs https/);
});

/* Whatever comes from a server: it moves the cursor, sets the title, ends the line, rings the bell, is 8-bit. */
const EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\x7f";
const HEALTH = { status: "ok", worker_id: "w", version: "1", uptimeSeconds: 5, gvisor: { requested: true, runtime: "r" } };

/* A server of somebody else's: what it answers, by path; and what it says on a WebSocket. */
async function withStranger(answers, frames, work) {
	const asked = [];
	const server = http.createServer((request, response) => {
		asked.push(`${request.method} ${request.url}`);
		const { status = 200, type = "application/json", text } = answers(request.url) ?? { status: 404, text: "" };
		response.writeHead(status, { "content-type": type }).end(text);
	});
	const sockets = new WebSocketServer({ server });
	sockets.on("connection", (socket) => frames.forEach((frame) => socket.send(frame)));
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	try {
		await work(`http://127.0.0.1:${server.address().port}`, { asked, sockets });
	} finally {
		sockets.clients.forEach((socket) => socket.terminate());
		server.closeAllConnections();
		server.close();
	}
}

const assertTame = (text) => assert.doesNotMatch(text, /[^\n\x20-\x7e]/);

describe("of a server that is not ours", () => {
	const evilMetrics = [
		'sandbox_api_build_info{version="1"} 1', "sandbox_api_open 1", "process_start_time_seconds 1",
		`sandbox_api_sessions{state="a${EVIL.replace(/\r?\n/g, "\\n")}b"} 3`,
		`sandbox_api_sessions_ended_total{reason="${EVIL.replace(/\r?\n/g, "\\n")}"} NaN`,
		`sandbox_api_refusals_total{limit="x${EVIL.replace(/\r?\n/g, "\\n")}"} 1e308`,
		`sandbox_api_pool_target{environment="${"e".repeat(1000)}"} -Inf`,
		'sandbox_api_echo_seconds_bucket{le="1"} 7', 'sandbox_api_echo_seconds_bucket{le="nonsense"} 7', 'sandbox_api_echo_seconds_bucket{le="+Inf"} NaN',
	].join("\n");

	test("nothing of what it says is obeyed by the terminal", async () => {
		const health = { ...HEALTH, status: `ok${EVIL}`, uptimeSeconds: EVIL, version: EVIL, worker_id: EVIL, reasons: [EVIL, { toString: 1 }, 7], gvisor: { kind: EVIL, version: EVIL } };
		const answers = (path) => (path === "/health" ? { text: JSON.stringify(health) } : { type: "text/plain", text: evilMetrics });
		await withStranger(answers, [], async (url) => {
			const ascii = { LANG: "C", NO_COLOR: "1" };
			const { code, out, err } = await monitor([url], { env: ascii });
			assert.equal(code, 1);
			assert.equal(err, "");
			assertTame(out);
			assert.ok(out.split("\n").every((line) => line.length <= 80), out);
			assertTame((await monitor([url], { terminal: true, env: ascii })).out.replaceAll("\r\n", "\n"));
			const json = await monitor(["--json", url]);
			assertTame(json.out);
			JSON.parse(json.out);
		});
	});

	test("a terminal that does not know its size is taken for one of 80x24", async () => {
		const answers = (path) => ({ text: path === "/health" ? JSON.stringify(HEALTH) : evilMetrics });
		const unknown = { terminal: true, size: "cols 0 rows 0", env: { NO_COLOR: "1" } };
		await withStranger(answers, [], async (url) => {
			assert.match((await monitor([url], unknown)).out, /^sandbox-api 1 {2}● ok {2}up 5s/);
			const it = start(["--watch", "0.1", url], unknown);
			await until(() => it.out.split("\x1b[H").length > 2, "it is drawn");
			it.child.stdin.write("\x03");
			const lines = (await it.ended).out.split("\x1b[H")[1].split("\r\n");
			assert.deepEqual([lines.length, new Set(lines.slice(0, -1).map((line) => line.length))], [24, new Set([80])]);
		});
	});

	test("a report that is no screen is made once, however often it is stopped and goes on", async () => {
		const answers = (path) => ({ text: path === "/health" ? JSON.stringify(HEALTH) : evilMetrics });
		await withStranger(answers, [], async (url) => {
			const it = start(["--watch", "1000", "--json", url]);
			await until(() => it.out.endsWith("\n"), "it is there");
			it.child.kill("SIGCONT");
			it.child.kill("SIGINT");
			const { code, out } = await it.ended;
			assert.deepEqual([code, out.trim().split("\n").length], [0, 1]);
		});
	});

	test("what answers no more is not called well, but the last figures stay", async () => {
		let left = 2;
		const answers = (path) => (path === "/health" ? { status: left-- > 0 ? 200 : 500, text: JSON.stringify(HEALTH) } : { text: evilMetrics });
		await withStranger(answers, [], async (url) => {
			const it = start(["--watch", "0.1", "--json", url]);
			await until(() => it.out.split("\n").length > 4, "it is missed");
			it.child.kill("SIGINT");
			const lines = (await it.ended).out.trim().split("\n").map((line) => JSON.parse(line));
			assert.deepEqual(lines.slice(0, 3).map(({ status }) => status), ["ok", "ok", "unknown"]);
			assert.match(lines[2].trouble, /\/health gives 500/);
			assert.deepEqual(lines[2].sessions.states, lines[0].sessions.states);
		});
	});

	test("a page of another program is told from ours", async () => {
		for (const [answer, said] of [
			[{ text: "{}" }, /is no sandbox-api: \/health gives 200 application\/json/],
			[{ type: `text/html${"x".repeat(500)}`, text: "<p>" }, /is no sandbox-api: \/health gives 200 text\/htmlx+\.\.\.$/m],
			[{ text: "{" }, /is no sandbox-api/],
			[{ status: 500, text: JSON.stringify(HEALTH) }, /gives 500/],
			[{ text: `"${"x".repeat(2 << 20)}"` }, /the answer is longer than 1 MiB/],
		])
			await withStranger(() => answer, [], async (url) => {
				const { code, out, err } = await monitor([url]);
				assert.deepEqual([code, out], [1, ""]);
				assert.match(err, said);
				assertTame(err);
			});
	});

	test("metrics of another program, and what is none, are told from ours", async () => {
		for (const [text, said] of [
			["up 1\n", /\/metrics gives the metrics of another program/],
			[`up 1\n${EVIL} 1\n`, /\/metrics gives no metrics: line 2 /],
			['up{a="b} 1\n', /line 1 /], ["up one\n", /line 1 /], ["up{a=b} 1\n", /line 1 /], ['up{a="b"c="d"} 1\n', /line 1 /],
		])
			await withStranger((path) => ({ text: path === "/health" ? JSON.stringify(HEALTH) : text }), [], async (url) => {
				const { code, out, err } = await monitor([url]);
				assert.deepEqual([code, out], [1, ""]);
				assert.match(err, said);
				assertTame(err);
			});
	});

	test("a session is ended where nobody reads how it goes", async () => {
		const id = `sess_${"1".repeat(32)}`;
		let host;
		const answers = (path) => (path === "/api/v1/sessions" ? { status: 201, text: JSON.stringify({ sessionId: id, wsUrl: `ws://${host}/ws?ticket=t` }) } : { text: "{}" });
		await withStranger(answers, [], async (url, { asked, sockets }) => {
			host = new URL(url).host;
			const it = start(["--test", url]);
			await until(() => sockets.clients.size === 1, "it waits for its prompt");
			it.child.stdout.destroy();
			for (const socket of sockets.clients) for (const text of ['{"type":"connected"}', '{"type":"initComplete"}', "$ "]) socket.send(text);
			const { code, err } = await it.ended;
			assert.deepEqual([code, err], [1, ""]);
			assert.equal(asked.at(-1), `DELETE /api/v1/sessions/${id}`);
		});
	});

	test("a session there ends with a sentence, whatever it sends", async () => {
		const session = (host, id = `sess_${"0".repeat(32)}`) => JSON.stringify({ sessionId: id, wsUrl: `ws://${host}/api/v1/sessions/x/ws?ticket=t` });
		const broken = `{"type":"${EVIL}`;
		for (const [make, frames, said] of [
			[() => ({ status: 201, text: session("elsewhere.example") }), [], /^ok +create.*\nFAIL {2}connect: its address is at ws:\/\/elsewhere\.example/],
			[() => ({ status: 201, text: session("x", EVIL) }), [], /^FAIL {2}create: the id of the session is not one/],
			[() => ({ status: 201, text: "[]" }), [], /^FAIL {2}create: /],
			[() => ({ status: 503, text: JSON.stringify({ error: EVIL, message: EVIL }) }), [], /^FAIL {2}create: no session: 503/],
			[(host) => ({ status: 201, text: session(host) }), [broken], /\nFAIL {2}prompt: the socket closed with 1007/],
			[(host) => ({ status: 201, text: session(host) }), ["{null}", "null"], /\nFAIL {2}prompt: /],
		]) {
			let host;
			await withStranger((path) => (path === "/api/v1/sessions" ? make(host) : { text: "{}" }), frames, async (url) => {
				host = new URL(url).host;
				const { code, out, err } = await monitor(["--test", url]);
				assert.deepEqual([code, err], [1, ""]);
				assert.match(out, said);
				assertTame(out);
			});
		}
	});
});
