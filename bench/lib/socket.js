// Our way: a shell over the server's WebSocket.

import WebSocket from "ws";
import { deferred, within } from "../../tests/integration/lib/wait.js";
import { Line } from "./line.js";

const BRACE = "{".charCodeAt(0);

/* The server compresses nothing, and an offer would only cost both. */
const OPTIONS = { perMessageDeflate: false };

function address(server, sessionId) {
	return `ws://${server.host}/api/v1/sessions/${sessionId}/ws?cols=80&rows=24`;
}

export class SocketLine extends Line {
	#socket;

	constructor(server, sessionId) {
		super();
		this.#socket = new WebSocket(address(server, sessionId), OPTIONS);
		this.#socket.binaryType = "nodebuffer";
		this.#socket.on("message", (data) => this.#onMessage(data));
		this.#socket.on("error", (error) => this._fail(error));
		this.#socket.on("close", (code, reason) => this._fail(new Error(`closed: ${code} ${reason}`)));
	}

	/* Output that begins with a brace comes wrapped; every other message with one is control. */
	#onMessage(data) {
		if (data[0] !== BRACE) return this._output(data);
		const message = JSON.parse(data);
		if (message.type === "output") this._output(Buffer.from(message.data));
		if (message.type === "error") this._fail(new Error(`${message.code}: ${message.message}`));
	}

	send(text) {
		this.#socket.send(text);
	}

	/* Resolves when the connection has ended. */
	close() {
		const ended = deferred();
		this.#socket.on("close", () => ended.resolve());
		this.#socket.close(1000);
		return within(ended.promise, "the WebSocket closes");
	}
}

/* The least that any WebSocket costs here: milliseconds from connect to the pong of a first ping. */
export async function openAndPing(server, sessionId) {
	const start = performance.now();
	const pong = deferred();
	const ended = deferred();
	const socket = new WebSocket(address(server, sessionId), OPTIONS);
	socket.on("open", () => socket.ping());
	socket.on("pong", () => pong.resolve(performance.now() - start));
	socket.on("error", (error) => pong.reject(error));
	socket.on("close", () => ended.resolve());
	const took = await within(pong.promise, "a pong");
	socket.close(1000);
	await within(ended.promise, "the WebSocket closes");
	return took;
}
