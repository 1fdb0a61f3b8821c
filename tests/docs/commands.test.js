// The commands of the pages, run as they are written.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { containersOf } from "../integration/lib/engine.js";
import { freePort, newWorkerId, startServer } from "../integration/lib/server.js";
import { deferred, until, within } from "../integration/lib/wait.js";
import { makeFolder, runPage } from "./lib/commands.js";
import { Page } from "./lib/page.js";

const KEY = "key-of-the-pages";
const START_LIMIT_MS = 120_000;
const PASSED_ON = ["PATH", "HOME", "DOCKER_HOST"];

describe("docs/api.md", () => {
	let server;
	let place;

	before(async () => {
		place = makeFolder();
		server = await startServer({ SANDBOX_API_KEY: KEY });
	});
	after(async () => {
		await server?.stop();
		place.remove();
	});

	test("does what it says, command by command", async (t) => {
		const page = new Page("docs/api.md");
		const count = await runPage(page, { ...place, address: server.host, env: { SANDBOX_API_KEY: KEY } });
		await until(async () => (await server.containers()).length === 0, "every sandbox of the page is gone");
		t.diagnostic(`docs/api.md: ${count} blocks of commands ran as written`);
	});
});

/* The first block of the page stays in front: a program of its own, ended by Ctrl-C. */
class Background {
	constructor(command, env) {
		this.log = [];
		this.ended = deferred();
		this.ready = deferred();
		const passed = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
		this.child = spawn("/bin/bash", ["-c", `exec ${command}`], { env: { ...passed, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
		this.child.on("close", (code) => this.ended.resolve(code));
		for (const stream of [this.child.stdout, this.child.stderr]) createInterface({ input: stream }).on("line", (line) => this.#take(line));
	}

	#take(line) {
		this.log.push(line);
		if (/ server\.ready /.test(line)) this.ready.resolve();
	}

	started() {
		const died = this.ended.promise.then((code) => {
			throw new Error(`it ended with ${code}\n${this.log.join("\n")}`);
		});
		return within(Promise.race([this.ready.promise, died]), () => `server.ready\n${this.log.join("\n")}`, START_LIMIT_MS);
	}

	/* Everything in its process group gets the signal, as from a terminal. */
	interrupt() {
		process.kill(-this.child.pid, "SIGINT");
		return within(this.ended.promise, () => `it ends\n${this.log.join("\n")}`);
	}
}

describe("docs/quick-start.md", () => {
	test("goes from make run to a session, and Ctrl-C leaves nothing", async (t) => {
		const page = new Page("docs/quick-start.md");
		const [{ text }] = page.blocks.filter(({ name }) => name === "background");
		const port = await freePort();
		const workerId = newWorkerId();
		const server = new Background(text, { PORT: String(port), WORKER_ID: workerId });
		try {
			await server.started();
			const env = { DOCKER_HOST: process.env.DOCKER_HOST };
			const count = await runPage(page, { folder: process.cwd(), address: `localhost:${port}`, env });
			t.diagnostic(`docs/quick-start.md: make run and ${count} blocks of commands ran as written`);
		} finally {
			await server.interrupt();
		}
		assert.deepEqual(await containersOf(workerId), []);
	});
});
