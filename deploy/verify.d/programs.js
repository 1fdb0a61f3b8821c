// Other programs on this host, bounded in time and output, never through a shell.

import { execFile } from "node:child_process";

const LIMIT_MS = 60_000;
const OUTPUT_MAX_BYTES = 1 << 20;

/* Resolves to {code, out, all}, whatever the exit code; rejects when the program cannot be run. */
export function run(file, args, { env = process.env, limitMs = LIMIT_MS } = {}) {
	return new Promise((resolve, reject) => {
		execFile(file, args, { env, timeout: limitMs, maxBuffer: OUTPUT_MAX_BYTES }, (error, out, err) => {
			if (error && typeof error.code !== "number") reject(new Error(error.killed ? `${file}: no end within ${limitMs / 1000} s` : error.message));
			else resolve({ code: error?.code ?? 0, out: out.trim(), all: `${out}${err}`.trim() });
		});
	});
}
