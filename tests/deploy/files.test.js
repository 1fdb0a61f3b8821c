// What install and uninstall do to an operator's own files, function by function, and what a dry run does to a host: in a mount
// namespace of the test's own, where nothing of this machine can be changed. The whole of it: machine.test.js.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";

const LIMIT_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), "sandbox-files-"));
const json = join(folder, "daemon.json");
const ADD = `edit_daemon_json '.runtimes.x = { path: "/x" }'`;

beforeEach(() => readdirSync(folder).forEach((name) => rmSync(join(folder, name), { recursive: true })));
after(() => rmSync(folder, { recursive: true }));

/* With the functions of deploy/common.sh, on files of the test; no Engine is told. */
function common(script, umask = "022") {
	const head = `set -eu -o pipefail; umask ${umask}; . deploy/common.sh; is_active() { false; }
		daemon_json=${json} etc=${folder} record=${folder}/lib/install.record; `;
	const { status, stdout, stderr } = spawnSync("bash", ["-c", head + script], { encoding: "utf8", timeout: LIMIT_MS });
	return { status, stdout: stdout.trim(), stderr };
}

const mode = (path) => (statSync(path).mode & 0o777).toString(8);
const parsed = () => JSON.parse(readFileSync(json, "utf8"));

test("one installation at a time, and a second one says why it stops", () => {
	const { status, stderr } = common(`units=${folder}; lock_host; (lock_host)`);
	assert.equal(status, 1);
	assert.match(stderr, /another deploy\/install or deploy\/uninstall is running/);
	assert.equal(common(`units=${folder}; lock_host`).status, 0);
});

describe("the Engine's configuration", () => {
	test("none, an empty and a blank one are the same", () => {
		for (const text of [undefined, "", " \n\n"]) {
			rmSync(json, { force: true });
			if (text !== undefined) writeFileSync(json, text);
			assert.equal(common(ADD).status, 0);
			assert.deepEqual(parsed(), { runtimes: { x: { path: "/x" } } }, JSON.stringify(text));
		}
	});

	test("one that is not JSON stays, byte for byte", () => {
		for (const text of ["{", "[]", "{} }"]) {
			writeFileSync(json, text);
			const { status, stderr } = common(ADD);
			assert.equal(status, 1, text);
			assert.match(stderr, /nothing was changed/);
			assert.equal(readFileSync(json, "utf8"), text);
		}
	});

	test("its mode stays, and nobody else's umask opens it", () => {
		writeFileSync(json, '{"proxies":{"http-proxy":"http://user:secret@proxy"}}');
		chmodSync(json, 0o600);
		assert.equal(common(ADD, "000").status, 0);
		assert.equal(mode(json), "600");
		assert.equal(parsed().proxies["http-proxy"], "http://user:secret@proxy");
		rmSync(json);
		assert.equal(common(ADD, "000").status, 0);
		assert.equal(mode(json), "644");
	});

	test("a link stays a link", () => {
		const real = join(folder, "elsewhere.json");
		writeFileSync(real, '{"a":1}');
		symlinkSync(real, json);
		assert.equal(common(ADD).status, 0);
		assert.ok(lstatSync(json).isSymbolicLink());
		assert.deepEqual(JSON.parse(readFileSync(real, "utf8")), { a: 1, runtimes: { x: { path: "/x" } } });
	});

	test("it is taken back as if it had never been there", () => {
		assert.equal(common(`${ADD}; take_runtime x`).status, 0);
		assert.ok(!existsSync(json));
		writeFileSync(json, '{"runtimes":{"mine":{"path":"/y"}}}');
		assert.equal(common(`cp $daemon_json $daemon_json.before-sandbox-api; ${ADD}; take_runtime x; take_runtime x`).status, 0);
		assert.deepEqual(parsed(), { runtimes: { mine: { path: "/y" } } });
		assert.deepEqual(readdirSync(folder), ["daemon.json"]);
	});
});

