// The server on the fake engine: whole sessions, everything that can go wrong between the two once, and a thousand sessions. None of it
// needs a real Engine, and none of it is what a real one must say.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Terminal, createSession, deleteSession } from "./lib/client.js";
import { FakeEngine } from "./lib/fake.js";
import { assertError, get, post } from "./lib/http.js";
import { descriptorCount, processorSeconds } from "./lib/processes.js";
import { RawSocket } from "./lib/raw.js";
import { startServer } from "./lib/server.js";
import { deferred, pause, until, within } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const MANY = Number(process.env.FAKE_SESSIONS ?? 1000);
const AT_ONCE = 50;
const SANITIZED = (process.env.SERVER ?? "").includes("sanitize");
/* The server's own limits: a call to the Engine has 10 s, an agent's hello as well. */
const PATIENCE_MS = 15_000;
const NO_CAPACITY_LIMIT = { CIRCUIT_MAX_CONTAINERS: "3000", CIRCUIT_MAX_MEMORY_PERCENT: "100" };

/* Runs work(server, fake); whatever it does, nothing is left of it in the server, in the fake, or of descriptors. */
async function withFake(work, { env = {}, ...options } = {}) {
	const fake = await FakeEngine.start();
	try {
		const server = await startServer({ ...NO_CAPACITY_LIMIT, LOG_LEVEL: "info", ...env }, { fake, ...options });
		try {
			const descriptors = await ownDescriptors(server, fake);
			await work(server, fake);
			await fake.clear();
			await nothingLeft(server, fake, descriptors);
		} finally {
			await server.stop();
		}
	} finally {
		await fake.stop();
	}
}

/* Those that are not connections to the Engine, of which the server keeps some for later. */
async function ownDescriptors(server, fake) {
	return descriptorCount(server.pid) - (await fake.state()).connections;
}

async function nothingLeft(server, fake, descriptors) {
	const spares = ({ pool }) => Object.values(pool).reduce((sum, { ready, starting }) => sum + ready + starting, 0);
	await until(async () => {
		const { json: health } = await get(server, "/health");
		const { json: status } = await get(server, "/status");
		const state = await fake.state();
		return health.active_sessions === 0 && state.containers === spares(status) && state.streams === state.containers && state.events === 1;
	}, "no session and no sandbox is left");
	const { verbs, violations } = await fake.state();
	assert.equal(violations, 0);
	for (const verb of ["create", "attach", "start", "remove"]) assert.equal(verbs[verb].inFlight, 0, `${verb} is under way`);
	await until(async () => (await ownDescriptors(server, fake)) <= descriptors, `the descriptors are back: ${descriptors}`);
}

async function openTerminal(server, options) {
	const { sessionId } = await createSession(server, options);
	return { sessionId, terminal: await Terminal.open(server, sessionId) };
}

async function works(server) {
	const { sessionId, terminal } = await openTerminal(server);
	await terminal.type("echo it works");
	await terminal.waitFor("\r\nit works\r\n$ ");
	assert.equal((await deleteSession(server, sessionId)).status, 200);
	assert.deepEqual(await terminal.closing(), { code: 1000, reason: "session deleted" });
}

