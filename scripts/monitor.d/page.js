// The figures as lines of text, for a terminal of any size.

import { age, bytes, clip, count, fit, perSecond, percent, seconds, tableLine, widthOf } from "./text.js";

const ONE_COLUMN_BELOW = 76;
const COLUMN_MAX = 58;
const GUTTER = 4;

/* How many rows of each list, and how many empty lines between sections: the first that fits is taken. */
const SIZES = [[30, 1], [8, 1], [5, 1], [4, 1], [3, 1], [3, 0], [1, 0]];

/* Of the columns at the right of a section; a column of the page has 38 characters at least. */
const POOL_WIDTHS = [7, 9, 7, 6];
const TALLY_WIDTHS = [8, 8];
const WAITING_WIDTHS = [6, 7, 7, 7];
const ENGINE_WIDTHS = [9, 7, 7, 7];

const STATUS_STYLES = { ok: "green", degraded: "red", draining: "yellow" };

/* Draws with one set of colours and symbols. */
export class Page {
	constructor(paint, symbols) {
		this.paint = paint;
		this.symbols = symbols;
	}

	/* The lines for a model; of a server that has just stopped to answer, trouble says how. height: Infinity where it does not matter. */
	lines(model, options) {
		return this.#fitting(model, options).map((line) => clip(line, options.width));
	}

	#fitting(model, { url, width, height, trouble }) {
		const head = this.#head(model, url, width, trouble);
		for (const [rows, gap] of SIZES) {
			const lines = [...head, "", ...this.#body(model, width, rows, gap)];
			if (lines.length <= height) return lines;
		}
		const all = [...head, ...this.#body(model, width, 1, 0)];
		return [...all.slice(0, Math.max(height - 1, 0)), this.paint("dim", `${this.symbols.more} ${all.length - height + 1} more lines`)];
	}

	#head(model, url, width, trouble) {
		const { paint, symbols } = this;
		const clock = model.time.slice(11, 19);
		const status = `${paint("bold", "sandbox-api")} ${model.version}  ${this.#status(model)}  up ${age(model.uptimeSeconds)}`;
		const right = `${url}  ${clock} UTC`;
		const first = tableLine(width, status, widthOf(status) + right.length + 2 <= width ? [paint("dim", right)] : []);
		const about = [`worker ${model.worker}`, model.runtime, this.#period(model)].filter(Boolean).join(` ${symbols.between} `);
		const alarms = [...model.reasons, ...(model.sessions.open ? [] : ["new sessions are refused"]), ...(trouble ? [trouble] : [])];
		return [first.trimEnd(), paint("dim", about), ...alarms.map((text) => paint("red", `${symbols.alert} ${text}`))];
	}

	#status({ status }) {
		const style = STATUS_STYLES[status] ?? "yellow";
		return this.paint(style, `${this.symbols.dot} ${status}`);
	}

