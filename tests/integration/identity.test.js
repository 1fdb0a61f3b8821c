// Whose session it is: the user of a token, else an address that nobody can choose.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Terminal, createSession, deleteSession, refusedHandshake } from "./lib/client.js";
import { describeWith } from "./lib/describe_with.js";
import { ask, askForMany, bearer, createMany, from, stranger } from "./lib/clients.js";
import { assertError, get } from "./lib/http.js";
import { RawSocket } from "./lib/raw.js";
import { withServer } from "./lib/server.js";
import { COOKIE, SECURE_COOKIE, authjsToken, inSeconds, jwt } from "./lib/tokens.js";

const SESSIONS = "/api/v1/sessions";
const UNKNOWN = `sess_${"0".repeat(32)}`;
const SECRET = "a-secret-of-32-bytes-or-more-0123456789";
const KEY = "a-key-for-programs";
const ADMIN_KEY = "a-key-for-operators";

function claims(email, more = {}) {
	return { email, exp: inSeconds(3600), ...more };
}

/* The client behind the first headers has its only session; each of the same ones is then refused,
 * and each of the others has a session of its own. */
async function assertCounted(server, first, { same = [], others = [] }) {
	const sessions = [await createSession(server, {}, first)];
	for (const headers of same) {
		const answer = await ask(server, headers);
		assert.equal(answer.status, 429, `${JSON.stringify(headers)} is another client`);
		assertError(answer, 429, "TooManySessions");
	}
	for (const headers of others) {
		const answer = await ask(server, headers);
		assert.equal(answer.status, 201, `${JSON.stringify(headers)} is no client of its own`);
		sessions.push(answer.json);
	}
	await Promise.all(sessions.map(({ sessionId }) => deleteSession(server, sessionId)));
}

describeWith("a peer that is no trusted proxy", { TRUSTED_PROXIES: "192.0.2.1", MAX_CONCURRENT_PER_IP: "1", MAX_WEBSOCKETS_PER_IP: "1" }, (it) => {
	const forged = ["203.0.113.1", "10.0.0.1, 203.0.113.2", "203.0.113.3, 192.0.2.1", "127.0.0.1", "::1", "2001:db8::1", "unknown", ""];

	test("is who it is, whatever it says of others", () =>
		assertCounted(it.server, {}, {
			same: [
				...forged.map(from),
				{ "X-Real-IP": "203.0.113.1" },
				{ "CF-Connecting-IP": "203.0.113.1" },
				{ "True-Client-IP": "203.0.113.1" },
				{ Forwarded: "for=203.0.113.1;proto=https" },
				{ "X-Forwarded-For": "203.0.113.1", "X-Real-IP": "203.0.113.2", "CF-Connecting-IP": "203.0.113.3", Forwarded: "for=203.0.113.4" },
			],
		}));

	test("is who it is for its WebSockets, too", async () => {
		const { sessionId } = await createSession(it.server);
		const terminal = await Terminal.open(it.server, sessionId);
		for (const each of forged) assert.equal((await refusedHandshake(it.server, `${SESSIONS}/${sessionId}/ws`, from(each))).status, 429, each);
		await terminal.close();
		await deleteSession(it.server, sessionId);
	});
});

