// Stands between the server and the real Engine and misbehaves where a test says so: the only way to
// get a slow, failing or rude Engine at a chosen moment.

import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deferred } from "./wait.js";

const REAL = (process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");

async function listen(server) {
	const folder = mkdtempSync(join(tmpdir(), "sandbox-engine-"));
	const socketPath = join(folder, "engine.sock");
	await new Promise((resolve) => server.listen(socketPath, resolve));
	const sockets = new Set();
	server.on("connection", (socket) => {
		sockets.add(socket);
		socket.on("error", () => {}); /* the server may leave at any time */
		socket.on("close", () => sockets.delete(socket));
	});
	const close = () => {
		for (const socket of sockets) socket.destroy();
		server.close();
		rmSync(folder, { recursive: true });
	};
	return { host: `unix://${socketPath}`, close };
}

/* An "Engine" that does with each connection what onConnection(socket) does. */
export function fakeEngine(onConnection) {
	return listen(createServer(onConnection));
}

/* Sends the head of a request on to the real Engine, and then the bytes of both sides. */
function tunnel(request, socket, head) {
	const upstream = connect(REAL);
	const headers = [];
	for (let i = 0; i < request.rawHeaders.length; i += 2)
		headers.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`);
	upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
	upstream.write(head);
	upstream.pipe(socket).pipe(upstream);
	upstream.on("error", () => socket.destroy());
	socket.on("error", () => upstream.destroy());
	upstream.on("close", () => socket.destroy());
	socket.on("close", () => upstream.destroy());
}

function forward(request, response, onAnswer) {
	const { method, url, headers } = request;
	const upstream = http.request({ socketPath: REAL, method, path: url, headers }, async (answer) => {
		await onAnswer(answer);
		response.writeHead(answer.statusCode, answer.rawHeaders);
		answer.pipe(response);
	});
	upstream.on("error", () => response.destroy());
	response.on("close", () => upstream.destroyed || answerless(response, upstream));
	request.pipe(upstream);
}

/* An Engine goes on with a create or a start whose client has gone; only streams end. */
function answerless(response, upstream) {
	if (!response.writableFinished && upstream.method === "GET") upstream.destroy();
}

/*
 * rules: [{method, path: regex, answer?: {status, body}, hold?: true}]. The first that fits a request
 * is applied; answer is given instead of the Engine's; hold lets the Engine do it and keeps its
 * answer back until release(). seen(index) resolves when a rule was applied for the first time.
 * later: the rules hold from begin() on. Until its canary has passed, a server starts no sandbox.
 */
export async function engineProxy(rules, { later = false } = {}) {
	let begun = !later;
	const states = rules.map(() => ({ seen: deferred(), released: deferred() }));
	const fits = (rule, request) => rule.method === request.method && rule.path.test(request.url);
	const find = (request) => (begun ? rules.findIndex((rule) => fits(rule, request)) : -1);
	const server = http.createServer((request, response) => {
		const index = find(request);
		const rule = rules[index];
		const state = states[index];
		if (rule?.answer) {
			request.resume();
			state.seen.resolve();
			response.writeHead(rule.answer.status, { "Content-Type": "application/json" });
			return response.end(rule.answer.body);
		}
		return forward(request, response, async () => {
			state?.seen.resolve();
			if (rule?.hold) await state.released.promise;
		});
	});
	server.on("upgrade", (request, socket, head) => {
		const answer = rules[find(request)]?.answer;
		if (!answer) return tunnel(request, socket, head);
		return socket.end(`HTTP/1.1 ${answer.status} No\r\nContent-Type: application/json\r\nContent-Length: ${answer.body.length}\r\n\r\n${answer.body}`);
	});
	const { host, close } = await listen(server);
	return {
		host,
		close,
		begin: () => (begun = true),
		seen: (index) => states[index].seen.promise,
		release: (index) => states[index].released.resolve(),
	};
}
