// The benchmark, with sizes so small that its figures mean nothing: every row is there and could be true, and nothing is left behind,
// however it ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { containersOf, containersWith } from "./lib/engine.js";
import { until, within } from "./lib/wait.js";

const LIMIT_MS = 300_000; /* the first one builds, and the Engine has been seen to need 97 s for one removal */
const RESULTS = "bench/results.md";

const TINY = {
	BENCH_ARRIVALS: "3",
	BENCH_POOL: "1",
	BENCH_COLD_ROUNDS: "1",
	BENCH_KEYS: "20",
	BENCH_FLOOD_ROUNDS: "1",
	BENCH_FLOOD_MB: "2",
	BENCH_CROWD: "2",
	BENCH_FLOODERS: "1",
	BENCH_CROWD_ROUNDS: "1",
	BENCH_CROWD_SECONDS: "1",
	BENCH_MEMORY_SESSIONS: "1",
	BENCH_SCALE_SESSIONS: "10",
	BENCH_SCALE_WEBSOCKETS: "100",
	BENCH_SCALE_SECONDS: "1",
	BENCH_SCALE_KEYS: "20",
	BENCH_HOST_SANDBOXES: "1",
	BENCH_HOST_FREE_MB: "1",
};

/* Group and title of every row, in the order of the fields. */
const ROWS = [
	"echo: a keystroke and its echo",
	"echo: a keystroke and its echo, beside a bare relay",
	"flood: flood of 2 MB",
	"connect: connect to the first prompt byte, warm",
	"connect: POST /sessions to the first prompt byte, warm",
	"connect: POST /sessions to the first prompt byte, cold",
	"echo: echo with 2 sessions typing",
	"innocent: echo beside 1 floods, over WebSockets",
	"innocent: echo beside 1 floods, over raw attach streams",
	"scale: echo beside 100 idle WebSockets",
	"memory: resident memory, no session",
	"memory: of it not backed by files",
	"memory: resident memory, 1 sessions with a terminal each",
	"echo: CPU of the server for a keystroke",
	"flood: CPU of the server for a MB of output",
	"connect: spare sandboxes found",
	"connect: not found",
	"scale: resident memory for an idle session",
	"scale: resident memory for 1000 idle WebSockets",
	"scale: resident memory with 10 sessions, 100 WebSockets",
	"host: sandboxes at once (the bound was the number asked for)",
	"host: memory of the host for one of them",
	"host: what the memory that was free carries",
];

/* Of the environment only what a program needs: no size that a developer has set. */
const PASSED_ON = Object.fromEntries(["PATH", "HOME", "DOCKER_HOST"].map((name) => [name, process.env[name]]));

function start(program, args, env = {}) {
	const child = spawn(program, args, { env: { ...PASSED_ON, ...env }, stdio: ["ignore", "pipe", "pipe"] });
	const it = { child, stdout: "", stderr: "" };
	for (const name of ["stdout", "stderr"]) child[name].on("data", (chunk) => (it[name] += chunk));
	it.ended = new Promise((done, fail) => child.on("error", fail).on("close", (code) => done(code)));
	/* A test that gives up must not leave it behind. */
	const orphan = () => child.kill("SIGTERM");
	process.once("exit", orphan);
	child.on("close", () => process.removeListener("exit", orphan));
	return it;
}

async function run(program, ...rest) {
	const it = start(program, ...rest);
	const code = await within(it.ended, `the end of ${program}`, LIMIT_MS);
	return { code, stdout: it.stdout, stderr: it.stderr };
}

/* Of a run, whose name it says: its own containers, and those of the servers that it has started. */
async function containersOfRun(stderr) {
	const name = /^bench: run (\w+)$/m.exec(stderr)?.[1];
	return name ? [...(await containersWith(`sandbox-api.bench=${name}`)), ...(await containersOf(`bench-${name}`))] : [];
}

function readFields() {
	const lines = readFileSync("build/bench/fields", "utf8").replace(/\n$/, "").split("\n");
	return lines.map((line) => {
		const [group, title, kind, unit, ours, reference, ratio, verdict, p99] = line.split("\t");
		return { name: `${group}: ${title}`, kind, unit, ours, reference, ratio, verdict, p99 };
	});
}

let folder;
before(() => (folder = mkdtempSync(join(tmpdir(), "sandbox-api-bench-"))));
after(() => rmSync(folder, { recursive: true }));

