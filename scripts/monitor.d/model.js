// From looks at a server to the figures that are shown: a plain object, all text in it plain.

import { shown } from "../../deploy/verify.d/report.js";

const S = "sandbox_api_";
const WAITING = [
	["prompt warm", "connect_to_prompt_seconds", { start: "warm" }],
	["prompt cold", "connect_to_prompt_seconds", { start: "cold" }],
	["create warm", "session_create_duration_seconds", { start: "warm" }],
	["create cold", "session_create_duration_seconds", { start: "cold" }],
	["echo", "echo_seconds", {}],
];

/* Of JSON that may be anything. */
const finite = (value) => (Number.isFinite(value) ? value : undefined);
const word = (value, chars) => (typeof value === "string" ? shown(value, chars) : "");

/* What has happened between two looks; without an earlier one, since the server's start. */
export class Span {
	constructor(now, before) {
		this.now = now.metrics;
		this.before = before?.metrics;
		this.seconds = before ? (now.atMs - before.atMs) / 1000 : finite(now.health.uptimeSeconds);
	}

	delta(name, labels) {
		const value = this.now.value(name, labels);
		return value === undefined ? undefined : value - (this.before?.value(name, labels) ?? 0);
	}

	rate(name, labels) {
		const delta = this.delta(name, labels);
		return delta === undefined || !(this.seconds > 0) ? undefined : Math.max(delta, 0) / this.seconds;
	}

	histogram(name, labels) {
		return this.now.histogram(name, labels).since(this.before?.histogram(name, labels));
	}
}

function quantiles(histogram) {
	const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => histogram.quantile(share));
	return { count: histogram.count, p50, p95, p99 };
}

/* {name: {total, recent}} of those that have happened at all, the most frequent first. */
function tally(metrics, recently, name, label) {
	const all = Object.entries(metrics.by(name, label)).filter(([, total]) => total > 0);
	const entries = all.sort(([, a], [, b]) => b - a).map(([key, total]) => [shown(key, 40), { total, recent: recently.delta(name, { [label]: key }) }]);
	return Object.fromEntries(entries);
}

function poolOf(metrics) {
	const names = metrics.values(`${S}pool_target`, "environment");
	return Object.fromEntries(names.map((environment) => {
		const sandboxes = (state) => metrics.value(`${S}pool_sandboxes`, { environment, state });
		const claims = (result) => metrics.value(`${S}pool_claims_total`, { environment, result });
		const figures = { ready: sandboxes("ready"), starting: sandboxes("starting"), target: metrics.value(`${S}pool_target`, { environment }) };
		return [shown(environment, 40), { ...figures, hits: claims("hit"), misses: claims("miss"), discarded: metrics.value(`${S}pool_discarded_total`, { environment }) }];
	}));
}

/* verb undefined: all of them. */
function engineLine(recently, rates, verb) {
	const labels = verb === undefined ? {} : { verb };
	const [all, good] = [recently.delta(`${S}engine_requests_total`, labels), recently.delta(`${S}engine_requests_total`, { ...labels, outcome: "ok" })];
	const perSecond = rates.rate(`${S}engine_requests_total`, labels);
	return { ...quantiles(recently.histogram(`${S}engine_request_duration_seconds`, labels)), count: all, perSecond, errors: all - (good ?? 0) };
}

function engineOf(metrics, recently, rates) {
	const verbs = metrics.values(`${S}engine_requests_total`, "verb").map((verb) => [shown(verb, 40), engineLine(recently, rates, verb)]);
	const used = verbs.filter(([, { count }]) => count > 0).sort(([, a], [, b]) => b.count - a.count);
	return { up: metrics.value(`${S}engine_up`) === 1, all: engineLine(recently, rates), verbs: Object.fromEntries(used) };
}

function processOf(metrics, recently, rates) {
	return {
		cpu: rates.rate("process_cpu_seconds_total"),
		memoryBytes: metrics.value("process_resident_memory_bytes"),
		descriptors: metrics.value("process_open_fds"),
		maxDescriptors: metrics.value("process_max_fds"),
		loopLag: quantiles(recently.histogram(`${S}event_loop_lag_seconds`)),
		bytesInPerSecond: rates.rate(`${S}terminal_bytes_total`, { direction: "in" }),
		bytesOutPerSecond: rates.rate(`${S}terminal_bytes_total`, { direction: "out" }),
	};
}

function headOf({ health }) {
	const { requested, kind, runtime, version } = health.gvisor ?? {};
	return {
		status: word(health.status, 40),
		reasons: Array.isArray(health.reasons) ? health.reasons.slice(0, 8).map((each) => word(each, 200)) : [],
		version: word(health.version, 40),
		uptimeSeconds: finite(health.uptimeSeconds),
		worker: word(health.worker_id, 60),
		runtime: requested === false ? "no gVisor" : word([kind ?? runtime, version].filter((each) => typeof each === "string").join(" "), 40),
	};
}

function sessionsOf(metrics, rates) {
	const created = metrics.value(`${S}sessions_created_total`);
	const states = Object.entries(metrics.by(`${S}sessions`, "state")).map(([state, n]) => [shown(state, 40), n]);
	return {
		states: Object.fromEntries(states),
		websockets: metrics.value(`${S}websockets`),
		created,
		createdPerMinute: created === undefined ? undefined : 60 * rates.rate(`${S}sessions_created_total`),
		/* Spare sandboxes give way to sessions. */
		places: metrics.value(`${S}containers`) - (metrics.value(`${S}pool_sandboxes`) ?? 0),
		placesMax: metrics.value(`${S}containers_max`),
		open: metrics.value(`${S}open`) === 1,
	};
}

/* looks: of one run of the server, oldest first, the one to show last. Waiting times and counts are of the whole time between the first and the
 * last, rates of that between the last two; with one look alone, of all the time since the server's start. */
export function describe(looks) {
	const now = looks.at(-1);
	const recently = new Span(now, looks.length > 1 ? looks[0] : undefined);
	const rates = new Span(now, looks.at(-2));
	return {
		...headOf(now),
		time: new Date().toISOString(),
		overSeconds: recently.seconds,
		sinceStart: looks.length === 1,
		sessions: sessionsOf(now.metrics, rates),
		pool: poolOf(now.metrics),
		waiting: Object.fromEntries(WAITING.map(([label, name, labels]) => [label, quantiles(recently.histogram(`${S}${name}`, labels))])),
		engine: engineOf(now.metrics, recently, rates),
		ended: tally(now.metrics, recently, `${S}sessions_ended_total`, "reason"),
		refused: tally(now.metrics, recently, `${S}refusals_total`, "limit"),
		process: processOf(now.metrics, recently, rates),
	};
}