describeWith("a trusted proxy", { MAX_CONCURRENT_PER_IP: "1", MAX_WEBSOCKETS_PER_IP: "1" }, (it) => {
	test("that passes on a NUL is not understood", async () => {
		for (const header of ["X-Forwarded-For: 6.6.6.6\0, 9.9.9.9", "Origin: http://a\0b", "Host: a\0b"]) {
			const socket = new RawSocket(it.server);
			socket.write(`POST ${SESSIONS} HTTP/1.1\r\n${header.startsWith("Host") ? "" : "Host: x\r\n"}${header}\r\nContent-Length: 0\r\n\r\n`);
			assert.equal((await socket.head()).status, 400, header);
			socket.destroy();
		}
	});

	test("says who its peer was, at the right end of the list", () =>
		assertCounted(it.server, from("1.1.1.1, 2.2.2.2"), {
			same: ["2.2.2.2", "9.9.9.9, 2.2.2.2", "2.2.2.2,2.2.2.2", "unknown, 2.2.2.2", "2.2.2.2, 127.0.0.1", "2.2.2.2:4711", "::ffff:2.2.2.2", " 2.2.2.2 "].map(from),
			others: ["1.1.1.1", "2.2.2.2, 9.9.9.9"].map(from),
		}));

	test("is believed in that one header only", () =>
		assertCounted(it.server, from("203.0.113.1"), {
			same: ["X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "Forwarded", "X-Client-IP"].map((name) => ({ ...from("203.0.113.1"), [name]: name === "Forwarded" ? "for=203.0.113.2" : "203.0.113.2" })),
		}));

	test("that was told something that is no address is itself the client", () =>
		assertCounted(it.server, {}, {
			same: ["unknown", "", "2.2.2.2.2", "02.2.2.2", "localhost", "203.0.113.9, _hidden", "203.0.113.9, 256.1.1.1"].map(from),
			others: [from("203.0.113.9")],
		}));

	test("has IPv6 clients that are one within a /64, and no more", () =>
		assertCounted(it.server, from("2001:db8:1:1::1"), {
			same: ["2001:db8:1:1::2", "2001:db8:1:1:ffff:ffff:ffff:ffff", "[2001:db8:1:1::3]:4711", "2001:0DB8:0001:0001::4"].map(from),
			others: ["2001:db8:1:2::1", "2001:db8:2:1::1"].map(from),
		}));

	test("speaks for its clients' WebSockets, too", async () => {
		const { sessionId } = await createSession(it.server, {}, stranger());
		const one = stranger();
		const terminal = await Terminal.open(it.server, sessionId, { headers: one });
		const answer = await refusedHandshake(it.server, `${SESSIONS}/${sessionId}/ws`, one);
		assert.equal(answer.status, 429);
		await (await Terminal.open(it.server, sessionId, { headers: stranger() })).close();
		await terminal.close();
		await deleteSession(it.server, sessionId);
	});
});

describe("an IPv6 site", () => {
	test("with a factor of one is one client", () =>
		withServer({ MAX_CONCURRENT_PER_IP: "1", LIMITS_SITE_FACTOR: "1" }, (server) =>
			assertCounted(server, from("2001:db8:1:1::1"), {
				same: ["2001:db8:1:2::1", "2001:db8:1:ffff::1"].map(from),
				others: ["2001:db8:2:1::1", "203.0.113.1"].map(from),
			}),
		));

	test("has as many times the limit of a client as the factor says", () =>
		withServer({ MAX_CONCURRENT_PER_IP: "1", LIMITS_SITE_FACTOR: "3" }, async (server) => {
			const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(server, from(`2001:db8:1:${i}::1`))));
			assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 201, ...Array(7).fill(429)]);
		}));
});

const TIERS = { AUTH_SECRET: SECRET, MAX_CONCURRENT_PER_IP: "1", LIMITS_LOGGED_IN: "100/2/2/0", LIMITS_PREMIUM: "100/3/3/0" };

describeWith("a user with a token", TIERS, (it) => {
	const ASKED = 4;
	const premium = { isPremium: true };
	const tiers = [
		["nobody we know", undefined, 1],
		["logged in", {}, 2],
		["premium", premium, 3],
		["both premium and admin", { ...premium, isAdmin: true }, ASKED],
		["admin", { isAdmin: true }, ASKED],
		["premium by a word that is not true", { isPremium: "true", isAdmin: 1 }, 2],
	];
	for (const [who, more, count] of tiers)
		test(`${who} has ${count === ASKED ? "no limit" : `${count} at once`}`, async () => {
			const headers = stranger();
			const { made, refused } = await askForMany(it.server, ASKED, more ? bearer(jwt(SECRET, claims(`${who}@example.org`, more)), headers) : headers);
			assert.equal(made.length, count);
			for (const answer of refused) assertError(answer, 429, "TooManySessions");
			await Promise.all(made.map(({ sessionId }) => deleteSession(it.server, sessionId)));
		});

	test("is counted as that user, wherever it comes from and whoever made the token", async () => {
		const ada = claims("ada@example.org");
		const made = [
			await createSession(it.server, {}, bearer(jwt(SECRET, ada), stranger())),
			await createSession(it.server, {}, bearer(authjsToken(SECRET, COOKIE, "A256CBC-HS512", ada), stranger())),
		];
		const others = [
			authjsToken(SECRET, SECURE_COOKIE, "A256CBC-HS512", ada),
			authjsToken(SECRET, COOKIE, "A256GCM", ada),
			authjsToken(SECRET, SECURE_COOKIE, "A256GCM", ada),
			jwt(SECRET, claims("ada@example.org", { sub: "another", name: "Ada" })),
		];
		for (const token of others) assertError(await ask(it.server, bearer(token, stranger())), 429, "TooManySessions");
		await Promise.all(made.map(({ sessionId }) => deleteSession(it.server, sessionId)));
	});

	test("does not share with another user at the same address, nor with the address", async () => {
		const home = stranger();
		const users = ["bob@example.org", "eve@example.org"].map((email) => bearer(jwt(SECRET, claims(email)), home));
		const made = [];
		for (const user of users) made.push(...(await createMany(it.server, 2, user)));
		for (const user of users) assertError(await ask(it.server, user), 429, "TooManySessions");
		made.push(await createSession(it.server, {}, home));
		assertError(await ask(it.server, home), 429, "TooManySessions");
		await Promise.all(made.map(({ sessionId }) => deleteSession(it.server, sessionId)));
	});

	test("may be named by sub alone", async () => {
		const token = () => jwt(SECRET, { sub: "user-4711", exp: inSeconds(60) });
		const made = await createMany(it.server, 2, bearer(token(), stranger()));
		assertError(await ask(it.server, bearer(token(), stranger())), 429, "TooManySessions");
		await Promise.all(made.map(({ sessionId }) => deleteSession(it.server, sessionId)));
	});

	test("has WebSockets of its own, by a token in the query or in a header", async () => {
		const token = jwt(SECRET, claims("web@example.org"));
		const { sessionId } = await createSession(it.server, {}, stranger());
		const terminals = [
			await Terminal.open(it.server, sessionId, { query: { token }, headers: stranger() }),
			await Terminal.open(it.server, sessionId, { headers: bearer(token, stranger()) }),
		];
		const path = `${SESSIONS}/${sessionId}/ws`;
		assert.equal((await refusedHandshake(it.server, `${path}?token=${token}`, stranger())).status, 429);
		await (await Terminal.open(it.server, sessionId, { headers: stranger() })).close();
		for (const terminal of terminals) await terminal.close();
		await deleteSession(it.server, sessionId);
	});
});

