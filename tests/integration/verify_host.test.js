// deploy/verify --host on an installation: in a mount namespace of the test's own, where /etc and /usr/local can be written
// without touching this machine's. systemd, if it runs, does not show in it, which the report says.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { freePort, newWorkerId } from "./lib/server.js";

const LIMIT_MS = 150_000;
const PROGRAM = resolve(process.env.SERVER ?? "build/release/sandbox-api");

const folder = mkdtempSync(join(tmpdir(), "sandbox-verify-host-"));
after(() => rmSync(folder, { recursive: true }));

/* Installs as deploy/install does, as far as that can be without systemd; breaks what $BREAK says; verifies. Exit code and
 * standard output are deploy/verify's. */
const SCRIPT = String.raw`
set -eu -o pipefail
mount -t tmpfs tmpfs "$FOLDER"
for dir in etc usr/local; do
	mkdir -p "$FOLDER/$dir/new" "$FOLDER/$dir/work"
	mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$FOLDER/$dir/new,workdir=$FOLDER/$dir/work" "/$dir"
done
[ ! -d /run/systemd ] || mount -t tmpfs tmpfs /run/systemd
id sandbox-api >/dev/null 2>&1 || useradd --system --user-group --no-create-home sandbox-api
install -m 755 "$PROGRAM" /usr/local/bin/sandbox-api
rm -rf /etc/sandbox-api
install -d -m 750 /etc/sandbox-api
cd /etc/sandbox-api
umask 077
printf '%s\n' "HOST=127.0.0.1" "PORT=$PORT" "DOCKER_HOST=$DOCKER_HOST" "WORKER_ID=$WORKER" >sandbox-api.env
for name in SANDBOX_API_KEY ADMIN_API_KEY AUTH_SECRET; do
	echo "$name=$(od -An -N 24 -t x1 /dev/urandom | tr -d ' \n')"
done >keys.env
(umask 022 && echo SANDBOX_DOMAIN=localhost >site.env)
eval "$BREAK"
user=$(id -u sandbox-api)
# A process of that name that has ended and that nobody waits for: a host may have one.
cp /bin/true "$FOLDER/sandbox-api"
(exec bash -c "\"$FOLDER/sandbox-api\" & exec sleep infinity") &
zombie=$!
env -i PATH="$PATH" ASAN_OPTIONS="$ASAN_OPTIONS" $(cat sandbox-api.env keys.env) setpriv --reuid "$user" --regid "$user" \
	--groups "$(stat -c %g "$(sed 's|^unix://||' <<<"$DOCKER_HOST")")" \
	--no-new-privs --bounding-set=-all --inh-caps=-all /usr/local/bin/sandbox-api 2>"$FOLDER/log" &
server=$!
trap 'kill $server $zombie; wait $server || :' EXIT
until curl -sf "http://127.0.0.1:$PORT/health" >/dev/null; do
	kill -0 $server || { cat "$FOLDER/log" >&2; exit 3; }
done
cd - >/dev/null
deploy/verify --url "http://127.0.0.1:$PORT" --host --json
`;

async function verifyHost(how = ":") {
	const env = { ASAN_OPTIONS: "", ...process.env, FOLDER: folder, PROGRAM, PORT: String(await freePort()), WORKER: newWorkerId(), BREAK: how };
	const out = await new Promise((done, failed) => {
		execFile("unshare", ["--mount", "bash", "-c", SCRIPT], { env, timeout: LIMIT_MS }, (error, stdout, stderr) => {
			if (error && error.code !== 1) failed(new Error(`${error.message}\n${stderr}`));
			else done(stdout);
		});
	});
	const { checks } = JSON.parse(out);
	return checks.filter(({ group }) => group === "this host");
}

const named = (checks, verdict) => checks.filter((check) => check.verdict === verdict).map(({ name }) => name);

describe("the host", () => {
	test("an installation as it should be", async () => {
		const checks = await verifyHost();
		/* The filter of system calls is the unit's. */
		assert.deepEqual(named(checks, "FAIL"), ["the server's system calls are filtered"], JSON.stringify(checks, null, 1));
		for (const name of ["the server is not root", "the server has no capabilities", "the server listens on loopback only",
			"only root reads the configuration", "the keys are long, and different ones", "the runtime keeps its limits",
			"the image of bash is clean", "sandbox-api check is content"])
			assert.ok(["ok", "warn"].includes(checks.find((check) => check.name === name).verdict), name);
		const unseen = named(checks, "skip");
		assert.ok(unseen.includes("the service runs, and will after a boot"));
	});

	test("files that others read, a short key, a server that the network reaches", async () => {
		const how = "chmod 640 keys.env; sed -i 's/^ADMIN_API_KEY=.*/ADMIN_API_KEY=short/' keys.env; sed -i 's/^HOST=.*/HOST=0.0.0.0/' sandbox-api.env";
		const checks = await verifyHost(how);
		const text = (name) => checks.find((check) => check.name === name && check.verdict === "FAIL")?.text;
		assert.equal(text("only root reads the configuration"), "/etc/sandbox-api/keys.env has mode 0640, not 0600");
		assert.equal(text("the keys are long, and different ones"), "shorter than 32 characters: ADMIN_API_KEY");
		assert.match(text("the server listens on loopback only"), /^0\.0\.0\.0:\d+: set HOST=127\.0\.0\.1/);
	});
});
