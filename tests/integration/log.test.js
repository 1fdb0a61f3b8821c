// The log: a line for every event, what an audit needs, nothing that is secret, and no byte that a terminal obeys.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Terminal, createSession, deleteSession, refusedHandshake, ticketOf } from "./lib/client.js";
import { ask, bearer, from } from "./lib/clients.js";
import { get, post } from "./lib/http.js";
import { events, parseJson, parseText } from "./lib/log.js";
import { RawSocket } from "./lib/raw.js";
import { withServer } from "./lib/server.js";
import { COOKIE, authjsToken, inSeconds, jwt } from "./lib/tokens.js";
import { until } from "./lib/wait.js";

const SESSIONS = "/api/v1/sessions";
const KEY = "kR8-api-key-of-the-test";
const ADMIN_KEY = "qW3-admin-key-of-the-test";
const SECRET = "zT5-secret-of-the-test-0123456789abcdef";
const ADDRESS = "203.0.113.77";
const USER = "ada.lovelace@example.org";
const TYPED = "typed-by-a-person-8472";
const SHOWN = "shown-by-a-program-8473";

const ENV = {
	SANDBOX_API_KEY: KEY,
	ADMIN_API_KEY: ADMIN_KEY,
	AUTH_SECRET: SECRET,
	MAX_CONCURRENT_PER_IP: "1",
	MAX_WEBSOCKETS_PER_IP: "2",
	COMMANDS_PER_MINUTE: "60",
};

/* Which fields an event must have: those with numbers are integers. */
const AUDIT = {
	"session.created": { texts: ["session", "client", "environment", "sandbox"], numbers: [] },
	"session.running": { texts: ["session"], numbers: ["start_ms"] },
	"session.refused": { texts: ["client", "limit"], numbers: [] },
	"session.ended": { texts: ["session", "client", "reason"], numbers: ["lifetime_ms", "bytes_in", "bytes_out"] },
	"websocket.connected": { texts: ["session", "client"], numbers: [] },
	"websocket.disconnected": { texts: ["session", "client", "reason"], numbers: ["duration_ms", "bytes_in", "bytes_out"] },
	"websocket.refused": { texts: ["client", "code"], numbers: ["status"] },
	"auth.failed": { texts: ["client", "code", "path"], numbers: [] },
};

/* A bit of everything that a server sees in a day. Resolves to what it must keep to itself, and to
 * the sessions. */
async function aDay(server) {
	const here = from(ADDRESS);
	const keyed = { ...here, "X-API-Key": KEY };
	const token = jwt(SECRET, { email: USER, exp: inSeconds(600) });
	const sealed = authjsToken(SECRET, COOKIE, "A256CBC-HS512", { email: USER, exp: inSeconds(600) });
	const bad = { key: "wR0-wrong-key", query: "wR1-wrong-key", body: "wR2-wrong-key", ticket: "f".repeat(32), token: jwt("another", { email: USER, exp: inSeconds(600) }), old: jwt(SECRET, { email: USER, exp: 5 }) };

	const session = await createSession(server, { init: [`export HIDDEN=${TYPED}-init`] }, keyed);
	const { sessionId } = session;
	const path = `${SESSIONS}/${sessionId}`;
	const another = await post(server, `${path}/tickets`, "", keyed);
	await ask(server, keyed);
	await ask(server, { ...here, "X-API-Key": bad.key });
	await ask(server, here);
	await ask(server, bearer(bad.token, here));
	await ask(server, bearer(bad.old, here));
	await post(server, `${path}/destroy`, { apiKey: bad.body }, here);
	for (const query of [`ticket=${bad.ticket}`, `api_key=${bad.query}`, `token=${bad.token}`]) await refusedHandshake(server, `${path}/ws?${query}`, here);
	await refusedHandshake(server, `${path}/ws?api_key=${KEY}`, { ...here, Origin: "https://evil.example" });

	const terminal = await Terminal.open(server, sessionId, { query: { ticket: ticketOf(session) }, headers: here });
	const second = await Terminal.open(server, sessionId, { query: { api_key: KEY }, headers: here });
	await refusedHandshake(server, `${path}/ws?ticket=${ticketOf(another.json)}`, here);
	await terminal.run(`echo ${TYPED} >/dev/null; echo ${SHOWN.slice(0, 10)}'${SHOWN.slice(10)}'`);
	await terminal.sendJson({ type: "input", data: `: ${TYPED}\r` });
	await terminal.sendJson({ type: "init", commands: [`: ${TYPED}`] });
	await terminal.message("initComplete");
	await terminal.sendJson({ type: "resize", rows: "no" });
	await terminal.message("error");
	await terminal.close();
	await deleteSession(server, sessionId, keyed);
	await second.closing();

	const users = await createSession(server, {}, bearer(token, here));
	await (await Terminal.open(server, users.sessionId, { query: { token: sealed }, headers: here })).close();
	await post(server, `${SESSIONS}/${users.sessionId}/destroy`, { apiKey: ADMIN_KEY }, here);
	await until(() => server.log.filter((line) => line.includes("websocket.disconnected")).length === 3, "the last socket is gone");
	const tokens = [token, sealed, bad.token, bad.old].flatMap((each) => each.split(".").slice(1)).filter((part) => part.length > 8);
	const tickets = [session, another.json, users].map((each) => ticketOf(each).slice(0, 32));
	return { sessionId, usersId: users.sessionId, secrets: [KEY, ADMIN_KEY, SECRET, ...Object.values(bad), token, sealed, ...tokens, ...tickets, TYPED, SHOWN] };
}

