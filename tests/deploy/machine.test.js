// The way of an operator: a bare Debian, the commands of docs/deploy.md in their order, a public service; and in between what
// systemd does for it. One test rests on what the one before it has left.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createSession, Terminal } from "../integration/lib/client.js";
import { get, post } from "../integration/lib/http.js";
import { until } from "../integration/lib/wait.js";
import { Page } from "../docs/lib/page.js";
import * as machine from "./lib/machine.js";

const CHECKOUT = "/root/sandbox-api";
const DOMAIN = "terminal.local"; /* Caddy knows that no public authority vouches for it */
const DAEMON_JSON = { "log-level": "warn", runtimes: { mine: { path: "/usr/bin/true" } } };
const REAP_EVERYTHING = "[Service]\nExecStart=\nExecStart=/usr/local/lib/sandbox-api/reap-leaks --min-age 0\n";
const REAP_SOON = "[Timer]\nOnBootSec=\nOnUnitInactiveSec=\nOnActiveSec=1s\nAccuracySec=1s\n";
const BACK_LIMIT_MS = 60_000;
const REAP_LIMIT_MS = 60_000;

function commands(page) {
	return new Page(page).blocks.filter(({ language }) => language === "sh").map(({ text }) => text.trim());
}

/* What docs/deploy.md tells an operator to do and no test has done yet. */
const documented = commands("docs/deploy.md");

let site, key;

function inCheckout(command) {
	return machine.attempt(`set -eu; cd ${CHECKOUT}; ${command}`);
}

/* Runs the next block of the page, which must be the expected one: resolves to {stdout, stderr, seconds}. */
async function follow(expected) {
	const block = documented.shift();
	assert.match(block, expected);
	const start = performance.now();
	const { code, stdout, stderr } = await inCheckout(block.replaceAll("example.org", DOMAIN));
	assert.equal(code, 0, stdout + stderr);
	return { stdout, stderr, seconds: (performance.now() - start) / 1000 };
}

/* Everything that an installation could touch. */
function footprint() {
	return machine.run(`find /etc /usr/local /var/lib/dpkg /lib/systemd -xdev -type f -newer /tmp/before 2>/dev/null | sort`);
}

async function mainPids() {
	return [await mainPid(), await mainPid("caddy"), await mainPid("docker")];
}

function mainPid(unit = "sandbox-api") {
	return machine.property(unit, "MainPID");
}

async function isHealthy() {
	const answer = await get(site, "/health").catch(() => ({ status: 0 }));
	return answer.status === 200 && answer.json.status === "ok";
}

function healthy() {
	return until(isHealthy, "https://…/health is ok", BACK_LIMIT_MS);
}

/* Not by the command `docker`, which newer releases have in a package of its own. */
function engineLists(path) {
	return `curl --silent --unix-socket /run/docker.sock 'http://engine/${path}'`;
}

/* The ids of their containers. */
async function sandboxes() {
	const ids = await machine.run(`${engineLists("containers/json?all=1")} | jq -r '.[] | select(.Labels["sandbox-api.owner"] == "sandbox-api").Id'`);
	return ids.split("\n").filter(Boolean);
}

async function onlySpares() {
	const { pool, active_sessions } = (await get(site, "/health")).json;
	return active_sessions === 0 && (await sandboxes()).length === pool.ready + pool.starting;
}

async function terminal() {
	const headers = { "X-API-Key": key };
	const session = await createSession(site, {}, headers);
	return Terminal.open(site, session.sessionId, { headers });
}

async function assertEcho(shell, word) {
	await shell.prompt();
	assert.equal((await shell.run(`echo ${word}-$((6 * 7))`)).output, `${word}-42\n`);
}

/* As an operator changes a unit for a while. */
async function overridden(unit, text, work) {
	const file = `/run/systemd/system/${unit}.d/test.conf`;
	await machine.write(file, text);
	await machine.run("systemctl daemon-reload");
	try {
		await work();
	} finally {
		await machine.run(`rm ${file} && systemctl daemon-reload`);
	}
}

