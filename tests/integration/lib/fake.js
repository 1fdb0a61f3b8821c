// The fake engine (tests/fakes): a process of the test's own, and its control channel.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { request } from "./http.js";
import { deferred, within } from "./wait.js";

/* Of the same build as the server. */
const PROGRAM = join(dirname(process.env.SERVER ?? "build/release/sandbox-api"), "fakes/engine");

export class FakeEngine {
	#ended = deferred();
	#listening = deferred();
	errors = [];

	constructor(folder) {
		this.folder = folder;
		this.socketPath = join(folder, "engine.sock");
		this.host = `unix://${this.socketPath}`;
		this.child = spawn(PROGRAM, ["--socket", this.socketPath], { stdio: ["ignore", "pipe", "pipe"] });
		this.child.on("error", (error) => this.#ended.resolve({ error }));
		this.child.on("close", (code, signal) => this.#ended.resolve({ code, signal }));
		createInterface({ input: this.child.stdout }).on("line", () => this.#listening.resolve());
		createInterface({ input: this.child.stderr }).on("line", (line) => this.errors.push(line));
		const orphan = () => this.child.kill("SIGTERM");
		process.once("exit", orphan);
		this.#ended.promise.then(() => process.removeListener("exit", orphan));
	}

	static async start() {
		const fake = new FakeEngine(mkdtempSync(join(tmpdir(), "fake-engine-")));
		const died = fake.#ended.promise.then((how) => assert.fail(`${PROGRAM}: ${JSON.stringify(how)} ${fake.errors.join("\n")}`));
		await within(Promise.race([fake.#listening.promise, died]), "the fake engine listens");
		return fake;
	}

	/* Whoever broke a rule, the server or the fake itself, fails the test here. */
	async stop() {
		this.child.kill("SIGTERM");
		const how = await within(this.#ended.promise, "the fake engine ends");
		rmSync(this.folder, { recursive: true });
		assert.deepEqual({ ...how, errors: this.errors }, { code: 0, signal: null, errors: [] });
	}

	async #control(method, path, body) {
		const answer = await request({ socketPath: `${this.socketPath}.control` }, method, path, { body: body && JSON.stringify(body) });
		assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
		return answer.json;
	}

	/* What a client of the Engine sees. */
	ask(method, path, body) {
		return request({ socketPath: this.socketPath }, method, path, { body });
	}

	state() {
		return this.#control("GET", "/state");
	}

	faults() {
		return this.#control("GET", "/faults");
	}

	async fault(fault) {
		return (await this.#control("POST", "/faults", fault)).id;
	}

	clear(id) {
		return this.#control("DELETE", "/faults", id && { id });
	}

	plan(plan) {
		return this.#control("POST", "/plan", plan);
	}

	engine(what) {
		return this.#control("POST", "/engine", what);
	}

	/* act: "kill", "oom", ...; of all containers unless options has a name. */
	act(act, options) {
		return this.#control("POST", "/containers", { act, ...options });
	}

	containers() {
		return this.#control("GET", "/containers");
	}

	/* As lib/engine.js does it, for lib/server.js. */
	async containersOf(workerId) {
		const filters = encodeURIComponent(JSON.stringify({ label: [`sandbox-api.worker=${workerId}`] }));
		return (await this.ask("GET", `/containers/json?filters=${filters}`)).json;
	}

	remove(id) {
		return this.ask("DELETE", `/containers/${id}`);
	}
}
