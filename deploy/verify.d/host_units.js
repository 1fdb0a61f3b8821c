// The units of systemd: do they run, and how much of the host do they see?

import { run } from "./programs.js";
import { fail, ok, skip, warn } from "./report.js";

const SERVICE = "sandbox-api.service";
const TIMER = "sandbox-api-reap.timer";
const EXPOSURE_MAX = 1.0;

/* {ActiveState, ...} */
export async function unitState(name, properties) {
	const { out } = await run("systemctl", ["show", name, `--property=${properties.join(",")}`]);
	return Object.fromEntries(out.split("\n").map((line) => line.split(/=(.*)/s)));
}

async function unit(name) {
	const { LoadState, ActiveState, UnitFileState, NRestarts } = await unitState(name, ["LoadState", "ActiveState", "UnitFileState", "NRestarts"]);
	if (LoadState !== "loaded") return fail(`${name} is ${LoadState}`);
	if (ActiveState !== "active" || UnitFileState !== "enabled") return fail(`${ActiveState}, ${UnitFileState}`);
	return Number(NRestarts) > 0 ? warn(`active, enabled, but restarted ${NRestarts} times: journalctl -u ${name}`) : ok("active, enabled");
}

async function exposure() {
	const { all } = await run("systemd-analyze", ["security", "--no-pager", SERVICE]);
	const score = /exposure level for \S+: ([\d.]+)/.exec(all)?.[1];
	if (score === undefined) return fail(all.split("\n").at(-1));
	return Number(score) <= EXPOSURE_MAX ? ok(score) : fail(`${score}, more than ${EXPOSURE_MAX}`);
}

export async function units({ report, systemd }) {
	const checks = [
		["the service runs, and will after a boot", () => unit(SERVICE)],
		["the service's exposure is small", exposure],
		["the reaper's timer runs, and will after a boot", () => unit(TIMER)],
	];
	for (const [name, work] of checks)
		await report.check(name, systemd ? work : () => skip("systemd is not running here"));
}
