// The WebSocket as RFC 6455 has it: handshakes and frames that keep the rules, and those that do not.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { Terminal, createSession, deleteSession, refusedHandshake } from "./lib/client.js";
import { get } from "./lib/http.js";
import { OPCODE, RawSocket, frame } from "./lib/raw.js";
import { startServer } from "./lib/server.js";

const UNKNOWN = `sess_${"0".repeat(32)}`;
const MESSAGE_MAX = 65_536;

let server;
let sessionId;
let witness;

before(async () => {
	server = await startServer();
	({ sessionId } = await createSession(server));
	witness = await Terminal.open(server, sessionId);
});
after(async () => {
	await deleteSession(server, sessionId);
	await server.stop();
});

function path(id = sessionId) {
	return `/api/v1/sessions/${id}/ws`;
}

/* Whatever one client does, another one's shell answers. */
async function assertOthersLive() {
	assert.equal((await witness.run("echo $((6*7))")).output.trim(), "42");
}

async function opened() {
	const socket = new RawSocket(server);
	assert.equal((await socket.handshake(path())).status, 101);
	return socket;
}

async function refused(headers, statuses) {
	const socket = new RawSocket(server);
	const { status } = await socket.handshake(path(), headers);
	assert.ok(statuses.includes(status), `status ${status}`);
	await socket.gone();
}

describe("handshakes", () => {
	test("a path that is none is a plain 400 or 404", async () => {
		for (const bad of ["/api/v1/sessions//ws", "/api/v1/sessions/ws", "/api/v1/sessions/a/b/ws", "/ws", "/", "/api/v1/sessions/a/ws/x"]) {
			const { status, text } = await refusedHandshake(server, bad);
			assert.equal(status, 400, bad);
			assert.equal(JSON.parse(text).error, "BadRequest");
		}
	});

	test("versions other than 13 are refused", async () => {
		for (const version of ["8", "99", "0", "-13", "13x", undefined]) await refused({ "Sec-WebSocket-Version": version }, [400, 426]);
	});

	test("a refusal of the version says which one is right", async () => {
		const socket = new RawSocket(server);
		const { status, headers } = await socket.handshake(path(), { "Sec-WebSocket-Version": "8" });
		assert.equal(status, 426);
		assert.equal(headers["sec-websocket-version"], "13");
		socket.destroy();
	});

	test("an upgrade to anything else is refused", async () => {
		for (const protocol of ["h2c", "tcp", "websocket2", "TLS/1.0"]) await refused({ Upgrade: protocol, "HTTP2-Settings": "AAMAAABkAAQAAP__" }, [400, 403, 404, 426]);
		await refused({ Upgrade: "h2c", Connection: "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABkAAQAAP__", "Sec-WebSocket-Version": undefined, "Sec-WebSocket-Key": undefined }, [400, 403, 404, 426]);
	});

	test("compression is never agreed on", async () => {
		for (const offer of ["permessage-deflate", "permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame"]) {
			const socket = new RawSocket(server);
			const { status, headers } = await socket.handshake(path(), { "Sec-WebSocket-Extensions": offer });
			assert.equal(status, 101);
			assert.equal(headers["sec-websocket-extensions"], undefined);
			socket.destroy();
		}
	});

	test("a session that is unknown is told after the upgrade, with a reason", async () => {
		for (const id of [UNKNOWN, "x", "a".repeat(100)]) {
			const terminal = new Terminal(server, id);
			assert.equal((await terminal.message("error")).code, "NotFound");
			assert.deepEqual(await terminal.closing(), { code: 4004, reason: "no such session" });
			assert.equal(terminal.frames.length, 1);
		}
	});

	after(assertOthersLive);
});

