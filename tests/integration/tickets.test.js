// Tickets: one WebSocket on one session, once, without a key in any URL.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Terminal, createSession, deleteSession, refusedHandshake, splitWsUrl, ticketOf } from "./lib/client.js";
import { bearer, stranger } from "./lib/clients.js";
import { assertError, get, post } from "./lib/http.js";
import { RawSocket } from "./lib/raw.js";
import { startServer, withServer } from "./lib/server.js";
import { inSeconds, jwt } from "./lib/tokens.js";

const SESSIONS = "/api/v1/sessions";
const UNKNOWN = `sess_${"0".repeat(32)}`;
const SECRET = "a-secret-of-32-bytes-or-more-0123456789";
const KEY = { "X-API-Key": "a-key-for-tickets" };

function wsPath(sessionId, ticket) {
	return `${SESSIONS}/${sessionId}/ws${ticket === undefined ? "" : `?ticket=${encodeURIComponent(ticket)}`}`;
}

async function assertRefused(server, path, code, headers) {
	const { status, text } = await refusedHandshake(server, path, headers);
	assert.equal(status, 401, text);
	assert.equal(JSON.parse(text).error, code);
}

function openWith(server, sessionId, ticket, headers) {
	return Terminal.open(server, sessionId, { query: { ticket }, headers });
}

function newTicket(server, sessionId, headers = KEY) {
	return post(server, `${SESSIONS}/${sessionId}/tickets`, "", headers);
}

