// What the host's kernel knows: the only witness of a leaked shim, descriptor or byte.

import { readFileSync, readdirSync } from "node:fs";
import { until } from "./wait.js";

const CGROUP_DEPTH = 4;

function cmdline(pid) {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
	} catch {
		return ""; /* it ended while we were reading */
	}
}

/* The command lines of shims, gofers and gVisor kernels that serve one of the containers. Counting
 * by container id, because a machine may run other people's. */
export function processesOf(containerIds) {
	const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
	const lines = pids.map(cmdline).filter((line) => /^\S*(runsc|containerd-shim)/.test(line));
	return lines.filter((line) => containerIds.some((id) => line.includes(id)));
}

function directories(path) {
	try {
		return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
	} catch {
		return []; /* removed meanwhile */
	}
}

function* below(path, depth) {
	for (const { name } of directories(path)) {
		yield `${path}/${name}`;
		if (depth > 1) yield* below(`${path}/${name}`, depth - 1);
	}
}

export function cgroupsOf(containerIds) {
	return [...below("/sys/fs/cgroup", CGROUP_DEPTH)].filter((path) => containerIds.some((id) => path.includes(id)));
}

/* Resolves when the host holds nothing of these containers any more. */
export function goneFromHost(containerIds, limitMs) {
	let left = [];
	const look = () => {
		left = [...processesOf(containerIds), ...cgroupsOf(containerIds)];
		return left.length === 0;
	};
	return until(look, "no process and no cgroup of the sandboxes is left", limitMs).catch((error) => {
		throw new Error(`${error.message}\n${left.join("\n")}`);
	});
}

export function descriptorCount(pid) {
	return readdirSync(`/proc/${pid}/fd`).length;
}

export function residentBytes(pid) {
	return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

/* Seconds of processor time that it has used. */
export function processorSeconds(pid) {
	const fields = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /, "").split(" ");
	return (Number(fields[11]) + Number(fields[12])) / 100;
}
