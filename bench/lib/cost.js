// What the server uses, from /proc: its own part only, not the Engine's and not the sandbox's.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/* User and system time of a process so far, ms, in steps of a clock tick (10 ms). */
export function cpuMs(pid) {
	const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
	/* The name in parentheses may hold spaces: fields count from behind it. */
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}
