// A bare Debian with systemd, made by scripts/machine: what an operator does is done in there, what a visitor does
// is done from here, over its network.

import { spawn } from "node:child_process";
import assert from "node:assert/strict";

const PROGRAM = "scripts/machine";
const LIMIT_MS = 600_000;

/* Where it answers; scripts/machine. */
export const ADDRESS = "10.213.77.2";

function call(args, { input = "", limitMs = LIMIT_MS } = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(PROGRAM, args, { stdio: ["pipe", "pipe", "pipe"], timeout: limitMs, killSignal: "SIGKILL" });
		let stdout = "", stderr = "";
		child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
		child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
		child.on("error", reject);
		child.on("close", (code, signal) => resolve({ code: code ?? signal, stdout, stderr }));
		child.stdin.on("error", () => {}); /* who does not read its input need not */
		child.stdin.end(input);
	});
}

async function demand(args, options) {
	const { code, stdout, stderr } = await call(args, options);
	assert.equal(code, 0, `${PROGRAM} ${args.join(" ")}\n${stdout}\n${stderr}`);
	return stdout.trimEnd();
}

export const start = () => demand(["start"]);
export const restart = () => demand(["restart"]);
export const stop = () => demand(["stop"]);
export const copy = (directory) => demand(["copy", directory]);

/* A script for its shell, as root: resolves to {code, stdout, stderr}. */
export function attempt(script, options) {
	return call(["run", "bash", "-c", script], options);
}

/* The same where it must succeed: resolves to its output. */
export function run(script, options) {
	return demand(["run", "bash", "-euo", "pipefail", "-c", script], options);
}

export function write(path, text) {
	return run(`mkdir -p "$(dirname '${path}')" && cat >'${path}'`, { input: text });
}

/* One property of a unit, as systemd has it. */
export function property(unit, name) {
	return run(`systemctl show --value --property=${name} ${unit}`);
}

export function journal(unit) {
	return run(`journalctl --no-pager --output=cat --unit=${unit}`);
}

/* Looks to the tests like a server: what a visitor of https://name/ sees, who trusts this root certificate. */
export function siteOf(name, ca) {
	const lookup = (_, options, callback) =>
		options.all ? callback(null, [{ address: ADDRESS, family: 4 }]) : callback(null, ADDRESS, 4);
	const url = new URL(`https://${name}/`);
	return { url, host: url.host, origin: url.origin, tail: "", connection: { ca, lookup, servername: name } };
}