describe("a server with a key", () => {
	let server;
	let session;
	let sessionId;
	before(async () => {
		server = await startServer({ SANDBOX_API_KEY: KEY["X-API-Key"], MAX_WEBSOCKETS_PER_IP: "4" });
		session = await createSession(server, {}, KEY);
		({ sessionId } = session);
	});
	after(() => server.stop());

	async function fresh() {
		const answer = await newTicket(server, sessionId);
		assert.equal(answer.status, 201);
		return ticketOf(answer.json);
	}

	test("gives a ticket in wsUrl that opens one socket, once", async () => {
		const { bare, ticket } = splitWsUrl(session);
		assert.equal(bare, `ws://${server.host}${wsPath(sessionId)}`);
		const terminal = await openWith(server, sessionId, ticket);
		assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
		await assertRefused(server, wsPath(sessionId, ticket), "InvalidTicket");
		await terminal.close();
		await assertRefused(server, wsPath(sessionId, ticket), "InvalidTicket");
	});

	test("gives another to who has the key, and to nobody else", async () => {
		const answer = await newTicket(server, sessionId);
		assert.equal(answer.status, 201);
		assert.deepEqual(Object.keys(answer.json).sort(), ["expiresIn", "wsUrl"]);
		assert.equal(answer.json.expiresIn, 60);
		assert.equal(splitWsUrl(answer.json).bare, splitWsUrl(session).bare);
		assertError(await newTicket(server, sessionId, {}), 401, "MissingApiKey");
		assertError(await newTicket(server, sessionId, { "X-API-Key": "wrong" }), 401, "InvalidApiKey");
		assertError(await newTicket(server, UNKNOWN), 404, "NotFound");
		assertError(await get(server, `${SESSIONS}/${sessionId}/tickets`, KEY), 405, "MethodNotAllowed");
		await (await openWith(server, sessionId, ticketOf(answer.json))).close();
	});

	test("lets several tickets stand beside each other", async () => {
		const tickets = [await fresh(), await fresh(), await fresh()];
		assert.equal(new Set(tickets).size, 3);
		for (const ticket of tickets.reverse()) await (await openWith(server, sessionId, ticket)).close();
	});

	test("lets one of ten in that come with the same ticket at the same moment", async () => {
		const ticket = await fresh();
		const heads = await Promise.all(
			Array.from({ length: 10 }, async () => {
				const socket = new RawSocket(server);
				const { status } = await socket.handshake(wsPath(sessionId, ticket));
				socket.destroy();
				return status;
			}),
		);
		assert.deepEqual(heads.sort(), [101, ...Array(9).fill(401)]);
	});

	/* Whoever shows a ticket learns that a session is gone, and nothing else. */
	async function assertEnded(id, ticket) {
		const terminal = new Terminal(server, id, { query: { ticket } });
		assert.deepEqual(await terminal.closing(), { code: 4004, reason: "no such session" });
	}

	test("does not take the ticket of another session, known or not", async () => {
		const other = await createSession(server, {}, KEY);
		const ticket = ticketOf(other);
		await assertRefused(server, wsPath(sessionId, ticket), "InvalidTicket");
		await assertEnded(UNKNOWN, ticket);
		await assertRefused(server, wsPath(UNKNOWN, ticket), "InvalidApiKey", { "X-API-Key": "wrong" });
		await (await openWith(server, other.sessionId, ticket)).close();
		await deleteSession(server, other.sessionId, KEY);
	});

	test("does not take what only looks like a ticket", async () => {
		const ticket = await fresh();
		const [secret, worker] = [ticket.slice(0, 32), ticket.slice(32)];
		const last = secret.at(-1) === "0" ? "1" : "0";
		const wrong = [secret.slice(0, 31), `${secret.slice(0, 31)}${last}${worker}`, `${secret}0${worker}`, ` ${ticket}`, worker, ".", "0".repeat(32), `${ticket.repeat(40)}`, "%00", `${secret.slice(1)}${worker}`];
		for (const each of wrong) await assertRefused(server, wsPath(sessionId, each), "InvalidTicket");
		await assertRefused(server, wsPath(sessionId, ""), "MissingApiKey");
		await (await openWith(server, sessionId, ticket)).close();
	});

	test("keeps a ticket that was shown in a handshake it refused for another reason", async () => {
		const ticket = await fresh();
		const path = wsPath(sessionId, ticket);
		assert.equal((await refusedHandshake(server, path, { Origin: "https://evil.example" })).status, 403);
		const here = stranger();
		const terminals = await Promise.all(Array.from({ length: 4 }, () => Terminal.open(server, sessionId, { headers: { ...here, ...KEY } })));
		assert.equal((await refusedHandshake(server, path, here)).status, 429);
		await (await openWith(server, sessionId, ticket, stranger())).close();
		for (const terminal of terminals) await terminal.close();
	});

	test("takes the key as ever, in the query or a header", async () => {
		for (const options of [{ query: { api_key: KEY["X-API-Key"] } }, { headers: KEY }, { headers: bearer(KEY["X-API-Key"]) }]) await (await Terminal.open(server, sessionId, options)).close();
		await (await Terminal.open(server, sessionId, { query: { ticket: "used-up" }, headers: KEY })).close();
	});

	test("takes the key of a client that puts it behind wsUrl as if that had no query", async () => {
		const ticket = await fresh();
		await (await openWith(server, sessionId, ticket)).close();
		await (await openWith(server, sessionId, `${ticket}?api_key=${KEY["X-API-Key"]}`)).close();
		await assertRefused(server, wsPath(sessionId, `${ticket}?api_key=wrong`), "InvalidApiKey");
	});

	test("does not use a ticket up in an upgrade that comes to nothing", async () => {
		const ticket = await fresh();
		const socket = new RawSocket(server);
		await socket.handshake(wsPath(sessionId, ticket), { Connection: undefined }).catch(() => {});
		await socket.gone();
		await (await openWith(server, sessionId, ticket)).close();
	});

	test("takes a ticket for the WebSocket alone", async () => {
		const ticket = await fresh();
		for (const headers of [{ "X-API-Key": ticket }, bearer(ticket)]) assertError(await get(server, `${SESSIONS}/${sessionId}`, headers), 401, "InvalidApiKey");
		assertError(await get(server, `${SESSIONS}/${sessionId}?ticket=${ticket}`), 401, "MissingApiKey");
	});

	test("tells who comes back to an ended session that it has ended, and makes nothing", async () => {
		const gone = await createSession(server, {}, KEY);
		const ticket = ticketOf(gone);
		await deleteSession(server, gone.sessionId, KEY);
		const terminal = new Terminal(server, gone.sessionId, { headers: KEY });
		assert.equal((await terminal.message("error")).code, "NotFound");
		assert.deepEqual(await terminal.closing(), { code: 4004, reason: "no such session" });
		await assertEnded(gone.sessionId, ticket);
		assertError(await get(server, `${SESSIONS}/${gone.sessionId}`, KEY), 404, "NotFound");
		assertError(await newTicket(server, gone.sessionId), 404, "NotFound");
		assert.equal((await get(server, "/health")).json.active_sessions, 1);
		const left = (await server.containers()).filter(({ Labels }) => Labels["sandbox-api.session"] !== gone.sessionId);
		assert.deepEqual(left.map(({ Labels }) => Labels["sandbox-api.session"]), [sessionId]);
	});

	test("writes no ticket into its log", async () => {
		const ticket = await fresh();
		await (await openWith(server, sessionId, ticket)).close();
		await assertRefused(server, wsPath(sessionId, ticket), "InvalidTicket");
		const secrets = [ticket, ticketOf(session)].map((each) => each.slice(0, 32));
		for (const line of server.log) for (const secret of secrets) assert.ok(!line.includes(secret), line);
	});
});

