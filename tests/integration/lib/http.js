// One HTTP request, with every header under the test's control (fetch would not let Host through).

import http from "node:http";
import https from "node:https";
import assert from "node:assert/strict";
import { within } from "./wait.js";

function parsed(text, headers) {
	if (text === "" || !headers["content-type"]?.startsWith("application/json")) return undefined;
	return JSON.parse(text);
}

/* target: {url} of a server, or {socketPath}; connection: options of TLS and of the socket. Resolves to {status, headers, body, text, json}; json
 * is undefined unless the answer says that it is JSON. */
export function request(target, method, path, { headers = {}, body, agent = false } = {}) {
	const address = target.url
		? { host: target.url.hostname, port: target.url.port }
		: { socketPath: target.socketPath };
	const send = target.url?.protocol === "https:" ? https.request : http.request;
	const options = { ...address, ...target.connection, method, path, agent, headers: { ...headers } };
	if (body !== undefined) options.headers["Content-Length"] = Buffer.byteLength(body);
	const answer = new Promise((resolve, reject) => {
		const outgoing = send(options, (response) => {
			const chunks = [];
			response.on("data", (chunk) => chunks.push(chunk));
			response.on("error", reject);
			response.on("end", () => {
				const bytes = Buffer.concat(chunks);
				const { statusCode: status, headers } = response;
				const text = bytes.toString("utf8");
				resolve({ status, headers, body: bytes, text, json: parsed(text, headers) });
			});
		});
		outgoing.on("error", reject);
		outgoing.end(body);
	});
	return within(answer, `${method} ${path} is answered`);
}

export function get(target, path, headers) {
	return request(target, "GET", path, { headers });
}

/* body: an object becomes JSON; text and bytes go as they are. */
export function post(target, path, body = {}, headers = {}) {
	const raw = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
	return request(target, "POST", path, { headers: { "Content-Type": "application/json", ...headers }, body: raw });
}

/* An error of the API: its status, its code, a sentence, and nothing else but perhaps a time. */
export function assertError(answer, status, code) {
	assert.equal(answer.status, status, answer.text);
	assert.match(answer.headers["content-type"] ?? "", /^application\/json/);
	assert.equal(answer.json.error, code);
	assert.equal(typeof answer.json.message, "string");
	assert.ok(answer.json.message.length > 0);
	const extra = Object.keys(answer.json).filter((key) => !["error", "message", "retryAfter"].includes(key));
	assert.deepEqual(extra, []);
	assertRetryAfter(answer);
	assertDiscreet(answer.text);
}

/* The header and the field say the same, or neither is there. */
function assertRetryAfter({ headers, json }) {
	if (json.retryAfter === undefined) return assert.equal(headers["retry-after"], undefined);
	assert.ok(Number.isInteger(json.retryAfter) && json.retryAfter > 0);
	assert.equal(headers["retry-after"], String(json.retryAfter));
}

/* Nothing of the inside: no path, no socket, no source line, no Engine or library text. */
export function assertDiscreet(text) {
	assert.doesNotMatch(text, /\/(run|var|usr|etc|tmp|home|proc)\/|\.sock\b|\.[ch]:\d+|docker|runsc|curl|errno|sha256:/i);
}
