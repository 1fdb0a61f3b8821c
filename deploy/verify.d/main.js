// deploy/verify: reads what is to be verified, runs the groups of checks one after the other, ends what they have
// created, and sums up.

import { setDefaultAutoSelectFamily } from "node:net";
import { api } from "./api.js";
import { connection } from "./connection.js";
import { headers } from "./headers.js";
import { health } from "./health.js";
import { host } from "./host.js";
import { Target } from "./http.js";
import { isolation } from "./isolation.js";
import { limits } from "./limits.js";
import { USAGE, UsageError, readOptions } from "./options.js";
import { paths } from "./paths.js";
import { Interrupted, Report, fail, failure, ok, skip } from "./report.js";
import { session } from "./session.js";
import { Sessions } from "./sessions.js";
import { tls } from "./tls.js";

/* As browsers do: where a name has several addresses, one that answers. Node.js does so by itself from version 20 on. */
setDefaultAutoSelectFamily(true);

/* Each is called with {options, target, report, sessions}; those after the first only when the server can be reached. */
const GROUPS = [
	["connection", connection],
	["TLS", tls],
	["headers", headers],
	["public paths", paths],
	["health", health],
	["API", api],
	["session", session],
	["isolation, seen from inside a sandbox", isolation],
	["limits", limits],
];

/* What a group does between its checks may fail too: that ends the group, not the report. */
async function lookInto(name, group, context) {
	try {
		return await group(context);
	} catch (error) {
		if (error instanceof Interrupted) throw error;
		return context.report.add(`all of ${name}`, failure(error));
	}
}

async function lookAt(context) {
	const { report, options } = context;
	let reached = true;
	for (const [name, group] of GROUPS) {
		report.group(name);
		if (reached) reached = (await lookInto(name, group, context)) !== false;
		else report.add(`all of ${name}`, skip("the server cannot be reached"));
	}
	report.group("this host");
	if (options.host) await lookInto("this host", host, context);
	else report.add("all of this host", skip("not asked for (--host)"));
}

async function cleanUp({ report, sessions }) {
	report.group("afterwards");
	const left = await sessions.endAll();
	if (left) report.add("every session is ended", fail(`${left} could not be ended, and will end by their limits`));
	else report.add("every session is ended", ok(`${sessions.ids.length} were created`));
}

async function verify(options) {
	const interrupt = new AbortController();
	for (const name of ["SIGINT", "SIGTERM", "SIGHUP"])
		process.once(name, () => interrupt.abort(new Interrupted(`interrupted by ${name}`)));
	const target = new Target(options);
	const report = new Report((line) => options.json || console.log(line), interrupt.signal);
	const context = { options, target, report, sessions: new Sessions(target) };
	if (!options.json) console.log(`verifying ${options.url.origin}`);
	try {
		await lookAt(context);
	} catch (error) {
		if (!(error instanceof Interrupted)) throw error;
		report.add("the verification is complete", fail(error.message));
	} finally {
		await cleanUp(context);
	}
	return report;
}

function conclude(report, { url, json }) {
	const counts = Object.fromEntries(["ok", "warn", "FAIL", "skip"].map((verdict) => [verdict, report.count(verdict)]));
	const passed = counts.FAIL === 0;
	if (json) console.log(JSON.stringify({ url: url.origin, time: new Date().toISOString(), passed, counts, checks: report.checks }, null, "\t"));
	else console.log(`\n${report.sum}`);
	return passed ? 0 : 1;
}

async function main() {
	try {
		const options = readOptions(process.argv.slice(2));
		if (options.help) return process.stdout.write(USAGE) && 0;
		return conclude(await verify(options), options);
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		console.error(`verify: ${error.message}\n\n${USAGE}`);
		return 2;
	}
}

process.exitCode = await main();
