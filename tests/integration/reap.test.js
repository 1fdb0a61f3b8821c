// What an Engine leaks under runsc, on an Engine of this test's own, and scripts/reap-leaks, which removes it.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PrivateEngine } from "./lib/private_engine.js";
import { until } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const FAILED_PER_SERVER = 3; /* then the circuit is open */
const REAP_LIMIT_MS = 30_000;

/* While this file is there the runtimes below fail; before, a server's canary has to pass. */
const FAILING = join(tmpdir(), `sandbox-reap-${randomBytes(6).toString("hex")}`);

/* The sandbox is there, and cannot be started. */
const FAILS_AT_START = `#!/bin/bash
[[ " $* " != *" start "* || ! -e ${FAILING} ]] || exit 1
exec runsc "$@"
`;

/* runsc is killed as soon as it has made the first control group, as by a machine out of memory. */
const DIES_AT_CREATE = `#!/bin/bash
[[ " $* " == *" create "* && -e ${FAILING} ]] || exec runsc "$@"
runsc "$@" &
until compgen -G "/sys/fs/cgroup/*/\${!#}" || compgen -G "/sys/fs/cgroup/*/*/\${!#}"; do
	kill -0 $! || exit 1
done >/dev/null
kill -KILL $!
exit 1
`;

/* Before the first import that reads DOCKER_HOST. */
const engine = new PrivateEngine({ "fails-at-start": FAILS_AT_START, "dies-at-create": DIES_AT_CREATE });

let startServer, createSession, request, post, get;

function ask(method, path, body) {
	const headers = { Host: "engine", "Content-Type": "application/json" };
	return request({ socketPath: `${engine.run}/docker.sock` }, method, path, { headers, body: JSON.stringify(body) });
}

/* A container with our agent in it that is not ours, started; it may not outlive the start. */
async function foreign(runtime) {
	const { json } = await ask("POST", "/containers/create", {
		Image: "sandbox-api/bash:latest",
		Entrypoint: ["/usr/local/bin/sandbox-agent"],
		Hostname: "foreign",
		OpenStdin: true,
		HostConfig: { NetworkMode: "none", Runtime: runtime, AutoRemove: true },
	});
	const { status } = await ask("POST", `/containers/${json.Id}/start`, {});
	return { id: json.Id, status };
}

/* Resolves to {code, lines}: of its log, each as {action, what, id, ...}. */
function reap(args, env = {}) {
	return new Promise((resolve) => {
		execFile("scripts/reap-leaks", args, { env: { ...engine.env, ...env }, timeout: REAP_LIMIT_MS }, (error, stdout, stderr) => {
			const fields = (line) => Object.fromEntries(line.split(" ").filter((word) => word.includes("=")).map((word) => word.split(/=(.*)/s)));
			const lines = stderr.split("\n").filter((line) => line.includes("action=")).map(fields);
			resolve({ code: error ? error.code : 0, lines, stderr });
		});
	});
}

function actions(lines, id) {
	return [...new Set(lines.filter((line) => !id || line.id === id).map(({ action }) => action))].sort();
}

/* As many failed starts as a server tries, and nothing left of them that the Engine knows. */
async function failedStarts(runtime) {
	rmSync(FAILING, { force: true });
	const server = await startServer({ SANDBOX_GVISOR_RUNTIME: runtime });
	writeFileSync(FAILING, "");
	for (let i = 0; i < FAILED_PER_SERVER; i++) assert.equal((await post(server, SESSIONS, { toolPair: "x" })).status, 503);
	assert.equal(server.log.filter((line) => /session\.created/.test(line)).length, FAILED_PER_SERVER, server.tail);
	await server.stop();
}

function sum(counts) {
	return Object.values(counts).reduce((a, b) => a + b, 0);
}

