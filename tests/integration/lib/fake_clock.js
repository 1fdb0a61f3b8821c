// A wall clock that a test moves while a server runs: libfaketime, preloaded into that server alone.
// CLOCK_MONOTONIC stays the kernel's.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";

const SANITIZED = (process.env.SERVER ?? "").includes("sanitize");

function library() {
	const found = readdirSync("/usr/lib").map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`);
	const path = found.find((each) => {
		try {
			return readdirSync(join(each, "..")).includes("libfaketimeMT.so.1");
		} catch {
			return false; /* of another architecture, or no folder at all */
		}
	});
	assert.ok(path, "libfaketime is not installed: scripts/setup test");
	return path;
}

/* ASan's own library must come first, or it refuses to run. */
function preloaded() {
	const asan = SANITIZED ? [execFileSync("gcc", ["-print-file-name=libasan.so"], { encoding: "utf8" }).trim()] : [];
	return [...asan, library()].join(":");
}

/* env: for startServer; jump(seconds): from now on its wall clock is so far from the real one. */
export function fakeClock() {
	const folder = mkdtempSync(join(tmpdir(), "sandbox-clock-"));
	const file = join(folder, "offset");
	const jump = (seconds) => {
		writeFileSync(`${file}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
		renameSync(`${file}.new`, file); /* the server may read at any moment */
	};
	jump(0);
	const env = {
		LD_PRELOAD: preloaded(),
		FAKETIME_TIMESTAMP_FILE: file,
		FAKETIME_NO_CACHE: "1",
		FAKETIME_DONT_FAKE_MONOTONIC: "1",
		DONT_FAKE_MONOTONIC: "1",
	};
	return { env, jump, close: () => rmSync(folder, { recursive: true }) };
}
