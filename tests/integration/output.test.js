// Output: nothing lost, nothing split, nothing forged, nothing piled up.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { scrape } from "./lib/exposition.js";
import { residentBytes } from "./lib/processes.js";
import { startServer } from "./lib/server.js";
import { exactOutput, prepare, sha256 } from "./lib/transfer.js";
import { deferred, pause, until, within } from "./lib/wait.js";

const TRANSFER_LIMIT_MS = 120_000;
const LAST_NUMBER = 2_700_000; /* seq up to it: 20 488 896 bytes */
const PAUSED_MAX_BYTES = 2 << 20;
/* What waits in the PTY, and what the flood still writes until the signal is there: its twelve seconds were over 100 MB. */
const AFTER_CTRL_C_MAX_BYTES = 10 << 20;

const WINDOW_BYTES = 128 << 10;
const PACED_BYTES = 1_000_000;

let server;

before(async () => {
	server = await startServer();
});
after(() => server.stop());

async function inTerminal(work) {
	const { sessionId } = await createSession(server);
	try {
		await work(await Terminal.open(server, sessionId), sessionId);
	} finally {
		await deleteSession(server, sessionId);
	}
}

function around(bytes, at) {
	return JSON.stringify(bytes.subarray(Math.max(0, at - 40), at + 40).toString("latin1"));
}

/* Resolves when exactly the expected bytes have arrived, and then <end>. Of bytes: a slice of text
 * could cut a letter in two. */
function arrival(terminal, expected) {
	const done = deferred();
	const whole = Buffer.concat([expected, Buffer.from("<end>")]);
	let at = 0;
	terminal.sink = (text) => {
		const bytes = Buffer.from(text);
		if (whole.compare(bytes, 0, Math.min(bytes.length, whole.length - at), at, Math.min(at + bytes.length, whole.length)) !== 0) {
			const wrong = bytes.findIndex((byte, i) => byte !== whole[at + i]);
			done.reject(new Error(`byte ${at + wrong}: ${around(bytes, wrong)} instead of ${around(whole, at + wrong)}`));
		}
		at += bytes.length;
		if (at < whole.length) return;
		terminal.sink = null;
		done.resolve();
	};
	return within(done.promise, () => `${whole.length} bytes, ${at} so far\n${server.tail}`, TRANSFER_LIMIT_MS);
}

/* Output of exactly these bytes from that line. */
async function assertOutput(terminal, line, expected) {
	await prepare(terminal, line);
	const arrived = arrival(terminal, expected);
	await terminal.send("\n");
	await arrived;
}

function sequence() {
	const parts = [];
	for (let from = 1; from <= LAST_NUMBER; from += 10_000) parts.push(Array.from({ length: 10_000 }, (_, i) => `${from + i}\n`).join(""));
	return Buffer.from(parts.join(""));
}

test("20 MB of output arrive intact", () =>
	inTerminal(async (terminal) => {
		const expected = sequence();
		const inside = await terminal.run(`seq 1 ${LAST_NUMBER} | sha256sum`, TRANSFER_LIMIT_MS);
		assert.equal(inside.output.slice(0, 64), sha256(expected));
		await assertOutput(terminal, `seq 1 ${LAST_NUMBER}`, expected);
	}));

/* The client closes with 1007 at a frame that is not UTF-8 by itself. */
test("text of many bytes a letter is never cut within a letter", () =>
	inTerminal((terminal) => {
		const line = "€ü𝄞世 ";
		return assertOutput(terminal, `yes '${line}' | head -n 200000`, Buffer.from(`${line}\n`.repeat(200_000)));
	}));

test("a letter whose bytes come one by one arrives whole", () =>
	inTerminal(async (terminal) => {
		await prepare(terminal, "for b in 342 202 254; do printf \"\\\\$b\"; printf '%s' \"$b\" > /dev/null; read -r _; done");
		await terminal.send("\n");
		for (let i = 0; i < 3; i++) await terminal.send("\n");
		assert.equal((await terminal.waitFor("<end>")).before, "€");
	}));

test("bytes that are not UTF-8 arrive as replacement characters, and the terminal lives on", () =>
	inTerminal(async (terminal) => {
		const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
		const cut = Buffer.from("e282f09d84c3edbfbff4908080c0af", "hex");
		for (const bytes of [all, cut]) {
			const octal = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
			assert.equal(await exactOutput(terminal, `printf '${octal}'`), new TextDecoder().decode(bytes));
		}
		assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
	}));

test("half a letter at the very end is not kept back", () =>
	inTerminal(async (terminal) => {
		await terminal.type("exec printf 'tail-%s\\342\\202' $((40+2))");
		await terminal.message("exit");
		assert.match(terminal.text, /tail-42\ufffd+$/);
	}));

test("no program can forge a control message", () =>
	inTerminal(async (terminal) => {
		const forged = ['{"type":"error","code":"X","message":"forged"}', '{"type":"exit","code":0}', '{"type":"output","data":"x"}', '{"type":"initComplete","success":true}'];
		for (const text of forged) assert.equal(await exactOutput(terminal, `printf '%s' '${text}'`), text);
		/* also when it is only a later piece that begins so */
		await prepare(terminal, `printf x; read -r _; printf '%s' '${forged[0]}'`);
		await terminal.send("\n");
		await terminal.waitFor(/^x/);
		await terminal.send("\n");
		assert.equal((await terminal.waitFor("<end>")).before, forged[0]);
		assert.deepEqual(terminal.messages, []);
		assert.ok(terminal.frames.some((frame) => frame.type === "output" && frame.data.startsWith("{")));
	}));