	#period({ sinceStart, overSeconds }) {
		return sinceStart ? "figures since the start" : `figures of the last ${seconds(overSeconds)}`;
	}

	#body(model, width, rows, gap) {
		if (width < ONE_COLUMN_BELOW) return this.#stack([...this.#left(model, width, rows), ...this.#right(model, width, rows)], gap);
		const column = Math.min(Math.floor((width - GUTTER) / 2), COLUMN_MAX);
		const [left, right] = [this.#left(model, column, rows), this.#right(model, column, rows)].map((each) => this.#stack(each, gap));
		const height = Math.max(left.length, right.length);
		return Array.from({ length: height }, (_, i) => (fit(left[i] ?? "", column + GUTTER) + (right[i] ?? "")).trimEnd());
	}

	#stack(sections, gap) {
		return sections.filter(Boolean).flatMap((section, i) => [...(i && gap ? [""] : []), ...section]);
	}

	#left(model, width, rows) {
		const ended = this.#tally("Ended", model.ended, width, rows);
		return [this.#sessions(model.sessions, width), this.#pool(model.pool, width, rows), ended, this.#tally("Refused", model.refused, width, rows)];
	}

	#right(model, width, rows) {
		return [this.#waiting(model.waiting, width), this.#process(model.process, width), this.#engine(model.engine, width, rows)];
	}

	/* A title with a rule up to the names of its columns. */
	#title(text, width, columns = [], widths = []) {
		const { paint, symbols } = this;
		const names = columns.map((name, i) => name.padStart(widths[i])).join("").trimStart();
		const rule = symbols.rule.repeat(Math.max(width - text.length - 1 - (names && names.length + 1), 0));
		return `${paint("bold", text)} ${paint("dim", names ? `${rule} ${names}` : rule)}`;
	}

	/* Two names with a figure each in a line. */
	#pairs(width, pairs) {
		const half = Math.floor((width - 2) / 2);
		const cells = pairs.map(([name, value]) => tableLine(half, name, [value]));
		return Array.from({ length: Math.ceil(cells.length / 2) }, (_, i) => cells.slice(2 * i, 2 * i + 2).join("  "));
	}

	#sessions({ states, websockets, created, createdPerMinute, places, placesMax }, width) {
		const shown = Object.entries(states).slice(0, 6).map(([state, n]) => [state, this.#count(n)]);
		const more = [["websockets", this.#count(websockets)], ["new a minute", perSecond(createdPerMinute)], ["created in all", count(created)]];
		return [this.#title("Sessions", width), ...this.#pairs(width, [...shown, ...more]), this.#bar(width, "places", places / placesMax, `${count(places)} of ${count(placesMax)}`)];
	}

	/* Nothing is dim, so that something is seen. */
	#count(n) {
		return n === 0 ? this.paint("dim", "0") : count(n);
	}

	#bar(width, label, share, text) {
		const { paint, symbols } = this;
		const room = width - label.length - text.length - 2;
		if (!Number.isFinite(share) || room < 4) return tableLine(width, label, [text]);
		const full = Math.min(Math.max(Math.round(share * room), share > 0 ? 1 : 0), room);
		const style = share > 0.9 ? "red" : share > 0.75 ? "yellow" : "green";
		return `${label} ${paint(style, symbols.full.repeat(full))}${paint("dim", symbols.empty.repeat(room - full))} ${text}`;
	}

	#pool(pool, width, rows) {
		const lines = Object.entries(pool).slice(0, Math.max(rows, 3)).map(([name, it]) => {
			const style = it.target > 0 && it.ready === 0 ? "red" : it.ready < it.target ? "yellow" : undefined;
			const ready = `${count(it.ready)}/${count(it.target)}`;
			const cells = [style ? this.paint(style, ready) : ready, this.#count(it.starting), percent(it.hits / (it.hits + it.misses)), this.#count(it.discarded)];
			return tableLine(width, name, cells, POOL_WIDTHS);
		});
		return [this.#title("Pool", width, ["ready", "starting", "hits", "gone"], POOL_WIDTHS), ...lines];
	}

	#tally(title, entries, width, rows) {
		const all = Object.entries(entries);
		const lines = all.slice(0, rows).map(([name, { total, recent }]) => {
			const news = recent > 0 && recent < total ? this.paint("yellow", `+${count(recent)}`) : "";
			return tableLine(width, name, [news, count(total)], TALLY_WIDTHS);
		});
		const hidden = all.length - lines.length;
		if (hidden > 0) lines[lines.length - 1] = this.paint("dim", `and ${hidden + 1} others`);
		return [this.#title(title, width), ...(lines.length ? lines : [this.paint("dim", "none")])];
	}

	#waiting(waiting, width) {
		const lines = Object.entries(waiting).map(([label, it]) =>
			tableLine(width, label, [this.#count(it.count), ...[it.p50, it.p95, it.p99].map((each) => this.#wait(each))], WAITING_WIDTHS));
		return [this.#title("Waiting", width, ["times", "p50", "p95", "p99"], WAITING_WIDTHS), ...lines];
	}

	#wait(s) {
		if (s === undefined) return this.paint("dim", "-");
		return s > 5 ? this.paint("red", seconds(s)) : s > 1 ? this.paint("yellow", seconds(s)) : seconds(s);
	}

	#engine({ up, all, verbs }, width, rows) {
		const line = (name, it) => {
			const errors = it.errors > 0 ? this.paint("red", count(it.errors)) : this.#count(it.errors);
			return tableLine(width, name, [perSecond(it.perSecond), this.#wait(it.p50), this.#wait(it.p95), errors], ENGINE_WIDTHS);
		};
		const shown = Object.entries(verbs).slice(0, rows + 2).map(([name, it]) => line(name, it));
		const state = up ? this.paint("green", `${this.symbols.dot} up`) : this.paint("red", `${this.symbols.dot} down`);
		return [this.#title("Engine", width, ["a second", "p50", "p95", "errors"], ENGINE_WIDTHS), line(state, all), ...shown];
	}

	#process(it, width) {
		const pairs = [
			["cpu", percent(it.cpu)], ["memory", bytes(it.memoryBytes)],
			["descriptors", count(it.descriptors)], ["at most", count(it.maxDescriptors)],
			["lag p50", seconds(it.loopLag.p50)], ["lag p99", this.#lag(it.loopLag.p99)],
			["in", `${bytes(it.bytesInPerSecond)}/s`], ["out", `${bytes(it.bytesOutPerSecond)}/s`],
		];
		return [this.#title("Server", width), ...this.#pairs(width, pairs)];
	}

	#lag(s) {
		return s > 0.1 ? this.paint("red", seconds(s)) : seconds(s);
	}
}
