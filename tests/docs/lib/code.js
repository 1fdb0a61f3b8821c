// What the code says: events, reasons, codes and settings, read from its sources.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/* Every file of the repository that is not a page; the state of the work tree, not of a commit. */
export const FILES = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" }).trim().split("\n");
const PAGES = /\.md$|^docs\/sandbox-api\.8$/;

/* A string of C, split over lines as clang-format does. */
const STRING = String.raw`"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*`;

export function read(path) {
	return readFileSync(path, "utf8");
}

export function pages() {
	return FILES.filter((path) => path.endsWith(".md"));
}

const sources = FILES.filter((path) => /^server\/.*\.c$/.test(path)).map((path) => ({ path, text: read(path) }));

/* All text but that of pages: a variable that a page names must stand somewhere in it. */
export const everything = FILES.filter((path) => !PAGES.test(path) && !/^tests\/fuzz\/corpus\//.test(path)).map(read).join("\n");

function unquote(text) {
	return [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, part]) => part).join("");
}

function matches(regex, folder = "") {
	return sources.filter(({ path }) => path.startsWith(`server/${folder}`)).flatMap(({ text }) => [...text.matchAll(regex)]);
}

function first(regex, folder) {
	return [...new Set(matches(regex, folder).map(([, text]) => (text.startsWith('"') ? unquote(text) : text)))];
}

/* {event: level} */
export function events() {
	const usual = matches(/\blog_(error|warn|info|debug)\(\s*"([a-z_]+\.[a-z_]+)"/g).map(([, level, event]) => [event, level]);
	const written = matches(/\blog_write\(LOG_([A-Z]+),\s*"([a-z_]+\.[a-z_]+)"/g).map(([, level, event]) => [event, level.toLowerCase()]);
	return Object.fromEntries([...usual, ...written].sort());
}

export function healthReasons() {
	const named = first(new RegExp(String.raw`add_reason\(&?h,\s*(${STRING})`, "g"), "edge/api.c");
	return [...named, ...first(/"(image of environment [a-z]+ is missing)"/g, "edge/api.c")].sort();
}

/* As a page writes them: n for a number. */
export function roomReasons() {
	const formats = first(new RegExp(String.raw`snprintf\(r\.reason,\s*sizeof\(r\.reason\),\s*(${STRING})`, "g"));
	return formats.map((format) => format.replace(/%zu|%d/g, "n").replaceAll("%%", "%")).sort();
}

export function endings() {
	const [{ text }] = sources.filter(({ path }) => path === "server/session/ending.c");
	return text.split(/\[END_/).slice(1).map((entry) => {
		const field = (name) => {
			const found = new RegExp(String.raw`\.${name} = (${STRING}|\d+)`).exec(entry)?.[1];
			return found?.startsWith('"') ? unquote(found) : found;
		};
		return { name: field("name"), code: field("close_code"), text: field("text"), error: field("error"), warning: field("warning_code") };
	});
}

/* The limits that a refusal in the log can name. */
export function limits() {
	const verdicts = first(/\[LIMITER_(?!OK\b)[A-Z_]+\] = "([a-z_]+)"/g, "session/limiter.c");
	return [...verdicts, ...first(/LIMITER_OK \? "([a-z]+)"/g, "session"), ...first(/"Too many concurrent connections", "([a-z]+)"/g, "edge")].sort();
}

export function httpCodes() {
	const answered = first(/\b(?:http_answer_error|http_refuse_upgrade)\(\w+, \d+,\s*"([A-Z][A-Za-z]+)"/g, "edge");
	const refused = first(/\(struct refusal\)\{\d+, "([A-Z][A-Za-z]+)"/g, "edge");
	const admitted = [...first(/refusal = "([A-Z][A-Za-z]+)"/g, "edge"), ...first(/return "([A-Z][A-Za-z]+)"/g, "edge/admission.c")];
	return [...new Set([...answered, ...refused, ...admitted])].sort();
}

export function messageCodes() {
	const wired = first(/wire_error\([^;]*?"([A-Z][A-Za-z]+)"[^;]*?;/g, "edge");
	const busy = first(/ERR_BUSY \? "([A-Z][A-Za-z]+)" : "[A-Z]/g, "edge");
	const otherwise = first(/ERR_BUSY \? "[A-Z][A-Za-z]+" : "([A-Z][A-Za-z]+)"/g, "edge");
	const ended = endings().flatMap(({ error, warning }) => [error, warning]).filter(Boolean);
	return [...new Set([...wired, ...busy, ...otherwise, ...ended])].sort();
}
