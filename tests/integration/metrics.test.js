// /metrics: what it says is what was done, in the format that Prometheus reads.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import http from "node:http";
import { describe, test } from "node:test";
import { Terminal, createSession, deleteSession, refusedHandshake } from "./lib/client.js";
import { ask, askForMany, stranger } from "./lib/clients.js";
import { describeWith } from "./lib/describe_with.js";
import { containersOfSession, kill } from "./lib/engine.js";
import { CONTENT_TYPE, Exposition, scrape } from "./lib/exposition.js";
import { assertError, get, post, request } from "./lib/http.js";
import { descriptorCount, residentBytes } from "./lib/processes.js";
import { RawSocket } from "./lib/raw.js";
import { Server, freePort, newWorkerId, startServer, withServer } from "./lib/server.js";
import { pause, until } from "./lib/wait.js";

const POOL_LIMIT_MS = 60_000;
const NOBODY = `sess_${"0".repeat(32)}`;

/* Every name, its type and its labels, as docs/operations.md has them. */
const WANTED = {
	sandbox_api_build_info: ["gauge", "version"],
	process_cpu_seconds_total: ["counter"],
	process_resident_memory_bytes: ["gauge"],
	process_virtual_memory_bytes: ["gauge"],
	process_open_fds: ["gauge"],
	process_max_fds: ["gauge"],
	process_start_time_seconds: ["gauge"],
	sandbox_api_event_loop_lag_seconds: ["histogram"],
	sandbox_api_sessions: ["gauge", "state"],
	sandbox_api_sessions_created_total: ["counter", "environment"],
	sandbox_api_sessions_ended_total: ["counter", "reason"],
	sandbox_api_websockets: ["gauge"],
	sandbox_api_containers: ["gauge"],
	sandbox_api_containers_max: ["gauge"],
	sandbox_api_open: ["gauge"],
	sandbox_api_pool_sandboxes: ["gauge", "environment", "state"],
	sandbox_api_pool_target: ["gauge", "environment"],
	sandbox_api_pool_claims_total: ["counter", "environment", "result"],
	sandbox_api_pool_discarded_total: ["counter", "environment"],
	sandbox_api_engine_up: ["gauge"],
	sandbox_api_engine_requests_total: ["counter", "verb", "outcome"],
	sandbox_api_engine_request_duration_seconds: ["histogram", "verb"],
	sandbox_api_session_create_duration_seconds: ["histogram", "start"],
	sandbox_api_connect_to_prompt_seconds: ["histogram", "start"],
	sandbox_api_echo_seconds: ["histogram"],
	sandbox_api_terminal_bytes_total: ["counter", "direction"],
	sandbox_api_output_waits_total: ["counter"],
	sandbox_api_refusals_total: ["counter", "limit"],
	sandbox_api_http_responses_total: ["counter", "code"],
};

/* How much each series has grown: counters are compared with what the test did, not with what was there. */
class Growth {
	constructor(server, before) {
		this.server = server;
		this.before = before;
	}

	static async since(server) {
		return new Growth(server, await scrape(server));
	}

	async look() {
		this.now = await scrape(this.server);
		return this;
	}

	of(name, labels) {
		return this.now.value(name, labels) - this.before.value(name, labels);
	}

	/* The series of a family that have grown, by its only label. */
	by(name, label) {
		const [before, now] = [this.before.by(name, label), this.now.by(name, label)];
		return Object.fromEntries(Object.keys(now).map((key) => [key, now[key] - before[key]]).filter(([, n]) => n !== 0));
	}

	requests(verb) {
		return this.of("sandbox_api_engine_requests_total", { verb, outcome: "ok" });
	}
}

/* Waits for what comes a moment later than its answer. */
function grown(growth, look, what) {
	return until(async () => look(await growth.look()), what);
}

