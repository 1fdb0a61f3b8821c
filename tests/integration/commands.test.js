// The limit of commands: lines typed at the shell's prompt wait their turn, and nothing of them is lost.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { stranger } from "./lib/clients.js";
import { startServer } from "./lib/server.js";

const CTRL_C = "\x03";
/* From Ctrl-C to the prompt. */
const AT_ONCE_MS = 1000;

function numbers(count) {
	return Array.from({ length: count }, (_, i) => i + 1);
}

function limitsTold(terminal) {
	return terminal.frames.filter(({ type, code }) => type === "error" && code === "RateLimited");
}

/* For a race: the loser's failure is nobody's. */
function quietly(promise) {
	return promise.catch(() => {});
}

/* What a client may type: a burst of `perMinute` lines, then one in so many milliseconds. */
function describeAt(perMinute, body, options = {}) {
	const it = { perMinute, everyMs: 60_000 / perMinute };
	describe(`with ${perMinute} a minute`, options, () => {
		before(async () => {
			it.server = await startServer({ COMMANDS_PER_MINUTE: String(perMinute) });
		});
		after(() => it.server.stop());

		/* A terminal at its prompt, of a client that has typed nothing yet. */
		it.terminal = async (headers = stranger(), sessionId = undefined, session = {}) => {
			const id = sessionId ?? (await createSession(it.server, session, headers)).sessionId;
			const terminal = await Terminal.open(it.server, id, { headers });
			await terminal.prompt();
			return Object.assign(terminal, { sessionId: id });
		};
		it.end = (terminal) => deleteSession(it.server, terminal.sessionId);
		body(it);
	});
}

describeAt(60, (it) => {
	test("sixty lines at once pass without a word, the next one a second later", async (t) => {
		const terminal = await it.terminal();
		const start = performance.now();
		for (const n of numbers(61)) terminal.type(`echo line-$((${n}))-`);
		await terminal.waitFor("line-60-");
		const sixtieth = performance.now() - start;
		const told = await terminal.message("error");
		assert.deepEqual([told.code, told.retryAfter], ["RateLimited", 1]);
		assert.equal(typeof told.message, "string");
		await terminal.waitFor("line-61-");
		const last = performance.now() - start;
		t.diagnostic(`line 60 after ${Math.round(sixtieth)} ms, line 61 after ${Math.round(last)} ms`);
		assert.ok(last > 500 && last < 2500, `${last} ms`);
		assert.equal(limitsTold(terminal).length, 1);
		await it.end(terminal);
	});

	test("the sockets and sessions of a client count together, those of another do not", async () => {
		const headers = stranger();
		const first = await it.terminal(headers);
		const mine = [first, await it.terminal(headers, first.sessionId), await it.terminal(headers)];
		const other = await it.terminal();
		for (const n of numbers(20)) for (const each of mine) each.type(`echo line-$((${n}))-`);
		for (const n of numbers(60)) other.type(`echo line-$((${n}))-`);
		mine[2].type("echo the-$((60+1))st");
		await Promise.all(mine.map((each) => each.waitFor("line-20-")));
		await mine[2].waitFor("the-61st");
		await other.waitFor("line-60-");
		assert.equal(mine.flatMap(limitsTold).length, 1);
		assert.equal(limitsTold(other).length, 0);
		for (const each of [first, mine[2], other]) await it.end(each);
	});
});

describeAt(180, pastes, { concurrency: true });

function pastes(it) {
	/* 20 more than may pass at once. */
	const LINES = it.perMinute + 20;
	const script = (end) => numbers(LINES).map((n) => `echo ${n} >> pasted`).join(end);
	const ways = [
		["line by line", async (terminal) => terminal.send(`${script("\r")}\r`)],
		["with line feeds", async (terminal) => terminal.send(`${script("\n")}\n`)],
		["in brackets", async (terminal) => terminal.send(`\x1b[200~${script("\n")}\x1b[201~\r`)],
		["in small pieces", async (terminal) => {
			const text = `${script("\r")}\r`;
			for (let at = 0; at < text.length; at += 7) await terminal.send(text.slice(at, at + 7));
		}],
	];
	for (const [how, paste] of ways)
		test(`a script of ${LINES} lines pasted ${how} arrives whole, in order and in time`, async (t) => {
			const terminal = await it.terminal();
			const start = performance.now();
			await paste(terminal);
			const { retryAfter } = await terminal.message("error");
			assert.equal(retryAfter, 1);
			const { output } = await terminal.run("cat pasted");
			const tookMs = performance.now() - start;
			assert.equal(output, numbers(LINES).map((n) => `${n}\n`).join(""));
			const expectedMs = 21 * it.everyMs; /* with the line that reads it */
			t.diagnostic(`${LINES} lines took ${Math.round(tookMs)} ms, ${Math.round(expectedMs)} ms is what the limit asks for`);
			assert.ok(tookMs > expectedMs - 1000 && tookMs < expectedMs + 4000, `${tookMs} ms`);
			await it.end(terminal);
		});
}

describeAt(12, programs, { concurrency: true });

