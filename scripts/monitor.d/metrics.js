// Reads the text that a server has for Prometheus. It may be anybody's: it is bounded by who fetched it, and a line that
// is not understood is an error that names it.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/* Several times what any label of a server of ours has. */
const VALUES_MAX = 100;

function readNumber(text) {
	if (/^[+-]?Inf$/.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
	return text === "NaN" ? NaN : /^[-+\d.eE]+$/.test(text) ? Number(text) : undefined;
}

/* {name: value}, or undefined. */
function readLabels(text) {
	const labels = Object.create(null);
	LABEL.lastIndex = 0;
	let end = 0;
	for (const [all, name, value] of text.matchAll(LABEL)) {
		labels[name] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
		end += all.length;
	}
	return end === text.length ? labels : undefined;
}

/* The share of a bucket's observations is taken to lie evenly in it, as Prometheus does. What is beyond the last limit is that limit. */
function within(limits, counts, i, rank) {
	const [from, below] = i ? [limits[i - 1], counts[i - 1]] : [0, 0];
	return limits[i] === Infinity ? from : from + (limits[i] - from) * ((rank - below) / (counts[i] - below));
}

/* Cumulative counts by ascending limits, as Prometheus has them. */
export class Histogram {
	constructor(limits, counts) {
		this.limits = limits;
		this.counts = counts;
	}

	get count() {
		return this.counts.at(-1) ?? 0;
	}

	/* What has come since an earlier look at the same one. */
	since(earlier) {
		const same = earlier && earlier.limits.length === this.limits.length && earlier.count <= this.count;
		return same ? new Histogram(this.limits, this.counts.map((n, i) => n - earlier.counts[i])) : this;
	}

	/* In seconds; undefined when there is nothing in it. */
	quantile(share) {
		if (!this.count) return undefined;
		const rank = share * this.count;
		return within(this.limits, this.counts, this.counts.findIndex((n) => n > 0 && n >= rank), rank);
	}
}

export class Metrics {
	#series = new Map();

	constructor(text) {
		text.split("\n").forEach((line, i) => line && !line.startsWith("#") && this.#read(line, i + 1));
	}

	#read(line, number) {
		const [, name, inner, text] = LINE.exec(line) ?? [];
		const labels = name && readLabels(inner ?? "");
		const value = labels && readNumber(text);
		if (value === undefined || (Number.isNaN(value) && text !== "NaN")) throw new Error(`line ${number} is none of a metric`);
		if (!this.#series.has(name)) this.#series.set(name, []);
		this.#series.get(name).push({ labels, value });
	}

	has(name) {
		return this.#series.has(name);
	}

	#matching(name, labels) {
		const wanted = Object.entries(labels);
		return (this.#series.get(name) ?? []).filter((each) => wanted.every(([key, value]) => each.labels[key] === value));
	}

	/* The sum of all series that match; undefined when none does. */
	value(name, labels = {}) {
		const found = this.#matching(name, labels);
		return found.length ? found.reduce((sum, each) => sum + each.value, 0) : undefined;
	}

	/* The first values of a label, in the server's order. */
	values(name, label) {
		const all = new Set(this.#matching(name, {}).map(({ labels }) => labels[label]));
		return [...all].filter((each) => each !== undefined).slice(0, VALUES_MAX);
	}

	/* {value of a label: sum of its series} */
	by(name, label) {
		return Object.fromEntries(this.values(name, label).map((each) => [each, this.value(name, { [label]: each })]));
	}

	histogram(name, labels = {}) {
		const sums = new Map();
		for (const { labels: { le }, value } of this.#matching(`${name}_bucket`, labels)) {
			const limit = readNumber(le ?? "");
			if (!Number.isNaN(limit) && limit !== undefined) sums.set(limit, (sums.get(limit) ?? 0) + value);
		}
		const limits = [...sums.keys()].sort((a, b) => a - b);
		return new Histogram(limits, limits.map((limit) => sums.get(limit)));
	}
}
