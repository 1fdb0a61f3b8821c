// Can the server be reached, and only by its public way?

import { lookup } from "node:dns/promises";
import { connect } from "node:net";
import { fail, ok, skip } from "./report.js";

const LIMIT_MS = 5000;

/* Resolves to milliseconds. */
function connecting(host, port) {
	const start = performance.now();
	return new Promise((resolve, reject) => {
		const socket = connect({ host, port, timeout: LIMIT_MS });
		const finish = (settle, value) => {
			socket.destroy();
			settle(value);
		};
		socket.on("connect", () => finish(resolve, performance.now() - start));
		socket.on("timeout", () => finish(reject, new Error(`no connection within ${LIMIT_MS / 1000} s`)));
		socket.on("error", (error) => finish(reject, error));
	});
}

function isLoopback(address) {
	return address === "::1" || address.startsWith("127.");
}

async function ownPort({ target, options }, addresses) {
	if (addresses.every(isLoopback)) return skip(`${target.hostname} is this host: try from another one`);
	if (options.port === target.port) return fail(`${target.port} is the address that is verified: there is no proxy before the server`);
	try {
		await connecting(target.hostname, options.port);
	} catch (error) {
		return ok(`${options.port}: ${error.code ?? error.message}`);
	}
	return fail(`anybody can go past the proxy to port ${options.port}: set HOST=127.0.0.1`);
}

/* False when nothing else needs to be tried. */
export async function connection(context) {
	const { target, report } = context;
	let addresses = [];
	const resolved = await report.check("the name has an address", async () => {
		addresses = (await lookup(target.hostname, { all: true })).map(({ address }) => address);
		return ok(addresses.join(" "));
	});
	const reached =
		resolved && (await report.check("the server accepts connections", async () => ok(`${Math.round(await connecting(target.hostname, target.port))} ms`)));
	if (resolved) await report.check("the server's own port is closed to the outside", () => ownPort(context, addresses));
	return reached;
}
