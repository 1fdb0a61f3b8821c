// The Docker Engine itself, asked directly: what is really there, whatever the server says.

import assert from "node:assert/strict";
import { request } from "./http.js";

const socketPath = (process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");

async function call(method, path, body) {
	const raw = body === undefined ? undefined : JSON.stringify(body);
	return request({ socketPath }, method, path, { headers: { Host: "engine", "Content-Type": "application/json" }, body: raw });
}

async function ask(method, path, body) {
	const answer = await call(method, path, body);
	assert.ok(answer.status < 400, `${method} ${path}: ${answer.status} ${answer.text}`);
	return answer.json;
}

async function list(labels) {
	const filters = encodeURIComponent(JSON.stringify({ label: labels }));
	return ask("GET", `/containers/json?all=1&filters=${filters}`);
}

/* Every container of a server, in whatever state. */
export function containersOf(workerId) {
	return list([`sandbox-api.worker=${workerId}`]);
}

/* Every container that has a label, "name" or "name=value". */
export function containersWith(label) {
	return list([label]);
}

export function containersOfSession(sessionId) {
	return list([`sandbox-api.session=${sessionId}`]);
}

export function inspect(id) {
	return ask("GET", `/containers/${id}/json`);
}

export function kill(id) {
	return ask("POST", `/containers/${id}/kill?signal=KILL`);
}

/* An idle container that is not the server's. Remove it with remove(). */
export async function createForeign({ name, labels = {} }) {
	const { Id } = await ask("POST", `/containers/create?name=${name}`, {
		Image: "sandbox-api/bash:latest",
		Entrypoint: ["/bin/sleep", "3600"],
		Labels: labels,
		HostConfig: { NetworkMode: "none", Runtime: "runsc" },
	});
	return Id;
}

export async function remove(id) {
	const { status } = await call("DELETE", `/containers/${id}?force=1`);
	assert.ok([204, 404, 409].includes(status), `delete: ${status}`);
}

export async function exists(id) {
	return (await call("GET", `/containers/${id}/json`)).status === 200;
}
