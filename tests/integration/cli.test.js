// The program at the command line: answers, mistakes, exit codes. Needs no Engine.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { within } from "./lib/wait.js";

const PROGRAM = resolve(process.env.SERVER ?? "build/release/sandbox-api");
const PASSED_ON = ["PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"].filter((name) => name in process.env);
const BASE = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
const TRY = "Try 'sandbox-api --help'\n";

let folder;
before(() => (folder = mkdtempSync(join(tmpdir(), "sandbox-api-cli-"))));
after(() => rmSync(folder, { recursive: true }));

function start(args, env = {}, stdout = "pipe") {
	return spawn(PROGRAM, args, { cwd: folder, env: { ...BASE, ...env }, stdio: ["ignore", stdout, "pipe"] });
}

/* Resolves to {code, stdout, stderr} of a program that ends by itself. */
async function run(args, env, stdout) {
	const child = start(args, env, stdout);
	const texts = { stdout: "", stderr: "" };
	for (const name of Object.keys(texts)) child[name]?.on("data", (chunk) => (texts[name] += chunk));
	const ended = new Promise((done, fail) => child.on("error", fail).on("close", (code) => done(code)));
	try {
		return { code: await within(ended, `the end of ${args.join(" ")}`), ...texts };
	} finally {
		child.kill("SIGKILL");
	}
}

function write(name, content, mode = 0o640) {
	const path = join(folder, name);
	writeFileSync(path, typeof content === "object" && !Buffer.isBuffer(content) ? JSON.stringify(content) : content);
	chmodSync(path, mode);
	return name;
}

/* {NAME: [value, source]} of --print-config. */
function parse(printed) {
	return Object.fromEntries(printed.trimEnd().split("\n").map((line) => {
		const [, name, value, source] = /^(\S+) +(\S+|\(not set\)) {2,}(.+)$/.exec(line) ?? assert.fail(line);
		return [name, [value, source]];
	}));
}

describe("answers", () => {
	test("--help explains on standard output", async () => {
		const { code, stdout, stderr } = await run(["--help"]);
		assert.deepEqual([code, stderr], [0, ""]);
		for (const word of ["Usage:", "check", "--config FILE", "--print-config", "--version", "Exit codes:", "Example:", "  PORT ", "[3001]"])
			assert.ok(stdout.includes(word), word);
		for (const line of stdout.split("\n")) assert.ok(line.length <= 100, line);
		assert.equal((await run(["-h"])).stdout, stdout);
	});

	test("--version is one line, whatever is wrong with the configuration", async () => {
		const { code, stdout, stderr } = await run(["--version", "--config", "missing"], { PORT: "x" });
		assert.deepEqual([code, stderr], [0, ""]);
		assert.match(stdout, /^sandbox-api \d+\.\d+\.\d+\n$/);
	});

	test("an answer that cannot be written is a failure", async () => {
		for (const option of ["--help", "--version", "--print-config"]) {
			const full = openSync("/dev/full", "w");
			assert.equal((await run([option], {}, full)).code, 1, option);
			closeSync(full);
		}
	});
});

describe("the command line", () => {
	const wrong = [
		[["--nope"], "unknown option: --nope"],
		[["-x"], "unknown option: -x"],
		[["serve"], "unknown verb: serve"],
		[["check", "twice"], "one argument too many: twice"],
		[["--config"], "--config needs the name of a file"],
		[["--config="], "--config needs the name of a file"],
		[["--version=1"], "an option that takes no value: --version=1"],
	];
	for (const [args, message] of wrong)
		test(`${args.join(" ")} is refused`, async () => {
			assert.deepEqual(await run(args), { code: 2, stdout: "", stderr: `sandbox-api: ${message}\n${TRY}` });
		});
});

describe("--print-config", () => {
	test("shows each value and where it comes from", async () => {
		const file = write("right.json", { port: 8080, host: "::1", sandboxAllowedOrigins: ["https://a.example", "https://b.example"], authSecret: "abc".repeat(12) });
		const { code, stdout, stderr } = await run(["--print-config", "--config", file], { HOST: "127.0.0.1", SANDBOX_API_KEY: "def", LOG_LEVEL: "" });
		assert.deepEqual([code, stderr], [0, ""]);
		const shown = parse(stdout);
		assert.deepEqual(shown.PORT, ["8080", "file, line 1"]);
		assert.deepEqual(shown.HOST, ["127.0.0.1", "environment"]);
		assert.deepEqual(shown.LOG_LEVEL, ["info", "default"]);
		assert.deepEqual(shown.SANDBOX_ALLOWED_ORIGINS, ["https://a.example,https://b.example", "file, line 1"]);
		assert.deepEqual(shown.SANDBOX_API_KEY, ["(set)", "environment"]);
		assert.deepEqual(shown.AUTH_SECRET, ["(set)", "file, line 1"]);
		assert.deepEqual(shown.ADMIN_API_KEY, ["(not set)", "default"]);
		assert.match(shown.WORKER_ID[0], /-8080$/);
		assert.doesNotMatch(stdout, /abc|def /);
	});

	test("takes --config=FILE too, and a pipe as the file", async () => {
		write("seven.json", { port: 7 });
		assert.deepEqual(parse((await run(["--config=seven.json", "--print-config"])).stdout).PORT, ["7", "file, line 1"]);
		const child = spawn("/bin/sh", ["-c", `echo '{"port": 9}' | ${PROGRAM} --config /dev/stdin --print-config`], { env: BASE });
		let text = "";
		child.stdout.on("data", (chunk) => (text += chunk));
		assert.equal(await within(new Promise((done) => child.on("close", done)), "the pipe's reader ends"), 0);
		assert.deepEqual(parse(text).PORT, ["9", "file, line 1"]);
	});

	test("with mistakes shows them instead", async () => {
		const { code, stdout, stderr } = await run(["--print-config"], { PORT: "x" });
		assert.deepEqual([code, stdout], [2, ""]);
		assert.match(stderr, /^sandbox-api: the configuration is wrong, 1 mistake:\nPORT: "x" is not a whole number/);
	});
});