describeWith("the text", {}, (it) => {
	test("follows every rule of the format, and has every metric that is documented, with its type and labels", async () => {
		const { families } = await scrape(it.server);
		const found = Object.fromEntries([...families.values()].map(({ name, type, labels }) => [name, [type, ...labels]]));
		assert.deepEqual(found, WANTED);
		for (const { help } of families.values()) assert.match(help, /^[A-Z1].*\.$/);
	});

	test("promtool has nothing to say of it", async () => {
		const { text } = await get(it.server, "/metrics");
		const { status, stdout, stderr, error } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
		assert.deepEqual([error, stdout, stderr, status], [undefined, "", "", 0]);
	});

	test("is found wrong by this test's own reader where it is wrong", () => {
		const good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 1\n";
		assert.equal(new Exposition(good).value("a_total", { x: "1" }), 1);
		const bad = [
			good.slice(0, -1), good + good, `${good}a_total{x="1"} 2\n`, `${good}a_total 2\n`, `${good}\n`, `${good}b 1\n`, good.replace("# TYPE a_total counter\n", ""),
			good.replace("x=\"1\"", "x=\"\"\"\""), good.replace("} 1", "} 1 1700000000"), good.replace("} 1", "} one"), good.replaceAll("a_total", "a-total"),
			good.replaceAll("a_total", "a"), good.replaceAll("a_total", "a_ms_total"), good.replace("} 1", "} -1"), good.replace("A.", ""),
			histogram("2 1 2 2"), histogram("1 2 2 2").replace("le=\"2\"", "le=\"0.5\""), histogram("1 2 2 3"), histogram("1 2 2 2").replace(/a_sum.*\n/, ""),
		];
		assert.doesNotThrow(() => new Exposition(histogram("1 2 2 2")));
		for (const text of bad) assert.throws(() => new Exposition(text), { code: "ERR_ASSERTION" }, text);
	});

	test("says which version and which process it is", async () => {
		const now = await scrape(it.server);
		const { json } = await get(it.server, "/health");
		const { pid } = it.server;
		assert.equal(now.value("sandbox_api_build_info", { version: json.version }), 1);
		assert.ok(Math.abs(now.value("process_start_time_seconds") + json.uptimeSeconds - Date.now() / 1000) < 5);
		assert.ok(Math.abs(now.value("process_resident_memory_bytes") / residentBytes(pid) - 1) < 0.2);
		assert.ok(now.value("process_virtual_memory_bytes") > now.value("process_resident_memory_bytes"));
		assert.ok(now.value("process_cpu_seconds_total") > 0);
		const limit = /^Max open files +(\d+)/m.exec(execFileSync("cat", [`/proc/${pid}/limits`], { encoding: "utf8" }))[1];
		assert.equal(now.value("process_max_fds"), Number(limit));
	});

	test("counts descriptors", async () => {
		const fds = async () => (await scrape(it.server)).value("process_open_fds");
		const before = await fds();
		assert.ok(Math.abs(before - descriptorCount(it.server.pid)) <= 2, `${before}`);
		const sockets = Array.from({ length: 20 }, () => new RawSocket(it.server));
		await until(async () => (await fds()) >= before + 20, "20 more");
		for (const socket of sockets) socket.destroy();
		await until(async () => (await fds()) <= before + 1, "they are gone");
	});

	test("GET and HEAD only", async () => {
		const full = await get(it.server, "/metrics");
		const head = await request(it.server, "HEAD", "/metrics");
		assert.deepEqual([head.status, head.text, head.headers["content-type"]], [200, "", CONTENT_TYPE]);
		assert.equal(full.headers["content-length"], String(full.body.length));
		for (const method of ["POST", "DELETE", "PUT"]) {
			const answer = await request(it.server, method, "/metrics", { body: "" });
			assertError(answer, 405, "MethodNotAllowed");
			assert.match(answer.headers.allow, /^GET, HEAD/);
		}
		for (const path of ["/metrics/", "/Metrics", "/metrics.txt"]) assertError(await get(it.server, path), 404, "NotFound");
	});

	test("answers are counted by their status", async () => {
		const growth = await Growth.since(it.server);
		await get(it.server, "/health");
		await get(it.server, "/nothing");
		await get(it.server, "/nothing");
		await post(it.server, "/api/v1/sessions", "{");
		await refusedHandshake(it.server, "/api/v1/sessions/x/y/ws");
		await growth.look();
		/* The scrape before counts, this one does not yet. */
		assert.deepEqual(growth.by("sandbox_api_http_responses_total", "code"), { 200: 2, 400: 2, 404: 2 });
	});

	test("costs little", async (t) => {
		const ROUNDS = 200;
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
		const one = () => request(it.server, "GET", "/metrics", { agent });
		for (let i = 0; i < 20; i++) await one();
		const before = await scrape(it.server);
		const times = [];
		for (let i = 0; i < ROUNDS; i++) {
			const start = performance.now();
			await one();
			times.push(performance.now() - start);
		}
		const cpu = (await scrape(it.server)).value("process_cpu_seconds_total") - before.value("process_cpu_seconds_total");
		agent.destroy();
		const ms = (cpu * 1000) / ROUNDS;
		const { body } = await get(it.server, "/metrics");
		t.diagnostic(`a scrape of ${Math.round(body.length / 1024)} KiB takes the server ${ms.toFixed(2)} ms, and is there after ${times.sort((a, b) => a - b)[ROUNDS / 2].toFixed(2)} ms`);
		assert.ok(ms < 10, `${ms} ms`);
	});

	test("a loop that stands still shows", async () => {
		const late = (now) => now.value("sandbox_api_event_loop_lag_seconds_count") - now.value("sandbox_api_event_loop_lag_seconds_bucket", { le: "0.25" });
		const before = await scrape(it.server);
		it.server.child.kill("SIGSTOP");
		await pause(700);
		it.server.child.kill("SIGCONT");
		const now = await scrape(it.server);
		assert.ok(late(now) > late(before));
		assert.ok(now.value("sandbox_api_event_loop_lag_seconds_sum") > before.value("sandbox_api_event_loop_lag_seconds_sum") + 0.25);
	});
});

