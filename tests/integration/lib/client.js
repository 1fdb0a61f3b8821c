// A client of the API: sessions, and a terminal over the WebSocket that works like expect(1).

import assert from "node:assert/strict";
import WebSocket from "ws";
import { post, request } from "./http.js";
import { LIMIT_MS, deferred, within } from "./wait.js";

const SHOWN_CHARS = 600;

/* Resolves to the body of the 201. */
export async function createSession(server, options = {}, headers = {}) {
	const answer = await post(server, "/api/v1/sessions", { toolPair: "test", ...options }, headers);
	assert.equal(answer.status, 201, `${answer.text}\n${server.tail}`);
	return answer.json;
}

export function deleteSession(server, id, headers) {
	return request(server, "DELETE", `/api/v1/sessions/${id}`, { headers });
}

/* The ticket in the URL of a 201; wsUrl without it stays for comparison. */
export function splitWsUrl({ wsUrl }) {
	const url = new URL(wsUrl);
	const ticket = url.searchParams.get("ticket");
	assert.match(ticket, /^[0-9a-f]{32}\.[\w.-]+$/);
	assert.equal(url.search, `?ticket=${ticket}`);
	return { bare: wsUrl.slice(0, -url.search.length), ticket };
}

export function ticketOf(answer) {
	return splitWsUrl(answer).ticket;
}