describe("the benchmark", () => {
	test("measures every row, and leaves no container behind", async () => {
		const before = readFileSync(RESULTS, "utf8");
		const { code, stdout, stderr } = await run("bench/run", [], TINY);
		assert.equal(code, 0, stderr);
		const rows = readFields();
		assert.deepEqual(rows.map(({ name }) => name), ROWS);
		for (const { name } of rows) assert.ok(stdout.includes(name.replace(/^\w+: /, "")), `${name} is in a table`);
		assert.deepEqual(await containersOfRun(stderr), []);
		assert.equal(readFileSync(RESULTS, "utf8"), before, "nothing is recorded unless asked for");
	});

	test("gives figures that could be true", () => {
		for (const { name, kind, unit, ours, reference, ratio, verdict, p99 } of readFields()) {
			assert.match(kind, /^(time|rate|cost)$/, name);
			assert.match(ours, /^-?\d+(\.\d+)?$/, name);
			if (kind === "cost") assert.deepEqual([reference, ratio, p99], ["", "", ""], name);
			else assert.ok(Number(ours) > 0 && Number(reference) > 0 && Number(ratio) > 0, name);
			if (kind === "time" && !unit.startsWith("p99")) assert.ok(Number(p99) >= Number(ours), `${name}: the tail is not shorter than the median`);
			assert.match(verdict, /^(met|missed|)$/, name);
		}
		const value = (name) => Number(readFields().find((row) => row.name === name).ours);
		assert.equal(value("connect: spare sandboxes found") + value("connect: not found"), Number(TINY.BENCH_ARRIVALS));
		assert.ok(value("memory: resident memory, no session") > value("memory: of it not backed by files"));
		assert.equal(value("host: sandboxes at once (the bound was the number asked for)"), 1);
	});

	test("ends at Ctrl-C in the middle of a figure, without leaving anything behind", async () => {
		const it = start("bench/run", ["echo"], { BENCH_KEYS: "9999999" });
		await until(async () => (await containersOfRun(it.stderr)).length === 3, "a session and its two twins", LIMIT_MS);
		it.child.kill("SIGINT");
		assert.equal(await within(it.ended, "the end", LIMIT_MS), 1);
		assert.deepEqual(await containersOfRun(it.stderr), []);
	});

	test("refuses what it does not know", async () => {
		const figure = await run("bench/run", ["speed"]);
		assert.equal(figure.code, 2);
		assert.match(figure.stderr, /speed: no such figure/);
		const size = await run("bench/run", ["echo"], { BENCH_KEYS: "many" });
		assert.equal(size.code, 2);
		assert.match(size.stderr, /BENCH_KEYS: want a whole number/);
	});
});

describe("what is recorded", () => {
	const fields = (ratio) => `echo\ta new figure\ttime\tms\t0.5\t0.4\t${ratio}\tmissed\t2.5\nflood\ta new rate\trate\tMB/s\t9\t10\t${ratio}\tmet\t8\n`;
	const record = (ratio) => {
		writeFileSync(join(folder, "fields"), fields(ratio));
		return run("bench/record", [join(folder, "results.md"), join(folder, "fields"), "a change"]);
	};
	const compare = async (ratio) => {
		writeFileSync(join(folder, "fields"), fields(ratio));
		const programs = ["-f", "bench/cells.awk", "-f", "bench/compare.awk"];
		return (await run("awk", [...programs, join(folder, "results.md"), join(folder, "fields")])).stdout;
	};

	test("is a row in the tables of its groups, a column for a new figure, and nothing else", async () => {
		copyFileSync(RESULTS, join(folder, "results.md"));
		const { code, stderr } = await record("1.25");
		assert.equal(code, 0, stderr);
		const tables = readFileSync(join(folder, "results.md"), "utf8").split("\n## ");
		const old = readFileSync(RESULTS, "utf8").split("\n## ");
		for (const [i, table] of tables.entries()) {
			const rows = (text) => text.split("\n").filter((line) => line.startsWith("|"));
			const changed = /^(echo|flood)\n/.test(table);
			assert.equal(rows(table).length, rows(old[i]).length + (changed ? 1 : 0), table);
			assert.equal(new Set(rows(table).map((row) => row.split("|").length)).size <= 1, true, "all rows have the same columns");
		}
		assert.match(tables.find((table) => table.startsWith("echo\n")), /\| a new figure, ms \|(.*\n)+.*\| a change \|.*\| 0\.5 \/ 0\.4 = \*\*1\.25\*\*, p99 2\.5, missed \|\n/);
	});

	test("is what the next run is compared with: a fifth worse is a finding, for rates the other way round", async () => {
		assert.equal(await compare("1.3"), "");
		assert.match(await compare("1.51"), /^finding: a new figure: a ratio of 1\.51, and 1\.25 on \d{4}-\d\d-\d\d, 20 % worse\n$/);
		assert.match(await compare("1.0"), /^finding: a new rate: a ratio of 1\.0, and 1\.25 on .*, 25 % worse\n$/);
	});
});
