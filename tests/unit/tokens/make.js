// Writes the table of tokens that test_token.c reads: node tests/unit/tokens/make.js > tests/unit/tokens/tokens.h
// Every row is made by a program that shares no code with the server. NOW is the test's time, not today's.

import { createHmac } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { COOKIE, SECURE_COOKIE, authjsToken, jwt } from "../../integration/lib/tokens.js";

const SECRET = "an-AUTH_SECRET-for-the-tests-only-0123456789";
const OTHER = "another-AUTH_SECRET-for-the-tests-0123456789";
const NOW = 1800000000;
const UNTIL = 4102444800; /* the year 2100 */
const CBC = "A256CBC-HS512";
const GCM = "A256GCM";

/* Made by @auth/core 0.41.0 (encode(), both cookies) and by jose 6 (SignJWT), with SECRET. */
const authCore =
	"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiQk5Da04xdUdITm9EV3RNN2FoODBVa0Eybkh3R08ydmlMckIyZ0U3TGpYQ0I0bTZDRjVXejBER3dEM1IzV09QT1EwcG1CcmxOWFcwOERfemxYcHJ3RlEifQ..aK-XIl7qsvYRaqZRqldywQ.2Oxp9lP_BZZWMcxX8Z6PI4FsUIz_-xL_vc9MdcYs4iJFW6jQm7lYrc98lG0YySoaQcI8xGqGV0IBWv_evD1wwsBY_8VdUFpendyF8sKBpoMuvW4kJtIyCnA_4RLdXydxTuqnOFFzZ_oFcR5DXrpI4Qw9934JeRSiDG-Lx7Otgb2NciOsy4JhI3fi-x6U4Djb08DwBdDZyfVxmdqm_QsyUZHhtJCEh1RAIvudQdfR4gc.ye10CrIKWrhWesuoN3_GQuuGwkC2GX_tTpVW6RoBuc8";
const authCoreSecure =
	"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiYTZqR1VFWmcxeG5WNnRoVm9CQXdxLXctc0NxYnBTeVA3TzVSX3M5bEZud0hMZU1yYWpwVllNaWE2am80cnBWREc5el9UdEl4XzZIN2sxaFFtWXcyelEifQ..6roH7hfNEZ_KwdUc87_QIQ.WYC0V-68cJnY7N4eXiaxOF3Zhritv7t6-4qfHCqP1fde_Fa3W-uggy8MnEdFQnWdw8FE9bAEUsWB-jmqVH_h6YUTiCjzjJY6Si-aQ9wdFNA0Wm4GWD-H1XED7wUHln7VaemNW-Sl97jlPZMo8basthEHMv3uUgOfIORZG28BnHlTohzbGrVHPlrNzJbTRS1ePoCkeWlWAoBblBuSkZL7uXjZjaeIu-BydZ-wQyWblCU.HHWq3bQyJSAmOdc5Pjlr-GZc-0amnpBXeRkYtFCUa3Y";
const joseSigned =
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsInN1YiI6IjQyIiwiaWF0IjoxNzk1MjQ3MTkwLCJleHAiOjQxMDI0NDQ4MDB9.h8EDGR7FptAMl5sxSi4mLJ30aVKcIe4ruxTR0xF3EH4";

const ADA = "ada@example.org";
const ada = { email: ADA, exp: UNTIL };
const signed = (claims, header, hash) => jwt(SECRET, claims, header, hash);
const sealed = (claims, cookie = COOKIE, enc = CBC, header = { alg: "dir", enc }, how = {}) =>
	authjsToken(SECRET, cookie, enc, claims, header, how);
const withHeader = (extra) => signed(ada, { alg: "HS256", ...extra });
const withTimes = (times) => signed({ ...ada, ...times });
const part = (token, index, value) => token.split(".").map((old, i) => (i === index ? value : old)).join(".");
const flipped = (encoded) => Buffer.from(encoded, "base64url").map((byte) => byte ^ 1).toString("base64url");
const encode = (text) => Buffer.from(text).toString("base64url");
const signedAsItIs = (header) => {
	const both = `${header}.${encode(JSON.stringify(ada))}`;
	return `${both}.${createHmac("sha256", SECRET).update(both).digest("base64url")}`;
};
const long = "a".repeat(243);

