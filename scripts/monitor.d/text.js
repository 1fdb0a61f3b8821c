// Numbers for people, and lines of a known width. Lines may hold colours of our own, which have no width; what a server
// says has been made plain before it gets here.

const SGR = /\x1b\[[\d;]*m/;
const STYLES = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" };

export const COLOURLESS = (_, text) => text;
export const COLOURED = (style, text) => (text ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text);

/* What a terminal without UTF-8 can show, too. */
export const SYMBOLS = { dot: "●", full: "█", empty: "░", rule: "─", between: "·", more: "…", alert: "▲" };
export const ASCII_SYMBOLS = { dot: "*", full: "#", empty: ".", rule: "-", between: "-", more: "...", alert: "!" };

export function widthOf(line) {
	return line.replace(new RegExp(SGR, "g"), "").length;
}

/* Cut where it is wider than that, with what it needs to end its colours. */
export function clip(line, width) {
	let left = width;
	const parts = line.split(new RegExp(`(${SGR.source})`)).map((part) => {
		if (SGR.test(part)) return part;
		const kept = part.slice(0, Math.max(left, 0));
		left -= part.length;
		return kept;
	});
	return parts.join("");
}

/* Exactly that wide. */
export function fit(line, width) {
	return clip(line, width) + " ".repeat(Math.max(width - widthOf(line), 0));
}

/* A label at the left, and cells at the right, each right-aligned in a column of its own width; none given: as wide as it is. */
export function tableLine(width, label, cells, widths = []) {
	const right = cells.map((cell, i) => " ".repeat(Math.max((widths[i] ?? 0) - widthOf(cell), 0)) + cell).join("");
	return fit(label, Math.max(width - widthOf(right), 0)) + right;
}

function digits(n) {
	return n < 10 && n !== Math.round(n) ? n.toFixed(1) : String(Math.round(n));
}

function scaled(n, step, units) {
	let i = 0;
	while (n >= step * 0.9995 && i < units.length - 1) {
		n /= step;
		i++;
	}
	return `${digits(n)}${units[i]}`;
}

const known = (n) => Number.isFinite(n);

export const count = (n) => (known(n) ? scaled(n, n < 100_000 ? Infinity : 1000, ["", "k", "M", "G", "T"]) : "-");
export const perSecond = (n) => (known(n) ? (n > 0 && n < 0.05 ? "<0.1" : digits(n)) : "-");
export const bytes = (n) => (known(n) ? scaled(n, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]) : "-");
export const percent = (share) => (known(share) ? `${digits(share * 100)} %` : "-");

export function seconds(s) {
	if (!known(s)) return "-";
	if (s < 0.9995) return `${digits(s * 1000)} ms`;
	return s < 59.5 ? `${digits(s)} s` : age(s);
}

/* 3d4h, 2h15m, 12m5s */
export function age(s) {
	if (!known(s)) return "-";
	const units = [["d", Math.floor(s / 86400)], ["h", Math.floor(s / 3600) % 24], ["m", Math.floor(s / 60) % 60], ["s", Math.floor(s) % 60]];
	const first = units.findIndex(([, n]) => n > 0);
	return first < 0 ? "0s" : units.slice(first, first + 2).map(([unit, n]) => `${n}${unit}`).join("");
}