/* [what, token, code of the 401] */
function badTokens() {
	const good = jwt(SECRET, claims("mallory@example.org"));
	const [head, body, signature] = good.split(".");
	const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const mine = claims("mallory@example.org");
	const sealed = authjsToken(SECRET, COOKIE, "A256CBC-HS512", mine).split(".");
	const flipped = (text) => (text[0] === "A" ? "B" : "A") + text.slice(1);
	return [
		["another secret", jwt(`${SECRET}x`, mine), "InvalidToken"],
		["an empty secret", jwt("", mine), "InvalidToken"],
		["alg none, unsigned", `${encode({ alg: "none" })}.${body}.`, "InvalidToken"],
		["alg none, signed", jwt(SECRET, mine, { alg: "none" }), "InvalidToken"],
		["alg None", `${encode({ alg: "None" })}.${body}.${signature}`, "InvalidToken"],
		["alg RS256", jwt(SECRET, mine, { alg: "RS256" }), "InvalidToken"],
		["alg HS512", jwt(SECRET, mine, { alg: "HS512" }, "sha512"), "InvalidToken"],
		["no alg", jwt(SECRET, mine, { typ: "JWT" }), "InvalidToken"],
		["a key of its own", jwt("own", mine, { alg: "HS256", jwk: { kty: "oct", k: encode("own") } }), "InvalidToken"],
		["crit", jwt(SECRET, mine, { alg: "HS256", crit: ["exp"] }), "InvalidToken"],
		["no signature", `${head}.${body}.`, "InvalidToken"],
		["a changed signature", `${head}.${body}.${flipped(signature)}`, "InvalidToken"],
		["changed claims", `${head}.${encode({ ...mine, isAdmin: true })}.${signature}`, "InvalidToken"],
		["no exp", jwt(SECRET, { email: "mallory@example.org" }), "InvalidToken"],
		["exp as text", jwt(SECRET, { ...mine, exp: String(mine.exp) }), "InvalidToken"],
		["not yet", jwt(SECRET, { ...mine, nbf: inSeconds(600) }), "InvalidToken"],
		["nobody's name", jwt(SECRET, { exp: mine.exp }), "InvalidToken"],
		["an empty name", jwt(SECRET, { email: "", sub: "", exp: mine.exp }), "InvalidToken"],
		["claims that are a list", jwt(SECRET, [mine]), "InvalidToken"],
		["claims that are no JSON", jwt(SECRET, "{"), "InvalidToken"],
		["expired", jwt(SECRET, { ...mine, exp: inSeconds(-60) }), "ExpiredToken"],
		["expired long ago", jwt(SECRET, { ...mine, exp: 1 }), "ExpiredToken"],
		["expired, of Auth.js", authjsToken(SECRET, COOKIE, "A256GCM", { ...mine, exp: inSeconds(-60) }), "ExpiredToken"],
		["another cookie", authjsToken(SECRET, "other.session-token", "A256CBC-HS512", mine), "InvalidToken"],
		["another enc", authjsToken(SECRET, COOKIE, "A256GCM", mine, { alg: "dir", enc: "A128GCM" }), "InvalidToken"],
		["a compressed one", authjsToken(SECRET, COOKIE, "A256GCM", mine, { alg: "dir", enc: "A256GCM", zip: "DEF" }), "InvalidToken"],
		["an encrypted key", authjsToken(SECRET, COOKIE, "A256CBC-HS512", mine, undefined, { encryptedKey: "x" }), "InvalidToken"],
		["a changed tag", [...sealed.slice(0, 4), flipped(sealed[4])].join("."), "InvalidToken"],
		["a changed text", [...sealed.slice(0, 3), flipped(sealed[3]), sealed[4]].join("."), "InvalidToken"],
		["empty parts", "eyJ..", "InvalidToken"],
		["garbage", "eyJnot.base64?.at all", "InvalidToken"],
		["a very long one", `eyJ${"A".repeat(6000)}.A.A`, "InvalidToken"],
		["a good one that is too long", jwt(SECRET, { ...mine, picture: "x".repeat(5000) }), "InvalidToken"],
	];
}

