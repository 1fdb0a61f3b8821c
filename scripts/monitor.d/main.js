// scripts/monitor: looks once, looks again and again, or tries a session.

import { setDefaultAutoSelectFamily } from "node:net";
import { Target } from "../../deploy/verify.d/http.js";
import { shown } from "../../deploy/verify.d/report.js";
import { LookError, look } from "./look.js";
import { describe } from "./model.js";
import { USAGE, UsageError, readOptions } from "./options.js";
import { Page } from "./page.js";
import { Screen } from "./screen.js";
import { ASCII_SYMBOLS, COLOURED, COLOURLESS, SYMBOLS, seconds, tableLine } from "./text.js";
import { tryOne } from "./trial.js";
import { Watch } from "./watch.js";

/* As browsers do: where a name has several addresses, one that answers. Node.js does so by itself from version 20 on. */
setDefaultAutoSelectFamily(true);

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };
const PIPE_WIDTH = 80;
const TEST_WIDTH = 40;
/* Both answers come from memory. */
const LOOK_LIMIT_MS = 5000;

const isUtf8 = ({ LC_ALL, LC_CTYPE, LANG }) => /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");

function palette(out, env) {
	const coloured = out.isTTY && !env.NO_COLOR && env.TERM !== "dumb";
	return { paint: coloured ? COLOURED : COLOURLESS, symbols: isUtf8(env) ? SYMBOLS : ASCII_SYMBOLS };
}

function sourceOf({ metricsUrl, ...options }) {
	const target = new Target({ ...options, limitMs: LOOK_LIMIT_MS });
	return { target, metricsTarget: new Target({ ...options, limitMs: LOOK_LIMIT_MS, url: metricsUrl }), metricsPath: metricsUrl.pathname };
}

function print(text) {
	process.stdout.write(`${text}\n`);
}

async function once(options, source, page) {
	const model = describe([await look(source)]);
	const url = options.url.origin;
	if (options.json) print(JSON.stringify({ url, ...model }));
	else print(page.lines(model, { url, width: process.stdout.columns || PIPE_WIDTH, height: Infinity }).join("\n"));
	return model.status === "ok" ? 0 : 1;
}

/* An alternate screen where there is one; else one report after the other. */
async function watch(options, source, page) {
	const out = process.stdout;
	const screen = out.isTTY && !options.json && process.env.TERM !== "dumb" ? new Screen(out) : undefined;
	const url = options.url.origin;
	const show = (seen, trouble) => {
		const model = trouble ? { ...seen, status: "unknown" } : seen;
		if (options.json) return print(JSON.stringify({ url, ...model, ...(trouble ? { trouble } : {}) }));
		const { width, height } = screen?.size ?? { width: PIPE_WIDTH, height: Infinity };
		const lines = page.lines(model, { url, width, height, trouble });
		return screen ? screen.draw(lines) : print(`${lines.join("\n")}\n`);
	};
	const it = new Watch(() => look(source), options.watch * 1000, show);
	const signal = await untilSignal(it, screen);
	return signal === "SIGINT" ? 0 : 128 + SIGNALS[signal];
}

/* Runs a watch; resolves to the signal that ended it, with the terminal as it was. */
async function untilSignal(it, screen) {
	const stopped = new Promise((resolve) => Object.keys(SIGNALS).forEach((name) => process.once(name, () => resolve(name))));
	if (screen) redraw(it, screen);
	try {
		return await Promise.race([stopped, it.run()]);
	} finally {
		it.stop();
		screen?.leave();
	}
}

/* When its size is another one, and around Ctrl-Z. */
function redraw(it, screen) {
	process.stdout.on("resize", () => it.show());
	process.on("SIGTSTP", () => {
		screen.leave();
		process.kill(process.pid, "SIGSTOP");
	});
	process.on("SIGCONT", () => it.show());
}

async function test(options, paint) {
	const interrupt = new AbortController();
	process.stdout.on("error", () => interrupt.abort(new Error("nobody reads")));
	for (const name of Object.keys(SIGNALS)) process.once(name, () => interrupt.abort(new Error(`interrupted by ${name}`)));
	const steps = [];
	const begun = performance.now();
	const passed = await tryOne(new Target(options), interrupt.signal, (step) => {
		steps.push(step);
		if (!options.json) print(stepLine(step, paint));
	});
	const ms = performance.now() - begun;
	if (options.json) print(JSON.stringify({ url: options.url.origin, time: new Date().toISOString(), passed, ms, steps }));
	else if (passed) print(`${paint("green", "ok")}${tableLine(TEST_WIDTH - 2, "    all of it", [seconds(ms / 1000)])}`);
	return passed ? 0 : 1;
}

function stepLine({ name, ms, error }, paint) {
	if (error === undefined) return `${paint("green", "ok")}${tableLine(TEST_WIDTH - 2, `    ${name}`, [seconds(ms / 1000)])}`;
	return `${paint("red", "FAIL")}  ${name}: ${error}`;
}

async function main() {
	try {
		const options = readOptions(process.argv.slice(2), process.env);
		if (options.help) return process.stdout.write(USAGE) && 0;
		const { paint, symbols } = palette(process.stdout, process.env);
		if (options.test) return await test(options, paint);
		process.stdout.on("error", () => process.exit(0)); /* nobody reads any more */
		return await (options.watch ? watch : once)(options, sourceOf(options), new Page(paint, symbols));
	} catch (error) {
		if (!(error instanceof UsageError || error instanceof LookError)) throw error;
		console.error(`monitor: ${shown(error.message, 500)}${error instanceof UsageError ? `\n\n${USAGE}` : ""}`);
		return error instanceof UsageError ? 2 : 1;
	}
}

/* What is still under way when a watch ends is of no interest. */
process.exit(await main());
