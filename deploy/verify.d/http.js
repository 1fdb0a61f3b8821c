// One request to the server that is verified, with every byte of it under the caller's control, and an answer of
// bounded size within bounded time.

import http from "node:http";
import https from "node:https";
import { rootCertificates } from "node:tls";
import { hostOf, isLoopbackName } from "./options.js";

const LIMIT_MS = 15_000;
const BODY_MAX_BYTES = 1 << 20;

export class Target {
	/* As readOptions() gives it; limitMs: how long an answer may take. */
	constructor({ url, ca, caIsDefault, key, limitMs = LIMIT_MS }) {
		this.url = url;
		this.limitMs = limitMs;
		this.key = key;
		this.secure = url.protocol === "https:";
		this.hostname = hostOf(url);
		this.port = Number(url.port || (this.secure ? 443 : 80));
		this.ca = ca && caIsDefault ? [...rootCertificates, ca] : ca;
		this.isLocal = isLoopbackName(this.hostname);
	}

	get keyHeader() {
		return this.key ? { "X-API-Key": this.key } : {};
	}

	/* What node:tls, node:https and ws need to know of the authority. */
	get trust() {
		return this.ca ? { ca: this.ca } : {};
	}

	/* Resolves to {status, headers, text, json, ms}; json is undefined when it is none. bodyBytes: how long the body is
	 * said to be, where it is only begun. */
	request(method, path, { headers = {}, body, bodyBytes, secure = this.secure, port = this.port } = {}) {
		const options = { host: this.hostname, port, method, path, agent: false, headers: { Host: this.url.host, ...headers } };
		if (body !== undefined) options.headers["Content-Length"] = bodyBytes ?? Buffer.byteLength(body);
		return exchange(secure ? https : http, { ...options, ...(secure ? this.trust : {}) }, body, this.limitMs);
	}

	get(path, headers) {
		return this.request("GET", path, { headers });
	}

	/* With the key; body: an object becomes JSON. */
	post(path, body = {}, headers = {}, bodyBytes) {
		const text = typeof body === "string" ? body : JSON.stringify(body);
		return this.request("POST", path, { headers: { "Content-Type": "application/json", ...this.keyHeader, ...headers }, body: text, bodyBytes });
	}
}

function parsed(text, headers) {
	if (!headers["content-type"]?.startsWith("application/json")) return undefined;
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function collect(outgoing, response, resolve, reject, start) {
	const chunks = [];
	let bytes = 0;
	response.on("data", (chunk) => {
		chunks.push(chunk);
		if ((bytes += chunk.length) > BODY_MAX_BYTES) outgoing.destroy(new Error("the answer is longer than 1 MiB"));
	});
	response.on("error", reject);
	response.on("end", () => {
		const text = Buffer.concat(chunks).toString("utf8");
		const { statusCode: status, headers } = response;
		resolve({ status, headers, text, json: parsed(text, headers), ms: performance.now() - start });
		outgoing.destroy();
	});
}

export function exchange(library, options, body, limitMs = LIMIT_MS) {
	const start = performance.now();
	return new Promise((resolve, reject) => {
		const outgoing = library.request(options, (response) => collect(outgoing, response, resolve, reject, start));
		const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${limitMs / 1000} s`)), limitMs);
		outgoing.on("close", () => clearTimeout(timer));
		outgoing.on("error", reject);
		if (outgoing.getHeader("Content-Length") > Buffer.byteLength(body ?? "")) outgoing.write(body);
		else outgoing.end(body);
	});
}
