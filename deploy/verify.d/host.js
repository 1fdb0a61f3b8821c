// The host of the server: what can only be seen there, by root.

import { existsSync, readFileSync, statSync } from "node:fs";
import { ETC, readEnvironmentFile } from "./options.js";
import { engine, socketOf } from "./host_engine.js";
import { files } from "./host_files.js";
import { serverProcess } from "./host_process.js";
import { units } from "./host_units.js";
import { run } from "./programs.js";
import { fail, ok, skip, warn } from "./report.js";

const PID_MAX_WANTED = 4194304;
const PROGRAM = "/usr/local/bin/sandbox-api";
const PASSWD = /^sandbox-api:[^:]*:(\d+):(\d+):/m;

function pidMax() {
	const value = Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
	return value >= PID_MAX_WANTED ? ok(String(value)) : warn(`${value}: few sandboxes fit; deploy/sandbox-api.sysctl.conf raises it`);
}

async function clock({ systemd }) {
	if (!systemd) return skip("systemd is not running here");
	const { out } = await run("timedatectl", ["show", "--property=NTPSynchronized", "--value"]);
	return out === "yes" ? ok() : warn("it is not: certificates and tokens depend on it (apt-get install systemd-timesyncd)");
}

/* What is meant when the server that is verified is the one that runs. */
const EXPECTED = /^warn {2}.*(server with WORKER_ID \S+ is running|is in use: a server is running)/;

/* As the service's user, in the group of the Engine's socket, with the service's settings. */
async function ownCheck(settings) {
	if (!existsSync(PROGRAM)) return skip(`there is no ${PROGRAM}`);
	const user = PASSWD.exec((await run("getent", ["passwd", "sandbox-api"])).out);
	const as = user ? ["--reuid", user[1], "--regid", user[2], "--groups", String(statSync(socketOf(settings)).gid)] : [];
	const { code, all } = await run("setpriv", [...as, PROGRAM, "check"], { env: { PATH: process.env.PATH, ...settings } });
	const lines = all.split("\n");
	const wrong = lines.filter((line) => /^(FAIL|warn)/.test(line) && !EXPECTED.test(line)).map((line) => line.slice(6));
	if (code !== 0) return fail(wrong.join("; ") || lines.at(-1));
	return wrong.length ? warn(wrong.join("; ")) : ok(`${lines.length - 1} lines`);
}

export async function host(context) {
	const { report } = context;
	if (process.getuid() !== 0) return report.add("all of this host", fail("--host needs root"));
	const settings = { ...readEnvironmentFile(`${ETC}/sandbox-api.env`), ...readEnvironmentFile(`${ETC}/keys.env`) };
	const more = { ...context, settings, systemd: existsSync("/run/systemd/system") };
	await units(more);
	await serverProcess(more);
	await files(more);
	await report.check("kernel.pid_max carries many sandboxes", pidMax);
	await report.check("the clock is synchronised", () => clock(more));
	await engine(more);
	return report.check("sandbox-api check is content", () => ownCheck(settings));
}
