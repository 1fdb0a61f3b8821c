// What is to be verified: the command line, and what an installed host says where that is silent.

import { accessSync, constants, readFileSync } from "node:fs";

export const ETC = "/etc/sandbox-api";
const CADDY_ROOT = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt";

export const USAGE = `usage: deploy/verify [--url URL] [--ca FILE] [--api-key-file FILE] [--port N] [--host] [--json]

Looks at a running server and prints a line for each check: ok, warn, FAIL or skip. Exit code 0 when nothing
has failed, 1 when something has, 2 for a wrong call.

  --url URL            of the server as its users reach it; default: https:// and SANDBOX_DOMAIN in ${ETC}/site.env
  --ca FILE            certificate of the authority that signed the server's, where the system does not know it;
                       default: that of Caddy's own authority, where it is on this host
  --api-key-file FILE  holds the key, or a line SANDBOX_API_KEY=...; default: ${ETC}/keys.env where it can be read
                       and the server is that of this host. Over plain http none is sent but to this host.
                       An admin's key has no limits, so those cannot be verified with one
  --port N             the server's own port behind its proxy; default: PORT in ${ETC}/sandbox-api.env, else 3001
  --host               look at this host too: unit, process, files, Engine, images. As root, on the server itself
  --json               the report as one JSON object

It starts five sandboxes, one or two at a time, and ends them. A client of the default limits (10 an hour) can run it
twice within an hour. In one of the sandboxes it uses up what that may have of memory, processes and room.
`;

export class UsageError extends Error {}

/* {name: value} of a file for systemd's EnvironmentFile=; {} when there is no such file. */
export function readEnvironmentFile(path) {
	let text;
	try {
		text = readFileSync(path, "utf8");
	} catch (error) {
		if (error.code === "ENOENT" || error.code === "EACCES") return {};
		throw error;
	}
	const pairs = text.split("\n").map((line) => /^\s*([A-Za-z_]\w*)=(.*?)\s*$/.exec(line)).filter(Boolean);
	return Object.fromEntries(pairs.map(([, name, value]) => [name, value.replace(/^(["'])(.*)\1$/, "$2")]));
}

function readable(path) {
	try {
		accessSync(path, constants.R_OK);
		return true;
	} catch {
		return false;
	}
}

function readGiven(path) {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		throw new UsageError(`cannot read ${path}: ${error.code}`);
	}
}

function parse(argv) {
	const given = { "--host": false, "--json": false, "--help": false };
	const left = [...argv];
	while (left.length) {
		const [name, inline] = left.shift().split(/=(.*)/s);
		if (["--url", "--ca", "--api-key-file", "--port"].includes(name)) given[name] = inline ?? left.shift();
		else if (name in given && inline === undefined) given[name] = true;
		else if (name === "-h") given["--help"] = true;
		else throw new UsageError(`unknown: ${name}`);
		if (given[name] === undefined || given[name] === "") throw new UsageError(`${name} needs a value`);
	}
	return given;
}

function readUrl(text) {
	let url;
	try {
		url = new URL(text);
	} catch {
		throw new UsageError(`not a URL: ${text}`);
	}
	if (!/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search || url.username)
		throw new UsageError(`--url is like https://example.org, not ${text}`);
	return url;
}

/* Caddy takes several as well. */
function siteNames() {
	return (readEnvironmentFile(`${ETC}/site.env`).SANDBOX_DOMAIN ?? "").toLowerCase().split(/[\s,]+/).filter(Boolean);
}

function defaultUrl() {
	const [name] = siteNames();
	if (!name) throw new UsageError(`which server? ${ETC}/site.env does not say: give --url`);
	return `https://${name}`;
}

/* Without the brackets of an IPv6 address. */
export const hostOf = (url) => url.hostname.replace(/^\[|\]$/g, "");

export const isLoopbackName = (name) => /^(localhost|127(\.\d+){3}|::1)$/.test(name);

/* A key is for its own server: another one, and whoever listens on the way, must not hear it. */
export const mayHearKey = (url) => url.protocol === "https:" || isLoopbackName(hostOf(url));

/* The key of this host's server, for that one alone; or undefined. */
export function readInstalledKey(url) {
	const here = isLoopbackName(hostOf(url)) || (mayHearKey(url) && siteNames().includes(hostOf(url)));
	return here ? readEnvironmentFile(`${ETC}/keys.env`).SANDBOX_API_KEY : undefined;
}

function readKey(path, url) {
	if (!path) return readInstalledKey(url);
	if (!mayHearKey(url)) throw new UsageError("--api-key-file needs https: anybody could read the key on the way");
	const text = readGiven(path);
	const key = /^\s*SANDBOX_API_KEY=/m.test(text) ? readEnvironmentFile(path).SANDBOX_API_KEY : text.trim();
	if (!/^[\x21-\x7e]+$/.test(key)) throw new UsageError(`${path} holds no key`);
	return key;
}

/* A public certificate is not signed by Caddy's own authority, so a default adds to what the system knows. */
export function readAuthority(path) {
	if (path) return { ca: readGiven(path), caIsDefault: false };
	return readable(CADDY_ROOT) ? { ca: readFileSync(CADDY_ROOT, "utf8"), caIsDefault: true } : { caIsDefault: true };
}

function readPort(text) {
	const port = Number(text);
	if (!Number.isInteger(port) || port < 1 || port > 65535) throw new UsageError(`not a port: ${text}`);
	return port;
}

/* {help} or {url, ca?, caIsDefault, key?, host, json, port}; port is the server's own behind its proxy. */
export function readOptions(argv) {
	const given = parse(argv);
	if (given["--help"]) return { help: true };
	const url = readUrl(given["--url"] ?? defaultUrl());
	return {
		url,
		...readAuthority(given["--ca"]),
		key: readKey(given["--api-key-file"], url),
		host: given["--host"],
		json: given["--json"],
		port: readPort(given["--port"] ?? readEnvironmentFile(`${ETC}/sandbox-api.env`).PORT ?? 3001),
	};
}
