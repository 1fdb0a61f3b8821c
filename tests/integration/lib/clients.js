// Clients as the server tells them apart. The tests come from loopback, which is a trusted proxy by
// default: so a header gives each of them an address of its own.

import { createSession } from "./client.js";
import { post } from "./http.js";

const SESSIONS = "/api/v1/sessions";

let given = 0;

export function from(address) {
	return { "X-Forwarded-For": address };
}

/* Nobody who has been here before. */
export function stranger() {
	given++;
	return from(`198.18.${given >> 8}.${given & 255}`);
}

export function bearer(token, headers = {}) {
	return { ...headers, Authorization: `Bearer ${token}` };
}

export function ask(server, headers) {
	return post(server, SESSIONS, { toolPair: "test" }, headers);
}

/* Asks for sessions at once. made: the bodies of the 201s; refused: the other answers. */
export async function askForMany(server, count, headers) {
	const answers = await Promise.all(Array.from({ length: count }, () => ask(server, headers)));
	const made = answers.filter(({ status }) => status === 201).map(({ json }) => json);
	return { made, refused: answers.filter(({ status }) => status !== 201) };
}

export async function createMany(server, count, headers) {
	const made = [];
	for (let i = 0; i < count; i++) made.push(await createSession(server, {}, headers));
	return made;
}
