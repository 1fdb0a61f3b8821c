// What is to be monitored, and how: the command line, the environment, and what an installed host says where both are silent.

import { ETC, UsageError, mayHearKey, readEnvironmentFile, readAuthority, readInstalledKey } from "../../deploy/verify.d/options.js";

export { UsageError };

const INTERVAL_MAX_S = 3600;

export const USAGE = `usage: scripts/monitor [--watch [SECONDS] | --test] [--metrics URL] [--json] [URL]

Shows how a running server is: sessions, pool, waiting times, Engine, refusals, the process. Without --watch the figures are
of all the time since its start. Exit code 0 when the server is well, 1 when it is not or does not answer, 2 for a wrong call.

  URL                  of the server, not of a proxy that hides /metrics; default: http://127.0.0.1 and PORT in
                       ${ETC}/sandbox-api.env, else 3001
  --metrics URL        of its metrics, where METRICS_PORT has moved them; default: as ${ETC}/sandbox-api.env says,
                       else /metrics of the server
  --watch [SECONDS]    again and again, every 2 seconds unless told otherwise, until Ctrl-C (exit code 0). Rates are
                       those of the last interval, all else of the last minute
  --test               starts a session, waits for its prompt, types, and ends it: with the time of each step. Exit code
                       0 when all went well
  --json               one JSON object in one line, instead of what a person reads

SANDBOX_API_KEY      the key for --test; default: the one in ${ETC}/keys.env where it can be read and the server is this
                     host's. Over plain http none is sent but to this host
NODE_EXTRA_CA_CERTS  a file with the authority that signed the server's certificate, where the system does not know it
NO_COLOR             no colours
`;

function readUrl(text, what) {
	let url;
	try {
		url = new URL(text);
	} catch {
		throw new UsageError(`not a URL: ${text}`);
	}
	if (!/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password)
		throw new UsageError(`${what} is like http://127.0.0.1:3001, not ${text}`);
	return url;
}

function readServerUrl(text) {
	const url = readUrl(text, "URL");
	if (url.pathname !== "/") throw new UsageError(`URL is like http://127.0.0.1:3001, not ${text}`);
	return url;
}

function readInterval(text) {
	const seconds = Number(text);
	if (!(seconds >= 0.1 && seconds <= INTERVAL_MAX_S)) throw new UsageError(`SECONDS is a number from 0.1 to ${INTERVAL_MAX_S}, not ${text}`);
	return seconds;
}

/* A number right after --watch is its interval. */
function parse(argv) {
	const given = { watch: undefined, test: false, json: false, help: false, metrics: undefined, url: undefined };
	const left = argv.flatMap((each) => (/^--(watch|metrics)=/.test(each) ? [each.split("=", 1)[0], each.slice(each.indexOf("=") + 1)] : [each]));
	while (left.length) {
		const word = left.shift();
		if (word === "--watch") given.watch = /^[\d.]+$/.test(left[0] ?? "") ? readInterval(left.shift()) : 2;
		else if (word === "--metrics") given.metrics = left.shift() ?? fail("--metrics needs a URL");
		else if (word === "--test" || word === "--json") given[word.slice(2)] = true;
		else if (word === "--help" || word === "-h") given.help = true;
		else if (word.startsWith("-") || given.url !== undefined) fail(`unknown: ${word}`);
		else given.url = word;
	}
	if (given.test && given.watch) fail("--test and --watch are two things");
	return given;
}

function fail(text) {
	throw new UsageError(text);
}

/* Where the metrics of the server of this host are. */
function installedMetrics({ METRICS_HOST, METRICS_PORT }) {
	if (!(Number(METRICS_PORT) > 0)) return undefined;
	const host = !METRICS_HOST || METRICS_HOST === "0.0.0.0" ? "127.0.0.1" : METRICS_HOST;
	return `http://${host.includes(":") ? `[${host}]` : host}:${METRICS_PORT}/metrics`;
}

function readMetricsUrl(text, server) {
	if (text === undefined) return new URL("/metrics", server);
	const url = readUrl(text, "--metrics");
	return url.pathname === "/" ? new URL("/metrics", url) : url;
}

function readKey(url, key) {
	if (!key) return readInstalledKey(url);
	if (!mayHearKey(url)) fail("SANDBOX_API_KEY needs https: anybody could read the key on the way");
	if (!/^[\x21-\x7e]+$/.test(key)) fail("SANDBOX_API_KEY holds no key");
	return key;
}

/* {help} or {url, metricsUrl, key?, ca?, watch?, test, json}; watch is in seconds. */
export function readOptions(argv, env) {
	const given = parse(argv);
	if (given.help) return { help: true };
	const installed = readEnvironmentFile(`${ETC}/sandbox-api.env`);
	const url = readServerUrl(given.url ?? `http://127.0.0.1:${installed.PORT ?? 3001}`);
	const metrics = given.metrics ?? (given.url === undefined ? installedMetrics(installed) : undefined);
	return {
		url,
		metricsUrl: readMetricsUrl(metrics, url),
		key: given.test ? readKey(url, env.SANDBOX_API_KEY) : undefined,
		...readAuthority(),
		watch: given.watch,
		test: given.test,
		json: given.json,
	};
}
