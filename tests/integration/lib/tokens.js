// The tokens that a front end makes for its users: JWTs signed with HS256, and the session tokens of Auth.js v5.
// Written after RFC 7515 to 7518 and @auth/core 0.41 with node:crypto alone, so that it shares no code with what
// the server reads them with.

import { createCipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

export const COOKIE = "authjs.session-token";
export const SECURE_COOKIE = "__Secure-authjs.session-token";

const encode = (bytes) => Buffer.from(bytes).toString("base64url");
const text = (value) => (typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value));

/* In seconds since 1970, as tokens count. */
export const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;

/* claims and header: an object, or text that goes as it is. hash: sha256 for HS256. */
export function jwt(secret, claims, header = { alg: "HS256", typ: "JWT" }, hash = "sha256") {
	const signed = `${encode(text(header))}.${encode(text(claims))}`;
	return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

/* AES-256-CBC, then HMAC-SHA512 over everything, its first half (RFC 7518, 5.2). */
function sealCbc(key, header, plain, padding) {
	const iv = randomBytes(16);
	const cipher = createCipheriv("aes-256-cbc", key.subarray(32), iv).setAutoPadding(padding);
	const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
	const bits = Buffer.alloc(8);
	bits.writeBigUInt64BE(BigInt(header.length * 8));
	const mac = createHmac("sha512", key.subarray(0, 32)).update(header).update(iv).update(sealed).update(bits);
	return { iv, sealed, tag: mac.digest().subarray(0, 32) };
}

function sealGcm(key, header, plain) {
	const iv = randomBytes(12);
	const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(header));
	const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
	return { iv, sealed, tag: cipher.getAuthTag() };
}

/* cookie: the name of the one that the token would live in. enc: "A256CBC-HS512" or "A256GCM", which decides how it is
 * encrypted, whatever the header says. encryptedKey: bytes, where there must be none. */
export function authjsToken(
	secret, cookie, enc, claims,
	header = { alg: "dir", enc }, { encryptedKey = "", padding = true } = {},
) {
	const length = enc === "A256GCM" ? 32 : 64;
	const key = Buffer.from(hkdfSync("sha256", secret, cookie, `Auth.js Generated Encryption Key (${cookie})`, length));
	const first = encode(text(header));
	const seal = enc === "A256GCM" ? sealGcm : sealCbc;
	const { iv, sealed, tag } = seal(key, first, Buffer.from(text(claims)), padding);
	return [first, encode(encryptedKey), encode(iv), encode(sealed), encode(tag)].join(".");
}