function assertParses(server, parse) {
	for (const line of server.log) assert.ok(parse(line), `not a line of the log: ${JSON.stringify(line)}`);
}

function assertAudited(server, parse) {
	for (const [name, { texts, numbers }] of Object.entries(AUDIT)) {
		const found = events(server, name, parse);
		assert.ok(found.length > 0, `${name} is missing`);
		for (const event of found) {
			for (const text of texts) assert.ok(typeof event[text] === "string" && event[text] !== "", `${name} without ${text}: ${JSON.stringify(event)}`);
			for (const number of numbers) assert.match(String(event[number]), /^\d+$/, `${name} without ${number}: ${JSON.stringify(event)}`);
			if (parse === parseJson) for (const number of numbers) assert.equal(typeof event[number], "number");
		}
	}
}

for (const [format, parse] of [["text", parseText], ["json", parseJson]])
	test(`as ${format}: every line can be read, and tells what happened`, () =>
		withServer({ ...ENV, LOG_FORMAT: format }, async (server) => {
			const { sessionId, usersId, secrets } = await aDay(server);
			assertParses(server, parse);
			assertAudited(server, parse);
			const of = (name, id = sessionId) => events(server, name, parse).filter(({ session }) => session === id);
			assert.deepEqual(events(server, "session.refused", parse).map(({ client, limit }) => [client, limit]), [[ADDRESS, "sessions"]]);
			assert.deepEqual(events(server, "auth.failed", parse).map(({ code }) => code), ["InvalidApiKey", "MissingApiKey", "InvalidToken", "ExpiredToken", "InvalidApiKey", "InvalidTicket", "InvalidApiKey", "InvalidToken"]);
			assert.deepEqual(of("session.created").map(({ client, environment }) => [client, environment]), [[ADDRESS, "bash"]]);
			assert.deepEqual(of("session.created", usersId).map(({ client }) => client), [`user:${USER}`]);
			assert.deepEqual(of("websocket.connected").map(({ client }) => client), [ADDRESS, ADDRESS]);
			assert.deepEqual(of("websocket.connected", usersId).map(({ client }) => client), [`user:${USER}`]);
			assert.deepEqual(of("websocket.disconnected").map(({ reason }) => reason), ["client_left", "deleted"]);
			const [first] = of("websocket.disconnected");
			assert.ok(Number(first.bytes_in) > TYPED.length && Number(first.bytes_out) > SHOWN.length, JSON.stringify(first));
			const [end] = of("session.ended");
			assert.equal(end.reason, "deleted");
			assert.ok(Number(end.bytes_in) > TYPED.length && Number(end.bytes_out) > SHOWN.length, JSON.stringify(end));
			for (const secret of secrets) for (const line of server.log) assert.ok(!line.includes(secret), `${secret} is in the log: ${line}`);
		}));