const OK = "TOKEN_OK", BAD = "TOKEN_BAD", EXPIRED = "TOKEN_EXPIRED";
const USER = "TIER_LOGGED_IN", PREMIUM = "TIER_PREMIUM", ADMIN = "TIER_ADMIN";
const rows = [];
const good = (name, token, user = ADA, tier = USER) => rows.push([name, token, OK, tier, user]);
const bad = (name, token, verdict = BAD) => rows.push([name, token, verdict, "TIER_ANONYMOUS", ""]);

/* A signed token of 4095 characters, or as near as base64 lets it come, and one that is longer. */
function longestToken() {
	const fill = (n) => signed({ ...ada, fill: "x".repeat(n) });
	let n = 2900;
	while (fill(n + 1).length <= 4095) n++;
	return [fill(n), fill(n + 1)];
}

const [longest, tooLong] = longestToken();

good("Auth.js itself", authCore, ADA, PREMIUM);
good("Auth.js itself, behind https", authCoreSecure, ADA, PREMIUM);
good("jose itself", joseSigned);
for (const cookie of [COOKIE, SECURE_COOKIE])
	for (const enc of [CBC, GCM]) good(`${enc}, ${cookie}`, sealed(ada, cookie, enc));
good("signed", signed(ada));
good("without typ", signed(ada, { alg: "HS256" }));
good("with any typ and kid", withHeader({ typ: "at+jwt", kid: "1" }));
good("sub alone", signed({ sub: "42", exp: UNTIL }), "42");
good("e-mail before sub", signed({ sub: "42", ...ada }));
good("an empty e-mail", signed({ sub: "42", email: "", exp: UNTIL }), "42");
good("an e-mail that is null", signed({ sub: "42", email: null, exp: UNTIL }), "42");
good("a user in Unicode", signed({ sub: "Ada Lovelace ⚙", exp: UNTIL }), "Ada Lovelace ⚙");
good("a user of 255 characters", signed({ ...ada, email: `${long}@example.org` }), `${long}@example.org`);
good("another user of 255 characters", signed({ ...ada, email: `${long}@example.net` }), `${long}@example.net`);
good("premium", signed({ ...ada, isPremium: true }), ADA, PREMIUM);
good("admin", signed({ ...ada, isAdmin: true }), ADA, ADMIN);
good("both", sealed({ ...ada, isAdmin: true, isPremium: true }), ADA, ADMIN);
good("admin by text", signed({ ...ada, isAdmin: "true" }));
good("admin by number", signed({ ...ada, isAdmin: 1, isPremium: [true] }));
good("admin by case", signed({ ...ada, IsAdmin: true, isadmin: true }));
good("exp with a fraction", withTimes({ exp: UNTIL + 0.5 }));
good("expired just now", withTimes({ exp: NOW - 14 }));
good("issued and begun", withTimes({ iat: NOW - 5, nbf: NOW - 5 }));
good("a clock that is ahead", withTimes({ iat: NOW + 15, nbf: NOW + 15 }));
good("the longest", longest);