describeWith("a token that is not valid", { AUTH_SECRET: SECRET }, (it) => {
	for (const [what, token, code] of badTokens())
		test(`${what} is a 401, also where nobody asks for one`, async () => {
			assertError(await ask(it.server, bearer(token)), 401, code);
			assertError(await get(it.server, `${SESSIONS}/${UNKNOWN}`, bearer(token)), 401, code);
			const answer = await refusedHandshake(it.server, `${SESSIONS}/${UNKNOWN}/ws?token=${encodeURIComponent(token)}`);
			assert.equal(answer.status, 401);
			assert.equal(JSON.parse(answer.text).error, code);
		});

	test("makes no session, and the server lives", async () => {
		assert.deepEqual(await it.server.containers(), []);
		await deleteSession(it.server, (await createSession(it.server, {}, bearer(jwt(SECRET, claims("ada@example.org"))))).sessionId);
	});
});

describe("a server without a secret", () => {
	test("takes no token, not even one signed with nothing", () =>
		withServer({ MAX_CONCURRENT_PER_IP: "1" }, async (server) => {
			const tokens = ["", "x", SECRET].map((secret) => jwt(secret, claims("mallory@example.org", { isAdmin: true })));
			tokens.push(authjsToken("", COOKIE, "A256CBC-HS512", claims("mallory@example.org")));
			for (const token of tokens) assertError(await ask(server, bearer(token)), 401, "InvalidToken");
			assert.deepEqual(await server.containers(), []);
		}));
});

describeWith("keys and tokens together", { ...TIERS, SANDBOX_API_KEY: KEY, ADMIN_API_KEY: ADMIN_KEY, MAX_WEBSOCKETS_PER_IP: "1" }, (it) => {
	test("a token is enough where a key is needed", async () => {
		const headers = bearer(jwt(SECRET, claims("ada@example.org")));
		const { sessionId } = await createSession(it.server, {}, headers);
		assert.equal((await get(it.server, `${SESSIONS}/${sessionId}`, headers)).status, 200);
		await (await Terminal.open(it.server, sessionId, { headers })).close();
		assert.equal((await deleteSession(it.server, sessionId, headers)).status, 200);
		assertError(await ask(it.server, {}), 401, "MissingApiKey");
	});

	test("a token that is not valid is not healed by a right key", async () => {
		const headers = bearer(jwt("another secret", claims("ada@example.org")), { "X-API-Key": KEY });
		assertError(await ask(it.server, headers), 401, "InvalidToken");
	});

	test("the key's holder is limited by address, the operator's is not", async () => {
		const at = (key) => ({ ...stranger(), "X-API-Key": key });
		const [program, operator] = [at(KEY), at(ADMIN_KEY)];
		const limited = await askForMany(it.server, 4, program);
		assert.deepEqual([limited.made.length, limited.refused.length], [1, 3]);
		const free = await askForMany(it.server, 4, operator);
		assert.equal(free.made.length, 4);
		const [{ sessionId }] = free.made;
		const terminals = [];
		for (let i = 0; i < 3; i++) terminals.push(await Terminal.open(it.server, sessionId, { headers: operator }));
		const taken = await Terminal.open(it.server, sessionId, { headers: program });
		assert.equal((await refusedHandshake(it.server, `${SESSIONS}/${sessionId}/ws`, program)).status, 429);
		for (const terminal of [taken, ...terminals]) await terminal.close();
		await Promise.all([...limited.made, ...free.made].map((each) => deleteSession(it.server, each.sessionId, operator)));
	});
});
