// The text of /metrics, read back by every rule of Prometheus' exposition format 0.0.4 and of its conventions for
// names: who breaks one is not read at all.

import assert from "node:assert/strict";
import { get } from "./http.js";

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\[\\\\n])+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.+)\\})? (\\S+)$`);
/* A label's value has no bare quote and no escape but these three. */
const LABEL = /(?:^|,)([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"/y;
const NUMBER = /^(NaN|[+-]Inf|-?\d+(\.\d+)?([eE][+-]?\d+)?)$/;
const SUFFIXES = { histogram: ["_bucket", "_sum", "_count"], counter: [""], gauge: [""] };
const FOREIGN_UNITS = /_(ms|us|ns|milliseconds|microseconds|minutes|hours|kb|mb|kilobytes|megabytes|percent)(_|$)/;

function unescape(text) {
	return text.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char));
}

function parseLabels(text, line) {
	const labels = {};
	for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length; ) {
		const found = LABEL.exec(text);
		assert.ok(found, `labels that cannot be read: ${line}`);
		assert.equal(found[1] in labels, false, `a label twice: ${line}`);
		assert.doesNotMatch(found[1], /^__/, line);
		labels[found[1]] = unescape(found[2]);
	}
	return labels;
}

function parseNumber(text, line) {
	assert.match(text, NUMBER, `no number: ${line}`);
	return Number(text.replace("Inf", "Infinity"));
}

function keyOf(name, labels) {
	const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
	return `${name}${JSON.stringify(pairs)}`;
}

/* What belongs to one name: its two lines of comment, then its samples, and nothing between. */
class Family {
	samples = [];

	constructor(name, help) {
		this.name = name;
		this.help = help;
	}

	get labels() {
		const names = this.samples.map(({ labels }) => Object.keys(labels).filter((name) => name !== "le").join());
		assert.equal(new Set(names).size, 1, `${this.name}: every series has the same labels`);
		return names[0] === "" ? [] : names[0].split(",");
	}

	take(name, labels, value, line) {
		assert.ok(this.type, `a sample before its TYPE: ${line}`);
		assert.ok(SUFFIXES[this.type].some((suffix) => name === this.name + suffix), `not of ${this.name}: ${line}`);
		assert.equal("le" in labels, name === `${this.name}_bucket` && this.type === "histogram", line);
		this.samples.push({ name, labels, value });
	}

	check() {
		assert.ok(this.samples.length > 0, `${this.name} has no series`);
		assert.equal(/_total$/.test(this.name), this.type === "counter", `${this.name} is a ${this.type}`);
		assert.doesNotMatch(this.name, FOREIGN_UNITS);
		if (this.type !== "gauge") for (const { value } of this.samples) assert.ok(value >= 0, `${this.name} is ${value}`);
		if (this.type === "histogram") this.#checkHistograms();
		this.labels;
	}

	#checkHistograms() {
		for (const [key, samples] of groupBy(this.samples, setOf)) this.#checkHistogram(key, samples);
	}

	#checkHistogram(key, samples) {
		const what = `${this.name}${key}`;
		const buckets = samples.filter(({ name }) => name.endsWith("_bucket"));
		const [sum, count, ...more] = ["_sum", "_count"].flatMap((suffix) => samples.filter(({ name }) => name === this.name + suffix));
		assert.ok(sum && count && more.length === 0, `${what}: one sum, one count`);
		assert.deepEqual(samples, [...buckets, sum, count], `${what}: buckets, sum, count`);
		const bounds = buckets.map(({ labels }) => parseNumber(labels.le, what));
		for (let i = 1; i < buckets.length; i++) {
			assert.ok(bounds[i] > bounds[i - 1], `${what}: bounds ascend`);
			assert.ok(buckets[i].value >= buckets[i - 1].value, `${what}: buckets are cumulated`);
		}
		assert.equal(bounds.at(-1), Infinity, `${what}: the last bucket has all`);
		assert.equal(buckets.at(-1).value, count.value, what);
		assert.ok(buckets.every(({ value }) => Number.isInteger(value)), what);
		if (count.value === 0) assert.equal(sum.value, 0, what);
	}
}

function setOf({ labels: { le, ...others } }) {
	return JSON.stringify(others);
}

function groupBy(list, key) {
	const groups = new Map();
	for (const each of list) groups.set(key(each), [...(groups.get(key(each)) ?? []), each]);
	return groups;
}

/* One scrape. */
export class Exposition {
	families = new Map();
	#values = new Map();

	constructor(text) {
		assert.match(text, /\n$/, "the last line has an end");
		let family;
		for (const line of text.slice(0, -1).split("\n")) family = this.#take(line, family);
		for (const each of this.families.values()) each.check();
	}

	#take(line, family) {
		const [help, type, sample] = [HELP, TYPE, SAMPLE].map((regex) => regex.exec(line));
		if (help) return this.#begin(help[1], unescape(help[2]), family);
		if (type) {
			assert.deepEqual([type[1], family?.type, family?.samples.length], [family?.name, undefined, 0], `TYPE follows HELP: ${line}`);
			family.type = type[2];
			return family;
		}
		assert.ok(sample && family, `not a line of the format: ${JSON.stringify(line)}`);
		const labels = parseLabels(sample[2] ?? "", line);
		const value = parseNumber(sample[3], line);
		family.take(sample[1], labels, value, line);
		const key = keyOf(sample[1], labels);
		assert.equal(this.#values.has(key), false, `a series twice: ${line}`);
		this.#values.set(key, value);
		return family;
	}

	#begin(name, help, before) {
		assert.equal(this.families.has(name), false, `${name} twice`);
		assert.ok(!before || before.type, `${before?.name} has no TYPE`);
		const family = new Family(name, help);
		this.families.set(name, family);
		return family;
	}

	/* Of a series that must be there. */
	value(name, labels = {}) {
		const key = keyOf(name, labels);
		assert.ok(this.#values.has(key), `there is no ${key}`);
		return this.#values.get(key);
	}

	/* By the value of a family's only label. */
	by(name, label) {
		const { samples } = this.families.get(name);
		return Object.fromEntries(samples.map(({ labels, value }) => [labels[label], value]));
	}
}

/* server: anything with a url. */
export async function scrape(server) {
	const answer = await get(server, "/metrics");
	assert.equal(answer.status, 200, answer.text);
	assert.equal(answer.headers["content-type"], CONTENT_TYPE);
	return new Exposition(answer.text);
}