bad("expired", withTimes({ exp: NOW - 15 }), EXPIRED);
bad("expired long ago", withTimes({ exp: 0 }), EXPIRED);
bad("expired before there was time", withTimes({ exp: -1e300 }), EXPIRED);
bad("expired, encrypted", sealed({ ...ada, exp: NOW - 100 }, SECURE_COOKIE, GCM), EXPIRED);
bad("expired, by another", jwt(OTHER, { ...ada, exp: 0 }));
bad("expired, for nobody", signed({ exp: 0 }));
bad("expired before it begins", withTimes({ exp: 0, nbf: UNTIL }));
bad("without exp", signed({ email: ADA }));
bad("exp as text", withTimes({ exp: String(UNTIL) }));
bad("exp null", withTimes({ exp: null }));
bad("exp true", withTimes({ exp: true }));
bad("exp beyond numbers", signed(`{"email":"${ADA}","exp":1e999}`));
bad("exp beyond integers", signed(`{"email":"${ADA}","exp":99999999999999999999}`));
bad("nbf to come", withTimes({ nbf: NOW + 16 }));
bad("nbf as text", withTimes({ nbf: "0" }));
bad("iat to come", withTimes({ iat: NOW + 16 }));
bad("iat null", withTimes({ iat: null }));
bad("nobody", signed({ exp: UNTIL }));
bad("users who are no text", signed({ email: 42, sub: ["42"], exp: UNTIL }));
bad("empty users", signed({ email: "", sub: "", exp: UNTIL }));
bad("a user of 256 characters", signed({ ...ada, email: `b${long}@example.org` }));
bad("a user with a NUL", signed({ ...ada, email: `${ADA}\0` }));
bad("a claim twice", signed(`{"email":"a@b","email":"${ADA}","exp":${UNTIL}}`));
bad("a payload that is an array", signed([ada]));
bad("a payload that is text", signed('"ada"'));
bad("a payload with more behind", signed(`${JSON.stringify(ada)} {}`));
bad("a payload that is not JSON", signed("ada"));
bad("a payload that is not UTF-8", signed(Buffer.from(`{"sub":"\xff","exp":${UNTIL}}`, "latin1")));
bad("an empty payload", signed(""));
bad("a payload nested too deep", signed("[".repeat(2900)));

bad("alg none", `${part(withHeader({ alg: "none" }), 2, "")}`);
for (const alg of ["none", "None", "hs256", "HS384", "HS512", "RS256", "ES256", "dir", "A256GCM", "", " HS256"])
	bad(`alg "${alg}" over a right signature`, withHeader({ alg }));
bad("HS512", signed(ada, { alg: "HS512" }, "sha512"));
bad("without alg", signed(ada, { typ: "JWT" }));
bad("alg as a list", withHeader({ alg: ["HS256"] }));
bad("alg null", withHeader({ alg: null }));
bad("alg with a NUL", withHeader({ alg: "HS256\0" }));
bad("alg twice", signed(ada, '{"alg":"none","alg":"HS256"}'));
for (const extra of [
	{ zip: "DEF" }, { crit: ["exp"] }, { p2c: 1000000 }, { jwk: { kty: "oct", k: "AA" } }, { jku: "https://evil.example/" },
	{ x5u: "https://evil.example/" }, { x5c: [] }, { b64: false }, { enc: CBC }, { kid: 1 }, { typ: null }, { typ: { a: {} } },
])
	bad(`header with ${JSON.stringify(extra)}`, withHeader(extra));
bad("a header that is an array", signed(ada, '["HS256"]'));
bad("a header that is text", signed(ada, '"HS256"'));
bad("a header that is not JSON", signed(ada, "HS256"));
bad("an empty header", signed(ada, ""));
bad("a header with more behind", signed(ada, '{"alg":"HS256"}{}'));
bad("a header nested deep", signed(ada, '{"alg":'.repeat(40)));
bad("a long header", withHeader({ kid: "x".repeat(400) }));

bad("another's signature", jwt(OTHER, ada));
bad("another's payload", part(signed(ada), 1, signed({ ...ada, isAdmin: true }).split(".")[1]));
bad("no signature", part(signed(ada), 2, ""));
bad("a signature flipped", part(signed(ada), 2, flipped(signed(ada).split(".")[2])));
bad("nothing", "");
bad("a word", "token");
for (const text of [".", "..", "...", "....", ".....", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "a.b.c.d.e.f"]) bad(text, text);
bad("a part more", `${signed(ada)}.`);
bad("two parts more", `${signed(ada)}..`);
bad("a blank before", ` ${signed(ada)}`);
bad("a line's end behind", `${signed(ada)}\n`);
bad("padding", `${signed(ada)}=`);
bad("base64 that is not base64url", signedAsItIs(Buffer.from('{"alg":"HS256","kid":"???>>>"}').toString("base64")));
bad("bits that nothing is made of", signedAsItIs(encode('{"alg":"HS256", "kid":""}').replace(/Q$/, "R")));
bad("too long", tooLong);
bad("very long", "a".repeat(5000));

