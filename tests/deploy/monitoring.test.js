// What deploy/ has for Prometheus and Grafana, against their own rules and against what a server really says of itself.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Page } from "../docs/lib/page.js";
import { get } from "../integration/lib/http.js";
import { freePort, startServer } from "../integration/lib/server.js";
import { until } from "../integration/lib/wait.js";

const COLUMNS = 24;
const dashboard = JSON.parse(readFileSync("deploy/grafana/sandbox-api.json", "utf8"));
const alerts = readFileSync("deploy/prometheus/alerts.yml", "utf8");
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const rows = dashboard.panels.filter(({ type }) => type === "row");
const targets = panels.flatMap(({ title, targets: list }) => list.map((target) => ({ title, ...target })));
const folder = mkdtempSync(join(tmpdir(), "sandbox-monitoring-"));
after(() => rmSync(folder, { recursive: true }));

function promtool(...args) {
	const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
	assert.equal(status, 0, `promtool ${args.join(" ")}\n${stdout}${stderr}`);
	return stdout;
}

describe("Prometheus", () => {
	test("takes the example configuration, and the alerts with it", () => {
		assert.match(promtool("check", "config", "deploy/prometheus/prometheus.yml"), /1 rule files found[^]*SUCCESS: 15 rules found/);
	});

	test("fires each alert where it should, and only there", () => {
		promtool("test", "rules", "deploy/prometheus/alerts.test.yml");
		const tried = readFileSync("deploy/prometheus/alerts.test.yml", "utf8");
		const fires = (name) => new RegExp(`alertname: ${name}\n +exp_alerts:\n`).test(tried);
		const rests = (name) => tried.includes(`alertname: ${name}\n        exp_alerts: []`);
		assert.deepEqual(alertNames().filter((name) => !fires(name) || !rests(name)), []);
	});

	test("finds of each alert what to do", () => {
		const { anchors } = new Page("docs/operations.md");
		const pointers = [...alerts.matchAll(/runbook: docs\/operations\.md#(\S+)/g)].map(([, anchor]) => anchor);
		assert.deepEqual(pointers, alertNames().map((name) => name.toLowerCase()));
		assert.deepEqual(pointers.filter((anchor) => !anchors.includes(anchor)), []);
	});
});

function alertNames() {
	return [...alerts.matchAll(/- alert: (\S+)/g)].map(([, name]) => name);
}

describe("the dashboard", () => {
	test("can be imported by any Grafana, whatever its data source is called", () => {
		assert.equal(dashboard.id, null);
		assert.ok(dashboard.uid && dashboard.title && dashboard.schemaVersion >= 36);
		assert.deepEqual(dashboard.templating.list.map(({ name }) => name), ["datasource", "job", "instance"]);
		const sources = [...panels, ...targets, ...dashboard.templating.list.slice(1)].map(({ datasource }) => datasource);
		for (const source of sources) assert.deepEqual(source, { type: "prometheus", uid: "${datasource}" });
	});

	test("has a title, a description and a unit on every panel", () => {
		assert.ok(panels.length > 20);
		for (const { title, description, fieldConfig } of panels) assert.ok(title && description?.endsWith(".") && fieldConfig.defaults.unit, title);
		const ids = dashboard.panels.map(({ id }) => id);
		assert.equal(new Set(ids).size, ids.length);
	});

	test("shows how it is, and not how it was before it went away, where it shows no graph", () => {
		const now = panels.filter(({ type, options }) => type === "stat" && options.graphMode === "none");
		assert.ok(now.length >= 6);
		for (const { title, targets: list } of now) assert.deepEqual(list.map(({ instant, range }) => [instant, range]), [[true, false]], title);
	});

	test("fills every line from side to side, and no panel lies on another", () => {
		const taken = new Map();
		for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
			for (let i = y; i < y + h; i++) {
				for (let j = x; j < x + w; j++) {
					assert.ok(j < COLUMNS && !taken.has(`${i} ${j}`), `${title} lies on ${taken.get(`${i} ${j}`)}`);
					taken.set(`${i} ${j}`, title);
				}
			}
		}
		const height = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
		assert.equal(taken.size, height * COLUMNS);
		assert.deepEqual(rows.map(({ title }) => title), ["At a glance", "Users' waiting time", "Sessions", "Pool", "Engine", "Server process"]);
	});

	test("asks for the chosen servers only, by PromQL that Prometheus can read", () => {
		/* All of them are all of ours: up and process_* are of every job that a Prometheus has. */
		for (const { query, includeAll, allValue } of dashboard.templating.list.slice(1))
			assert.deepEqual([includeAll, allValue, /^label_values\(sandbox_api_/.test(query.query)], [true, undefined, true]);
		for (const { title, expr } of targets) {
			const selectors = expr.match(/\{[^}]*\}/g);
			assert.ok(selectors?.every((each) => each.startsWith('{job=~"$job", instance=~"$instance"')), `${title}: ${expr}`);
		}
		const rules = targets.map(({ expr }, i) => `      - record: panel:${i}\n        expr: ${JSON.stringify(concrete(expr))}\n`);
		const path = join(folder, "rules.yml");
		writeFileSync(path, `groups:\n  - name: dashboard\n    rules:\n${rules.join("")}`);
		assert.match(promtool("check", "rules", path), new RegExp(`${targets.length} rules found`));
	});
});

/* As Grafana fills it in. */
function concrete(expr) {
	return expr.replaceAll("$__rate_interval", "1m").replaceAll("$__range", "3h").replaceAll("$job", ".+").replaceAll("$instance", ".+");
}

describe("what dashboard and alerts ask for", () => {
	let server;
	let exposition;
	before(async () => {
		server = await startServer();
		exposition = (await get(server, "/metrics")).text;
	});
	after(() => server?.stop());

	const expressions = () => {
		const rules = alerts.split("\n").filter((line) => !/^\s*(#|- alert|summary|description|runbook|severity|for:|- name)/.test(line));
		return [...targets.map(({ expr }) => expr), ...dashboard.annotations.list.flatMap(({ expr }) => expr ?? []), ...rules];
	};

	test("is what a server says of itself", (t) => {
		const said = new Set([...exposition.matchAll(/^([a-z_]+)[{ ]/gm)].map(([, name]) => name));
		const asked = new Set(expressions().flatMap((expr) => expr.match(/\b(?:sandbox_api|process)_[a-z_]+/g) ?? []));
		assert.ok(asked.size > 25);
		assert.deepEqual([...asked].filter((name) => !said.has(name)), []);
		t.diagnostic(`${targets.length} expressions in ${panels.length} panels and ${alertNames().length} alerts ask for ${asked.size} series`);
	});

	test("has the values of labels that a server gives", () => {
		const said = (label, value) => exposition.includes(`${label}="${value}"`);
		const pairs = expressions().flatMap((expr) => [...expr.matchAll(/\b(reason|state|start|result|outcome|limit|direction)(?:=~?|!=)"([^"]+)"/g)]);
		const wanted = pairs.flatMap(([, label, values]) => values.split("|").map((value) => [label, value]));
		assert.ok(wanted.length > 10);
		assert.deepEqual(wanted.filter(([label, value]) => !said(label, value)), []);
	});

	test("can tell five seconds of waiting from more", () => {
		for (const name of ["connect_to_prompt_seconds", "session_create_duration_seconds"]) {
			const limits = [...exposition.matchAll(new RegExp(`^sandbox_api_${name}_bucket\\{.*le="([\\d.]+)"`, "gm"))].map(([, le]) => Number(le));
			assert.ok(limits.includes(5) && limits.some((limit) => limit > 5), `${name}: ${limits}`);
		}
		const lags = [...exposition.matchAll(/^sandbox_api_event_loop_lag_seconds_bucket\{le="([\d.]+)"/gm)].map(([, le]) => Number(le));
		assert.ok(lags.includes(0.1) && lags.some((limit) => limit > 0.1), `${lags}`);
	});

	test("is text that promtool has nothing to say against", () => {
		assert.equal(execFileSync("promtool", ["check", "metrics"], { input: exposition, encoding: "utf8" }), "");
	});

	test("has an answer in a real Prometheus, which can evaluate every alert", async () => {
		const prometheus = await startPrometheus(server.host);
		try {
			const query = async (expr) => (await get(prometheus, `/api/v1/query?query=${encodeURIComponent(expr)}`)).json;
			await until(async () => (await query('count_over_time(sandbox_api_open{job="sandbox-api"}[1m]) >= 3')).data?.result.length, "three scrapes");
			for (const { title, expr } of targets) {
				const { status, error, data } = await query(concrete(expr));
				assert.equal(status, "success", `${title}: ${error}`);
				/* What filters by itself has nothing to show of a server that has just begun. */
				assert.ok(data.result.length > 0 || expr.endsWith("> 0"), `${title}: ${expr} gives nothing`);
			}
			const rules = () => get(prometheus, "/api/v1/rules").then(({ json }) => json.data.groups[0].rules);
			await until(async () => (await rules()).every(({ health }) => health !== "unknown"), "every rule is evaluated");
			assert.deepEqual((await rules()).map(({ name, health, state }) => `${name} ${health} ${state}`), alertNames().map((name) => `${name} ok inactive`));
		} finally {
			await prometheus.stop();
		}
	});
});

/* The real one, with the example configuration, which is only made faster. */
async function startPrometheus(target) {
	const port = await freePort();
	const config = readFileSync("deploy/prometheus/prometheus.yml", "utf8").replaceAll("15s", "1s").replace("127.0.0.1:3001", target);
	writeFileSync(join(folder, "prometheus.yml"), config);
	copyFileSync("deploy/prometheus/alerts.yml", join(folder, "alerts.yml"));
	const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
	/* However the tests end, it ends with them. */
	const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", "prometheus", ...args], { stdio: ["ignore", "ignore", "pipe"] });
	let log = "";
	child.stderr.on("data", (chunk) => (log += chunk));
	const ended = new Promise((resolve) => child.on("close", resolve));
	const stop = () => {
		child.kill("SIGTERM");
		return ended;
	};
	const it = { url: new URL(`http://127.0.0.1:${port}`), stop };
	const ready = () => get(it, "/-/ready").then(({ status }) => status === 200, () => child.exitCode !== null);
	await until(ready, "Prometheus is ready");
	assert.equal(child.exitCode, null, log);
	return it;
}
