// A WebSocket client that may break the rules: bytes over TCP, as the test wants them.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { deferred, within } from "./wait.js";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

function lengthBytes(length, masked) {
	const bit = masked ? 0x80 : 0;
	if (length < 126) return Buffer.from([bit | length]);
	if (length < 65536) return Buffer.from([bit | 126, length >> 8, length & 255]);
	const bytes = Buffer.alloc(9, bit | 127);
	bytes.writeBigUInt64BE(BigInt(length), 1);
	return bytes;
}

/* rsv: 0..7; length: what the header says, where that is not the truth. */
export function frame(opcode, payload = "", { fin = true, rsv = 0, masked = true, length } = {}) {
	const bytes = Buffer.from(payload);
	const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
	const size = lengthBytes(length ?? bytes.length, masked);
	if (!masked) return Buffer.concat([head, size, bytes]);
	const mask = randomBytes(4);
	return Buffer.concat([head, size, mask, bytes.map((byte, i) => byte ^ mask[i & 3])]);
}

export class RawSocket {
	received = Buffer.alloc(0);
	#changed = new Set();
	#ended = false;

	constructor(server) {
		this.socket = connect(server.url.port, server.url.hostname);
		this.socket.on("data", (chunk) => {
			this.received = Buffer.concat([this.received, chunk]);
			this.#wake();
		});
		this.socket.on("error", () => {}); /* a reset is an end; "close" follows */
		this.socket.on("close", () => {
			this.#ended = true;
			this.#wake();
		});
	}

	#wake() {
		for (const wake of this.#changed) wake();
	}

	#until(look, what) {
		const done = deferred();
		const wake = () => {
			const value = look();
			if (value !== undefined) done.resolve(value);
			else if (this.#ended) done.reject(new Error(`closed before ${what}: ${JSON.stringify(this.received.toString("latin1"))}`));
		};
		this.#changed.add(wake);
		wake();
		return within(done.promise, what).finally(() => this.#changed.delete(wake));
	}

	write(data) {
		this.socket.write(data);
	}

	/* The head of an HTTP answer: {status, headers}; what follows stays in received. */
	async head() {
		const end = await this.#until(() => {
			const at = this.received.indexOf("\r\n\r\n");
			return at < 0 ? undefined : at;
		}, "the head of an HTTP answer");
		const [first, ...lines] = this.received.toString("latin1", 0, end).split("\r\n");
		this.received = this.received.subarray(end + 4);
		const pairs = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]);
		return { status: Number(first.split(" ")[1]), headers: Object.fromEntries(pairs) };
	}

	/* The next n bytes: a body whose length the head has told. */
	async bytes(n) {
		await this.#until(() => (this.received.length >= n ? true : undefined), `${n} bytes`);
		const taken = this.received.subarray(0, n);
		this.received = this.received.subarray(n);
		return taken;
	}

	/* headers go over (or, when undefined, take away) those of a correct handshake. */
	async handshake(path, headers = {}) {
		const all = {
			Host: "127.0.0.1",
			Connection: "Upgrade",
			Upgrade: "websocket",
			"Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": randomBytes(16).toString("base64"),
			...headers,
		};
		const lines = Object.entries(all).filter(([, value]) => value !== undefined);
		this.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
		return this.head();
	}

	/* The next frame of the server: {opcode, fin, rsv, payload}. */
	frame() {
		return this.#until(() => {
			const { received: bytes } = this;
			if (bytes.length < 2) return undefined;
			const short = bytes[1] & 0x7f;
			const at = short === 126 ? 4 : short === 127 ? 10 : 2;
			if (bytes.length < at) return undefined;
			const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
			if (bytes.length < at + length) return undefined;
			this.received = bytes.subarray(at + length);
			return { opcode: bytes[0] & 15, fin: bytes[0] >> 7, rsv: (bytes[0] >> 4) & 7, payload: bytes.subarray(at, at + length) };
		}, "a frame");
	}

	async nextOf(opcode) {
		for (;;) {
			const next = await this.frame();
			if (next.opcode === opcode) return next;
		}
	}

	/* {code, reason} of the server's close frame; code is null when there is none in it. */
	async closeFrame() {
		const { payload } = await this.nextOf(OPCODE.close);
		if (payload.length < 2) return { code: null, reason: "" };
		return { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
	}

	/* Resolves when the server has closed the connection. */
	gone() {
		return this.#until(() => (this.#ended ? true : undefined), "the connection ends");
	}

	destroy() {
		this.socket.destroy();
	}
}
