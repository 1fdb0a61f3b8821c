// One look at a server: what /health and /metrics say, or one sentence about what is wrong with them.

import { failure, shown } from "../../deploy/verify.d/report.js";
import { Metrics } from "./metrics.js";

/* What went wrong, in words for the operator. */
export class LookError extends Error {}

async function ask(target, path) {
	try {
		return await target.get(path);
	} catch (error) {
		throw new LookError(`${target.url.origin}${path} cannot be reached: ${shown(failure(error).text)}`);
	}
}

function readHealth(target, { status, json, headers }) {
	if ([200, 503].includes(status) && typeof json?.status === "string" && typeof json.worker_id === "string") return json;
	throw new LookError(`${target.url.origin} answers, but is no sandbox-api: /health gives ${status} ${shown(headers["content-type"] ?? "without a type", 40)}`);
}

function readMetrics(target, path, { status, text }) {
	const where = `${target.url.origin}${path}`;
	if (status === 404) throw new LookError(`${where} is not there: has METRICS_PORT given it an address of its own? Then say --metrics URL`);
	if (status !== 200) throw new LookError(`${where} gives ${status}`);
	let metrics;
	try {
		metrics = new Metrics(text);
	} catch (error) {
		throw new LookError(`${where} gives no metrics: ${error.message}`);
	}
	if (!metrics.has("sandbox_api_build_info")) throw new LookError(`${where} gives the metrics of another program`);
	return metrics;
}

/* Resolves to {atMs, health, metrics}. Of the server, and of where its metrics are: Targets, and the path of the latter. */
export async function look({ target, metricsTarget, metricsPath }) {
	const health = readHealth(target, await ask(target, "/health"));
	const metrics = readMetrics(metricsTarget, metricsPath, await ask(metricsTarget, metricsPath));
	return { atMs: performance.now(), health, metrics };
}