bad("another's session", authjsToken(OTHER, COOKIE, CBC, ada));
bad("another cookie", sealed(ada, "next-auth.session-token"));
bad("an encrypted key", sealed(ada, COOKIE, CBC, undefined, { encryptedKey: "0123456789abcdef" }));
for (const alg of ["none", "Dir", "A256KW", "A256GCMKW", "RSA-OAEP", "RSA1_5", "ECDH-ES", "PBES2-HS512+A256KW", "HS256"])
	bad(`session with alg "${alg}"`, sealed(ada, COOKIE, CBC, { alg, enc: CBC }));
for (const enc of ["none", "A128CBC-HS256", "A192CBC-HS384", "A128GCM", GCM, "a256cbc-hs512", ""])
	bad(`session with enc "${enc}"`, sealed(ada, COOKIE, CBC, { alg: "dir", enc }));
bad("session, enc says CBC, is GCM", sealed(ada, COOKIE, GCM, { alg: "dir", enc: CBC }));
bad("session without enc", sealed(ada, COOKIE, CBC, { alg: "dir" }));
bad("session, compressed", sealed(deflateRawSync(JSON.stringify(ada)), COOKIE, CBC, { alg: "dir", enc: CBC, zip: "DEF" }));
bad("session, a bomb", sealed(deflateRawSync("[".repeat(1000000)), COOKIE, GCM, { alg: "dir", enc: GCM, zip: "DEF" }));
for (const extra of [{ crit: ["exp"] }, { p2c: 1e9, p2s: "AA" }, { epk: {} }, { jwk: {} }, { cty: "JWT" }, { iv: "AA" }, { tag: "AA" }])
	bad(`session with ${JSON.stringify(extra)}`, sealed(ada, COOKIE, CBC, { alg: "dir", enc: CBC, ...extra }));
for (const enc of [CBC, GCM]) {
	const token = sealed(ada, COOKIE, enc);
	const parts = token.split(".");
	for (const [index, what] of [[2, "iv"], [3, "text"], [4, "tag"]]) {
		bad(`${enc}, no ${what}`, part(token, index, ""));
		bad(`${enc}, ${what} flipped`, part(token, index, flipped(parts[index])));
		bad(`${enc}, short ${what}`, part(token, index, parts[index].slice(0, 8)));
		bad(`${enc}, long ${what}`, part(token, index, parts[index] + "AAAA"));
	}
	bad(`${enc}, nothing encrypted`, sealed("", COOKIE, enc));
	bad(`${enc}, a payload that is an array`, sealed([ada], COOKIE, enc));
	bad(`${enc}, a payload that is not JSON`, sealed("ada", COOKIE, enc));
	bad(`${enc}, a token inside`, sealed(signed(ada), COOKIE, enc));
	bad(`${enc}, a claim twice`, sealed(`{"sub":"a","sub":"b","exp":${UNTIL}}`, COOKIE, enc));
	bad(`${enc}, without exp`, sealed({ email: ADA }, COOKIE, enc));
}
bad("padding that is wrong", sealed(JSON.stringify(ada).padEnd(64, " "), COOKIE, CBC, undefined, { padding: false }));
bad("three parts of a session", sealed(ada).split(".").slice(0, 3).join("."));
bad("five parts of a signed one", `${signed(ada)}.AAAA.AAAA`);
bad("HS256 in five parts", sealed(ada, COOKIE, CBC, { alg: "HS256", enc: CBC }));

const literal = (value) => JSON.stringify(value).match(/(?:\\.|[^\\]){1,100}/g).join('"\n\t "');
console.log(`/* Written by make.js beside it. */
/* clang-format off */
#define TOKENS_SECRET ${JSON.stringify(SECRET)}
#define TOKENS_NOW_S  ${NOW}
#define TOKENS_EXP_S  ${UNTIL}

static const struct {
	const char *name;
	enum token_verdict verdict;
	enum tier tier;
	const char *user, *token;
} tokens[] = {`);
for (const [name, token, verdict, tier, user] of rows)
	console.log(`\t{${JSON.stringify(name)}, ${verdict}, ${tier}, ${literal(user)},\n\t ${literal(token)}},`);
console.log("};");