describe("a session on the fake engine", () => {
	test("from its first byte to its exit, with and without a pool", async () => {
		for (const POOL_SIZE of ["0", "2"])
			await withFake(
				async (server, fake) => {
					const { sessionId, terminal } = await openTerminal(server, { init: ["git status"] });
					await terminal.waitFor("$ ");
					await terminal.resize(101, 33);
					await terminal.type("size");
					await terminal.waitFor("33 101\r\n$ ");
					await terminal.type("cat");
					await terminal.waitFor("cat\r\n");
					await terminal.send("\x1b[A");
					await terminal.waitFor("\x1b[A");
					await terminal.send("\x03");
					await terminal.waitFor("^C\r\n$ ");
					assert.equal((await fake.containers()).filter(({ attached }) => attached).length > 0, true);
					await terminal.type("exit 3");
					assert.equal((await terminal.message("exit")).code, 3);
					assert.deepEqual(await terminal.closing(), { code: 1000, reason: "shell exited" });
					await deleteSession(server, sessionId);
				},
				{ env: { POOL_SIZE } },
			);
	});

	test("a flood arrives whole and in order, and Ctrl-C ends one", async () => {
		const lines = 400_000;
		await withFake(async (server) => {
			const { sessionId, terminal } = await openTerminal(server);
			await terminal.type("echo ready");
			await terminal.waitFor("\r\nready\r\n$ ");
			let bytes = "flood ".length + String(lines * 16).length + 2 + lines * 16, text = "", next = 0;
			const whole = new Promise((resolve) => {
				terminal.sink = (piece) => {
					text = take(text + piece);
					if ((bytes -= piece.length) <= 0) resolve();
				};
			});
			const take = (all) => {
				const rows = all.split("\r\n");
				for (const row of rows.slice(0, -1)) if (/^\d{14}$/.test(row)) assert.equal(Number(row), next++);
				return rows.at(-1);
			};
			await terminal.type(`flood ${lines * 16}`);
			await whole;
			assert.equal(next, lines);
			terminal.sink = null;
			await terminal.type("flood 100000000000");
			await terminal.waitFor("00000000001000\r\n");
			await terminal.send("\x03");
			await terminal.waitFor("^C\r\n$ ");
			await deleteSession(server, sessionId);
		});
	});
});

/* What the server answers while a fault is in force, and that all is well when it is not any more. */
function refusesWith(fault) {
	return withFake(async (server, fake) => {
		await fake.fault(fault);
		const answer = await post(server, SESSIONS, { toolPair: "x" });
		assertError(answer, 503, "ServiceUnavailable");
		assert.ok(answer.json.retryAfter > 0);
		assert.equal((await fake.faults())[0].applied > 0, true, "the fault has been met");
		await fake.clear();
		await nothingLeftOf(server, fake);
		await works(server);
	});
}

async function nothingLeftOf(server, fake) {
	await until(async () => (await fake.state()).containers === 0 && (await get(server, "/health")).status === 200, "the sandbox is gone, and the Engine well");
}

/* A fault that costs a try or some time, and no session. */
function bears(fault, env) {
	return withFake(
		async (server, fake) => {
			await fake.fault(fault);
			await works(server);
			await until(async () => (await fake.faults())[0].applied > 0, "the fault has been met");
		},
		{ env },
	);
}

const name = ({ verb, kind, frame, ...rest }) => [verb, frame, kind, JSON.stringify(rest).replace("{}", "")].filter(Boolean).join(" ");

describe("a start that fails is a 503, and leaves nothing", { concurrency: 4 }, () => {
	for (const fault of [
		{ verb: "create", kind: "status", status: 500 },
		{ verb: "create", kind: "status", status: 409 },
		{ verb: "create", kind: "refuse" },
		{ verb: "create", kind: "close", bytes: 20 },
		{ verb: "create", kind: "chunk" },
		{ verb: "create", kind: "json" },
		{ verb: "create", kind: "length", bytes: -3 },
		{ verb: "create", kind: "garbage" },
		{ verb: "create", kind: "huge" },
		{ verb: "create", kind: "id" },
		{ verb: "attach", kind: "status", status: 500 },
		{ verb: "attach", kind: "status", status: 404 },
		{ verb: "attach", kind: "refuse" },
		{ verb: "attach", kind: "close", bytes: 20 },
		{ verb: "attach", kind: "garbage" },
		{ verb: "start", kind: "status", status: 500 },
		{ verb: "start", kind: "garbage" },
		{ verb: "start", kind: "close", bytes: 10 },
		{ verb: "frame", frame: "hello", kind: "garbage" },
		{ verb: "frame", frame: "hello", kind: "huge" },
		{ verb: "frame", frame: "hello", kind: "id" },
		{ verb: "frame", frame: "hello", kind: "length", bytes: -4 },
		{ verb: "frame", frame: "hello", kind: "close", bytes: 5 },
	])
		test(name(fault), () => refusesWith(fault));
});

