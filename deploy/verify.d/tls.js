// Is the way to the server encrypted as it should be?

import { isIP } from "node:net";
import { connect } from "node:tls";
import { fail, ok, skip, warn } from "./report.js";

const LIMIT_MS = 10_000;
const DAY_MS = 86_400_000;
const HSTS_MIN_S = 180 * 86_400;
/* Caddy and others renew when a third is left: less than that is a renewal which has failed. */
const LIFE_LEFT_MIN = 0.25;

/* Resolves to {certificate, protocol, cipher}; rejects when the chain cannot be verified. */
function handshake(target, more = {}) {
	const options = { host: target.hostname, port: target.port, ...target.trust, ...more };
	if (!isIP(target.hostname)) options.servername = target.hostname;
	return new Promise((resolve, reject) => {
		const socket = connect(options, () => {
			const certificate = socket.getPeerCertificate();
			resolve({ certificate, protocol: socket.getProtocol(), cipher: socket.getCipher().name });
			socket.destroy();
		});
		socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error("no handshake in time")));
		socket.on("error", reject);
	});
}

function judgeExpiry({ valid_from, valid_to }) {
	const [from, to] = [Date.parse(valid_from), Date.parse(valid_to)];
	const left = to - Date.now();
	const days = left < 2 * DAY_MS ? `${(left / DAY_MS).toFixed(1)} days` : `${Math.floor(left / DAY_MS)} days`;
	const text = `${days} left of ${Math.max(1, Math.round((to - from) / DAY_MS))}`;
	return left / (to - from) < LIFE_LEFT_MIN ? warn(`${text}: it should have been renewed`) : ok(text);
}

/* That the far side refuses is told by an alert; an error of our own library would prove nothing. */
async function oldProtocol(target) {
	try {
		const { protocol } = await handshake(target, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
		return fail(`${protocol} is accepted`);
	} catch (error) {
		if (/ALERT|ECONNRESET/.test(error.code)) return ok();
		return skip(`cannot be tried from here (${error.code ?? error.message})`);
	}
}

async function redirect(target) {
	const port = target.url.port ? Number(process.env.SANDBOX_HTTP_PORT ?? 0) : 80;
	if (!port) return skip("the address has a port of its own");
	const { status, headers } = await target.request("GET", "/health", { secure: false, port });
	if (![301, 302, 307, 308].includes(status)) return fail(`plain http is answered with ${status}`);
	const location = headers.location ?? "";
	return location.startsWith("https://") ? ok(`${status} to ${location}`) : fail(`it leads to ${location || "nowhere"}`);
}

async function hsts(target) {
	const value = (await target.get("/")).headers["strict-transport-security"];
	const [, seconds] = /(?:^|;)\s*max-age="?(\d+)/i.exec(value ?? "") ?? [];
	if (seconds === undefined) return fail("there is no Strict-Transport-Security");
	return Number(seconds) < HSTS_MIN_S ? warn(`${value}: less than 180 days`) : ok(value);
}

export async function tls({ target, report }) {
	if (!target.secure) {
		report.add("the connection is encrypted", target.isLocal ? skip("plain http") : fail("plain http: keys, and all that is typed, can be read on the way"));
		return true;
	}
	let found;
	const verified = await report.check("the certificate is verified", async () => {
		found = await handshake(target);
		return ok(`for ${found.certificate.subjectaltname}, by ${found.certificate.issuer.O ?? found.certificate.issuer.CN}`);
	});
	if (!verified) return false;
	await report.check("the certificate is valid for long enough", () => judgeExpiry(found.certificate));
	await report.check("the protocol is TLS 1.2 or newer", () =>
		/^TLSv1\.[23]$/.test(found.protocol) ? ok(`${found.protocol}, ${found.cipher}`) : fail(found.protocol));
	await report.check("TLS 1.1 is refused", () => oldProtocol(target));
	await report.check("plain http leads to https", () => redirect(target));
	await report.check("browsers are told to stay with https (HSTS)", () => hsts(target));
	return true;
}
