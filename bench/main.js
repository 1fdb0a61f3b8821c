// The benchmark: a server of its own, the figures one after the other, a table. Leaves no container behind,
// however it ends.

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createSession } from "../tests/integration/lib/client.js";
import { remove } from "../tests/integration/lib/engine.js";
import { Server, freePort } from "../tests/integration/lib/server.js";
import { measureConnect } from "./connect.js";
import { measureFlood } from "./flood.js";
import { measureKeystrokes } from "./keystroke.js";
import { Containers, twinOf } from "./lib/engine.js";
import { report } from "./lib/report.js";
import { endSession } from "./lib/sessions.js";
import { wrongUsage } from "./lib/settings.js";
import { measureMemory } from "./memory.js";

/* Memory comes first, while the server is fresh. */
const MEASURES = { memory: measureMemory, keystroke: measureKeystrokes, flood: measureFlood, connect: measureConnect };
const RESULTS = new URL("results.md", import.meta.url);

function say(text) {
	process.stderr.write(`bench: ${text}\n`);
}

function chosen(names) {
	const unknown = names.filter((name) => !Object.hasOwn(MEASURES, name));
	if (unknown.length) wrongUsage(`no figure ${unknown.join(", ")}; known: ${Object.keys(MEASURES).join(" ")}`);
	return Object.keys(MEASURES).filter((name) => !names.length || names.includes(name));
}

/* The log as an operator has it, and no refusal because of what else runs on the machine. */
async function newServer() {
	return new Server({
		HOST: "127.0.0.1",
		PORT: String(await freePort()),
		WORKER_ID: `bench-${randomBytes(5).toString("hex")}`,
		LOG_LEVEL: "info",
		CIRCUIT_MAX_MEMORY_PERCENT: "100",
	});
}

async function lookAtSandbox(server) {
	const { sessionId } = await createSession(server);
	const twin = await twinOf(sessionId);
	await endSession(server, sessionId);
	return twin;
}

async function measure(names, server, containers) {
	const all = { figures: [], costs: [] };
	const context = { server, containers };
	await server.listening();
	await server.healthy();
	/* Before the twin is known, which needs a session: its first figure is a server without any. */
	for (const name of names) {
		say(`measuring: ${name}`);
		if (name !== "memory") context.twin ??= await lookAtSandbox(server);
		const { figures, costs } = await MEASURES[name](context);
		all.figures.push(...figures);
		all.costs.push(...costs);
	}
	context.twin ??= await lookAtSandbox(server);
	return { ...all, runtime: context.twin.HostConfig.Runtime };
}

function interrupted() {
	const end = new Promise((_, reject) => {
		for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => reject(new Error(`ended by ${name}`)));
	});
	end.catch(() => {}); /* one that comes before anybody waits is not lost, only later */
	return end;
}

/* A server that was killed under us has left its sandboxes. */
async function stopServer(server) {
	try {
		await server.stop();
	} finally {
		for (const { Id } of await server.containers()) await remove(Id);
	}
}

async function run(names) {
	const containers = new Containers();
	const stop = interrupted();
	const server = await newServer();
	try {
		const results = await Promise.race([measure(names, server, containers), stop]);
		return await report(results);
	} finally {
		const ends = await Promise.allSettled([containers.removeAll(), stopServer(server)]);
		for (const { reason } of ends.filter(({ status }) => status === "rejected")) {
			say(`cleaning up: ${reason.message}`);
			process.exitCode = 1;
		}
	}
}

try {
	const names = process.argv.slice(2);
	const text = await run(chosen(names));
	process.stdout.write(text);
	if (!names.length) writeFileSync(RESULTS, text);
} catch (error) {
	say(error.stack);
	process.exitCode = 1;
}
process.exit(); /* an interrupted measurement still holds sockets */