describe("what takes its time", { concurrency: true }, () => {
	test("who answers pings stays, and who does not is cut off", () =>
		withFake(async (server) => {
			const { sessionId, terminal } = await openTerminal(server);
			const pinged = deferred();
			terminal.socket.on("ping", pinged.resolve);
			const dead = new RawSocket(server);
			const cut = new Promise((resolve) => dead.socket.on("close", resolve));
			const start = performance.now(); /* before the server's clock starts */
			assert.equal((await dead.handshake(`${SESSIONS}/${sessionId}/ws`)).status, 101);
			await within(pinged.promise, "a ping", 30_000);
			await within(cut, "the dead one is cut off", 30_000);
			const took = performance.now() - start;
			assert.ok(took > 34_900 && took < 45_000, `after ${took} ms`);
			assert.ok(dead.received.includes(Buffer.from([0x89, 1])), "it was pinged");
			await terminal.type("echo still here");
			await terminal.waitFor("\r\nstill here\r\n$ ");
			await deleteSession(server, sessionId);
		}));

	for (const fault of [
		/* Starts that never end do end. */
		{ verb: "create", kind: "never" },
		{ verb: "create", kind: "hang" },
		{ verb: "create", kind: "length", bytes: 100 },
		{ verb: "attach", kind: "never" },
		{ verb: "start", kind: "never" },
		{ verb: "start", kind: "hang" },
		{ verb: "frame", frame: "hello", kind: "never" },
	])
		test(name(fault), () => refusesWith(fault));
});

describe("agents that greet as they should not", () => {
	for (const hello of ["wrong-version", "garbage"])
		test(hello, () =>
			withFake(async (server, fake) => {
				await fake.plan({ hello });
				assertError(await post(server, SESSIONS, { toolPair: "x" }), 503, "ServiceUnavailable");
				await fake.plan({ hello: "ok" });
				await nothingLeftOf(server, fake);
				await works(server);
			}),
		);

	test("one that opens no terminal costs that terminal", () =>
		withFake(async (server, fake) => {
			await fake.plan({ open: "error" });
			const { sessionId } = await createSession(server);
			const terminal = new Terminal(server, sessionId);
			assert.deepEqual(await terminal.closing(), { code: 1011, reason: "no shell could be opened" });
			await deleteSession(server, sessionId);
		}));
});

describe("what is slow or fails once costs time only", { concurrency: true }, () => {
	for (const fault of [
		{ verb: "create", kind: "delay", ms: 500 },
		{ verb: "create", kind: "drip", bytes: 7, ms: 5 },
		{ verb: "attach", kind: "delay", ms: 500 },
		{ verb: "attach", kind: "drip", bytes: 5, ms: 5 },
		{ verb: "start", kind: "delay", ms: 500 },
		{ verb: "frame", kind: "delay", ms: 200, times: 3 },
		{ verb: "remove", kind: "status", status: 500, times: 2 },
		{ verb: "remove", kind: "refuse", times: 2 },
		{ verb: "remove", kind: "garbage", times: 1 },
		{ verb: "remove", kind: "delay", ms: 700 },
		{ verb: "remove", kind: "close", bytes: 5, times: 1 },
	])
		test(name(fault), () => bears(fault));
	test("a pool whose starts fail half of the time", () => bears({ verb: "create", kind: "status", status: 500, probability: 0.5, seed: 7, times: 2 }, { POOL_SIZE: "2" }));
});