function histogram(counts) {
	const [one, two, all, count] = counts.split(" ");
	const lines = [`a_bucket{le="1"} ${one}`, `a_bucket{le="2"} ${two}`, `a_bucket{le="+Inf"} ${all}`, "a_sum 3.5", `a_count ${count}`];
	return ["# HELP a A.", "# TYPE a histogram", ...lines, ""].join("\n");
}

describeWith("a session's life", {}, (it) => {
	test("is counted from its request to its end", async () => {
		const growth = await Growth.since(it.server);
		const { sessionId } = await createSession(it.server, { environment: "python" });
		await growth.look();
		assert.deepEqual(growth.by("sandbox_api_sessions", "state"), { running: 1 });
		assert.deepEqual(growth.by("sandbox_api_sessions_created_total", "environment"), { python: 1 });
		assert.deepEqual([growth.of("sandbox_api_containers"), growth.requests("create"), growth.requests("attach"), growth.requests("start")], [1, 1, 1, 1]);
		assert.equal(growth.of("sandbox_api_session_create_duration_seconds_count", { start: "cold" }), 1);
		const took = growth.of("sandbox_api_session_create_duration_seconds_sum", { start: "cold" });
		const calls = ["create", "attach", "start"].map((verb) => growth.of("sandbox_api_engine_request_duration_seconds_sum", { verb }));
		assert.ok(took > calls.reduce((a, b) => a + b) && took < 20 && calls.every((each) => each > 0), `${took} ${calls}`);
		await deleteSession(it.server, sessionId);
		await grown(growth, () => growth.requests("remove") === 1 && growth.of("sandbox_api_containers") === 0, "the container is gone");
		assert.deepEqual(growth.by("sandbox_api_sessions", "state"), {});
		assert.deepEqual(growth.by("sandbox_api_sessions_ended_total", "reason"), { deleted: 1 });
		assert.equal(growth.now.value("sandbox_api_engine_up"), 1);
	});

	test("has a terminal, whose bytes, prompt and echoes are measured", async () => {
		const { sessionId } = await createSession(it.server);
		const growth = await Growth.since(it.server);
		const terminal = await Terminal.open(it.server, sessionId);
		await terminal.prompt();
		await growth.look();
		assert.deepEqual([growth.of("sandbox_api_websockets"), growth.of("sandbox_api_connect_to_prompt_seconds_count", { start: "cold" })], [1, 1]);
		assert.equal(growth.of("sandbox_api_echo_seconds_count"), 0);
		for (const key of "abcdefgh") {
			await terminal.send(key);
			await terminal.waitFor(key);
		}
		await terminal.sendJson({ type: "input", data: "\x15" });
		await terminal.sendJson({ type: "resize", rows: 30, cols: 100 });
		const sent = 9;
		await grown(growth, () => growth.of("sandbox_api_echo_seconds_count") >= sent - 1, "eight echoes");
		assert.ok(growth.of("sandbox_api_echo_seconds_count") <= sent);
		assert.ok(growth.of("sandbox_api_echo_seconds_sum") < 5);
		assert.equal(growth.of("sandbox_api_terminal_bytes_total", { direction: "in" }), sent);
		const { output } = await terminal.run("head -c 100000 /dev/zero | tr '\\0' x");
		assert.equal(output.length, 100000);
		await terminal.close();
		await grown(growth, () => growth.of("sandbox_api_websockets") === 0, "the WebSocket is gone");
		const shown = terminal.frames.filter(({ type }) => type === "raw" || type === "output").reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
		assert.equal(growth.of("sandbox_api_terminal_bytes_total", { direction: "out" }), shown);
		assert.equal(growth.of("sandbox_api_http_responses_total", { code: "101" }), 1);
		await deleteSession(it.server, sessionId);
	});

	test("ends with the reason that the user read", async () => {
		const growth = await Growth.since(it.server);
		const { sessionId } = await createSession(it.server);
		const terminal = await Terminal.open(it.server, sessionId);
		await kill((await containersOfSession(sessionId))[0].Id);
		assert.equal((await terminal.closing()).code, 4011);
		await growth.look();
		assert.deepEqual(growth.by("sandbox_api_sessions_ended_total", "reason"), { sandbox_died: 1 });
	});

	test("does not begin where the client leaves first, and gauges return to zero", async () => {
		const before = await scrape(it.server);
		const made = (await askForMany(it.server, 6)).made;
		assert.equal((await scrape(it.server)).value("sandbox_api_sessions", { state: "running" }), 6);
		await Promise.all(made.map(({ sessionId }) => deleteSession(it.server, sessionId)));
		const zero = ["sandbox_api_sessions{running}", "sandbox_api_websockets", "sandbox_api_containers"];
		await until(async () => {
			const now = await scrape(it.server);
			const created = Object.values(now.by("sandbox_api_sessions_created_total", "environment")).reduce((a, b) => a + b);
			const ended = Object.values(now.by("sandbox_api_sessions_ended_total", "reason")).reduce((a, b) => a + b);
			return created === ended && !now.value("sandbox_api_sessions", { state: "running" }) && !now.value("sandbox_api_websockets") && !now.value("sandbox_api_containers");
		}, zero.join());
		assert.equal((await scrape(it.server)).value("sandbox_api_open"), before.value("sandbox_api_open"));
	});
});