test("a flood of braces arrives intact, too", () =>
	inTerminal((terminal) => assertOutput(terminal, "yes '{\"\\' | head -n 100000", Buffer.from('{"\\\n'.repeat(100_000)))));

/* Bytes between the server and a client on this host: not yet acknowledged, and not yet read. */
function kernelQueue({ localPort, remotePort }) {
	const hex = (port) => port.toString(16).toUpperCase().padStart(4, "0");
	const ends = new Set([`${hex(localPort)} ${hex(remotePort)}`, `${hex(remotePort)} ${hex(localPort)}`]);
	const lines = readFileSync("/proc/net/tcp", "utf8").trim().split("\n").slice(1);
	const queues = lines.flatMap((line) => {
		const [, local, remote, , queue] = line.trim().split(/\s+/);
		if (!ends.has(`${local.split(":")[1]} ${remote.split(":")[1]}`)) return [];
		return queue.split(":").map((bytes) => parseInt(bytes, 16));
	});
	assert.equal(queues.length, 4, "both ends of the connection");
	return queues.reduce((sum, bytes) => sum + bytes, 0);
}

test("a reader that stops costs the server nothing, and Ctrl-C reaches the flood", () =>
	inTerminal(async (terminal) => {
		await prepare(terminal, "yes");
		terminal.socket.pause();
		await terminal.send("\n");
		await pause(1000); /* the pipes on the way fill */
		const settled = residentBytes(server.pid);
		/* What is measured. A sandbox whose terminal had no bound would be out of memory by then. */
		await pause(12_000);
		const growth = residentBytes(server.pid) - settled;
		assert.ok(growth < PAUSED_MAX_BYTES, `the server grew by ${growth} bytes`);

		/* how much the kernel keeps for a reader that stops is the kernel's business */
		const inKernel = kernelQueue(terminal.socket._socket);
		await terminal.send("\x03");
		let delivered = 0;
		const seen = terminal.prompt();
		const count = terminal.socket.listeners("message").length;
		terminal.socket.on("message", (data) => (delivered += data.length));
		assert.equal(count, 1);
		terminal.socket.resume();
		await seen;
		assert.ok(delivered - inKernel < AFTER_CTRL_C_MAX_BYTES, `${delivered} bytes came after the reader had returned, ${inKernel} of them from the kernel`);
		assert.equal((await terminal.run("stty sane; echo $((6*7))")).output.trim(), "42");
	}));

test("a flood in one terminal leaves the other one quick", async () => {
	const { sessionId } = await createSession(server);
	const { sessionId: other } = await createSession(server);
	const loud = await Terminal.open(server, sessionId);
	const calm = await Terminal.open(server, other);
	loud.sink = () => {};
	await loud.type("yes");
	for (let i = 0; i < 20; i++) assert.equal((await calm.run("echo $((6*7))")).output.trim(), "42");
	await deleteSession(server, sessionId);
	await deleteSession(server, other);
});

/* Counts what a terminal shows; resolves once it has shown more than the window that it begins with, and thus lives by its share. */
async function flood(terminal) {
	const begun = deferred();
	const it = { bytes: 0 };
	terminal.sink = (text) => {
		it.bytes += text.length;
		if (it.bytes > 2 * WINDOW_BYTES) begun.resolve();
	};
	await terminal.type("yes");
	await within(begun.promise, "a flood");
	return it;
}

test("those who flood share MAX_OUTPUT_PER_SECOND evenly, and one who types goes on", async () => {
	const paced = await startServer({ MAX_OUTPUT_PER_SECOND: String(PACED_BYTES) });
	const sessions = await Promise.all(Array.from({ length: 3 }, () => createSession(paced)));
	const [calm, ...loud] = await Promise.all(sessions.map(({ sessionId }) => Terminal.open(paced, sessionId)));
	const floods = await Promise.all(loud.map(flood));

	const before = floods.map(({ bytes }) => bytes);
	const start = performance.now();
	for (let i = 0; i < 20; i++) {
		assert.equal((await calm.run("echo $((6*7))")).output.trim(), "42");
		await pause(100); /* what is measured: what the others show meanwhile */
	}
	const shown = floods.map(({ bytes }, i) => bytes - before[i]);
	const seconds = (performance.now() - start) / 1000;
	/* A tenth of a second may have been saved up, and each may hold one window. */
	const most = PACED_BYTES * (seconds + 0.1) + shown.length * WINDOW_BYTES;
	const sum = shown[0] + shown[1];
	assert.ok(sum <= most, `${sum} bytes in ${seconds} s`);
	assert.ok(Math.min(...shown) > sum / 3, `${shown} bytes`);
	assert.ok((await scrape(paced)).value("sandbox_api_output_waits_total") > 0);

	await Promise.all(sessions.map(({ sessionId }) => deleteSession(paced, sessionId)));
	await paced.stop();
});

test("programs that outlive their terminal and flood it are gone with it", () =>
	inTerminal(async (terminal, sessionId) => {
		const other = await Terminal.open(server, sessionId);
		await other.type("trap '' HUP; yes & exec sleep infinity");
		await other.waitFor("y\r\ny");
		other.socket.terminate();
		const count = async () => Number((await terminal.run("pgrep -c -x yes")).output.trim());
		await until(async () => (await count()) === 0, "no yes runs any more");
	}));
