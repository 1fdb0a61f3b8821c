// What a person does in a terminal, and what a program in it may try.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { startServer } from "./lib/server.js";

let server;

before(async () => {
	server = await startServer();
});
after(() => server.stop());

/* A session with one open terminal, deleted afterwards whatever happens. */
async function inTerminal(work, { session = {}, open = {} } = {}) {
	const { sessionId } = await createSession(server, session);
	try {
		const terminal = await Terminal.open(server, sessionId, open);
		await work(terminal, sessionId);
	} finally {
		await deleteSession(server, sessionId);
	}
}

async function output(terminal, line) {
	return (await terminal.run(line)).output.trim();
}

test("the real session of the first issue", () =>
	inTerminal(
		async (terminal) => {
			await terminal.type("uname -a; tty; stty size; exit 3");
			const { before: text } = await terminal.waitFor(/exit\r\n$/);
			assert.match(text, /Linux \S+ 4\.4\.0 /);
			assert.match(text, /\/dev\/pts\/\d+\r\n/);
			assert.match(text, /37 101\r\n/);
			assert.deepEqual(await terminal.message("exit"), { type: "exit", code: 3 });
			assert.equal(terminal.frames.at(-1).type, "exit");
			assert.deepEqual(await terminal.closing(), { code: 1000, reason: "shell exited" });
		},
		{ open: { query: { cols: 101, rows: 37 } } },
	));

test("the kernel is gVisor's", () =>
	inTerminal(async (terminal) => {
		assert.match(await output(terminal, "dmesg"), /Starting gVisor/);
	}));

test("the user is nobody special, on a read-only root without network", () =>
	inTerminal(async (terminal) => {
		assert.equal(await output(terminal, "id -u"), "1000");
		assert.match(await output(terminal, "cat /proc/self/status"), /CapEff:\s+0{16}/);
		assert.match(await output(terminal, "touch /usr/x"), /Read-only file system|Permission denied/);
		assert.equal(await output(terminal, "command ls /sys/class/net"), "lo");
		assert.equal(await output(terminal, "echo $TERM; locale charmap"), "xterm-256color\nUTF-8");
	}));

describe("screen programs", () => {
	test("vim works and follows a resize", () =>
		inTerminal(async (terminal) => {
			await terminal.type("vim -u NONE -N note.txt");
			await terminal.waitFor(/~/);
			await terminal.send(":set columns?\r");
			await terminal.waitFor("columns=80");
			await terminal.resize(100, 30);
			await terminal.waitFor(/~/); /* it draws its screen anew */
			await terminal.send(":set columns?\r");
			await terminal.waitFor("columns=100");
			await terminal.send(":set lines?\r");
			await terminal.waitFor("lines=30");
			await terminal.send("ivim was here\x1b:wq\r");
			await terminal.prompt();
			assert.equal(await output(terminal, "cat note.txt"), "vim was here");
		}));

	test("less works and follows a resize", () =>
		inTerminal(async (terminal) => {
			await terminal.type("seq 1000 1999 > numbers; less numbers");
			await terminal.waitFor("1022");
			await terminal.resize(80, 40);
			await terminal.waitFor("1038");
			await terminal.send("G");
			await terminal.waitFor("1999");
			await terminal.send("q");
			await terminal.prompt();
		}));

	test("tmux works and follows a resize", () =>
		inTerminal(async (terminal) => {
			const becomes = (size) =>
				`until [ "$(tmux display -p '#{window_width}x#{window_height}')" = ${size} ]; do sleep .05; done; echo is-$((40+2)) ${size}`;
			await terminal.type("tmux -f /dev/null");
			await terminal.waitFor("[0]");
			await terminal.type(becomes("80x23"));
			await terminal.waitFor("is-42 80x23");
			await terminal.resize(100, 30);
			await terminal.type(becomes("100x29"));
			await terminal.waitFor("is-42 100x29");
			await terminal.type("exit");
			await terminal.waitFor("[exited]");
		}));
});

