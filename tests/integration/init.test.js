// Init commands: run in silence before the user's shell, and reported exactly once.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { startServer } from "./lib/server.js";
import { within } from "./lib/wait.js";

let server;

before(async () => {
	server = await startServer();
});
after(() => server.stop());

/* The terminal is not yet through with its init commands when work() gets it. */
async function inTerminal(session, work) {
	const { sessionId } = await createSession(server, session);
	try {
		const terminal = new Terminal(server, sessionId);
		await terminal.message("connected");
		await work(terminal, sessionId);
	} finally {
		await deleteSession(server, sessionId);
	}
}

function types(terminal) {
	return terminal.frames.map((frame) => frame.type);
}

test("a session without init commands says initComplete, once, before the shell's first output", () =>
	inTerminal({}, async (terminal) => {
		await terminal.prompt();
		assert.deepEqual(types(terminal).slice(0, 2), ["connected", "initComplete"]);
		assert.equal(types(terminal).filter((type) => type === "initComplete").length, 1);
		assert.deepEqual(await terminal.message("initComplete"), { type: "initComplete", success: true });
	}));

test("init commands run unseen, in the user's own shell, before its first output", () =>
	inTerminal({ init: ["cd /tmp", "export SEEN=yes", "echo loud noise; ls /usr"] }, async (terminal) => {
		assert.deepEqual(await terminal.message("initComplete"), { type: "initComplete", success: true });
		assert.deepEqual(types(terminal).slice(0, 2), ["connected", "initComplete"]);
		assert.equal((await terminal.run("echo $PWD $SEEN")).output.trim(), "/tmp yes");
		const shown = terminal.frames.map((frame) => frame.data ?? "").join("");
		assert.doesNotMatch(shown, /noise|export/);
		assert.equal(types(terminal).filter((type) => type === "initComplete").length, 1);
	}));

test("init commands run again for each terminal of the session", () =>
	inTerminal({ init: ["cd /tmp"] }, async (terminal, sessionId) => {
		await terminal.message("initComplete");
		const second = await Terminal.open(server, sessionId);
		assert.equal((await second.run("pwd")).output.trim(), "/tmp");
	}));

test("what is typed during the init commands waits for their end", () =>
	inTerminal({ init: ["sleep 1; X=late"] }, async (terminal) => {
		await terminal.type("echo typed-$X");
		await terminal.waitFor("typed-late\r\n");
		assert.deepEqual(types(terminal).slice(0, 2), ["connected", "initComplete"]);
	}));

test("a failing init command is told, and the shell is usable", () =>
	inTerminal({ init: ["true", "false", "true"] }, async (terminal) => {
		const { success, error } = await terminal.message("initComplete");
		assert.equal(success, false);
		assert.equal(typeof error, "string");
		assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
	}));

test("init commands that take too long are told, and the shell is usable", () =>
	inTerminal({ init: ["sleep 1000"], timeout: 1 }, async (terminal) => {
		const { success, error } = await terminal.message("initComplete");
		assert.equal(success, false);
		assert.match(error, /time|long/i);
		assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
	}));

test("a shell that an init command ends is told as any exit, after initComplete", () =>
	inTerminal({ init: ["exit 5"] }, async (terminal) => {
		assert.equal((await terminal.message("initComplete")).success, false);
		assert.deepEqual(await terminal.message("exit"), { type: "exit", code: 5 });
		assert.equal((await within(terminal.closed, "the socket closes")).code, 1000);
	}));

test("a client may run commands by a message, silently by default or not", () =>
	inTerminal({}, async (terminal) => {
		await terminal.message("initComplete");
		await terminal.prompt();
		await terminal.sendJson({ type: "init", commands: ["cd /tmp", "echo hidden-$((1+1))"], silent: true });
		assert.equal((await terminal.message("initComplete")).success, true);
		assert.equal((await terminal.run("pwd")).output.trim(), "/tmp");
		assert.doesNotMatch(terminal.frames.map((frame) => frame.data ?? "").join(""), /hidden-2/);
		await terminal.sendJson({ type: "init", commands: ["echo shown-$((1+1))"], silent: false });
		await terminal.waitFor("shown-2");
		assert.equal((await terminal.message("initComplete")).success, true);
		await terminal.sendJson({ type: "init", commands: ["sleep 1000"], timeout: 500 });
		assert.equal((await terminal.message("initComplete")).success, false);
	}));
