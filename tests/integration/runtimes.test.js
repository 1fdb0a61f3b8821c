// Which runtime holds the sandboxes, as /health, the log and the check tell it: gVisor on its platforms, programs that tell their version
// badly, and runc, which is refused whatever it is called. On an Engine of this test's own.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { PrivateEngine } from "./lib/private_engine.js";
import { until } from "./lib/wait.js";

const PROGRAM = process.env.SERVER ?? "build/release/sandbox-api";
const VERDICT_LIMIT_MS = 40_000; /* a canary has 15 s */

function which(name) {
	return execFileSync("bash", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
}

const RUNSC = which("runsc");
const VERSION = /^runsc version (\S+)$/m.exec(execFileSync(RUNSC, ["--version"], { encoding: "utf8" }))[1];

/* Runs sandboxes as runsc does, and answers --version in its own way. */
function says(answer) {
	return `#!/bin/bash\n[ "$*" != --version ] || { ${answer}; exit; }\nexec ${RUNSC} "$@"\n`;
}

/* runc with the arguments and the version of runsc. */
const DISGUISED = `#!/bin/bash
[ "$*" != --version ] || exec ${RUNSC} --version
[ "$1" != --network=none ] || shift
exec ${which("runc")} "$@"
`;

/* Before the first import that reads DOCKER_HOST. */
const engine = new PrivateEngine({
	ptrace: [RUNSC, "--platform=ptrace"],
	kvm: [RUNSC, "--platform=kvm"],
	"says-escapes": says("printf 'runsc version \\e[2J1.0\\n'"),
	"says-nothing": says("exec sleep 3600"),
	"says-no-end": says("echo runsc version 1.0; exec yes"),
	"runc-in-disguise": DISGUISED,
});

let startServer, withServer, createSession, get, post;

before(async () => {
	engine.start();
	engine.copyImage("sandbox-api/bash:latest", ["sandbox-api/python", "sandbox-api/node"]);
	({ startServer, withServer } = await import("./lib/server.js"));
	({ createSession } = await import("./lib/client.js"));
	({ get, post } = await import("./lib/http.js"));
});

after(() => engine.stop());

function check(runtime) {
	const env = { PATH: process.env.PATH, DOCKER_HOST: process.env.DOCKER_HOST, HOST: "127.0.0.1", PORT: "0", WORKER_ID: `check-${runtime}-${process.pid}` };
	return spawnSync(PROGRAM, ["check"], { env: { ...env, SANDBOX_GVISOR_RUNTIME: runtime }, encoding: "utf8" }).stdout;
}

function inForce(server) {
	return server.log.filter((line) => /runtime\.in_force/.test(line));
}

/* A server whose canary has passed, or failed; the problem then. */
async function judged(server) {
	let found;
	await until(async () => {
		found = /canary\.(?:passed|failed problem="([^"]*)")/.exec(server.tail);
		return found;
	}, () => `a canary has ended\n${server.tail}`, VERDICT_LIMIT_MS);
	return found[1];
}

async function assertServes(server, expected) {
	await server.healthy();
	const { json } = await get(server, "/health");
	assert.deepEqual(json.gvisor, { requested: true, available: true, ...expected });
	const { sessionId } = await createSession(server);
	assert.match(sessionId, /^sess_/);
	await until(() => inForce(server).length > 0, "the runtime is announced");
	assert.equal(inForce(server).length, 1, server.tail);
	assert.match(inForce(server)[0], new RegExp(`kind=${expected.kind} version="?${(expected.version ?? "").replaceAll("+", "\\+")}"? platform="?${expected.platform ?? ""}"?$`));
}

async function assertRefuses(server, expected) {
	const health = await get(server, "/health");
	assert.equal(health.status, 503);
	assert.deepEqual(health.json.gvisor, { requested: true, available: true, kind: null, ...expected });
	assert.equal((await post(server, "/api/v1/sessions", { toolPair: "x" })).status, 503);
	assert.deepEqual(inForce(server), []);
}

describe("gVisor", () => {
	test("on its default platform, which the Engine does not name", () =>
		withServer({}, (server) => assertServes(server, { runtime: "runsc", kind: "gvisor", version: VERSION, platform: null })));

	test("on ptrace", async () => {
		const ptrace = { runtime: "ptrace", kind: "gvisor", version: VERSION, platform: "ptrace" };
		await withServer({ SANDBOX_GVISOR_RUNTIME: "ptrace" }, (server) => assertServes(server, ptrace));
		const text = check("ptrace");
		assert.ok(text.includes(`ok    runtime version ${VERSION}, platform ptrace\n`), text);
		assert.match(text, /^ok {4}in a sandbox the kernel is gVisor's$/m);
	});
});

describe("a runtime that tells its version badly holds sandboxes all the same:", () => {
	for (const runtime of ["says-escapes", "says-nothing", "says-no-end"])
		test(runtime, () =>
			withServer({ SANDBOX_GVISOR_RUNTIME: runtime }, (server) => assertServes(server, { runtime, kind: "gvisor", version: null, platform: null })));
});

describe("runc is refused", () => {
	for (const [runtime, version] of [["runc", null], ["runc-in-disguise", VERSION]])
		test(`as ${runtime}, for the kernel that its sandboxes run on`, () =>
			withServer({ SANDBOX_GVISOR_RUNTIME: runtime }, async (server) => {
				assert.match(await judged(server), /neither gVisor nor a virtual machine: its kernel is (the host's own|older than the sandbox)/);
				await assertRefuses(server, { runtime, version, platform: null });
			}, { health: false }));
});

/* The last one: where it hangs, so does what the Engine does about it. Not every machine can; then it must be refused, for
 * what it does and not for its name. */
test("gVisor on KVM", async (t) => {
	const server = await startServer({ SANDBOX_GVISOR_RUNTIME: "kvm" }, { health: false });
	const problem = await judged(server);
	const kvm = { runtime: "kvm", version: VERSION, platform: "kvm" };
	t.diagnostic(problem ? `gVisor on KVM does not work on this machine: ${problem}` : "gVisor on KVM works on this machine");
	if (!problem) {
		await assertServes(server, { ...kvm, kind: "gvisor" });
		await server.stop();
		return;
	}
	await assertRefuses(server, kvm);
	await server.signal("SIGKILL");
});