test("without a key no ticket is needed, and an old one does no harm", () =>
	withServer({}, async (server) => {
		const session = await createSession(server);
		const ticket = ticketOf(session);
		for (const each of [ticket, ticket, "garbage", ""]) await (await openWith(server, session.sessionId, each)).close();
		assert.equal((await newTicket(server, session.sessionId, {})).status, 201);
		await deleteSession(server, session.sessionId);
		const late = new Terminal(server, session.sessionId, { query: { ticket } });
		assert.deepEqual(await late.closing(), { code: 4004, reason: "no such session" });
	}));

test("a user's ticket speaks for the user", () =>
	withServer({ SANDBOX_API_KEY: KEY["X-API-Key"], AUTH_SECRET: SECRET, MAX_WEBSOCKETS_PER_IP: "1", LIMITS_LOGGED_IN: "0/0/2/0" }, async (server) => {
		const ada = bearer(jwt(SECRET, { email: "ada@example.org", exp: inSeconds(600) }));
		const session = await createSession(server, {}, { ...ada, ...stranger() });
		const { sessionId } = session;
		const tickets = [ticketOf(session)];
		for (let i = 0; i < 2; i++) tickets.push(ticketOf((await newTicket(server, sessionId, ada)).json));
		const terminals = [await openWith(server, sessionId, tickets[0], stranger()), await openWith(server, sessionId, tickets[1], stranger())];
		const full = await refusedHandshake(server, wsPath(sessionId, tickets[2]), stranger());
		assert.equal(full.status, 429);
		assert.equal(JSON.parse(full.text).error, "TooManyConnections");
		await Terminal.open(server, sessionId, { headers: { ...KEY, ...stranger() } });
		for (const terminal of terminals) assert.equal((await terminal.run("echo $((6*7))")).output.trim(), "42");
	}));

test("an operator's ticket has the operator's limits", () =>
	withServer({ ADMIN_API_KEY: "operators", SANDBOX_API_KEY: KEY["X-API-Key"], MAX_WEBSOCKETS_PER_IP: "1" }, async (server) => {
		const operator = { "X-API-Key": "operators" };
		const session = await createSession(server, {}, operator);
		const second = ticketOf((await newTicket(server, session.sessionId, operator)).json);
		await openWith(server, session.sessionId, ticketOf(session));
		await openWith(server, session.sessionId, second);
	}));
