// Bytes through a terminal, both ways, and nothing but them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

const PIECE_BYTES = 32 * 1024;
const TRANSFER_LIMIT_MS = 60_000;

export function sha256(data) {
	return createHash("sha256").update(data).digest("hex");
}

/* Every byte value, no short period, the same in each run. */
export function noise(length) {
	const bytes = Buffer.alloc(length);
	for (let i = 0, x = 1; i < length; i++) {
		x = (Math.imul(x, 1103515245) + 12345) >>> 0;
		bytes[i] = x >>> 16;
	}
	return bytes;
}

export async function sendInPieces(terminal, bytes) {
	for (let at = 0; at < bytes.length; at += PIECE_BYTES) await terminal.send(bytes.subarray(at, at + PIECE_BYTES));
}

/* What a program in the sandbox reads from its raw terminal while send() runs. */
export async function assertArrives(terminal, bytes, send) {
	await terminal.type(`stty raw -echo; printf '<%s>' go; head -c ${bytes.length} | sha256sum; stty sane`);
	await terminal.waitFor("<go>");
	await send();
	const [, sum] = await terminal.waitFor(/([0-9a-f]{64})  -/, TRANSFER_LIMIT_MS);
	assert.equal(sum, sha256(bytes));
	await terminal.prompt();
}

/* Types a line whose output comes raw and after a keystroke, so that what arrives next is its alone:
 * the shell's echo has been consumed. */
export async function prepare(terminal, line) {
	await terminal.type(`stty -opost -echo; printf '<%s>' ready; read -r _; ${line}; printf '<%s>' end; stty sane`);
	await terminal.waitFor("<ready>");
}

export async function exactOutput(terminal, line) {
	await prepare(terminal, line);
	await terminal.send("\n");
	return (await terminal.waitFor("<end>", TRANSFER_LIMIT_MS)).before;
}