describe("ends by the clock", () => {
	for (const [reason, env] of [["idle", { IDLE_TIMEOUT: "1s" }], ["lifetime", { MAX_LIFETIME: "2s" }]])
		test(`are counted: ${reason}`, () =>
			withServer(env, async (server) => {
				const growth = await Growth.since(server);
				await createSession(server);
				await grown(growth, () => growth.of("sandbox_api_sessions_ended_total", { reason }) === 1, reason);
				assert.deepEqual(growth.by("sandbox_api_sessions_ended_total", "reason"), { [reason]: 1 });
			}));
});

describe("the pool", () => {
	test("shows what is there and what was taken; its starts and prompts are warm", () =>
		withServer({ POOL_SIZE: "1" }, async (server) => {
			const ready = async (now) => (await now).families.get("sandbox_api_pool_sandboxes").samples.filter(({ labels }) => labels.state === "ready");
			await until(async () => (await ready(scrape(server))).every(({ value }) => value === 1), "one of each", POOL_LIMIT_MS);
			const growth = await Growth.since(server);
			assert.deepEqual(growth.before.by("sandbox_api_pool_target", "environment"), { bash: 1, python: 1, node: 1 });
			const { sessionId } = await createSession(server);
			const terminal = await Terminal.open(server, sessionId);
			await terminal.prompt();
			await growth.look();
			assert.equal(growth.of("sandbox_api_pool_claims_total", { environment: "bash", result: "hit" }), 1);
			assert.equal(growth.of("sandbox_api_session_create_duration_seconds_count", { start: "warm" }), 1);
			assert.ok(growth.of("sandbox_api_session_create_duration_seconds_sum", { start: "warm" }) < 0.2);
			assert.equal(growth.of("sandbox_api_connect_to_prompt_seconds_count", { start: "warm" }), 1);
			const second = await Terminal.open(server, sessionId);
			await second.prompt();
			await growth.look();
			assert.equal(growth.of("sandbox_api_connect_to_prompt_seconds_count", { start: "cold" }), 1);
		}));

	test("says when there is none to take", () =>
		withServer({}, async (server) => {
			const growth = await Growth.since(server);
			await createSession(server, { environment: "node" });
			await growth.look();
			assert.equal(growth.of("sandbox_api_pool_claims_total", { environment: "node", result: "miss" }), 1);
			assert.equal(growth.of("sandbox_api_session_create_duration_seconds_count", { start: "warm" }), 0);
		}));
});

