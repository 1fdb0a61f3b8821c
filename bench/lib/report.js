// The table of a run, for the terminal and for bench/results.md. It names no date and no path, and it
// rounds, so that two runs can be compared with diff.

import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { engineFacts } from "./engine.js";

/* Three significant digits, without an exponent. */
function rounded(value) {
	const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
	return value.toFixed(Math.min(digits, 4));
}

/* rows: arrays of text, the first being the heading. */
function table(rows) {
	const widths = rows[0].map((_, i) => Math.max(3, ...rows.map((row) => row[i].length)));
	const line = (row) => `| ${row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(" | ")} |`;
	const rule = `|${widths.map((width, i) => (i ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2))).join("|")}|`;
	return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}

function summaryRow(name, { n, p50, p90, p99 }, ratio) {
	return [name, String(n), rounded(p50), rounded(p90), rounded(p99), ratio];
}

/* figures: {title, unit, ours, references: [[name, theirs]...]}; ours and theirs from summarize(). */
function figuresTable(figures) {
	const heading = ["", "n", "p50", "p90", "p99", "sandbox-api / this"];
	const rows = figures.flatMap(({ title, unit, ours, references }) => [
		summaryRow(`**${title}**, ${unit}`, ours, ""),
		...references.map(([name, theirs]) => summaryRow(name, theirs, `**${rounded(ours.p50 / theirs.p50)}**`)),
	]);
	return table([heading, ...rows]);
}

/* costs: [what, value, unit]. */
function costsTable(costs) {
	return table([["The server's own cost", ""], ...costs.map(([what, value, unit]) => [what, `${rounded(value)} ${unit}`])]);
}

function versionOf(program) {
	const text = execFileSync(program, ["--version"], { encoding: "utf8" });
	return text.split("\n")[0].replace(/^runsc version /, "");
}

async function machineTable(runtime) {
	const { engine, kernel, runtimes } = await engineFacts();
	const { path, runtimeArgs = [] } = runtimes[runtime];
	const all = cpus();
	return table([
		["Machine", ""],
		["kernel", kernel],
		["CPU", `${all.length} x ${all[0].model.trim()}`],
		["Docker Engine", engine],
		[`${runtime} ${runtimeArgs.join(" ")}`.trim(), versionOf(path)],
		["client", `Node.js ${process.version}`],
	]);
}

export async function report({ figures, costs, runtime }) {
	const parts = ["# Benchmark results", "", "Written by `make bench`; what is measured and how: [README.md](README.md).", ""];
	parts.push(await machineTable(runtime), "");
	if (figures.length) parts.push(figuresTable(figures), "");
	if (costs.length) parts.push(costsTable(costs), "");
	return parts.join("\n");
}