describe("a machine of an operator", () => {
	before(async () => {
		await machine.start();
		await machine.copy(CHECKOUT);
		await machine.write("/etc/docker/daemon.json", JSON.stringify(DAEMON_JSON));
		await machine.write("/tmp/hosts", `${machine.ADDRESS} ${DOMAIN}\n`);
		await machine.run("cat /tmp/hosts >>/etc/hosts && touch /tmp/before");
	});

	after(() => machine.stop());

	test("a dry run says each step and changes nothing", async () => {
		const { stderr } = await follow(/^deploy\/install --dry-run$/);
		for (const word of ["docker.io", "caddy", "runsc", "keys.env", "sandbox-api.service", "Caddyfile"])
			assert.match(stderr, new RegExp(`would.*${word}`), word);
		assert.equal(await footprint(), "");
	});

	test("wrong usage is refused, and nothing is done", async () => {
		for (const options of ["--what", "--domain", "--domain 'a b'", "--domain -x"])
			assert.notEqual((await inCheckout(`deploy/install ${options}`)).code, 0, options);
		assert.equal((await inCheckout("deploy/install --what")).code, 2);
		assert.equal(await footprint(), "");
	});

	test("one command installs a public service on a bare machine", async (t) => {
		const { stderr, seconds } = await follow(/^deploy\/install --domain example\.org$/);
		assert.match(stderr, new RegExp(`serving on https://${DOMAIN}/`));
		t.diagnostic(`installed on a bare Debian in ${seconds.toFixed(0)} s`);
		site = machine.siteOf(DOMAIN, await machine.run("cat /var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"));
	});

	test("https://…/health answers from outside, and says which runtime is in force", async (t) => {
		const { status, json, text } = await get(site, "/health");
		assert.equal(status, 200, text);
		assert.equal(json.gvisor.available, true);
		t.diagnostic(`/health: ${text}`);
	});

	test("the operator's daemon.json has kept what was in it", async () => {
		const now = JSON.parse(await machine.run("cat /etc/docker/daemon.json"));
		assert.equal(now["log-level"], "warn");
		assert.deepEqual(now.runtimes.mine, DAEMON_JSON.runtimes.mine);
		assert.deepEqual(now.runtimes.runsc.runtimeArgs, ["--network=none"]);
	});

	test("keys and settings are root's alone", async () => {
		assert.equal(await machine.run("stat -c '%a %U' /etc/sandbox-api/keys.env /etc/sandbox-api/sandbox-api.env | sort -u"), "600 root");
	});

	test("the server runs confined: no root, no capability, with the unit's limits", async (t) => {
		const status = await machine.run(`cat /proc/${await mainPid()}/status`);
		for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.match(status, new RegExp(`${set}:\\t0+\\n`));
		assert.match(status, /NoNewPrivs:\t1/);
		assert.doesNotMatch(status, /^Uid:\t0/m);
		assert.match(await machine.run("cat /sys/fs/cgroup/memory/system.slice/sandbox-api.service/memory.limit_in_bytes"), /^536870912$/);
		t.diagnostic(await machine.run("systemd-analyze security sandbox-api.service | tail -n 1"));
	});

	test("systemctl status says how it is", async () => {
		await until(async () => (await machine.property("sandbox-api", "StatusText")).startsWith("serving, "), "a status text");
	});

	test("what is not public is not to be had from outside", async () => {
		for (const path of ["/metrics", "/status", "/%73tatus", "//status"]) assert.equal((await get(site, path)).status, 404, path);
		await assert.rejects(get({ url: new URL(`http://${machine.ADDRESS}:3001/`) }, "/health"), { code: "ECONNREFUSED" });
	});

	test("deploy/verify finds nothing wrong", async (t) => {
		const { stdout } = await follow(/^deploy\/verify --host$/);
		for (const line of stdout.split("\n").filter(Boolean)) t.diagnostic(line);
		await until(onlySpares, "the sandboxes of verify have gone");
	});

	test("the page's visitor needs the key, and the operator knows where it is", async () => {
		const { stdout } = await follow(/^grep '\^SANDBOX_API_KEY=' /);
		key = stdout.trim().split("=")[1];
		assert.match(key, /^[0-9a-f]{64}$/);
		assert.equal((await post(site, "/api/v1/sessions", { toolPair: "test" })).status, 401);
	});

	test("a visitor has a terminal, through Caddy with TLS", async () => {
		const shell = await terminal();
		await assertEcho(shell, "hello");
		assert.match((await shell.run("dmesg | head -n 1")).output, /Starting gVisor/);
		await shell.close();
	});

	test("after a restart, which forgets who had how many sessions, all is well", async () => {
		await follow(/^systemctl restart sandbox-api\nsystemctl restart caddy$/);
		await healthy();
	});

	test("installing again changes nothing and disturbs nobody", async () => {
		const shell = await terminal();
		await assertEcho(shell, "before");
		const pids = await mainPids();
		await follow(/^deploy\/install$/);
		assert.deepEqual(await mainPids(), pids);
		assert.equal((await shell.run("echo still here")).output, "still here\n");
		await shell.close();
	});

	test("an upgrade keeps the configuration", async () => {
		await machine.run(`sed -i 's/^#MAX_CONCURRENT_PER_IP=.*/MAX_CONCURRENT_PER_IP=7/' /etc/sandbox-api/sandbox-api.env
			sed -i 's/^VERSION := .*/VERSION := 9.9.9/' ${CHECKOUT}/Makefile && rm -r ${CHECKOUT}/build/release/server`);
		const before = await mainPid();
		await follow(/^deploy\/install\nsystemctl restart docker$/);
		assert.notEqual(await mainPid(), before);
		await healthy();
		assert.equal((await get(site, "/health")).json.version, "9.9.9");
		assert.equal(await machine.run("grep ^MAX_CONCURRENT /etc/sandbox-api/sandbox-api.env"), "MAX_CONCURRENT_PER_IP=7");
		assert.equal(await machine.run("sed -n 's/^SANDBOX_API_KEY=//p' /etc/sandbox-api/keys.env"), key);
	});

	test("a server that is killed comes back and removes what it had left", async (t) => {
		const shell = await terminal();
		await assertEcho(shell, "doomed");
		const before = await mainPid();
		const orphans = new Set(await sandboxes());
		assert.ok(orphans.size > 1, "a session and spares");
		const start = performance.now();
		await machine.run(`kill -KILL ${before}`);
		await until(async () => !["0", before].includes(await mainPid()), "another process", BACK_LIMIT_MS);
		await healthy();
		t.diagnostic(`killed, and healthy again after ${((performance.now() - start) / 1000).toFixed(1)} s`);
		await until(async () => !(await sandboxes()).some((id) => orphans.has(id)), "the orphaned sandboxes have gone", BACK_LIMIT_MS);
	});

	test("a loop that hangs is ended by the watchdog", async (t) => {
		await overridden("sandbox-api.service", "[Service]\nWatchdogSec=3\n", async () => {
			await machine.run("systemctl restart sandbox-api");
			await healthy();
			const before = await mainPid();
			const start = performance.now();
			await machine.run(`kill -STOP ${before}`);
			await until(async () => !["0", before].includes(await mainPid()), "another process", BACK_LIMIT_MS);
			t.diagnostic(`stopped, and restarted after ${((performance.now() - start) / 1000).toFixed(1)} s, WatchdogSec=3`);
			assert.match(await machine.journal("sandbox-api"), /Watchdog timeout/);
			await healthy();
		});
	});

	test("the server outlives the Engine's restart, and says what is missing while it is away", async () => {
		const before = await mainPid();
		await machine.run("systemctl stop docker.service docker.socket");
		await until(async () => (await get(site, "/health")).status === 503, "/health is 503", BACK_LIMIT_MS);
		await machine.run("systemctl start docker.service");
		await healthy();
		assert.equal(await mainPid(), before);
	});

	test("the timer removes what the Engine has leaked", async (t) => {
		const shims = () => machine.run("pgrep -c containerd-shim || true");
		const start = performance.now();
		await machine.write("/usr/local/bin/fails-at-start", '#!/bin/sh\nfor word; do [ "$word" != start ] || exit 1; done\nexec runsc "$@"\n');
		await machine.run(`chmod 755 /usr/local/bin/fails-at-start
			jq '.runtimes.broken = { path: "/usr/local/bin/fails-at-start", runtimeArgs: ["--network=none"] }' /etc/docker/daemon.json >/tmp/new
			cat /tmp/new >/etc/docker/daemon.json && systemctl reload docker`);
		await machine.run("systemctl stop sandbox-api-reap.timer");
		await overridden("sandbox-api.service", "[Service]\nEnvironment=SANDBOX_GVISOR_RUNTIME=broken\n", async () => {
			await machine.run("systemctl restart sandbox-api");
			await until(async () => (await shims()) > 0 && (await sandboxes()).length === 0, "a shim that no container has", BACK_LIMIT_MS);
			await machine.run("systemctl stop sandbox-api");
		});
		t.diagnostic(`leaked: ${await shims()} shims`);
		await overridden("sandbox-api-reap.service", REAP_EVERYTHING, () =>
			overridden("sandbox-api-reap.timer", REAP_SOON, async () => {
				await machine.run("systemctl start sandbox-api-reap.timer");
				await until(async () => (await shims()) === "0", "no shim is left", REAP_LIMIT_MS);
			}),
		);
		t.diagnostic(`removed by the timer, ${((performance.now() - start) / 1000).toFixed(1)} s after the test's begin`);
		await machine.run("systemctl restart sandbox-api-reap.timer && systemctl start sandbox-api");
		await healthy();
	});

	test("after a reboot it serves again", async (t) => {
		const start = performance.now();
		await machine.restart();
		await healthy();
		t.diagnostic(`rebooted and healthy in ${((performance.now() - start) / 1000).toFixed(1)} s`);
		const shell = await terminal();
		await assertEcho(shell, "again");
		await shell.close();
	});

	test("the commands of docs/operations.md work as written", async () => {
		for (const block of commands("docs/operations.md")) {
			const { code, stdout, stderr } = await inCheckout(block);
			assert.equal(code, 0, `${block}\n${stdout}${stderr}`);
		}
	});

	test("uninstall takes away what install has brought, and nothing else", async () => {
		await follow(/^deploy\/uninstall$/);
		await assert.rejects(get(site, "/health"));
		const left = "systemctl list-unit-files 'sandbox-api*' --no-legend; ls -d /usr/local/*/sandbox-api* /etc/{sysctl.d,modprobe.d,caddy,systemd/system,systemd/system/*.d}/*sandbox-api* 2>/dev/null; " +
			`getent passwd sandbox-api; ${engineLists("images/json")} | jq -r '.[].Id'; ${engineLists("containers/json?all=1")} | jq -r '.[].Id'; ` +
			"pgrep -a 'containerd-shim|runsc|sandbox'";
		assert.equal((await machine.attempt(left)).stdout, "");
		const now = JSON.parse(await machine.run("cat /etc/docker/daemon.json"));
		assert.equal(now["log-level"], "warn");
		assert.equal(now.runtimes.runsc, undefined);
		assert.deepEqual(now.runtimes.mine, DAEMON_JSON.runtimes.mine);
		assert.match(await machine.run("head -n 5 /etc/caddy/Caddyfile"), /The Caddyfile is an easy way/);
		assert.equal(await machine.run("sed -n 's/^SANDBOX_API_KEY=//p' /etc/sandbox-api/keys.env"), key);
	});

	test("every command of the page has been run", () => assert.deepEqual(documented, []));

	test("uninstall --purge removes the configuration too, and may be repeated", async () => {
		await machine.run(`cd ${CHECKOUT} && deploy/uninstall --purge && deploy/uninstall --purge && test ! -e /etc/sandbox-api`);
	});
});