test("what install records is root's alone to write, whatever the umask", () => {
	for (const umask of ["000", "077"]) {
		assert.equal(common("set_record runtime a; set_record runtime b; set_record account c", umask).status, 0);
		assert.equal(mode(join(folder, "lib")), "755");
		assert.equal(common("echo $(recorded runtime) $(recorded account)").stdout, "b c");
		rmSync(join(folder, "lib"), { recursive: true });
	}
});

test("settings are read as systemd reads them, in quotes or without", () => {
	writeFileSync(join(folder, "sandbox-api.env"), `#PORT=1\nPORT=2\nPORT="3002"\nWORKER_ID='w'\n`);
	assert.equal(common("echo $(setting PORT) $(setting WORKER_ID) $(setting HOST)").stdout, "3002 w");
});

/* deploy/install --dry-run on a host without an Engine, whose systemd runs nothing. prepare: what else the host is like. Prints
 * what has been written, be it for a moment. */
function dryRun(prepare = ":") {
	const script = String.raw`
set -eu -o pipefail
cd "$1"
for dir in etc usr/local; do
	mkdir -p "$2/$dir/new" "$2/$dir/work"
	mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$2/$dir/new,workdir=$2/$dir/work" "/$dir"
done
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
printf '#!/bin/sh\nexit 3\n' >/usr/local/bin/systemctl
chmod 755 /usr/local/bin/systemctl
rm -rf /etc/sandbox-api
${prepare}
touch "$2/mark"
PATH=/usr/local/bin:$PATH deploy/install --dry-run --domain example.org
find /etc /usr/local /tmp /run -xdev -newer "$2/mark"`;
	const inTmpfs = 'mount -t tmpfs tmpfs "$2" && mkdir "$2/tmp" && mount -t tmpfs tmpfs /tmp && exec bash -c "$0" dry "$1" "$2"';
	return spawnSync("unshare", ["--mount", "--net", "bash", "-c", inTmpfs, script, process.cwd(), "/mnt"], { encoding: "utf8", timeout: LIMIT_MS });
}

describe("a dry run", () => {
	test("writes nothing, not for a moment", () => {
		const { status, stdout, stderr } = dryRun();
		assert.equal(status, 0, stderr);
		assert.match(stderr, /would write \/etc\/sandbox-api\/site\.env: example\.org[^]*would start it[^]*nothing was changed/);
		assert.equal(stdout, "");
	});

	test("a runtime of the operator's that keeps no network out is not taken", () => {
		const { stderr } = dryRun(`mkdir -p /etc/docker && echo '{"runtimes":{"runsc":{"path":"/usr/bin/runsc"}}}' >/etc/docker/daemon.json`);
		assert.match(stderr, /would register the runtime runsc-sandbox/);
	});

	test("a Caddyfile of the operator's stays", () => {
		const { status, stderr } = dryRun("mkdir -p /etc/caddy && echo ':80 { respond hello }' >/etc/caddy/Caddyfile");
		assert.equal(status, 0, stderr);
		assert.match(stderr, /Caddyfile is your own and stays/);
		assert.doesNotMatch(stderr, /would write \/etc\/caddy\/Caddyfile/);
	});

	test("an Engine that is not docker.service keeps its socket", () => {
		const listen = (path) => `socat UNIX-LISTEN:${path} PIPE >/dev/null 2>&1 & engine=$!; trap 'kill $engine' EXIT
			until [ -S ${path} ]; do kill -0 $engine; done; `;
		for (const prepare of [listen("/run/docker.sock"), `${listen("/run/podman.sock")} ln -s podman.sock /run/docker.sock`]) {
			const { status, stderr } = dryRun(prepare);
			assert.equal(status, 1);
			assert.match(stderr, /is not docker\.service/);
			assert.doesNotMatch(stderr, /: would /);
		}
		const { status, stderr } = dryRun(`${listen("/run/docker.sock")} kill $engine; wait $engine || :; trap - EXIT`);
		assert.equal(status, 0, `nobody listens on a socket that was left behind: ${stderr}`);
	});
});
