// `sandbox-api check` against the real Engine: what it says, its exit code, and that it leaves nothing behind.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { createSession } from "./lib/client.js";
import { containersOf, createForeign, exists, remove } from "./lib/engine.js";
import { engineProxy, fakeEngine } from "./lib/engine_proxy.js";
import { get } from "./lib/http.js";
import { freePort, newWorkerId, startServer } from "./lib/server.js";
import { within } from "./lib/wait.js";

const PROGRAM = process.env.SERVER ?? "build/release/sandbox-api";
const PASSED_ON = ["PATH", "HOME", "DOCKER_HOST", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"];
const ANSWER_MAX_MS = 5000;

const IMAGES = ["bash", "python", "node"].map((name) => `image sandbox-api/${name}:latest`);

async function settings(env) {
	const passed = PASSED_ON.filter((name) => process.env[name] !== undefined);
	const base = Object.fromEntries(passed.map((name) => [name, process.env[name]]));
	return { ...base, HOST: "127.0.0.1", PORT: String(await freePort()), WORKER_ID: newWorkerId(), ...env };
}

/* A check under way: its process, and a promise of {code, lines, workerId}. */
async function startCheck(env = {}) {
	const all = await settings(env);
	const child = spawn(PROGRAM, ["check"], { env: all, stdio: ["ignore", "pipe", "inherit"] });
	const chunks = [];
	child.stdout.on("data", (chunk) => chunks.push(chunk));
	const ended = once(child, "close").then(([code]) => ({
		code,
		lines: Buffer.concat(chunks).toString().split("\n").slice(0, -1),
		workerId: all.WORKER_ID,
	}));
	return { child, result: within(ended, () => `the check ends\n${Buffer.concat(chunks)}`) };
}

async function assertNothingLeft(workerId) {
	const left = await containersOf(`${workerId}-check`);
	await Promise.all(left.map(({ Id }) => remove(Id)));
	assert.deepEqual(left, []);
}

/* Whatever comes out: one verdict a line, a sum that agrees with them, an exit code that agrees with it, and nothing left. */
async function check(env) {
	const { code, lines, workerId } = await (await startCheck(env)).result;
	const items = lines.slice(0, -1);
	const count = (word) => items.filter((line) => line.startsWith(word)).length;
	for (const line of items) assert.match(line, /^(ok {4}|warn {2}|FAIL {2}|skip {2})[\x20-\x7e]+$/);
	const [problems, warnings] = [count("FAIL"), count("warn")];
	const sum = problems ? `${problems} problem${problems > 1 ? "s" : ""}` : "all well";
	assert.equal(lines.at(-1), warnings ? `${sum}, ${warnings} warning${warnings > 1 ? "s" : ""}` : sum);
	assert.equal(code, problems ? 1 : 0, lines.join("\n"));
	await assertNothingLeft(workerId);
	return { code, text: lines.join("\n"), items };
}

function assertLines(text, expected) {
	for (const pattern of expected) assert.match(text, pattern);
}

test("all is well: a line for each item, exit code 0", async () => {
	const { code, items, text } = await check({});
	assert.equal(code, 0, text);
	const expected = [
		/^ok {4}HOST=127\.0\.0\.1/,
		/^ok {4}WORKER_ID test-\w+ is free/,
		/^ok {4}port \d+ of 127\.0\.0\.1 is free/,
		/^(ok|warn) +\d+ MiB of memory carry \d+ full sandboxes/,
		/^(ok|warn) +kernel\.pid_max=\d+ carries \d+ full sandboxes/,
		/^ok {4}at most \d+ sandboxes at once/,
		/^ok {4}Docker Engine \S+, API 1\.\d+, at unix:\/\/\S+ \(\d+ ms\)/,
		/^ok {4}runtime runsc: \S*runsc/,
		/^ok {4}memory, processes and CPU time are limited/,
		/^ok {4}runtime version [\w.+~-]*\d[\w.+~-]*, platform not set/,
		...IMAGES.map((image) => new RegExp(`^ok {4}${image}`)),
		/^ok {4}a sandbox of bash started and answered \(\d+ ms\)/,
		/^ok {4}in a sandbox the kernel is gVisor's/,
		/^ok {4}in a sandbox the user is not root/,
		/^ok {4}in a sandbox the user has no capabilities/,
		/^ok {4}in a sandbox the root is read-only/,
		/^ok {4}in a sandbox there is no network/,
		/^ok {4}in a sandbox memory is limited/,
		/^ok {4}no container of this check is left/,
	];
	const essential = items.filter((line) => !/limit swap/.test(line)); /* a matter of the host's boot parameters */
	assert.equal(essential.length, expected.length, text);
	expected.forEach((pattern, i) => assert.match(essential[i], pattern));
});

describe("an Engine that cannot be talked to", () => {
	const skipped = /^skip {2}runtime, images and a sandbox/m;

	test("no socket", async () => {
		const { text } = await check({ DOCKER_HOST: "unix:///nonexistent/engine.sock" });
		assertLines(text, [/^FAIL {2}there is no Docker socket \/nonexistent\/engine\.sock: start Docker/m, skipped]);
	});
	test("a file that is no socket", async () => {
		const { text } = await check({ DOCKER_HOST: "unix:///etc/hostname" });
		assertLines(text, [/^FAIL {2}\/etc\/hostname is not a socket/m, skipped]);
	});
	test("accepts and never answers", async () => {
		const fake = await fakeEngine(() => {});
		const start = performance.now();
		const { text } = await check({ DOCKER_HOST: fake.host });
		assert.ok(performance.now() - start < ANSWER_MAX_MS);
		assert.match(text, /^FAIL {2}the Docker Engine at unix:\/\/\S+ does not serve: /m);
		fake.close();
	});
	test("is too new", async () => {
		const body = '{"Version":"99.0","ApiVersion":"9.99","MinAPIVersion":"9.90"}';
		const proxy = await engineProxy([{ method: "GET", path: /\/version$/, answer: { status: 200, body } }]);
		const { text } = await check({ DOCKER_HOST: proxy.host });
		assert.match(text, /^FAIL .*9\.90.*Install another version of Docker$/m);
		proxy.close();
	});
});

describe("an Engine that lacks something", () => {
	async function checkWith(rules, env = {}) {
		const proxy = await engineProxy(rules);
		try {
			return await check({ DOCKER_HOST: proxy.host, ...env });
		} finally {
			proxy.close();
		}
	}
	const missing = { status: 404, body: '{"message":"No such image"}' };

	test("one image: the sandbox is tried all the same", async () => {
		const { text } = await checkWith([{ method: "GET", path: /\/images\/sandbox-api\/bash/, answer: missing }]);
		assertLines(text, [/^FAIL {2}image sandbox-api\/bash:latest is missing: run scripts\/build-images$/m, /^ok {4}a sandbox of python started/m, /^1 problem/m]);
	});
	test("every image", async () => {
		const { text } = await checkWith([{ method: "GET", path: /\/images\//, answer: missing }]);
		assertLines(text, [/^skip {2}no sandbox was started: an image/m, /^3 problems/m]);
	});
	test("the runtime", async () => {
		const { text } = await check({ SANDBOX_GVISOR_RUNTIME: "nonexistent" });
		assertLines(text, [/^FAIL {2}the Engine has no runtime named nonexistent: .*daemon\.json/m, /^skip {2}no sandbox was started: a runtime/m]);
	});
	test("limits, by its own fault and by the runtime's arguments", async () => {
		const body = JSON.stringify({ MemTotal: 1e9, NCPU: 2, Runtimes: { runsc: { path: "runsc", runtimeArgs: ["--ignore-cgroups"] } } });
		const { text } = await checkWith([{ method: "GET", path: /\/info$/, answer: { status: 200, body } }]);
		assertLines(text, [/^FAIL {2}runtime runsc is registered with --ignore-cgroups/m, /^FAIL .*cannot limit memory/m, /^FAIL .*cannot limit processes/m, /^FAIL .*cannot limit CPU time/m, /^warn .*cannot limit swap/m, /^skip /m]);
	});
	test("gVisor, although the runtime's name was found", async () => {
		const { text } = await check({ SANDBOX_GVISOR_RUNTIME: "runc" });
		assertLines(text, [/^FAIL {2}in a sandbox this is neither gVisor nor a virtual machine: its kernel is (the host's own|older than the sandbox), .*runtime is called runc/m, /^ok {4}runtime version not known/m, /^ok {4}in a sandbox the root is read-only/m, /^1 problem/m]);
	});
	test("gVisor, which was not asked for", async () => {
		const { code, text } = await check({ SANDBOX_USE_GVISOR: "false" });
		assert.equal(code, 0, text);
		assertLines(text, [/^warn {2}SANDBOX_USE_GVISOR=false/m, /^ok {4}a sandbox of bash started/m]);
		assert.doesNotMatch(text, /gVisor's$|runtime version/m);
	});
	test("the strength to start a sandbox: its words do not reach the terminal as they are", async () => {
		const answer = { status: 500, body: '{"message":"\\u001b[2Jfailed\\nok    all"}' };
		const { text } = await checkWith([{ method: "POST", path: /\/start$/, answer }]);
		assertLines(text, [/^FAIL {2}a sandbox does not start: .*\?\[2Jfailed\?ok {4}all/m, /^ok {4}no container of this check is left/m]);
	});
});

describe("the host", () => {
	test("a port that another program has", async () => {
		const other = createServer();
		await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
		const { text } = await check({ PORT: String(other.address().port) });
		assert.match(text, /^FAIL {2}port \d+ of 127\.0\.0\.1 is in use by another program: end it, or choose another PORT$/m);
		const { text: metrics } = await check({ METRICS_PORT: String(other.address().port), METRICS_HOST: "0.0.0.0" });
		assert.match(metrics, /^FAIL {2}port \d+ of 0\.0\.0\.0 is in use by another program: end it, or choose another METRICS_PORT$/m);
		assert.match(metrics, /^warn {2}METRICS_HOST=0\.0\.0\.0: anybody who reaches port \d+ reads the metrics/m);
		other.close();
	});
	test("an address of another host", async () => {
		const { text } = await check({ HOST: "192.0.2.1" });
		assert.match(text, /^FAIL {2}192\.0\.2\.1 is no address of this host/m);
	});
	test("beyond loopback without a key: a warning", async () => {
		const { code, text } = await check({ HOST: "0.0.0.0" });
		assert.equal(code, 0);
		assert.match(text, /^warn {2}HOST=0\.0\.0\.0 without SANDBOX_API_KEY/m);
		assert.doesNotMatch((await check({ HOST: "0.0.0.0", SANDBOX_API_KEY: "k" })).text, /^warn {2}HOST/m);
	});
	test("more sandboxes asked for than memory and process numbers carry", async () => {
		const { text } = await check({ CIRCUIT_MAX_CONTAINERS: "10000" });
		assertLines(text, [/^warn .*MiB of memory carry/m, /^warn {2}kernel\.pid_max=\d+ carries \d+ .*sysctl/m, /^ok {4}at most 10000 sandboxes at once/m]);
	});
});

test("a server that runs is not disturbed", async () => {
	const server = await startServer();
	await createSession(server);
	const before = await server.containers();
	assert.equal(before.length, 1);
	const { code, text } = await check({ WORKER_ID: server.workerId, PORT: server.url.port });
	assert.equal(code, 0, text);
	assertLines(text, [/^warn {2}a server with WORKER_ID \S+ is running/m, /^warn {2}port \d+ of \S+ is in use: a server is running/m]);
	assert.deepEqual((await server.containers()).map(({ Id }) => Id), before.map(({ Id }) => Id));
	const health = await get(server, "/health");
	assert.deepEqual([health.status, health.json.active_sessions], [200, 1]);
	await server.stop();
});

test("what a check left that was killed, the next one removes", async () => {
	const workerId = newWorkerId();
	const id = await createForeign({ name: `sandbox-left-${workerId}`, labels: { "sandbox-api.worker": `${workerId}-check` } });
	const { code } = await check({ WORKER_ID: workerId });
	assert.equal(code, 0);
	assert.equal(await exists(id), false);
});

describe("a check under way", () => {
	async function heldCheck(env) {
		const proxy = await engineProxy([{ method: "POST", path: /\/start$/, hold: true }]);
		const running = await startCheck({ ...env, DOCKER_HOST: proxy.host });
		await proxy.seen(0);
		return { proxy, ...running };
	}

	test("that is interrupted leaves nothing", async () => {
		const { proxy, child, result } = await heldCheck({});
		child.kill("SIGTERM");
		proxy.release(0);
		const { code, lines, workerId } = await result;
		assert.equal(code, 1);
		assertLines(lines.join("\n"), [/^FAIL {2}interrupted by signal 15$/m, /^ok {4}no container of this check is left$/m, /^1 problem$/m]);
		await assertNothingLeft(workerId);
		proxy.close();
	});

	test("is not disturbed by a second one, which says why it cannot go on", async () => {
		const workerId = newWorkerId();
		const { proxy, result } = await heldCheck({ WORKER_ID: workerId });
		const second = await (await startCheck({ WORKER_ID: workerId })).result;
		assert.equal(second.code, 1);
		assert.match(second.lines.join("\n"), /^FAIL {2}no sandbox was started: another check/m);
		assert.equal((await containersOf(`${workerId}-check`)).length, 1);
		proxy.release(0);
		assert.equal((await result).code, 0);
		await assertNothingLeft(workerId);
		proxy.close();
	});
});