describe("mistakes", () => {
	test("are listed as docs/configuration.md shows", async () => {
		const blocks = [...readFileSync("docs/configuration.md", "utf8").matchAll(/^```(\w*)\n(.*?)^```$/gms)];
		const [file] = blocks.filter(([, kind]) => kind === "");
		const [expected] = blocks.filter(([, kind]) => kind === "text");
		write("limits.json", file[2], 0o644);
		const { code, stdout, stderr } = await run(["--config", "limits.json"], { LOG_FORMAT: "xml" });
		assert.equal(stderr, expected[2]);
		assert.deepEqual([code, stdout], [2, ""]);
	});

	test("hundreds at once are all listed", async () => {
		const names = Object.keys(parse((await run(["--print-config"])).stdout));
		const toKey = (name) => name.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase());
		const env = Object.fromEntries(names.map((name) => [name, "\x1b \n"]));
		const file = write("all.json", Object.fromEntries(names.map((name) => [toKey(name), null])));
		const { code, stderr } = await run(["--config", file], env);
		const lines = stderr.trimEnd().split("\n");
		assert.equal(code, 2);
		assert.equal(lines.length, 1 + 2 * names.length);
	});

	const refused = [
		["a missing file", () => "missing.json", /^missing\.json: cannot be read: No such file or directory$/],
		["a folder", () => ".", /^\.: cannot be read: Is a directory$/],
		["a file that is too large", () => write("large.json", Buffer.alloc(1024 * 1024 + 1, " ")), /^large\.json: larger than 1048576 bytes$/],
		["an endless one", () => "/dev/zero", /^\/dev\/zero: larger than 1048576 bytes$/],
		["a syntax error", () => write("syntax.json", '{\n  "port": 80,\n  "sandboxApiKey": secret\n}\n'), /^syntax\.json:3:\d+: not JSON: invalid token$/],
		["bytes that are not UTF-8", () => write("latin1.json", Buffer.from('{"host": "\xfc"}', "latin1")), /^latin1\.json:1:\d+: not UTF-8: /],
		["an array", () => write("array.json", "[]"), /^array\.json:1:1: not an object in braces$/],
		["a secret that all may read", () => write("open.json", { authSecret: "hidden".repeat(6) }, 0o644), /^open\.json: holds authSecret, .* chmod 640 open\.json$/],
	];
	for (const [what, file, message] of refused)
		test(`${what} is refused`, async () => {
			const { code, stdout, stderr } = await run(["--config", file()]);
			const [header, line, ...rest] = stderr.split("\n");
			assert.deepEqual([code, stdout, rest], [2, "", [""]], stderr);
			assert.equal(header, "sandbox-api: the configuration is wrong, 1 mistake:");
			assert.match(line, message);
			assert.doesNotMatch(stderr, /secret$|hidden/m);
		});
});

describe("a start", () => {
	async function firstLine(args, env) {
		const child = start(args, { HOST: "127.0.0.1", DOCKER_HOST: `unix://${folder}/none.sock`, WORKER_ID: `test-cli-${process.pid}`, ...env });
		const ended = new Promise((done) => child.on("close", (code) => done(code)));
		const lines = createInterface({ input: child.stderr });
		const listening = new Promise((done) => lines.on("line", (line) => line.includes("server.listening") && done(line)));
		try {
			const line = await within(listening, "server.listening");
			child.kill("SIGTERM");
			assert.equal(await within(ended, "the end after SIGTERM"), 0);
			return line;
		} finally {
			child.kill("SIGKILL");
		}
	}

	test("names the file that it was configured by", async () => {
		write("start.json", { port: 0 });
		assert.match(await firstLine(["--config", "start.json"], {}), /\bconfig="?start\.json\b/);
		assert.doesNotMatch(await firstLine([], { PORT: "0" }), /\bconfig=/);
	});
});
