// A server of the tests' own: its port, its worker id, its log.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";
import * as engine from "./engine.js";
import { get } from "./http.js";
import { deferred, until, within } from "./wait.js";

const PROGRAM = process.env.SERVER ?? "build/release/sandbox-api";
const LOG_LINES_SHOWN = 30;

/* Most tests count containers, or want to see one start. */
const NO_POOL = { POOL_SIZE: "0" };

/* What a developer has in the shell must not change a test: only these pass through. */
const PASSED_ON = ["PATH", "HOME", "DOCKER_HOST", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"];

/* Every test comes from one address: its own limits are off where it is not about them. */
const NO_LIMITS = {
	MAX_SESSIONS_PER_HOUR: "0",
	MAX_CONCURRENT_PER_IP: "0",
	MAX_WEBSOCKETS_PER_IP: "0",
	COMMANDS_PER_MINUTE: "0",
};

export async function freePort() {
	const server = createServer();
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

export function newWorkerId() {
	return `test-${randomBytes(5).toString("hex")}`;
}

export class Server {
	log = [];
	#ended = deferred();
	#listening = deferred();

	/* its: whom to ask for its containers. */
	constructor(env, its = engine) {
		this.engine = its;
		this.workerId = env.WORKER_ID;
		const passed = PASSED_ON.filter((name) => process.env[name] !== undefined);
		const base = Object.fromEntries(passed.map((name) => [name, process.env[name]]));
		this.child = spawn(PROGRAM, [], { env: { ...base, ...env }, stdio: ["ignore", "ignore", "pipe"] });
		this.child.on("error", (error) => this.#ended.resolve({ code: null, signal: null, error }));
		this.child.on("close", (code, signal) => this.#ended.resolve({ code, signal }));
		createInterface({ input: this.child.stderr }).on("line", (line) => this.#onLine(line));
		this.exited = this.#ended.promise;
		/* A test that fails early must not leave a server behind. */
		const orphan = () => this.child.kill("SIGTERM");
		process.once("exit", orphan);
		this.exited.then(() => process.removeListener("exit", orphan));
		this.exited.then((how) => this.log.push(`(the server has ended: ${JSON.stringify(how)})`));
	}

	#onLine(line) {
		this.log.push(line);
		const found = /server\.listening\b.*?url"?[=:]\s*"?(http:[^\s"]+)/.exec(line);
		if (found) this.#listening.resolve(new URL(found[1]));
	}

	get pid() {
		return this.child.pid;
	}

	get tail() {
		return this.log.slice(-LOG_LINES_SHOWN).join("\n");
	}

	async listening() {
		const died = this.exited.then((how) => {
			throw new Error(`${PROGRAM} ended at start: ${JSON.stringify(how)}\n${this.tail}`);
		});
		this.url = await within(Promise.race([this.#listening.promise, died]), () => `listening\n${this.tail}`);
		this.host = this.url.host;
		this.origin = this.url.origin;
		return this;
	}

	/* Listening says that the port is open; ok says that a first sandbox, the canary, could be made. It has
	 * gone when this resolves, so that every container is a test's own, or a spare one. */
	healthy() {
		return until(async () => {
			const { status, json } = await get(this, "/health");
			return status === 200 && json.containers === json.pool.ready + json.pool.starting;
		}, "/health is 200, and the canary has gone");
	}

	containers() {
		return this.engine.containersOf(this.workerId);
	}

	signal(name) {
		this.child.kill(name);
		return within(this.exited, () => `the server ends after ${name}\n${this.tail}`);
	}

	/* An orderly end: exit code 0 (a sanitizer's finding is another one) and nothing left behind.
	 * What is left all the same is removed, so that a failure here is not one elsewhere. */
	async stop() {
		const how = await this.signal("SIGTERM");
		const left = await this.containers();
		await Promise.all(left.map(({ Id }) => this.engine.remove(Id)));
		assert.deepEqual(how, { code: 0, signal: null }, this.tail);
		assert.deepEqual(left, []);
	}
}

/* A churn of servers in one test run is meant, not a leak of listeners. */
process.setMaxListeners(100);

/* env is put over the defaults; health: false where the Engine is not meant to be well; fake: the fake engine to use. */
export async function startServer(env = {}, { health = true, fake } = {}) {
	const server = new Server({
		HOST: "127.0.0.1",
		PORT: String(await freePort()),
		WORKER_ID: newWorkerId(),
		LOG_LEVEL: "debug",
		...NO_LIMITS,
		...NO_POOL,
		...(fake && { DOCKER_HOST: fake.host }),
		...env,
	}, fake);
	try {
		await server.listening();
		if (health) await server.healthy();
		return server;
	} catch (error) {
		await server.signal("SIGTERM");
		throw new Error(`${error.message}\n${server.tail}`);
	}
}

/* Runs work(server) with a server that is stopped afterwards, whatever happens. */
export async function withServer(env, work, options) {
	const server = await startServer(env, options);
	try {
		await work(server);
	} finally {
		await server.stop();
	}
}
