// The units for systemd, as systemd itself judges them: that it understands every line, and how exposed the server is.
// Needs no Engine.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

const PROGRAM = process.env.SERVER ?? "build/release/sandbox-api";
const UNITS = readdirSync("deploy").filter((name) => /\.(service|timer)$/.test(name));
const SERVICE = readFileSync("deploy/sandbox-api.service", "utf8");

/* What systemd still finds; docs/decisions/008-hardening.md has the reasons. */
const EXPOSED = [
	"DeviceAllow", "IPAddressDeny", "PrivateNetwork", "ProcSubset", "RestrictAddressFamilies_AF_INET_INET6",
	"RestrictAddressFamilies_AF_NETLINK", "RestrictAddressFamilies_AF_UNIX", "RootDirectoryOrRootImage", "SupplementaryGroups",
];

/* Lines that systemd's list does not know, or that another line implies. */
const UNMEASURED = [
	"AmbientCapabilities", "DevicePolicy", "ExecPaths", "InaccessiblePaths", "IPAddressAllow", "KeyringMode", "NoExecPaths", "PrivateIPC",
	"SystemCallErrorNumber",
];

/* A machine's directories with the programs that the units start. */
let root;
before(() => {
	root = mkdtempSync(join(tmpdir(), "sandbox-units-"));
	for (const path of ["etc/systemd/system", "usr/lib", "usr/local/bin", "usr/local/lib/sandbox-api"]) mkdirSync(join(root, path), { recursive: true });
	cpSync("/usr/lib/systemd/system", join(root, "usr/lib/systemd/system"), { recursive: true, verbatimSymlinks: true });
	copyFileSync(PROGRAM, join(root, "usr/local/bin/sandbox-api"));
	copyFileSync("scripts/reap-leaks", join(root, "usr/local/lib/sandbox-api/reap-leaks"));
});
after(() => rmSync(root, { recursive: true }));

function analyze(...args) {
	const { status, stdout, stderr } = spawnSync("systemd-analyze", ["--no-pager", ...args], { encoding: "utf8" });
	return { status, output: stdout + stderr, stdout };
}

/* Everything that systemd has to say of a unit. Its exit code is 0 whatever it has ignored. */
function verify(name, text) {
	writeFileSync(join(root, "etc/systemd/system", name), text);
	return analyze(`--root=${root}`, "--man=no", "verify", name).output;
}

/* {score, status} of the verdict, the names of what is exposed, and the sum before systemd rounds it. */
function security(text) {
	const path = join(root, "sandbox-api.service");
	writeFileSync(path, text);
	const verdict = analyze("security", "--offline=true", "--threshold=10", path);
	const list = JSON.parse(analyze("security", "--offline=true", "--json=short", path).stdout);
	const items = list.filter(({ exposure }) => exposure !== null);
	return {
		score: Number(/Overall exposure level for \S+: ([\d.]+)/.exec(verdict.output)[1]),
		status: verdict.status,
		exposed: items.map((item) => item.json_field).sort(),
		sum: items.reduce((sum, { exposure }) => sum + Number(exposure), 0),
	};
}

function hardeningLines() {
	const names = SERVICE.slice(SERVICE.indexOf("\nCapabilityBoundingSet=")).match(/^[A-Za-z]+(?==)/gm);
	return [...new Set(names)].filter((name) => name !== "WantedBy" && !UNMEASURED.includes(name));
}

describe("systemd", () => {
	for (const name of UNITS)
		test(`finds nothing to say of ${name}`, () => {
			assert.equal(verify(name, readFileSync(join("deploy", name), "utf8")), "");
		});

	test("would find a line that it does not understand, and a program that is not there", () => {
		const wrong = verify("wrong.service", SERVICE.replace("WatchdogSec=15", "WatchdogSec=soon").replace("bin/sandbox-api", "bin/missing"));
		assert.match(wrong, /Failed to parse sec value/);
		assert.match(wrong, /missing is not executable/);
	});

	test("finds the server exposed as little as it can be with the Docker socket and a port of loopback", (t) => {
		const { score, status, exposed } = security(SERVICE);
		t.diagnostic(`systemd-analyze security: exposure of sandbox-api.service ${score.toFixed(1)}`);
		assert.deepEqual([exposed, status], [EXPOSED, 0]);
		assert.ok(score <= 1.0);
	});

	test("every line of the hardening counts", () => {
		const names = hardeningLines();
		const { sum } = security(SERVICE);
		assert.ok(names.length > 20, names.join());
		for (const name of names) {
			const without = security(SERVICE.replaceAll(new RegExp(`^${name}=.*\n`, "gm"), ""));
			assert.ok(without.sum > sum + 0.05, `without ${name}`);
		}
	});

	test("sysctl takes the file for pid_max", () => {
		const { status, stdout } = spawnSync("sysctl", ["--dry-run", "--load=deploy/sandbox-api.sysctl.conf"], { encoding: "utf8" });
		assert.deepEqual([status, stdout], [0, "kernel.pid_max = 4194304\n"]);
	});
});