describe("signals and ends", () => {
	test("Ctrl-C stops what runs in the foreground", () =>
		inTerminal(async (terminal) => {
			await terminal.type("sh -c 'echo go-$((1+1)); exec sleep 1000'");
			await terminal.waitFor("go-2");
			await terminal.send("\x03");
			await terminal.prompt();
			await terminal.type("echo status-$?");
			await terminal.waitFor("status-130"); /* 128 and SIGINT */
		}));

	test("a shell that is killed is told by its signal", () =>
		inTerminal(async (terminal) => {
			await terminal.type("kill -9 $$");
			assert.deepEqual(await terminal.message("exit"), { type: "exit", signal: "SIGKILL" });
			assert.equal((await terminal.closing()).code, 1000);
		}));

	test("all output comes before the exit", () =>
		inTerminal(async (terminal) => {
			await terminal.type("seq 1 100000; exit");
			await terminal.message("exit");
			assert.match(terminal.text, /\r\n99999\r\n100000\r\n/);
			assert.equal(terminal.frames.at(-1).type, "exit");
		}));
});

describe("several terminals", () => {
	test("two sockets are two shells that see the same files, and a third comes after one has gone", () =>
		inTerminal(async (first, sessionId) => {
			const second = await Terminal.open(server, sessionId);
			await first.run("echo shared > ~/file; X=mine");
			assert.equal(await output(second, "cat ~/file; echo [$X]"), "shared\n[]");
			assert.notEqual(await output(first, "tty"), await output(second, "tty"));
			await first.type("exit");
			assert.equal((await first.closing()).code, 1000);
			const third = await Terminal.open(server, sessionId);
			assert.equal(await output(third, "cat ~/file"), "shared");
			assert.equal(await output(second, "echo $((6*7))"), "42");
		}));

	test("the shell of a socket that goes away is hung up", () =>
		inTerminal(async (first, sessionId) => {
			const second = await Terminal.open(server, sessionId);
			const pid = await output(second, "echo $$");
			second.socket.terminate();
			await first.run(`while kill -0 ${pid} 2>/dev/null; do sleep .05; done`);
		}));

	test("more terminals than a sandbox carries are refused, the others live", () =>
		inTerminal(async (first, sessionId) => {
			const more = [];
			for (let i = 0; i < 15; i++) more.push(await Terminal.open(server, sessionId));
			await assert.rejects(Terminal.open(server, sessionId), /429/);
			assert.equal(await output(more[14], "echo $((6*7))"), "42");
			assert.equal(await output(first, "echo $((6*7))"), "42");
		}));
});

describe("sizes", () => {
	const cases = [
		["too small", { cols: 1, rows: 1 }, "5 20"],
		["too large", { cols: 9999, rows: 9999 }, "200 500"],
		["far out of bounds", { cols: "99999999999999", rows: "-99999999999999" }, "5 500"],
		["no numbers", { cols: "wide", rows: "0x10" }, "24 80"],
		["absent", {}, "24 80"],
		["in bounds", { cols: 132, rows: 43 }, "43 132"],
	];

	test("of the query are clamped, and what is no number is the default", () =>
		inTerminal(async (_, sessionId) => {
			for (const [what, query, size] of cases) {
				const terminal = await Terminal.open(server, sessionId, { query });
				assert.equal(await output(terminal, "stty size"), size, what);
				await terminal.close();
			}
		}));

	test("of a resize message are clamped, and a wrong one is complained of", () =>
		inTerminal(async (terminal) => {
			await terminal.resize(1, 1);
			assert.equal(await output(terminal, "stty size"), "5 20");
			await terminal.resize(9999, 9999);
			assert.equal(await output(terminal, "stty size"), "200 500");
			await terminal.sendJson({ type: "resize", cols: "wide", rows: 24 });
			assert.equal((await terminal.message("error")).code, "BadRequest");
			assert.equal(await output(terminal, "stty size"), "200 500");
		}));
});

test("ls and stat work, as gVisor's statx alone would not let them", () =>
	inTerminal(async (terminal) => {
		const { output } = await terminal.run("ls -la / >/dev/null && command ls -d /tmp && stat -c %n /etc && echo fine");
		assert.deepEqual(output.trim().split(/\s+/), ["/tmp", "/etc", "fine"]);
	}));

test("a shell that ends at once has an exit all the same", () =>
	inTerminal(async (terminal, sessionId) => {
		await terminal.run("echo 'exit 7' > ~/.bashrc");
		for (let i = 0; i < 20; i++) {
			const other = new Terminal(server, sessionId);
			assert.equal((await other.message("exit")).code, 7);
			assert.equal((await other.closing()).code, 1000);
		}
	}));

test("sizes are read behind arguments of any length", () =>
	inTerminal(
		async (terminal) => {
			assert.equal((await terminal.run("stty size")).output.trim(), "40 100");
		},
		{ open: { query: { api_key: "x".repeat(300), cols: 100, rows: 40 } } },
	));