describe("messages", () => {
	test("of the size limit are taken, larger ones close with 1009", async () => {
		const terminal = await Terminal.open(server, sessionId);
		await terminal.type(`stty raw -echo; echo go-$((1+1)); head -c ${MESSAGE_MAX} | wc -c; stty sane`);
		await terminal.waitFor("go-2");
		await terminal.send(Buffer.alloc(MESSAGE_MAX, "x"));
		await terminal.waitFor(String(MESSAGE_MAX));
		terminal.socket.send(Buffer.alloc(MESSAGE_MAX + 1, "x"));
		assert.deepEqual(await terminal.closing(), { code: 1009, reason: "message too big" });
	});

	test("that only claim a great length are closed before it has come", async () => {
		const socket = await opened();
		socket.write(frame(OPCODE.binary, "x", { length: 200_000_000 }));
		assert.equal((await socket.closeFrame()).code, 1009);
		socket.destroy();
		for (const length of [2 ** 31, 2 ** 53]) {
			const huge = await opened();
			huge.write(frame(OPCODE.binary, "x", { length }));
			await huge.gone();
		}
	});

	test("in fragments that grow too large close with 1009", async () => {
		const socket = await opened();
		socket.write(frame(OPCODE.text, "x".repeat(40_000), { fin: false }));
		socket.write(frame(OPCODE.continuation, "x".repeat(40_000)));
		assert.equal((await socket.closeFrame()).code, 1009);
		socket.destroy();
	});

	test("in fragments, with a ping between, are one message", async () => {
		const socket = await opened();
		const text = Buffer.from('{"type":"input","data":"echo fragments-$((1+1))-€\\r"}');
		for (let i = 0; i < text.length; i++) {
			socket.write(frame(i === 0 ? OPCODE.text : OPCODE.continuation, text.subarray(i, i + 1), { fin: false }));
			if (i === 20) socket.write(frame(OPCODE.ping, "between"));
		}
		socket.write(frame(OPCODE.continuation, ""));
		assert.equal(String((await socket.nextOf(OPCODE.pong)).payload), "between");
		let seen = "";
		while (!seen.includes("fragments-2-€")) seen += (await socket.nextOf(OPCODE.text)).payload;
		socket.destroy();
	});

	test("that are empty do no harm", async () => {
		const socket = await opened();
		for (let i = 0; i < 1000; i++) socket.write(frame(i % 2 ? OPCODE.text : OPCODE.binary));
		socket.write(frame(OPCODE.binary, "echo empty-$((1+1))\r"));
		let seen = "";
		while (!seen.includes("empty-2")) seen += (await socket.nextOf(OPCODE.text)).payload;
		socket.destroy();
	});

	test("the server's own frames are unmasked, whole and without reserved bits", async () => {
		const socket = await opened();
		for (let i = 0; i < 3; i++) {
			const { fin, rsv, opcode } = await socket.nextOf(OPCODE.text);
			assert.deepEqual({ fin, rsv, opcode }, { fin: 1, rsv: 0, opcode: OPCODE.text });
		}
		socket.destroy();
	});

	after(assertOthersLive);
});

describe("control frames", () => {
	test("a ping is answered with its own bytes", async () => {
		const socket = await opened();
		for (const payload of ["", "hello", "x".repeat(125)]) {
			socket.write(frame(OPCODE.ping, payload));
			assert.equal(String((await socket.nextOf(OPCODE.pong)).payload), payload);
		}
		socket.write(frame(OPCODE.pong, "nobody asked"));
		socket.write(frame(OPCODE.ping, "still here"));
		assert.equal(String((await socket.nextOf(OPCODE.pong)).payload), "still here");
		socket.destroy();
	});

	test("a close is answered by a close", async () => {
		const socket = await opened();
		socket.write(frame(OPCODE.close, Buffer.from([1000 >> 8, 1000 & 255])));
		assert.equal((await socket.closeFrame()).code, 1000);
		await socket.gone();
	});

	after(assertOthersLive);
});