/* A running terminal, what is done to its sandbox, and how its socket closes. */
function closes(what, code, reason) {
	return withFake(async (server, fake) => {
		const { sessionId, terminal } = await openTerminal(server);
		await terminal.type("echo ready");
		await terminal.waitFor("\r\nready\r\n$ ");
		await what(fake, terminal, server);
		assert.deepEqual(await terminal.closing(PATIENCE_MS), { code, reason });
		assertError(await get(server, `${SESSIONS}/${sessionId}`), 404, "NotFound");
		await fake.clear();
		await until(async () => (await get(server, "/health")).status === 200, "the server is well again");
		await works(server);
	});
}

const spoil = (fault) => async (fake, terminal) => {
	await fake.fault({ verb: "frame", frame: "output", ...fault });
	await terminal.type("echo more");
};

describe("a sandbox that goes wrong closes its terminal, with the reason", { concurrency: true }, () => {
	test("killed", () => closes((fake) => fake.act("kill"), 4011, "sandbox was killed, probably out of memory"));
	test("killed through the Engine", () => closes((fake) => fake.act("kill", { asked: true }), 4011, "sandbox was killed"));
	test("out of memory", () => closes((fake) => fake.act("oom"), 4011, "sandbox ran out of memory"));
	test("its agent ends", () => closes((_, terminal) => terminal.type("die 1"), 4011, "sandbox was killed"));
	test("its stream is cut", () => closes((fake) => fake.act("cut"), 4011, "sandbox was killed"));
	test("all streams are dropped", () => closes((fake) => fake.engine({ drop: "streams" }), 4011, "sandbox was killed"));
	test("all connections are dropped", () => closes((fake) => fake.engine({ drop: "all" }), 4011, "container engine went away"));
	test("a bad frame", () => closes((fake) => fake.act("bad-frame"), 4011, "sandbox was killed"));
	/* What a reader takes at once is granted anew at once. */
	test("output without credit", () =>
		closes(
			async (fake, { socket }, server) => {
				socket.pause();
				await fake.act("flood");
				await until(() => server.log.some((line) => line.includes("beyond its credit")), "the server sees it");
				socket.resume();
			},
			4011,
			"sandbox was killed",
		));
	for (const fault of [{ kind: "garbage" }, { kind: "huge" }, { kind: "id" }, { kind: "close", bytes: 4 }])
		test(`output: ${name(fault)}`, () => closes(spoil(fault), 4011, "sandbox was killed"));
});

test("a terminal that is opened in a sandbox that is about to end is told so", () =>
	withFake(
		async (server, fake) => {
			const { sessionId } = await createSession(server);
			await fake.act("cut");
			await until(() => server.log.some((line) => line.includes("to=dying")), "the server waits for the Engine to say why");
			assert.deepEqual(await new Terminal(server, sessionId).closing(), { code: 4011, reason: "sandbox was killed" });
			await until(async () => (await get(server, `${SESSIONS}/${sessionId}`)).status === 404, "the session has ended");
		},
		{ env: { LOG_LEVEL: "debug" } },
	));

describe("agents that fall silent", () => {
	test("a terminal without output stays, and goes when it is told to", () =>
		withFake(async (server, fake) => {
			const { sessionId, terminal } = await openTerminal(server);
			await terminal.waitFor("$ ");
			const before = (await fake.state()).bytesIn;
			const id = await fake.fault({ verb: "frame", kind: "never" });
			await terminal.type("echo nobody hears");
			await until(async () => (await fake.state()).bytesIn > before && (await fake.faults())[0].applied > 0, "the line has come, and its echo is lost");
			await fake.clear(id);
			assert.equal(terminal.text, "");
			await terminal.type("echo somebody");
			await terminal.waitFor("\r\nsomebody\r\n$ ");
			await deleteSession(server, sessionId);
		}));

	test("a spare sandbox that does not answer its claim is handed to nobody", () =>
		withFake(
			async (server, fake) => {
				const ready = async (count) => (await get(server, "/status")).json.pool.bash.ready >= count;
				await fake.plan({ deaf: true });
				await fake.act("kill");
				await until(async () => (await fake.state()).running >= 3 && (await ready(1)), "the pool has deaf ones");
				await fake.plan({ deaf: false });
				await works(server);
				assert.ok((await get(server, "/status")).json.pool.bash.discarded > 0);
			},
			{ env: { POOL_SIZE: "1" } },
		));
});