describe("with LOG_CLIENTS=hashed", () => {
	test("no address and no user is in it; a client keeps its name until the next start", async () => {
		const names = [];
		for (let i = 0; i < 2; i++)
			await withServer({ ...ENV, LOG_CLIENTS: "hashed" }, async (server) => {
				const { sessionId, usersId } = await aDay(server);
				assertParses(server, parseText);
				assertAudited(server, parseText);
				for (const line of server.log) for (const hidden of [ADDRESS, USER, "ada.lovelace", "lovelace"]) assert.ok(!line.includes(hidden), line);
				const clients = ["session.created", "session.refused", "session.ended", "websocket.connected", "websocket.disconnected", "auth.failed"].flatMap((name) => events(server, name).map(({ client, session }) => [session === usersId ? "user" : "address", client]));
				const [address, user] = ["address", "user"].map((kind) => new Set(clients.filter((each) => each[0] === kind).map((each) => each[1])));
				assert.deepEqual([address.size, user.size], [1, 1], JSON.stringify(clients));
				for (const name of [...address, ...user]) assert.match(name, /^[0-9a-f]{16,}$/);
				assert.notDeepEqual(address, user);
				assert.match(sessionId, /^sess_/);
				names.push(...address, ...user);
			});
		assert.equal(new Set(names).size, 4, "a name must not outlive the server");
	});
});

describe("what strangers choose", () => {
	const FORGED = "2026-01-01T00:00:00.000Z info forged.event client=x";
	const EVIL = `\x1b[2J\x1b]0;title\x07\r\n${FORGED}\n\u2028\u009b31m"\\ =x`;

	async function raw(server, bytes) {
		const socket = new RawSocket(server);
		socket.write(Buffer.from(bytes, "latin1"));
		await socket.gone();
	}

	for (const [format, parse] of [["text", parseText], ["json", parseJson]])
		test(`comes out escaped in ${format}`, () =>
			withServer({ LOG_FORMAT: format, AUTH_SECRET: SECRET, LIMITS_LOGGED_IN: "0/1/1/0" }, async (server) => {
				const token = jwt(SECRET, { email: EVIL, exp: inSeconds(600) });
				const made = await ask(server, bearer(token));
				if (made.status === 201) {
					await ask(server, bearer(token));
					await (await Terminal.open(server, made.json.sessionId, { query: { token } })).close();
				}
				assert.ok([201, 401].includes(made.status), made.text);
				const { sessionId } = await createSession(server, { toolPair: EVIL.slice(0, 40) });
				await deleteSession(server, sessionId);
				await ask(server, { Origin: "https://evil.example\t\x7f".replace("\x7f", ""), ...from(`${ADDRESS}, "x"=\\`) });
				const line = "\x1b[31m\x07\x9b\xff\"\\";
				for (const header of ["Origin", "X-Forwarded-For", "X-API-Key", "Authorization", "Host", "User-Agent", "Upgrade"])
					await raw(server, `POST ${SESSIONS} HTTP/1.1\r\n${header === "Host" ? "" : "Host: x\r\n"}${header}: https://${line}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
				for (const path of [`/${line}`, `${SESSIONS}/${line}`, `${SESSIONS}/%0a%0d%1b%5b31m${encodeURIComponent(FORGED)}/ws`, `/%0a${encodeURIComponent(FORGED)}`])
					await raw(server, `GET ${path} HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\nConnection: close\r\n\r\n`);
				assert.equal((await get(server, "/health")).status, 200);
				assertParses(server, parse);
				assert.deepEqual(events(server, "forged.event", parse), []);
				assert.ok(events(server, "origin.refused", parse).length > 0);
			}));
});
