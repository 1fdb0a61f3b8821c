// Containers of the benchmark's own, twins of the server's: made from what the Engine says about one of
// those, so that image, limits and command are the same whatever they are.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import http from "node:http";
import { containersOfSession, inspect } from "../../tests/integration/lib/engine.js";
import { request } from "../../tests/integration/lib/http.js";
import { deferred, within } from "../../tests/integration/lib/wait.js";

const socketPath = process.env.DOCKER_HOST.replace(/^unix:\/\//, "");
const LABEL = "sandbox-api.bench";
const CONFIG_FIELDS = [
	"Image", "User", "Tty", "OpenStdin", "StdinOnce", "NetworkDisabled", "Hostname", "StopSignal", "Entrypoint",
];

async function ask(method, path, body) {
	const raw = body === undefined ? undefined : JSON.stringify(body);
	const headers = { Host: "engine", "Content-Type": "application/json" };
	const answer = await request({ socketPath }, method, path, { headers, body: raw });
	assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
	return answer.json;
}

/* {engine, kernel, runtimes}: two versions, and the table of runtimes by name. */
export async function engineFacts() {
	const info = await ask("GET", "/info");
	return { engine: info.ServerVersion, kernel: info.KernelVersion, runtimes: info.Runtimes };
}

/* The body that creates a container like the one behind a session. */
export async function twinOf(sessionId) {
	const [{ Id }] = await containersOfSession(sessionId);
	const { Config, HostConfig } = await inspect(Id);
	return { ...Object.fromEntries(CONFIG_FIELDS.map((name) => [name, Config[name]])), HostConfig };
}

export class Containers {
	#run = randomBytes(6).toString("hex");
	#creating = new Set();
	#closed = false;

	/* Resolves to a name; the container is not started. Once removeAll() has begun it refuses. */
	async create(body) {
		assert.ok(!this.#closed, "the benchmark is ending");
		const name = `bench-${this.#run}-${randomBytes(4).toString("hex")}`;
		const created = ask("POST", `/containers/create?name=${name}`, { ...body, Labels: { [LABEL]: this.#run } });
		this.#creating.add(created);
		await created.finally(() => this.#creating.delete(created));
		return name;
	}

	start(name) {
		return ask("POST", `/containers/${name}/start`);
	}

	/* Resolves to the hijacked connection; head is pushed back into it. */
	attach(name) {
		const { promise, resolve, reject } = deferred();
		const path = `/containers/${name}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
		const headers = { Host: "engine", Connection: "Upgrade", Upgrade: "tcp", "Content-Length": "0" };
		const outgoing = http.request({ socketPath, method: "POST", path, headers, agent: false });
		outgoing.on("upgrade", (_, socket, head) => {
			if (head.length) socket.unshift(head);
			resolve(socket);
		});
		outgoing.on("response", (response) => reject(new Error(`attach: ${response.statusCode}`)));
		outgoing.on("error", reject);
		outgoing.end();
		return within(promise, `attach to ${name}`);
	}

	/* Also when it is gone already or on its way. */
	async remove(name) {
		const { status, text } = await request({ socketPath }, "DELETE", `/containers/${name}?force=1`, { headers: { Host: "engine" } });
		assert.ok([204, 404, 409].includes(status), `remove ${name}: ${status} ${text}`);
	}

	/* Everything of this run, also what is being created this moment. */
	async removeAll() {
		this.#closed = true;
		await Promise.allSettled(this.#creating);
		const filters = encodeURIComponent(JSON.stringify({ label: [`${LABEL}=${this.#run}`] }));
		const left = await ask("GET", `/containers/json?all=1&filters=${filters}`);
		await Promise.all(left.map(({ Id }) => this.remove(Id)));
	}
}