describe("refusals", () => {
	const refusals = (growth) => growth.by("sandbox_api_refusals_total", "limit");

	test("are counted by the limit: sessions, sessions_per_hour, websockets", () =>
		withServer({ MAX_CONCURRENT_PER_IP: "1", MAX_SESSIONS_PER_HOUR: "2", MAX_WEBSOCKETS_PER_IP: "1" }, async (server) => {
			const growth = await Growth.since(server);
			const client = stranger();
			const first = await createSession(server, {}, client);
			for (let i = 0; i < 3; i++) assertError(await ask(server, client), 429, "TooManySessions");
			await deleteSession(server, first.sessionId, client);
			const { sessionId } = await createSession(server, {}, client);
			await deleteSession(server, sessionId, client);
			assertError(await ask(server, client), 429, "TooManySessions");
			const other = stranger();
			const session = await createSession(server, {}, other);
			await Terminal.open(server, session.sessionId, { headers: other });
			assert.equal((await refusedHandshake(server, `/api/v1/sessions/${session.sessionId}/ws`, other)).status, 429);
			await growth.look();
			assert.deepEqual(refusals(growth), { sessions: 3, sessions_per_hour: 1, websockets: 1 });
			assert.equal(growth.of("sandbox_api_http_responses_total", { code: "429" }), 5);
			assert.equal(growth.of("sandbox_api_http_responses_total", { code: "201" }), 3);
		}));

	test("host and terminals", () =>
		withServer({ CIRCUIT_MAX_CONTAINERS: "1" }, async (server) => {
			const growth = await Growth.since(server);
			assert.equal(growth.before.value("sandbox_api_containers_max"), 1);
			assert.equal(growth.before.value("sandbox_api_open"), 1);
			const { sessionId } = await createSession(server);
			const refused = await askForMany(server, 4);
			assert.equal(refused.made.length, 0);
			for (let i = 0; i < 16; i++) await Terminal.open(server, sessionId);
			assert.equal((await refusedHandshake(server, `/api/v1/sessions/${sessionId}/ws`)).status, 429);
			await growth.look();
			assert.deepEqual(refusals(growth), { host: 4, terminals: 1 });
			assert.equal(growth.now.value("sandbox_api_open"), 0);
			assert.equal(growth.now.value("sandbox_api_websockets"), 16);
		}));

	test("commands", () =>
		withServer({ COMMANDS_PER_MINUTE: "2" }, async (server) => {
			const growth = await Growth.since(server);
			const { sessionId } = await createSession(server);
			const terminal = await Terminal.open(server, sessionId);
			for (let i = 0; i < 3; i++) await terminal.type("true");
			await terminal.message("error");
			await growth.look();
			assert.ok(refusals(growth).commands >= 1);
		}));
});

