// A proxy before the server, as Caddy is one, that leaves something out where a test says so.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PUBLIC = /^(\/|\/terminal\.js|\/terminal\.css|\/favicon\.svg|\/health|\/api\/v1\/[\w/]*)(\?.*)?$/;
const HEADERS = { "strict-transport-security": "max-age=31536000", "x-content-type-options": "nosniff" };

/* {key, cert} in PEM for localhost, its own authority. */
export function certificate() {
	const folder = mkdtempSync(join(tmpdir(), "sandbox-front-"));
	const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
	execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/O=Test",
		"-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], { stdio: "ignore" });
	const made = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
	rmSync(folder, { recursive: true });
	return made;
}

function listen(server) {
	return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

function headersFor(request, { proto, trusting }) {
	const headers = { ...request.headers, "x-forwarded-proto": proto };
	if (!trusting || !headers["x-forwarded-for"]) headers["x-forwarded-for"] = request.socket.remoteAddress;
	return headers;
}

function forward(request, response, server, front) {
	if (!front.open.test(request.url)) return response.writeHead(404, HEADERS).end();
	const { method, url: path } = request;
	const upstream = http.request({ host: server.url.hostname, port: server.url.port, method, path, headers: headersFor(request, front) }, (answer) => {
		response.writeHead(answer.statusCode, { ...front.headers, ...answer.headers });
		answer.pipe(response);
	});
	upstream.on("error", () => response.headersSent || response.destroy());
	response.on("close", () => upstream.destroy());
	return request.pipe(upstream);
}

function tunnel(request, socket, server, front) {
	const upstream = connect(server.url.port, server.url.hostname);
	const lines = Object.entries(headersFor(request, front)).map(([name, value]) => `${name}: ${value}\r\n`);
	upstream.write(`GET ${request.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
	upstream.pipe(socket).pipe(upstream);
	for (const [end, other] of [[upstream, socket], [socket, upstream]]) {
		end.on("error", () => {}); /* "close" follows */
		end.on("close", () => other.destroy());
	}
}

/* open: which requests get through; headers: what is added to answers; trusting: a client's own X-Forwarded-For is passed
 * on; tls: {key, cert}. Gives {url, httpPort, close()}; at httpPort all leads to https. */
export async function startFront(server, { open = PUBLIC, headers = HEADERS, trusting = false, tls } = {}) {
	const front = { open, headers, trusting, proto: tls ? "https" : "http" };
	const onRequest = (request, response) => forward(request, response, server, front);
	const public_ = tls ? https.createServer({ ...tls, minVersion: "TLSv1.2" }, onRequest) : http.createServer(onRequest);
	public_.on("upgrade", (request, socket) => tunnel(request, socket, server, front));
	const port = await listen(public_);
	const plain = http.createServer((request, response) => {
		response.writeHead(308, { location: `https://localhost:${port}${request.url}` }).end();
	});
	const httpPort = await listen(plain);
	const close = () => [public_, plain].forEach((each) => each.close());
	return { url: `${front.proto}://localhost:${port}`, httpPort, close };
}
