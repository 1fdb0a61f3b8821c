// deploy/verify against servers that are as they should be, and against some that are not.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { certificate, startFront } from "./lib/front.js";
import { freePort, startServer } from "./lib/server.js";
import { until, within } from "./lib/wait.js";

const LIMIT_MS = 150_000;
const KEY = "verify-0123456789-0123456789-0123";
const LIMITS = { MAX_SESSIONS_PER_HOUR: "10", MAX_CONCURRENT_PER_IP: "2", MAX_WEBSOCKETS_PER_IP: "4", COMMANDS_PER_MINUTE: "60" };

const folder = mkdtempSync(join(tmpdir(), "sandbox-verify-"));
after(() => rmSync(folder, { recursive: true }));

function file(name, text) {
	const path = join(folder, name);
	writeFileSync(path, text);
	return path;
}

/* A verification under way: its process, what it has printed so far, and a promise of {code, out, err}. */
function start(args, env = {}) {
	const child = spawn("deploy/verify", args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
	const it = { child, out: "", err: "" };
	child.stdout.on("data", (chunk) => (it.out += chunk));
	child.stderr.on("data", (chunk) => (it.err += chunk));
	const ended = once(child, "close").then(([code]) => ({ code, out: it.out, err: it.err }));
	it.ended = within(ended, () => `the verification ends\n${it.out}${it.err}`, LIMIT_MS);
	return it;
}

async function verify(args, env) {
	const { code, out, err } = await start([...args, "--json"], env).ended;
	assert.equal(err, "");
	const report = JSON.parse(out);
	assert.equal(code, report.passed ? 0 : 1);
	assert.equal(report.passed, report.counts.FAIL === 0);
	return report;
}

const named = (report, verdict) => report.checks.filter((check) => check.verdict === verdict).map(({ name }) => name);
const failures = (report) => report.checks.filter(({ verdict }) => verdict === "FAIL");
const lineOf = (report, name) => report.checks.find((check) => check.name === name);

async function assertNothingLeft(server) {
	await until(async () => (await server.containers()).length === 0, "no sandbox is left");
}

/* Gives work a server, and a front before it. */
async function withFront(env, options, work) {
	const server = await startServer({ ...LIMITS, ...env });
	const front = await startFront(server, options);
	try {
		await work(front, server);
		await assertNothingLeft(server);
	} finally {
		front.close();
		await server.stop();
	}
}

test("a server as it should be passes, behind TLS", async (t) => {
	const tls = certificate();
	await withFront({ SANDBOX_API_KEY: KEY }, { tls }, async (front) => {
		const args = ["--url", front.url, "--ca", file("ca.pem", tls.cert), "--api-key-file", file("keys.env", `SANDBOX_API_KEY=${KEY}\n`)];
		const report = await verify(args, { SANDBOX_HTTP_PORT: String(front.httpPort) });
		assert.deepEqual(failures(report), []);
		/* What depends on where this is run; /health may not say of what kind the runtime is. */
		const unseen = ["the server's own port is closed to the outside", "TLS 1.1 is refused", "all of this host"];
		assert.deepEqual(named(report, "skip").filter((name) => !unseen.includes(name)), []);
		assert.deepEqual(named(report, "warn").filter((name) => name !== "sandboxes are isolated by gVisor or a virtual machine"), []);
		for (const name of ["a session begins, with a prompt", "a command answers", "a paste of 100 KB arrives byte for byte"])
			t.diagnostic(`verify: ${name}: ${lineOf(report, name).text}`);
		t.diagnostic(`verify: ${report.counts.ok} checks are ok`);
	});
});

/* Everything at once: nothing of it may hide behind something else. */
test("each thing that is wrong is found", async () => {
	const wrong = { SANDBOX_ALLOWED_ORIGINS: "*", SANDBOX_USE_GVISOR: "false", LOG_LEVEL: "info" };
	const front = { open: /^/, headers: { server: "front/1.0" }, trusting: true };
	await withFront(wrong, front, async ({ url }, server) => {
		const report = await verify(["--url", url, "--host", "--port", server.url.port]);
		const outside = [
			"the API's types are not to be guessed",
			"/metrics is not public",
			"/status is not public",
			"sandboxes are isolated by gVisor or a virtual machine",
			"a page of another site is refused",
			"the kernel is not the host's",
			"a forged address does not make a new client",
		];
		assert.deepEqual(failures(report).filter(({ group }) => group !== "this host").map(({ name }) => name), outside);
		assert.equal(lineOf(report, "the server is not root").verdict, "FAIL");
		assert.match(lineOf(report, "the server listens on loopback only").text, new RegExp(`^127\\.0\\.0\\.1:${server.url.port}$`));
		assert.match(lineOf(report, "/status is not public").text, /\/status \(200\).*\/%73tatus \(200\)/);
		assert.match(lineOf(report, "a forged address does not make a new client").text, /by sending X-Forwarded-For$/);
		assert.deepEqual(lineOf(report, "without a key there is no session").verdict, "warn");
		assert.deepEqual(lineOf(report, "nothing says which programs serve").verdict, "warn");
		assert.deepEqual(lineOf(report, "the connection is encrypted"), { group: "TLS", name: "the connection is encrypted", verdict: "skip", text: "plain http" });
		/* What is right all the same. */
		for (const name of ["a command answers", "DELETE ends the session and says so", "malformed JSON is refused", "cloud metadata cannot be reached",
			"every container is a session's or a spare one", "every session is ended"])
			assert.equal(lineOf(report, name).verdict, "ok", name);
	});
});

test("a certificate that nobody knows ends it at once", async () => {
	const tls = certificate();
	await withFront({}, { tls }, async ({ url }) => {
		const report = await verify(["--url", url]);
		assert.deepEqual(named(report, "FAIL"), ["the certificate is verified"]);
		assert.equal(lineOf(report, "all of session").verdict, "skip");
	});
});

test("a server that gives no more sessions is reported on to the end, and metrics for another host are no mistake", async () => {
	const METRICS_PORT = String(await freePort());
	await withFront({ SANDBOX_API_KEY: KEY, MAX_SESSIONS_PER_HOUR: "1", METRICS_HOST: "0.0.0.0", METRICS_PORT }, {}, async ({ url }, server) => {
		const report = await verify(["--url", url, "--api-key-file", file("key", `${KEY}\n`), "--host", "--port", server.url.port]);
		assert.equal(lineOf(report, "a session begins, with a prompt").verdict, "ok");
		assert.match(failures(report).find(({ name }) => /^all of isolation/.test(name))?.text ?? "", /^no session: 429 TooManySessions/);
		assert.equal(lineOf(report, "every session is ended").verdict, "ok");
		const { verdict, text } = lineOf(report, "the server listens on loopback only");
		assert.deepEqual([verdict, ...text.split(": ")[0].split(" ").sort()], ["warn", `0.0.0.0:${METRICS_PORT}`, `127.0.0.1:${server.url.port}`]);
	});
});

test("Ctrl-C in mid-session leaves no session", () =>
	withFront({ SANDBOX_API_KEY: KEY }, {}, async (front, server) => {
		const it = start(["--url", front.url, "--api-key-file", file("key", `${KEY}\n`)]);
		await until(() => /^ok {4}a command answers/m.test(it.out), "a session is under way");
		it.child.kill("SIGINT");
		const { code, out } = await it.ended;
		assert.equal(code, 1);
		assert.match(out, /^FAIL {2}the verification is complete: interrupted by SIGINT$/m);
		assert.match(out, /^ok {4}every session is ended: 1 were created$/m);
		assert.match(out, /\n\n1 problem, .*\n$/);
		assert.ok(server.log.some((line) => /session\.ended/.test(line)), server.tail);
	}));

test("wrong calls end with 2 and say what is right", async () => {
	for (const args of [["--nonsense"], ["--url"], ["--url", "ftp://x"], ["--url", "https://x/path"], ["--url", "http://localhost", "--ca", "/nonexistent"],
		["--url", "http://localhost", "--api-key-file", file("empty", "\n")],
		["--url", "http://localhost.example", "--api-key-file", file("plain", `${KEY}\n`)]]) {
		const { code, out, err } = await start(args).ended;
		assert.equal(code, 2, `${args}`);
		assert.equal(out, "");
		assert.match(err, /^verify: .+\n\nusage: deploy\/verify /);
	}
});

test("without a server one line fails, and the rest is not looked at", async () => {
	const report = await verify(["--url", `http://localhost:${await freePort()}`]);
	assert.deepEqual(named(report, "FAIL"), ["the server accepts connections"]);
	assert.ok(report.counts.skip >= 8);
	assert.equal(report.counts.ok, 2);
});
