// Runs a page: its files are saved, its ```sh blocks run in order in one shell, as a reader would. What a block prints
// must be what the ```json or ```text block behind it shows.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { deferred, within } from "../../integration/lib/wait.js";

/* The server's address in the pages; that of the tests' own stands in for it. */
const ADDRESS = "localhost:3001";
const LIMIT_MS = 180_000;
const MARK = "--- end of block";

/* A folder to run a page in: what a checkout holds is there, what a page writes stays out of it. */
export function makeFolder() {
	mkdirSync("build", { recursive: true });
	const folder = mkdtempSync(resolve("build/docs-"));
	const shared = readdirSync(".").filter((name) => ![".git", "build"].includes(name));
	for (const name of shared) symlinkSync(resolve(name), join(folder, name));
	return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function saveFiles(page, folder, address = ADDRESS) {
	for (const [name, text] of Object.entries(page.files))
		writeFileSync(join(folder, name), text.replaceAll(ADDRESS, address));
}

/* The shell gets all blocks as one script, so that variables last; a mark after each says how far it came. */
function script(blocks, address) {
	const parts = blocks.map(({ text }, i) => `${text}\nprintf '\\n%s %d\\n' '${MARK}' ${i}\n`);
	return `set -eu -o pipefail\n${parts.join("")}`.replaceAll(ADDRESS, address);
}

async function run(text, folder, env) {
	const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...env }, stdio: ["pipe", "pipe", "pipe"], detached: true };
	const child = spawn("/bin/bash", ["-s"], options);
	const texts = { stdout: "", stderr: "" };
	for (const name of Object.keys(texts)) child[name].on("data", (chunk) => (texts[name] += chunk));
	const ended = deferred();
	child.on("error", ended.reject).on("close", ended.resolve);
	/* A file, not the script, is what a command of the page may read. */
	child.stdin.end(`{\n${text}\nexit\n} </dev/null\n`);
	try {
		return { code: await within(ended.promise, () => `the page's commands end\n${texts.stdout}\n${texts.stderr}`, LIMIT_MS), ...texts };
	} finally {
		if (child.exitCode === null) process.kill(-child.pid, "SIGKILL");
	}
}

/* {a: [{b: 1}]} has the shape {a: [{b: "number"}]}. Values differ from run to run, names and types must not. */
function shape(value) {
	if (Array.isArray(value)) return value.slice(0, 1).map(shape);
	if (value === null || typeof value !== "object") return typeof value;
	return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shape(each)]));
}

/* … stands for anything within a line. */
function textPattern(text) {
	const escaped = text.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", "[^\\n]*");
	return new RegExp(`^${escaped}$`);
}

function assertShown(shown, printed) {
	if (shown.language === "json") assert.deepEqual(shape(JSON.parse(printed)), shape(JSON.parse(shown.text)), printed);
	else assert.match(printed.trim(), textPattern(shown.text));
}

function followers(page) {
	return page.blocks.flatMap((block, i) => {
		const next = page.blocks[i + 1];
		const shown = ["json", "text"].includes(next?.language) && !next.name ? next : undefined;
		return block.language === "sh" && block.name !== "background" ? [{ ...block, shown }] : [];
	});
}

/* Resolves to the number of blocks that ran. */
export async function runPage(page, { folder, address = ADDRESS, env = {} }) {
	const blocks = followers(page);
	assert.ok(blocks.length > 0, `${page.path} has commands`);
	saveFiles(page, folder, address);
	const { code, stdout, stderr } = await run(script(blocks, address), folder, env);
	const printed = stdout.split(new RegExp(`\n${MARK} \\d+\n`));
	const failed = blocks[printed.length - 1];
	assert.equal(code, 0, `${page.path}: exit code ${code} in\n${failed?.text}\n${printed.at(-1)}\n${stderr}`);
	blocks.forEach(({ shown }, i) => shown && assertShown(shown, printed[i]));
	return blocks.length;
}