describe("an Engine that goes wrong is a reason on /health, and comes back", { concurrency: true }, () => {
	const degraded = (server) => until(async () => (await get(server, "/health")).json.status === "degraded", "the server says that it is degraded");
	const well = (server) => until(async () => (await get(server, "/health")).status === 200, "the server is well again");
	const goesAndComes = (go, come) =>
		withFake(async (server, fake) => {
			await go(fake);
			await degraded(server);
			assertError(await post(server, SESSIONS, { toolPair: "x" }), 503, "ServiceUnavailable");
			await come(fake);
			await well(server);
			await works(server);
		});

	for (const fault of [
		{ verb: "list", kind: "status", status: 500 },
		{ verb: "list", kind: "never" },
		{ verb: "list", kind: "json" },
		{ verb: "list", kind: "chunk" },
		{ verb: "list", kind: "huge" },
		{ verb: "list", kind: "garbage" },
		{ verb: "list", kind: "drip", bytes: 1, ms: 200 },
	])
		test(name(fault), () => goesAndComes((fake) => fake.fault(fault), (fake) => fake.clear()));
	test("it takes no connections", () =>
		goesAndComes(
			async (fake) => {
				await fake.engine({ accept: false, drop: "all" });
			},
			(fake) => fake.engine({ accept: true }),
		));
	test("it is gone", () =>
		goesAndComes(
			(fake) => fake.engine({ listen: false, drop: "all" }),
			(fake) => fake.engine({ listen: true }),
		));
	test("the event stream is dropped, again and again", () =>
		withFake(async (server, fake) => {
			await fake.fault({ verb: "events", kind: "close", bytes: 30, times: 2 });
			await fake.engine({ drop: "events" });
			await until(async () => (await fake.faults())[0].applied === 2, "the server has asked for events again");
			await until(async () => (await fake.state()).events === 1, "the server has its events");
			await well(server);
			await works(server);
		}));

	for (const fault of [
		{ verb: "version", kind: "json" },
		{ verb: "info", kind: "status", status: 500 },
		{ verb: "images", kind: "status", status: 404 },
	])
		test(`at the start: ${name(fault)}`, async () => {
			const fake = await FakeEngine.start();
			try {
				await fake.fault(fault);
				const server = await startServer({}, { fake, health: false });
				try {
					await until(async () => (await fake.faults())[0].applied > 1 || fault.verb === "images", "the fault has been met");
					await degraded(server);
					assertError(await post(server, SESSIONS, { toolPair: "x" }), 503, "ServiceUnavailable");
				} finally {
					await server.stop();
				}
			} finally {
				await fake.stop();
			}
		});

	test("a sandbox on the host's own kernel is for nobody", async () => {
		const fake = await FakeEngine.start();
		try {
			await fake.plan({ canary: "host" });
			const server = await startServer({}, { fake, health: false });
			try {
				await until(() => server.log.some((line) => line.includes("canary.failed")), "the canary has failed");
				assertError(await post(server, SESSIONS, { toolPair: "x" }), 503, "ServiceUnavailable");
			} finally {
				await server.stop();
			}
		} finally {
			await fake.stop();
		}
	});
});

