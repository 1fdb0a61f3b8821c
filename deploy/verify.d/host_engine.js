// The Docker Engine, its runtime, its images, and what it holds of the server.

import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream";
import { statSync } from "node:fs";
import { exchange } from "./http.js";
import { listening, pidsNamed } from "./proc.js";
import { run } from "./programs.js";
import { fail, ok, skip, warn } from "./report.js";

const AGE_MAX_DAYS = 365;
const GONE_LIMIT_MS = 30_000;
const GONE_LOOK_EVERY_MS = 250;
const ENVIRONMENTS = ["bash", "python", "node"];

/* No limit would hold, or the host's network be shared, or the host's log filled. */
const DANGEROUS = /^-?-(ignore-cgroups|network=host|debug|strace|TESTONLY)/;

export function socketOf({ DOCKER_HOST }) {
	return (DOCKER_HOST || process.env.DOCKER_HOST || "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");
}

class Engine {
	constructor(socketPath) {
		this.socketPath = socketPath;
	}

	async ask(method, path, body) {
		const headers = { Host: "engine", "Content-Type": "application/json" };
		const raw = body && JSON.stringify(body);
		const answer = await exchange(http, { socketPath: this.socketPath, method, path, agent: false, headers }, raw);
		if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.json?.message ?? ""}`);
		return answer.json;
	}

	get(path) {
		return this.ask("GET", path);
	}
}

function socketMode({ socketPath }) {
	const { mode, uid } = statSync(socketPath);
	const text = `${socketPath} ${(mode & 0o777).toString(8)}`;
	return mode & 0o007 || uid !== 0 ? fail(`${text}: whoever opens it is root`) : ok(text);
}

function tcpSockets() {
	const pids = pidsNamed("dockerd");
	if (!pids.length) return skip("no process named dockerd is to be seen");
	const found = pids.flatMap(listening).map(({ address, port }) => `${address}:${port}`);
	return found.length ? fail(`${found.join(", ")}: whoever connects is root`) : ok();
}

function runtimeArguments(runtime, name) {
	if (!runtime) return fail(`the Engine does not know ${name}`);
	const found = (runtime.runtimeArgs ?? []).filter((argument) => DANGEROUS.test(argument));
	return found.length ? fail(found.join(" ")) : ok((runtime.runtimeArgs ?? []).join(" ") || "none");
}

async function runtimeAge(runtime) {
	if (!runtime?.path?.startsWith("/") && !/runsc/.test(runtime?.path)) return skip(`it has no program to ask (${runtime?.runtimeType ?? "unknown"})`);
	const { out } = await run(runtime.path, ["--version"], { limitMs: 5000 });
	const version = out.split("\n")[0];
	const [, year, month, day] = /(20\d\d)(\d\d)(\d\d)/.exec(version) ?? [];
	if (!year) return skip(`its version tells no date: ${version}`);
	const days = Math.floor((Date.now() - Date.UTC(year, month - 1, day)) / 86_400_000);
	return days > AGE_MAX_DAYS ? warn(`${version}, ${days} days old: a current one closes known holes`) : ok(`${version}, ${days} days old`);
}

/* One line of tar's list: is it what no image may hold? */
const isFault = (line) => /^[bc]/.test(line) || /^-(..[sS]|.{5}[sS])/.test(line) || /^ +x: .*security\.capability/.test(line);

/* The lines of an archive's list that are faults. */
async function faultsOf(engine, container) {
	const tar = spawn("tar", ["--xattrs", "--xattrs-include=*", "-tvvf", "-"], { stdio: ["pipe", "pipe", "ignore"] });
	tar.stdin.on("error", () => {}); /* tar stops reading at the archive's end */
	const ended = once(tar, "close");
	ended.catch(() => {}); /* awaited when the list has been read */
	const request = { socketPath: engine.socketPath, path: `/containers/${container}/export`, headers: { Host: "engine" } };
	http.get(request, (response) => pipeline(response, tar.stdin, () => {})).on("error", () => tar.kill());
	const faults = [];
	let lines = 0;
	for await (const line of createInterface({ input: tar.stdout })) {
		lines++;
		if (isFault(line)) faults.push(line.trim());
	}
	const [code] = await ended;
	if (!lines || code !== 0) throw new Error("the image could not be read to its end");
	return faults;
}

async function image(engine, name) {
	const { Id } = await engine.ask("POST", "/containers/create", { Image: `sandbox-api/${name}:latest`, Cmd: ["none"], NetworkDisabled: true });
	try {
		const faults = await faultsOf(engine, Id);
		return faults.length ? fail(faults.slice(0, 5).join("; ")) : ok("no device node, no setuid file, no file capability");
	} finally {
		await engine.ask("DELETE", `/containers/${Id}?force=1`);
	}
}

/* What the server knows of, and what the Engine holds of it. */
async function counts(engine, settings, port) {
	const { json } = await exchange(http, { host: settings.HOST ?? "127.0.0.1", port, path: "/status", agent: false });
	const label = ["sandbox-api.owner=sandbox-api", `sandbox-api.worker=${json.worker_id}`];
	const containers = await engine.get(`/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label }))}`);
	const { starting, running } = json.sessions;
	const spares = Object.values(json.pool).reduce((sum, shelf) => sum + shelf.ready + shelf.starting, 0);
	return { sessions: starting + running, spares, containers: containers.length };
}

/* A server that others use meanwhile is looked at until the numbers agree. */
async function nothingLeft(engine, { settings, sessions, options }) {
	await sessions.endAll();
	const end = performance.now() + GONE_LIMIT_MS;
	for (;;) {
		const n = await counts(engine, settings, options.port);
		const text = `${n.containers} containers, ${n.sessions} sessions, ${n.spares} spare`;
		if (n.containers === n.sessions + n.spares) return ok(text);
		if (performance.now() > end) return fail(text);
		await new Promise((resolve) => setTimeout(resolve, GONE_LOOK_EVERY_MS));
	}
}

export async function engine(context) {
	const { report, settings } = context;
	const it = new Engine(socketOf(settings));
	const name = settings.SANDBOX_GVISOR_RUNTIME ?? "runsc";
	let info;
	await report.check("only its group reaches the Engine's socket", () => socketMode(it));
	await report.check("the Engine is not on TCP", tcpSockets);
	const answers = await report.check("the Engine answers", async () => {
		info = await it.get("/info");
		return ok(`Docker ${info.ServerVersion}, kernel ${info.KernelVersion}, cgroup v${info.CgroupVersion}`);
	});
	if (!answers) return;
	await report.check("the runtime keeps its limits", () => runtimeArguments(info.Runtimes?.[name], name));
	await report.check("the runtime is not old", () => runtimeAge(info.Runtimes?.[name]));
	for (const environment of ENVIRONMENTS) await report.check(`the image of ${environment} is clean`, () => image(it, environment));
	await report.check("every container is a session's or a spare one", () => nothingLeft(it, context));
}