describe("broken rules", () => {
	const cases = [
		["text that is not UTF-8", [frame(OPCODE.text, Buffer.from("ff", "hex"))], 1007],
		["a surrogate in UTF-8", [frame(OPCODE.text, Buffer.from("eda080", "hex"))], 1007],
		["a letter cut off at the end of a message", [frame(OPCODE.text, Buffer.from("e282", "hex"))], 1007],
		["the first reserved bit", [frame(OPCODE.text, "x", { rsv: 4 })], 1002],
		["the second reserved bit", [frame(OPCODE.text, "x", { rsv: 2 })], 1002],
		["the third reserved bit", [frame(OPCODE.ping, "x", { rsv: 1 })], 1002],
		["a reserved opcode", [frame(3, "x")], 1002],
		["a reserved control opcode", [frame(11, "x")], 1002],
		["a control frame that is too long", [frame(OPCODE.ping, "x".repeat(126))], 1002],
		["a control frame in fragments", [frame(OPCODE.ping, "x", { fin: false })], 1002],
		["a continuation of nothing", [frame(OPCODE.continuation, "x")], 1002],
		["a message within a message", [frame(OPCODE.text, "a", { fin: false }), frame(OPCODE.text, "b")], 1002],
		["a close with one byte", [frame(OPCODE.close, "x")], 1002],
		["a close with a code that is none", [frame(OPCODE.close, Buffer.from([1005 >> 8, 1005 & 255]))], 1002],
	];
	for (const [what, frames, code] of cases)
		test(`${what} closes with ${code}`, async () => {
			const socket = await opened();
			for (const each of frames) socket.write(each);
			assert.equal((await socket.closeFrame()).code, code);
			socket.write(frame(OPCODE.close, Buffer.from([code >> 8, code & 255])));
			await socket.gone();
			assert.equal(socket.received.length, 0, "nothing follows the close frame");
		});

	/* docs/decisions/002: the library does not tell. Should it ever refuse, so much the better: then this becomes a case above. */
	test("a frame without a mask is typed input like any other", async () => {
		const socket = await opened();
		socket.write(frame(OPCODE.text, "echo $((6*7))\r", { masked: false }));
		let seen = "";
		while (!/^42\r/m.test(seen)) seen += (await socket.nextOf(OPCODE.text)).payload;
		socket.destroy();
	});

	test("a length of 64 bits with the first one set ends the connection", async () => {
		const socket = await opened();
		socket.write(Buffer.from("82ffffffffffffffffff00000000", "hex"));
		await socket.gone();
	});

	test("bytes that are no frames at all end the connection", async () => {
		const socket = await opened();
		socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100));
		await socket.gone();
	});

	after(async () => {
		await assertOthersLive();
		assert.equal((await get(server, "/health")).status, 200);
	});
});

describe("connections that never become a WebSocket", () => {
	let other;
	before(async () => {
		other = await startServer();
	});
	after(() => other.stop());
	afterEach(async () => assert.equal((await get(other, "/health")).status, 200));

	test("HTTP/2 with prior knowledge is not spoken", async () => {
		const socket = new RawSocket(other);
		socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
		await socket.gone();
		assert.doesNotMatch(String(socket.received), /^HTTP\/\d\.\d 2/);
	});

	test("a handshake without a key is refused, in HTTP or by silence", async () => {
		const { sessionId: id } = await createSession(other);
		const socket = new RawSocket(other);
		socket.write(`GET ${path(id)} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`);
		await socket.gone();
		assert.match(String(socket.received), /^(HTTP\/1\.1 4\d\d .*)?$/s);
		await deleteSession(other, id);
	});

	test("headers without end are refused", async () => {
		const socket = new RawSocket(other);
		socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(100_000)}\r\n`);
		await socket.gone();
	});

	test("clients that reset in the middle of a request or a handshake do no harm", async () => {
		const { sessionId: id } = await createSession(other);
		const texts = ["", "G", "GET /health HTTP/1.1\r\n", "POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{", `GET ${path(id)} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\r\n\r\n", "\0".repeat(1000)];
		for (const text of texts) {
			const socket = new RawSocket(other);
			await new Promise((resolve) => socket.socket.write(text, "latin1", resolve));
			socket.socket.resetAndDestroy();
			await socket.gone();
			assert.equal((await get(other, "/health")).status, 200, JSON.stringify(text));
		}
		await deleteSession(other, id);
	});
});