describe("what the Engine leaks", () => {
	let server, living, stranger, failed, baseline, leaked;

	before(async () => {
		engine.start();
		engine.copyImage("sandbox-api/bash:latest", ["sandbox-api/python", "sandbox-api/node"]);
		({ startServer } = await import("./lib/server.js"));
		({ createSession } = await import("./lib/client.js"));
		({ request, post, get } = await import("./lib/http.js"));
	});

	after(async () => {
		await server?.stop().catch(() => server.signal("SIGKILL"));
		engine.stop();
		rmSync(FAILING, { force: true });
	});

	test("failed starts leave processes, bundles and control groups that no Engine knows", async (t) => {
		server = await startServer();
		const { sessionId } = await createSession(server);
		living = { sessionId, id: (await server.containers())[0].Id };
		stranger = await foreign("runsc");
		writeFileSync(FAILING, "");
		failed = await foreign("fails-at-start");
		assert.deepEqual([stranger.status, failed.status], [204, 500]);
		baseline = engine.counts();
		await failedStarts("fails-at-start");
		const halfway = engine.counts();
		assert.equal(halfway.shims, baseline.shims + FAILED_PER_SERVER);
		assert.equal(halfway.sandboxes, baseline.sandboxes + FAILED_PER_SERVER);
		await failedStarts("dies-at-create");
		leaked = engine.counts();
		assert.ok(leaked.cgroups > halfway.cgroups, "a create that was killed leaves control groups");
		t.diagnostic(`before ${JSON.stringify(baseline)}`);
		t.diagnostic(`after ${2 * FAILED_PER_SERVER} failures ${JSON.stringify(leaked)}`);
	});

	test("a dry run says what is whose and touches nothing", async () => {
		const { code, lines } = await reap(["--dry-run", "--min-age", "0"]);
		assert.equal(code, 0);
		const ids = [...new Set(lines.filter(({ action }) => action === "would-remove").map(({ id }) => id))];
		assert.equal(ids.length, 2 * FAILED_PER_SERVER);
		assert.deepEqual([...new Set(lines.map(({ why }) => why))].sort(), ["bundle", "label", "none"]);
		assert.deepEqual(actions(lines, failed.id), ["unknown"]);
		assert.deepEqual([...actions(lines, living.id), ...actions(lines, stranger.id)], []);
		assert.equal(lines.filter(({ action }) => action === "would-remove").length, sum(leaked) - sum(baseline));
		assert.deepEqual(engine.counts(), leaked);
	});

	test("what is younger than the minimum age is left alone", async () => {
		const { code, lines } = await reap([]);
		assert.deepEqual([code, lines], [0, []]);
		assert.deepEqual(engine.counts(), leaked);
	});

	test("an Engine that is absent or talks nonsense proves nothing: exit code 1, and nothing is touched", async () => {
		const liar = http.createServer((_, response) => response.end('{"message":"no list"}'));
		const socket = join(engine.directory, "liar.sock");
		await new Promise((resolve) => liar.listen(socket, resolve));
		try {
			for (const path of [socket, join(engine.directory, "absent.sock")]) {
				const { code, lines, stderr } = await reap(["--min-age", "0"], { DOCKER_HOST: `unix://${path}` });
				assert.deepEqual([code, lines], [1, []], stderr);
				assert.match(stderr, /nothing is touched/);
			}
		} finally {
			liar.close();
		}
		assert.deepEqual(engine.counts(), leaked);
	});

	test("another Engine's leaks are not touched, even if it knows none of the containers", async () => {
		const answers = { "/containers/json": [], "/info": { DockerRootDir: "/var/lib/another" }, "/events": "" };
		const another = http.createServer((incoming, response) => {
			const answer = answers[incoming.url.split("?")[0]];
			response.end(answer === "" ? "" : JSON.stringify(answer));
		});
		const socket = join(engine.directory, "another.sock");
		await new Promise((resolve) => another.listen(socket, resolve));
		try {
			const { code, lines, stderr } = await reap(["--min-age", "0"], { DOCKER_HOST: `unix://${socket}` });
			assert.deepEqual([code, lines], [0, []], stderr);
		} finally {
			another.close();
		}
		assert.deepEqual(engine.counts(), leaked);
	});

	test("all that was ours is removed; a living sandbox and what is not ours stay", async (t) => {
		const start = performance.now();
		const { code, lines, stderr } = await reap(["--min-age", "0"]);
		assert.equal(code, 0, stderr);
		assert.deepEqual(actions(lines), ["removed"]);
		t.diagnostic(`after the reaper ${JSON.stringify(engine.counts())}, ${lines.length} things in ${Math.round(performance.now() - start)} ms`);
		assert.deepEqual(engine.counts(), baseline);
		assert.equal((await get(server, `${SESSIONS}/${living.sessionId}`)).status, 200);
		for (const { id } of [living, stranger]) assert.equal((await ask("GET", `/containers/${id}/json`)).json.State.Running, true);
		assert.equal(engine.counts(failed.id).shims, 1);
		assert.deepEqual((await reap(["--min-age", "0"])).lines, []);
	});

	/* The bundle, state and control groups of the failed foreign start, under a name that containerd has never heard of,
	 * as one of ours, and with what a careless removal would follow. */
	test("what containerd has forgotten is removed by hand, and nothing that it points at", async () => {
		const id = randomBytes(32).toString("hex");
		const bundle = join(engine.taskRoot, id);
		const precious = join(engine.directory, "precious");
		mkdirSync(join(bundle, "rootfs/mounted"), { recursive: true });
		mkdirSync(precious);
		writeFileSync(join(precious, "file"), "kept");
		const config = JSON.parse(readFileSync(join(engine.taskRoot, failed.id, "config.json"), "utf8").replaceAll(failed.id, id));
		writeFileSync(join(bundle, "config.json"), JSON.stringify({ ...config, hostname: "sandbox" }));
		writeFileSync(join(engine.stateRoot, `${id}_sandbox:${id}.lock`), "");
		symlinkSync(precious, join(bundle, "work"));
		execFileSync("mount", ["--bind", precious, join(bundle, "rootfs/mounted")]);
		for (const root of engine.cgroupRoots) mkdirSync(join(root, id, "below"), { recursive: true });
		assert.ok(engine.counts(id).cgroups > 0);
		const { code, lines, stderr } = await reap(["--min-age", "0"]);
		assert.equal(code, 0, stderr);
		assert.ok(lines.length > 2 && lines.every((line) => line.id === id && line.action === "removed" && line.why === "bundle"), stderr);
		assert.equal(sum(engine.counts(id)), 0);
		assert.equal(readFileSync(join(precious, "file"), "utf8"), "kept");
	});

	test("a control group in use cannot be removed: exit code 1, and it says which", async () => {
		const id = randomBytes(32).toString("hex");
		const group = join(engine.cgroupRoots[0], id);
		mkdirSync(join(group, "below"), { recursive: true });
		const inside = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
		const ended = new Promise((resolve) => inside.once("exit", resolve));
		/* Version 1's cpuset takes nobody until it has been given processors. */
		for (const file of ["cpuset.cpus", "cpuset.mems"])
			for (const path of [group, join(group, "below")])
				if (existsSync(join(path, file))) writeFileSync(join(path, file), "0");
		writeFileSync(join(group, "below/cgroup.procs"), String(inside.pid));
		try {
			const { code, lines } = await reap(["--min-age", "0"]);
			assert.equal(code, 1);
			assert.deepEqual(lines.map(({ action, what, path, why }) => [action, what, path, why]), [["failed", "cgroup", group, "path"]]);
			assert.equal(inside.exitCode, null);
		} finally {
			inside.stdin.end();
			await ended;
		}
		assert.equal((await reap(["--min-age", "0"])).code, 0);
		assert.equal(existsSync(group), false);
	});

	test("with the Engine stopped nothing is touched, and its stop leaves nothing", async () => {
		await failedStarts("fails-at-start");
		await server.stop();
		server = null;
		await engine.end(until);
		const left = engine.counts();
		assert.equal(left.shims, FAILED_PER_SERVER + 1);
		assert.equal((await reap(["--min-age", "0"])).code, 1);
		assert.deepEqual(engine.counts(), left);
		engine.stop();
		assert.equal(sum(engine.counts()), 0);
	});

	test("wrong arguments are told with exit code 2", async () => {
		for (const args of [["--min-age"], ["--min-age", "soon"], ["--remove"]]) assert.equal((await reap(args)).code, 2);
	});
});
