// Ends that are announced and explained: warnings in time, the true reason, and no clock that lies.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Terminal, createSession } from "./lib/client.js";
import * as engine from "./lib/engine.js";
import { fakeClock } from "./lib/fake_clock.js";
import { get, post } from "./lib/http.js";
import { withServer } from "./lib/server.js";

const SLACK_MS = 500;
const BOMB_LIMIT_MS = 60_000;

async function open(server, options) {
	const session = await createSession(server);
	const terminal = await Terminal.open(server, session.sessionId, options);
	await terminal.prompt();
	return { session, terminal };
}

async function assertEchoes(terminal) {
	assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
}

/* Milliseconds from start (performance.now()) until the promise is there, and its value. */
async function timed(start, promise) {
	const value = await promise;
	return { value, ms: performance.now() - start };
}

function assertNear(ms, expectedMs, what) {
	assert.ok(Math.abs(ms - expectedMs) <= SLACK_MS, `${what} after ${Math.round(ms)} ms, ${expectedMs} ms expected`);
}

function codes(terminal) {
	return terminal.frames.filter(({ type }) => type === "error").map(({ code }) => code);
}

describe("a session that nobody types into", { concurrency: true }, () => {
	test("is warned of at half its time, and ends when that is over", (t) =>
		withServer({ IDLE_TIMEOUT: "4s" }, async (server) => {
			const { session, terminal } = await open(server);
			const second = await Terminal.open(server, session.sessionId);
			const start = performance.now();
			await terminal.send("x");
			const warning = await timed(start, terminal.message("error"));
			assert.deepEqual([warning.value.code, warning.value.secondsLeft], ["IdleWarning", 2]);
			assert.equal((await second.message("error")).code, "IdleWarning");
			const end = await timed(start, terminal.closing());
			assert.deepEqual(end.value, { code: 4008, reason: "idle for too long" });
			assert.equal((await second.closing()).code, 4008);
			t.diagnostic(`IDLE_TIMEOUT 4 s: warned after ${Math.round(warning.ms)} ms, ended after ${Math.round(end.ms)} ms`);
			assertNear(warning.ms, 2000, "the warning");
			assertNear(end.ms, 4000, "the end");
			assert.deepEqual(codes(terminal), ["IdleWarning", "IdleTimeout"]);
		}));

	test("lives on when something is typed after the warning, and is warned of again", () =>
		withServer({ IDLE_TIMEOUT: "4s" }, async (server) => {
			const { terminal } = await open(server);
			assert.equal((await terminal.message("error")).code, "IdleWarning");
			const start = performance.now();
			await terminal.send("x");
			const warning = await timed(start, terminal.message("error"));
			assert.equal(warning.value.code, "IdleWarning");
			assertNear(warning.ms, 2000, "the second warning");
			await terminal.send("\x03");
			await terminal.prompt();
			await assertEchoes(terminal);
			assert.deepEqual(codes(terminal), ["IdleWarning", "IdleWarning"]);
		}));

	test("is not kept by output, by resizes or by looking at it", () =>
		withServer({ IDLE_TIMEOUT: "3s" }, async (server) => {
			const { session, terminal } = await open(server);
			await terminal.type("while :; do echo noise; sleep .1; done");
			const start = performance.now();
			const looks = setInterval(() => {
				terminal.resize(90, 30);
				get(server, `/api/v1/sessions/${session.sessionId}`);
			}, 300);
			const warning = await timed(start, terminal.message("error"));
			const end = await timed(start, terminal.closing());
			clearInterval(looks);
			assert.equal(warning.value.code, "IdleWarning");
			assertNear(warning.ms, 1500, "the warning");
			assert.equal(end.value.code, 4008);
			assertNear(end.ms, 3000, "the end");
		}));

	test("is kept by what is typed into any of its terminals", () =>
		withServer({ IDLE_TIMEOUT: "3s" }, async (server) => {
			const { session, terminal } = await open(server);
			const quiet = await Terminal.open(server, session.sessionId);
			const start = performance.now();
			while (performance.now() - start < 5000) await terminal.run("sleep .5");
			assert.deepEqual([codes(quiet), codes(terminal)], [[], []]);
			await assertEchoes(quiet);
		}));
});