describe("without an Engine", () => {
	test("there is an answer all the same, which says so", async () => {
		const server = await startServer({ DOCKER_HOST: "unix:///nowhere/docker.sock" }, { health: false });
		try {
			await until(async () => (await scrape(server)).value("sandbox_api_engine_requests_total", { verb: "version", outcome: "error" }) >= 1, "a call has failed");
			assertError(await ask(server, {}), 503, "ServiceUnavailable");
			const now = await scrape(server);
			assert.deepEqual([now.value("sandbox_api_engine_up"), now.value("sandbox_api_open"), now.value("sandbox_api_refusals_total", { limit: "host" })], [0, 0, 1]);
		} finally {
			await server.signal("SIGTERM");
		}
	});
});

describe("an address of their own", () => {
	const at = (port) => ({ url: new URL(`http://127.0.0.1:${port}`) });

	test("has the metrics and nothing else, and the main port has them no more", async () => {
		const port = await freePort();
		await withServer({ METRICS_PORT: String(port) }, async (server) => {
			assert.ok((await scrape(at(port))).value("sandbox_api_open") === 1);
			assert.ok(server.log.some((line) => line.includes(`metrics.listening url=http://127.0.0.1:${port}/metrics`)), server.tail);
			assert.ok(!server.log.some((line) => line.includes("metrics.open")));
			for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS"]) {
				const { status } = await request(server, method, "/metrics", { body: method === "POST" ? "{}" : undefined });
				assert.equal(status, 404, method);
			}
			for (const path of ["/", "/health", "/status", "/terminal.js", "/api/v1/environments", "/api/v1/status"]) assertError(await get(at(port), path), 404, "NotFound");
			assertError(await post(at(port), "/api/v1/sessions", { toolPair: "x" }), 404, "NotFound");
			assertError(await post(at(port), "/metrics"), 405, "MethodNotAllowed");
			assert.equal((await refusedHandshake(at(port), `/api/v1/sessions/${NOBODY}/ws`)).status, 404);
			await createSession(server);
			assert.equal((await scrape(at(port))).value("sandbox_api_sessions", { state: "running" }), 1);
		});
	});

	test("beyond loopback is said in the log", async () => {
		const port = await freePort();
		await withServer({ METRICS_PORT: String(port), METRICS_HOST: "0.0.0.0" }, async (server) => {
			assert.ok(server.log.some((line) => / warn metrics\.open /.test(line)), server.tail);
			await scrape(at(port));
		});
	});

	async function startFails(env) {
		const server = new Server({ HOST: "127.0.0.1", PORT: String(await freePort()), WORKER_ID: newWorkerId(), ...env });
		const how = await server.exited;
		return [how.code, server.log.join("\n")];
	}

	test("that is taken stops the start, and says which", async () => {
		await withServer({}, async ({ url }) => {
			const [code, log] = await startFails({ METRICS_PORT: url.port });
			assert.equal(code, 1);
			assert.match(log, new RegExp(`METRICS_PORT: cannot listen on 127\\.0\\.0\\.1 port ${url.port}: is it in use\\?`));
		});
	});

	test("that is the main port is a mistake", async () => {
		const port = String(await freePort());
		const [code, log] = await startFails({ PORT: port, METRICS_PORT: port });
		assert.equal(code, 2);
		assert.match(log, new RegExp(`METRICS_PORT: ${port} is PORT, too`));
	});
});

describe("/status, for people", () => {
	test("has a line for each value, every state, and what was looked at", () =>
		withServer({}, async (server) => {
			const { sessionId } = await createSession(server);
			await Terminal.open(server, sessionId);
			const { text, json } = await get(server, "/status");
			assert.ok(text.split("\n").length > 50);
			assert.deepEqual(json.sessions, { reserving: 0, starting: 0, running: 1, destroying: 0, terminals: 1, websockets: 1 });
			assert.deepEqual(json.checks, { engine: true, events: true, runtime: true, canary: true, starts: true, images: { bash: true, python: true, node: true } });
			assert.ok(json.engine.latencyMs >= 0);
		}));
});
