// The server's end of agent/protocol.h, as thin as it can be. The numbers are read from that header
// itself, so that they cannot differ from the agent's.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const source = readFileSync(new URL("../../agent/protocol.h", import.meta.url), "utf8");

const HEADER_BYTES = 8;

function constant(name) {
	const found = new RegExp(`^#define ${name} (\\d+)$`, "m").exec(source);
	assert.ok(found, `agent/protocol.h defines ${name}`);
	return Number(found[1]);
}

export const FRAME = Object.fromEntries([...source.matchAll(/^\tFRAME_(\w+) = (\d+),/gm)].map(([, name, n]) => [name, Number(n)]));
export const PROTOCOL_VERSION = constant("PROTOCOL_VERSION");
export const OUTPUT_WINDOW_MAX = constant("OUTPUT_WINDOW_MAX");

export function encode(type, terminal, payload = Buffer.alloc(0)) {
	const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
	bytes[0] = type;
	bytes.writeUInt16BE(terminal, 2);
	bytes.writeUInt32BE(payload.length, 4);
	payload.copy(bytes, HEADER_BYTES);
	return bytes;
}

/* The user's shell, as the server opens it. */
export function encodeOpen(terminal, { rows = 24, cols = 80, credit }) {
	const head = Buffer.alloc(10);
	head.writeUInt16BE(rows, 0);
	head.writeUInt16BE(cols, 2);
	head.writeUInt32BE(credit, 4);
	head[9] = 2;
	return encode(FRAME.OPEN, terminal, Buffer.concat([head, Buffer.from("\0TERM=xterm-256color\0COLORTERM=truecolor\0")]));
}

export function encodeCredit(terminal, bytes) {
	const payload = Buffer.alloc(4);
	payload.writeUInt32BE(bytes);
	return encode(FRAME.CREDIT, terminal, payload);
}

/* Cuts a stream into records of an 8-byte header, whose last four bytes are a big endian length, and
 * that many bytes: agent frames have this form, and so has Docker's multiplexed stream around them.
 * onPart(header, part, last) gets the payload as it arrives, uncopied; an empty one as one empty part. */
export class Records {
	#header = Buffer.alloc(HEADER_BYTES);
	#have = 0;
	#left = 0;
	#onPart;

	constructor(onPart) {
		this.#onPart = onPart;
	}

	push(chunk) {
		let at = 0;
		while (at < chunk.length) at += this.#left ? this.#takePart(chunk, at) : this.#takeHeader(chunk, at);
	}

	#takeHeader(chunk, at) {
		const n = chunk.copy(this.#header, this.#have, at, at + HEADER_BYTES - this.#have);
		this.#have += n;
		if (this.#have < HEADER_BYTES) return n;
		this.#have = 0;
		this.#left = this.#header.readUInt32BE(4);
		if (!this.#left) this.#onPart(this.#header, chunk.subarray(0, 0), true);
		return n;
	}

	#takePart(chunk, at) {
		const part = chunk.subarray(at, at + this.#left);
		this.#left -= part.length;
		this.#onPart(this.#header, part, this.#left === 0);
		return part.length;
	}
}
