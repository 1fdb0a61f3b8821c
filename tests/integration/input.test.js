// Typed input: every way to send it, byte for byte, in order.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { startServer } from "./lib/server.js";
import { assertArrives, noise, sendInPieces, sha256 } from "./lib/transfer.js";

const MEGABYTE = 1 << 20;

let server;

before(async () => {
	server = await startServer();
});
after(() => server.stop());

async function inTerminal(work, open) {
	const { sessionId } = await createSession(server);
	try {
		await work(await Terminal.open(server, sessionId, open), sessionId);
	} finally {
		await deleteSession(server, sessionId);
	}
}

test("a paste of 1 MB in binary frames arrives byte for byte", () =>
	inTerminal(async (terminal) => {
		const bytes = noise(MEGABYTE);
		await assertArrives(terminal, bytes, () => sendInPieces(terminal, bytes));
	}));

test("a bracketed paste of 1 MB in text frames arrives byte for byte", () =>
	inTerminal(async (terminal) => {
		const line = "für 42 €: \x1b[31m{\"type\":\"resize\"}\x1b[0m 𝄞\n";
		const text = `\x1b[200~${line.repeat(MEGABYTE / Buffer.byteLength(line))}\x1b[201~`;
		const letters = [...text];
		await assertArrives(terminal, Buffer.from(text), async () => {
			for (let at = 0; at < letters.length; at += 8192) await terminal.send(letters.slice(at, at + 8192).join(""));
		});
	}));

test("input messages of every size up to the limit arrive in order with other frames", () =>
	inTerminal(async (terminal) => {
		const parts = [noise(1), Buffer.alloc(0), Buffer.from("text €"), Buffer.from('{"type":"input","data":"x"}'), noise(65_536), Buffer.from("end")];
		await assertArrives(terminal, Buffer.concat(parts), async () => {
			await terminal.send(parts[0]);
			await terminal.send(parts[1]);
			await terminal.send(parts[2].toString());
			await terminal.sendJson({ type: "input", data: parts[3].toString() });
			await terminal.send(parts[4]);
			await terminal.sendJson({ type: "input", data: "end" });
		});
	}));

test("a bracketed paste into the shell is one text, not commands", () =>
	inTerminal(async (terminal) => {
		const body = Array.from({ length: 200 }, (_, i) => `line ${i} of the paste; $HOME \`id\` "x"`).join("\n") + "\n";
		await terminal.send(`\x1b[200~cat > pasted <<'END'\n${body}END\n\x1b[201~\r`);
		const { output } = await terminal.run("sha256sum < pasted");
		assert.match(output, new RegExp(sha256(body)));
	}));

test("JSON that is no known message is typed input", () =>
	inTerminal(async (terminal) => {
		const texts = ['{"type":"nope","data":"x"}', '{"a":1}', "{broken", "[1,2]", '"text"', "null", "{}", '{"type":7}', '{"type":"connected"}'];
		await terminal.type("stty -echo; echo go-$((1+1)); cat");
		await terminal.waitFor("go-2\r\n");
		for (const text of texts) await terminal.send(text).then(() => terminal.send("\n"));
		for (const text of texts) await terminal.waitFor(`${text}\r\n`);
		assert.deepEqual(terminal.messages, []);
	}));

test("a known message with wrong fields is complained of, and typed nowhere", () =>
	inTerminal(async (terminal) => {
		const wrong = [{ type: "input" }, { type: "input", data: 7 }, { type: "resize" }, { type: "init" }, { type: "init", commands: "ls" }, { type: "init", commands: [7] }];
		for (const message of wrong) {
			await terminal.sendJson(message);
			assert.equal((await terminal.message("error")).code, "BadRequest", JSON.stringify(message));
		}
		assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
	}));

test("frames sent before the server has said connected are kept, in order", () => {
	const early = ["echo early-$((1+1))\r", JSON.stringify({ type: "input", data: "echo early-$((1+2))\r" }), Buffer.from("echo early-$((1+3))\r")];
	return inTerminal(
		async (terminal) => {
			for (const n of [2, 3, 4]) await terminal.waitFor(`early-${n}\r\n`);
		},
		{ early },
	);
});