function escapeRegex(text) {
	return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function asRegex(pattern) {
	return typeof pattern === "string" ? new RegExp(escapeRegex(pattern)) : pattern;
}

function openSocket({ url, connection }, path, headers) {
	return new WebSocket(new URL(path, url.origin.replace(/^http/, "ws")), { headers, ...connection });
}

export class Terminal {
	/* Output that no waitFor() has consumed yet. */
	text = "";
	/* Control messages that no message() has consumed yet. */
	messages = [];
	/* Every frame in order: {type, data} of output, else the message itself. */
	frames = [];
	/* Takes the output instead of text and frames when set: for what is too large to keep. */
	sink = null;
	#closed = deferred();
	#opened = deferred();
	#waiting = new Set();
	#markers = 0;
	#failure = null;

	/* query: {cols, rows, api_key, ...}; early: frames sent in the very turn of the open. */
	constructor(server, sessionId, { query = {}, headers = {}, early = [] } = {}) {
		this.server = server;
		const search = new URLSearchParams(query);
		this.socket = openSocket(server, `/api/v1/sessions/${sessionId}/ws?${search}`, headers);
		this.socket.on("open", () => {
			for (const frame of early) this.socket.send(frame);
			this.#opened.resolve();
		});
		this.socket.on("message", (data, binary) => this.#onFrame(data, binary));
		this.socket.on("error", (error) => this.#opened.reject(error));
		this.socket.on("close", (code, reason) => this.#onClose(code, String(reason)));
		this.closed = this.#closed.promise;
	}

	/* Resolves when the server has said "connected" and the init commands, if any, are through. */
	static async open(server, sessionId, options) {
		const terminal = new Terminal(server, sessionId, options);
		await within(terminal.#opened.promise, "the WebSocket opens");
		assert.equal((await terminal.message("connected")).sessionId, sessionId);
		await terminal.message("initComplete");
		return terminal;
	}

	#onFrame(data, binary) {
		const text = data.toString("utf8");
		if (binary) this.#failure = "a binary frame arrived";
		if (text.startsWith("{")) this.#onMessage(JSON.parse(text));
		else this.#onOutput(text);
		for (const wake of this.#waiting) wake();
	}

	#onMessage(message) {
		if (message.type === "output") return this.#onOutput(message.data, message);
		this.frames.push(message);
		this.messages.push(message);
	}

	#onOutput(text, frame = { type: "raw", data: text }) {
		if (this.sink) return this.sink(text);
		this.frames.push(frame);
		this.text += text;
	}

	#onClose(code, reason) {
		this.end = { code, reason };
		this.#closed.resolve(this.end);
		for (const wake of this.#waiting) wake();
	}

	/* The first value other than undefined that look() gives; looked again at each frame. */
	#until(look, what, limitMs) {
		const done = deferred();
		const wake = () => {
			const value = look();
			if (value !== undefined) done.resolve(value);
			else if (this.#failure) done.reject(new Error(this.#failure));
			else if (this.end) done.reject(new Error(`closed ${JSON.stringify(this.end)} before ${what}\n${this.#state}`));
		};
		this.#waiting.add(wake);
		wake();
		return within(done.promise, () => `${what}\n${this.#state}`, limitMs).finally(() => this.#waiting.delete(wake));
	}

	get #state() {
		const shown = JSON.stringify(this.text.slice(-SHOWN_CHARS));
		return `output: ${shown}\nmessages: ${JSON.stringify(this.messages)}\nserver log:\n${this.server.tail}`;
	}

	/* Consumes the output up to the end of the match, and gives the match; its field `before` is
	 * the output that came first. */
	waitFor(pattern, limitMs = LIMIT_MS) {
		const regex = asRegex(pattern);
		const look = () => {
			const match = regex.exec(this.text);
			if (!match) return undefined;
			match.before = this.text.slice(0, match.index);
			this.text = this.text.slice(match.index + match[0].length);
			return match;
		};
		return this.#until(look, `output ${regex}`, limitMs);
	}

	/* Consumes the first message of a type. */
	message(type, limitMs = LIMIT_MS) {
		const look = () => {
			const index = this.messages.findIndex((each) => each.type === type);
			return index < 0 ? undefined : this.messages.splice(index, 1)[0];
		};
		return this.#until(look, `message ${type}`, limitMs);
	}

	prompt() {
		return this.waitFor(/[$#](\x1b\[[\d;?]*[a-zA-Z])* (\x1b\[[\d;?]*[a-zA-Z])*$/);
	}

	/* Text goes as a text frame, bytes as a binary one; resolves when the kernel has it. */
	send(data) {
		return new Promise((resolve, reject) => this.socket.send(data, (error) => (error ? reject(error) : resolve())));
	}

	sendJson(message) {
		return this.send(JSON.stringify(message));
	}

	type(line) {
		return this.send(`${line}\r`);
	}

	/* Runs a command line in the shell; resolves to {output, status}. What the shell echoes cannot be
	 * taken for the markers, because it shows their %s. */
	async run(line, limitMs = LIMIT_MS) {
		const mark = `${++this.#markers}`;
		await this.type(`printf '<%s:%s>' begin ${mark}; ${line}; printf '<%s:%s:%s>' end ${mark} $?`);
		await this.waitFor(`<begin:${mark}>`, limitMs);
		const match = await this.waitFor(new RegExp(`<end:${mark}:(\\d+)>`), limitMs);
		await this.prompt();
		return { output: match.before.replaceAll("\r\n", "\n"), status: Number(match[1]) };
	}

	resize(cols, rows) {
		return this.sendJson({ type: "resize", cols, rows });
	}

	closing(limitMs = LIMIT_MS) {
		return within(this.closed, () => `the socket closes\n${this.#state}`, limitMs);
	}

	async close() {
		this.socket.close(1000);
		return this.closing();
	}
}

/* A handshake that is meant to be refused: resolves to {status, text} of the plain HTTP answer. */
export function refusedHandshake(server, path, headers = {}) {
	const socket = openSocket(server, path, headers);
	const answer = new Promise((resolve, reject) => {
		socket.on("unexpected-response", (_, response) => {
			let text = "";
			response.on("data", (chunk) => (text += chunk));
			response.on("end", () => resolve({ status: response.statusCode, text, headers: response.headers }));
		});
		socket.on("open", () => {
			socket.terminate();
			reject(new Error(`the handshake for ${path} was accepted`));
		});
		socket.on("error", reject);
	});
	return within(answer, `the handshake for ${path} is refused`);
}