describe("what the server does not ask", () => {
	test("ping and inspect are there, and can go wrong", async () => {
		const fake = await FakeEngine.start();
		try {
			assert.equal((await fake.ask("GET", "/_ping")).text, "OK");
			assert.equal((await fake.ask("POST", "/containers/create?name=one", "{}")).status, 201);
			assert.equal((await fake.ask("GET", "/v1.41/containers/one/json")).json.Name, "/one");
			for (const verb of ["ping", "inspect"]) await fake.fault({ verb, kind: "status", status: 503, times: 1 });
			assert.equal((await fake.ask("GET", "/_ping")).status, 503);
			assert.equal((await fake.ask("GET", "/containers/one/json")).status, 503);
			assert.equal((await fake.ask("GET", "/containers/one/json")).status, 200);
			await assert.rejects(fake.fault({ verb: "create", kind: "bang" }), /no such kind/);
			await assert.rejects(fake.fault({ verb: "create", kind: "delay", seconds: 1 }), /seconds/);
			await assert.rejects(fake.engine({ drop: "event" }), /drop/);
			await assert.rejects(fake.engine({ listening: false }), /listening/);
			await assert.rejects(fake.act("cut"), /nobody is attached/);
		} finally {
			await fake.stop();
		}
	});

	test("the same seed gives the same faults", async () => {
		const fake = await FakeEngine.start();
		const throws = async () => {
			await fake.fault({ verb: "ping", kind: "status", status: 500, probability: 0.5, seed: 42 });
			const statuses = [];
			for (let i = 0; i < 40; i++) statuses.push((await fake.ask("GET", "/_ping")).status);
			await fake.clear();
			return statuses;
		};
		try {
			const first = await throws();
			assert.deepEqual(await throws(), first);
			assert.deepEqual([...new Set(first)].sort(), [200, 500]);
		} finally {
			await fake.stop();
		}
	});
});

const TERMINALS = 16; /* of a sandbox */
const IDLE_MS = 6000;

test("5,000 idle WebSockets cost next to nothing, and hold up nobody", async (t) => {
	await withFake(async (server) => {
		const sessions = await inCrowd(320, () => createSession(server));
		const terminals = await inCrowd(sessions.length * TERMINALS, (i) => Terminal.open(server, sessions[i % sessions.length].sessionId));
		const before = processorSeconds(server.pid);
		await pause(IDLE_MS); /* the time is what is measured */
		const used = (processorSeconds(server.pid) - before) / (IDLE_MS / 1000);
		t.diagnostic(`${terminals.length} idle WebSockets: ${(100 * used).toFixed(1)} % of a processor`);
		assert.ok(used < (SANITIZED ? 0.5 : 0.07), `${used} of a processor`);
		await terminals[0].type("echo at once");
		await terminals[0].waitFor("\r\nat once\r\n$ ");
		await inCrowd(sessions.length, (i) => deleteSession(server, sessions[i].sessionId));
		for (const terminal of terminals) assert.equal((await terminal.closing()).code, 1000);
	});
});

/* Calls work(i) for all of them, so many at once. */
async function inCrowd(count, work) {
	let next = 0;
	const results = [];
	const one = async () => {
		for (let i = next++; i < count; i = next++) results[i] = await work(i);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, one));
	return results;
}

describe(`${MANY} sessions`, () => {
	for (const POOL_SIZE of ["0", "5"])
		test(`created, typed into and deleted; POOL_SIZE ${POOL_SIZE}`, async (t) => {
			await withFake(
				async (server, fake) => {
					const start = performance.now();
					const all = await inCrowd(MANY, async (i) => {
						const { sessionId, terminal } = await openTerminal(server);
						await terminal.type(`echo number ${i}`);
						await terminal.waitFor(`\r\nnumber ${i}\r\n$ `);
						return { sessionId, terminal };
					});
					const made = performance.now();
					assert.equal((await get(server, "/health")).json.active_sessions, MANY);
					assert.ok((await fake.state()).streams >= MANY);
					await inCrowd(MANY, async (i) => {
						await deleteSession(server, all[i].sessionId);
						assert.equal((await all[i].terminal.closing()).code, 1000);
					});
					t.diagnostic(`${MANY} sessions made in ${Math.round(made - start)} ms, deleted in ${Math.round(performance.now() - made)} ms`);
				},
				{ env: { POOL_SIZE } },
			);
		});
});
