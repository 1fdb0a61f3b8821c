// The real caddy with the real deploy/Caddyfile, on ports and in a folder of its own. Its certificate is from the
// authority that it makes in there, and clients check it.

import { spawn, execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import assert from "node:assert/strict";
import { freePort } from "./server.js";
import { deferred, until, within } from "./wait.js";

export const CADDYFILE = "deploy/Caddyfile";
const ROOT = "caddy/pki/authorities/local/root.crt";
const LINES_SHOWN = 10;

function argumentsFor(command, config) {
	return [command, "--config", config, "--adapter", "caddyfile"];
}

/* One run of the program; what a Site is made of. */
class Caddy {
	#ended = deferred();
	#serving = deferred();

	constructor(config, env, log) {
		this.log = log;
		/* However the tests end, it ends with them. */
		const command = ["--pdeathsig", "TERM", "--", "caddy", ...argumentsFor("run", config)];
		this.child = spawn("setpriv", command, { env, stdio: ["ignore", "ignore", "pipe"] });
		this.child.on("error", (error) => this.#ended.resolve({ error }));
		this.child.on("close", (code, signal) => this.#ended.resolve({ code, signal }));
		createInterface({ input: this.child.stderr }).on("line", (line) => this.#onLine(line));
		this.exited = this.#ended.promise;
	}

	#onLine(line) {
		this.log.push(line);
		if (line.includes('"serving initial configuration"')) this.#serving.resolve();
	}

	serving() {
		const died = this.exited.then((how) => {
			throw new Error(`caddy ended: ${JSON.stringify(how)}\n${this.log.join("\n")}`);
		});
		return within(Promise.race([this.#serving.promise, died]), () => `caddy serves\n${this.log.join("\n")}`);
	}
}

/* Looks to the tests like a server: url, host, origin, tail. */
export class Site {
	/* Every line, over restarts. */
	log = [];
	#caddy;

	constructor(server, upstream, ports, config) {
		this.server = server;
		this.config = config;
		this.folder = mkdtempSync(join(tmpdir(), "sandbox-caddy-"));
		this.rootPath = join(this.folder, ROOT);
		this.url = new URL(`https://localhost:${ports.https}`);
		this.plainUrl = new URL(`http://localhost:${ports.http}`);
		this.host = this.url.host;
		this.origin = this.url.origin;
		this.env = {
			PATH: process.env.PATH,
			HOME: this.folder,
			XDG_DATA_HOME: this.folder,
			XDG_CONFIG_HOME: this.folder,
			SANDBOX_UPSTREAM: upstream,
			SANDBOX_HTTP_PORT: String(ports.http),
			SANDBOX_HTTPS_PORT: String(ports.https),
			SANDBOX_CADDY_ADMIN: `unix/${join(this.folder, "admin.sock")}`,
		};
	}

	get tail() {
		return [...this.log.slice(-LINES_SHOWN), this.server?.tail].join("\n");
	}

	/* The first start makes the authority, whose root is there before Caddy serves, and soon a certificate. */
	async start() {
		this.#caddy = new Caddy(this.config, this.env, this.log);
		await this.#caddy.serving();
		this.connection = { ca: readFileSync(this.rootPath), family: 4, servername: "localhost" };
		await until(() => this.#shakesHands(), "a certificate that holds");
	}

	#shakesHands() {
		const socket = tls.connect({ host: "127.0.0.1", port: this.url.port, ...this.connection });
		const done = deferred();
		socket.once("secureConnect", () => done.resolve(socket.authorized)).once("error", () => done.resolve(false));
		return within(done.promise, "TLS").finally(() => socket.destroy());
	}

	/* The same site as a client on another address of this host sees it. */
	from(localAddress) {
		const { url, host, origin, server } = this;
		const site = this;
		return { url, host, origin, server, connection: { ...this.connection, localAddress }, get tail() { return site.tail; } };
	}

	/* As systemd's unit does it: also when nothing has changed. */
	reload() {
		const command = [...argumentsFor("reload", this.config), "--force"];
		return within(promisify(execFile)("caddy", command, { env: this.env }), () => `caddy reloads\n${this.tail}`);
	}

	async end() {
		this.#caddy.child.kill("SIGTERM");
		assert.deepEqual(await within(this.#caddy.exited, () => `caddy ends\n${this.tail}`), { code: 0, signal: null });
	}

	async stop() {
		try {
			await this.end();
		} finally {
			rmSync(this.folder, { recursive: true });
		}
	}
}

/* Caddy before a server, or before any upstream ("127.0.0.1:3001") that a test has made itself. */
export async function startCaddy(server, { upstream = server.host, config = CADDYFILE } = {}) {
	const ports = { http: await freePort(), https: await freePort() };
	const site = new Site(server, upstream, ports, config);
	try {
		await site.start();
		return site;
	} catch (error) {
		await site.stop().catch(() => {}); /* how it began to fail is what matters */
		throw error;
	}
}