function programs(it) {
	/* Far more than the limit, so that they cannot pass if they count. */
	const MANY = 100;

	/* The server learns within a second who is in the foreground; until then an Enter may still count. */
	function known(command) {
		return `bash -c 'sleep 1; exec ${command}'`;
	}

	async function assertFree(terminal, lines = 5) {
		for (const n of numbers(lines)) await terminal.run(`echo free-$((${n}))`);
		assert.deepEqual(limitsTold(terminal), []);
	}

	test("Enter in vim is no command", async () => {
		const terminal = await it.terminal();
		await terminal.type(known("vim -u NONE -N note.txt"));
		await terminal.waitFor("~");
		await terminal.send("i");
		await terminal.send("\r".repeat(MANY));
		await terminal.send("\x1b:wq\r");
		await terminal.prompt();
		assert.equal((await terminal.run("wc -l < note.txt")).output.trim(), String(MANY + 1));
		await assertFree(terminal);
		await it.end(terminal);
	});

	test("Enter in less is no command", async () => {
		const terminal = await it.terminal();
		await terminal.type(`seq 1000 1999 > numbers; ${known("less numbers")}`);
		await terminal.waitFor("1022");
		for (let i = 0; i < MANY; i++) await terminal.send("\r");
		await terminal.waitFor(String(1022 + MANY));
		await terminal.send("q");
		await terminal.prompt();
		await assertFree(terminal);
		await it.end(terminal);
	});

	test("Enter in a Python prompt is no command", async () => {
		const terminal = await it.terminal(stranger(), undefined, { environment: "python" });
		await terminal.type(known("python3 -q"));
		await terminal.waitFor(">>> ");
		for (const n of numbers(MANY)) await terminal.type(`print(${n} * 2)`);
		await terminal.waitFor(`\n${2 * MANY}\r\n`);
		await terminal.type("exit()");
		await terminal.waitFor(/\$ $/);
		await assertFree(terminal);
		await it.end(terminal);
	});

	test("lines that a program reads are no commands", async () => {
		const terminal = await it.terminal();
		await terminal.type(known(`bash -c "echo go-\\$((1+1)); exec head -n ${MANY} > lines"`));
		await terminal.waitFor("go-2\r\n");
		await terminal.send(numbers(MANY).map((n) => `${n}\r`).join(""));
		await terminal.prompt();
		assert.equal((await terminal.run("wc -l < lines")).output.trim(), String(MANY));
		await assertFree(terminal);
		await it.end(terminal);
	});

	test("lines count again within a second of the end of the program", async () => {
		const terminal = await it.terminal();
		await terminal.type("less -X /etc/passwd");
		await terminal.waitFor("root:");
		await terminal.send("q");
		await terminal.prompt();
		/* The shell itself waits for the second within which the server learns of it. */
		await terminal.run("read -t 1 nothing");
		for (let n = 1; limitsTold(terminal).length === 0; n++) {
			assert.ok(n <= 20, "twenty lines have passed");
			await terminal.type(`echo line-$((${n}))-`);
			await Promise.race([quietly(terminal.waitFor(`line-${n}-`)), quietly(terminal.message("error"))]);
		}
		await it.end(terminal);
	});

	test("Ctrl-C throws away what waits, and gives the prompt back at once", async (t) => {
		const terminal = await it.terminal();
		for (const n of numbers(50)) terminal.type(`echo ${n} >> typed; echo ran-$((${n}))-`);
		assert.equal((await terminal.message("error")).code, "RateLimited");
		await terminal.waitFor(`ran-${it.perMinute}-`);
		await terminal.waitFor("$ ");
		const start = performance.now();
		await terminal.send(CTRL_C);
		await terminal.waitFor("^C");
		await terminal.prompt();
		const tookMs = performance.now() - start;
		t.diagnostic(`the prompt came ${Math.round(tookMs)} ms after Ctrl-C`);
		assert.ok(tookMs < AT_ONCE_MS, `${tookMs} ms`);
		const { output } = await terminal.run("wc -l < typed");
		assert.equal(Number(output), it.perMinute);
		await it.end(terminal);
	});

	test("a resize and a session's end do not wait behind the lines that do", async () => {
		const terminal = await it.terminal();
		await terminal.type("(while sleep .2; do stty size; done) &");
		for (const n of numbers(50)) terminal.type(`: ${n}`);
		assert.equal((await terminal.message("error")).code, "RateLimited");
		await terminal.resize(111, 33);
		await terminal.waitFor("33 111\r\n");
		const start = performance.now();
		await it.end(terminal);
		assert.deepEqual(await terminal.closing(), { code: 1000, reason: "session deleted" });
		assert.ok(performance.now() - start < AT_ONCE_MS * 3);
	});
}

describe("init commands", () => {
	test("are no commands that anybody typed", async () => {
		const server = await startServer({ COMMANDS_PER_MINUTE: "2" });
		const { sessionId } = await createSession(server, { init: numbers(20).map((n) => `V${n}=${n}`) });
		const terminal = await Terminal.open(server, sessionId);
		await terminal.prompt();
		assert.equal((await terminal.run("echo $V20")).output.trim(), "20");
		assert.deepEqual(limitsTold(terminal), []);
		await server.stop();
	});
});