describe("a session whose time is up", () => {
	test("is warned of at half its time, and ends at expiresAt, whatever is typed", (t) =>
		withServer({ MAX_LIFETIME: "6s" }, async (server) => {
			const { session, terminal } = await open(server);
			const expiresMs = Date.parse(session.expiresAt);
			const typing = setInterval(() => terminal.socket.send("x"), 200);
			const warning = await terminal.message("error");
			const warnedMs = Date.now();
			const late = await Terminal.open(server, session.sessionId);
			assert.equal((await late.message("error")).code, "LifetimeWarning");
			const end = await terminal.closing();
			const endedMs = Date.now();
			clearInterval(typing);
			assert.deepEqual([warning.code, warning.secondsLeft], ["LifetimeWarning", 3]);
			assertNear(warnedMs, expiresMs - 3000, "the warning");
			assert.deepEqual(end, { code: 4009, reason: "maximum lifetime reached" });
			t.diagnostic(`ended ${endedMs - expiresMs} ms after expiresAt`);
			assert.ok(Math.abs(endedMs - expiresMs) < 1000, `${endedMs - expiresMs} ms after expiresAt`);
			assert.deepEqual(codes(terminal), ["LifetimeWarning", "MaxLifetime"]);
		}));
});

describe("a wall clock that jumps", { concurrency: true }, () => {
	test("by an hour forward and two back closes nothing, warns of nothing, and moves no end", (t) => {
		const clock = fakeClock();
		const wall = async (server) => Date.parse((await get(server, "/health")).json.timestamp);
		const env = { ...clock.env, IDLE_TIMEOUT: "6s", MAX_LIFETIME: "90s" };
		return withServer(env, async (server) => {
			const { session, terminal } = await open(server);
			for (const [jump, hours] of [[3600, 1], [-7200, -2], [0, 0]]) {
				clock.jump(jump);
				const offMs = (await wall(server)) - Date.now();
				assert.ok(Math.abs(offMs - jump * 1000) < 2000, `the clock is off by ${offMs} ms`);
				for (let i = 0; i < 3; i++) await assertEchoes(terminal);
				const found = await get(server, `/api/v1/sessions/${session.sessionId}`);
				assert.equal(found.status, 200);
				/* the end stays where it is, and that clock will say something else then */
				assertNear(Date.parse(found.json.expiresAt), Date.parse(session.expiresAt) + jump * 1000, `expiresAt at ${hours} h`);
				const other = await open(server);
				await assertEchoes(other.terminal);
			}
			assert.deepEqual(codes(terminal), []);
			clock.jump(3600);
			const start = performance.now();
			await terminal.send("x");
			assert.equal((await terminal.message("error")).code, "IdleWarning");
			const end = await timed(start, terminal.closing());
			assert.deepEqual(end.value, { code: 4008, reason: "idle for too long" });
			t.diagnostic(`after the jumps the idle end of 6 s came after ${Math.round(end.ms)} ms`);
			assertNear(end.ms, 6000, "the idle end");
		}).finally(clock.close);
	});

	test("makes no session of the hour forgotten, and none last longer", () => {
		const clock = fakeClock();
		return withServer({ ...clock.env, MAX_SESSIONS_PER_HOUR: "1", MAX_LIFETIME: "4s" }, async (server) => {
			const { terminal } = await open(server);
			const start = performance.now();
			clock.jump(7200);
			const { status, json } = await post(server, "/api/v1/sessions", { toolPair: "x" });
			assert.equal(status, 429);
			assert.ok(json.retryAfter > 3500, `retryAfter ${json.retryAfter}`);
			clock.jump(-7200);
			const end = await timed(start, terminal.closing());
			assert.equal(end.value.code, 4009);
			assert.ok(end.ms < 4000 + SLACK_MS, `${end.ms} ms`);
		}).finally(clock.close);
	});
});

/* The close frame's text is in the message before it: browsers hide the frame from some pages. */
describe("a sandbox that fails is told of, in words", () => {
	async function assertTold(terminal, code, { code: closing, reason }) {
		const errors = terminal.frames.filter(({ type }) => type === "error");
		assert.equal(closing, 4011);
		assert.deepEqual(errors.map(({ message }) => message), [reason]);
		assert.deepEqual(codes(terminal), [code]);
		assert.equal(terminal.frames.at(-1).type, "error");
	}

	test("killed by somebody: as killed, in every terminal", () =>
		withServer({}, async (server) => {
			const { session, terminal } = await open(server);
			const second = await Terminal.open(server, session.sessionId);
			const [{ Id }] = await engine.containersOfSession(session.sessionId);
			await engine.kill(Id);
			for (const each of [terminal, second]) {
				const end = await each.closing();
				assert.equal(end.reason, "sandbox was killed");
				await assertTold(each, "SandboxFailed", end);
			}
		}));

	/* docs/decisions/004: the Engine does not always know. */
	test("out of memory: as that, or as killed for probably that", (t) =>
		withServer({}, async (server) => {
			const { terminal } = await open(server);
			await terminal.type("tail /dev/zero");
			const end = await terminal.closing(BOMB_LIMIT_MS);
			const known = { "sandbox ran out of memory": "OutOfMemory", "sandbox was killed, probably out of memory": "SandboxFailed" };
			t.diagnostic(end.reason);
			assert.ok(end.reason in known, end.reason);
			await assertTold(terminal, known[end.reason], end);
		}));
});
