// A refusal reaches whoever is refused, however the body is sent: a proxy that finds a reset instead of an answer tells its client that we are
// not there.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { post } from "./lib/http.js";
import { startServer, withServer } from "./lib/server.js";
import { deferred, pause, within } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";

describe("who is refused gets the answer, and may send its body to the end:", () => {
	const LENGTH = 65536;
	const RIGHT = "X-API-Key: right\r\n";
	const cases = [
		{ status: 401, headers: "X-API-Key: wrong\r\n", early: true },
		{ status: 403, headers: `${RIGHT}Origin: https://evil.example\r\n`, early: true },
		{ status: 411, headers: `${RIGHT}Transfer-Encoding: chunked\r\n`, early: true },
		{ status: 413, headers: RIGHT, length: LENGTH + 1, early: true },
		{ status: 400, headers: RIGHT },
		{ status: 404, headers: RIGHT, path: "/api/v1/nothing" },
		{ status: 405, headers: RIGHT, path: "/health" },
		{ status: 429, headers: RIGHT, json: '{"toolPair":"x"}' },
	];
	let other;

	before(async () => {
		other = await startServer({ SANDBOX_API_KEY: "right", MAX_CONCURRENT_PER_IP: "1" });
		assert.equal((await post(other, SESSIONS, { toolPair: "x" }, { "X-API-Key": "right" })).status, 201);
	});
	after(() => other.stop());

	/* It leaves its end open, and what it has been sent unread, until it has sent everything: a reset shows as an error. */
	function open() {
		const socket = connect({ port: other.url.port, host: other.url.hostname, allowHalfOpen: true });
		return Object.assign(socket, { send: (bytes) => new Promise((done, fail) => socket.write(bytes, (error) => (error ? fail(error) : done()))) });
	}

	function head({ path = SESSIONS, headers, length = LENGTH, status }) {
		return `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}${status === 411 ? "" : `Content-Length: ${length}\r\n`}Connection: close\r\n\r\n`;
	}

	async function answer(socket) {
		const chunks = [];
		socket.on("data", (chunk) => chunks.push(chunk));
		await within(once(socket, "end"), "the end of the answer");
		socket.end();
		await within(once(socket, "close"), "the end of the connection");
		const text = Buffer.concat(chunks).toString();
		const [first, body] = text.split("\r\n\r\n");
		assert.equal(Number(/content-length: (\d+)/i.exec(first)[1]), body.length);
		return Number(first.split(" ")[1]);
	}

	for (const one of cases) {
		const body = Buffer.from((one.json ?? "").padEnd(LENGTH));

		test(`${one.status}, all at once`, async () => {
			const socket = open();
			await socket.send(Buffer.concat([Buffer.from(head(one)), body]));
			assert.equal(await answer(socket), one.status);
		});

		test(`${one.status}, slowly`, async () => {
			const socket = open();
			await socket.send(head(one));
			/* Where it is refused for its headers, the answer is there before the body. */
			if (one.early) await within(once(socket, "readable"), "an answer");
			for (let at = 0; at < LENGTH; at += 8192) await socket.send(body.subarray(at, at + 8192)).then(() => pause(5));
			assert.equal(await answer(socket), one.status);
		});
	}
});

test("who is refused does not send for ever", () =>
	withServer({ SANDBOX_API_KEY: "right" }, async (server) => {
		const socket = connect({ port: server.url.port, host: server.url.hostname, allowHalfOpen: true });
		const gone = deferred();
		socket.on("error", () => {}).on("close", gone.resolve).resume();
		socket.write(`POST ${SESSIONS} HTTP/1.1\r\nHost: x\r\nX-API-Key: wrong\r\nContent-Length: 60000\r\n\r\n`);
		await within(once(socket, "end"), "the end of the answer");
		const drip = setInterval(() => socket.write(" "), 500);
		await within(gone.promise, "the end of the connection").finally(() => clearInterval(drip));
	}));
