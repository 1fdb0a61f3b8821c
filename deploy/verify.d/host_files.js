// The files of the installation: are its secrets secret, and worth the name?

import { existsSync, readdirSync, statSync } from "node:fs";
import { ETC } from "./options.js";
import { fail, ok, skip, warn } from "./report.js";

const KEY_CHARS = 32;
const KEYS = ["SANDBOX_API_KEY", "ADMIN_API_KEY", "AUTH_SECRET"];

/* Holds nothing but the site's name, which Caddy has to read. */
const PUBLIC_FILES = ["site.env"];

const octal = (mode) => (mode & 0o7777).toString(8).padStart(4, "0");

function complaint(path, wanted) {
	const { mode, uid } = statSync(path);
	if (uid !== 0) return `${path} belongs to user ${uid}`;
	return mode & 0o7777 & ~wanted ? `${path} has mode ${octal(mode)}, not ${octal(wanted)}` : undefined;
}

function modes() {
	const names = readdirSync(ETC);
	const inside = names.map((name) => complaint(`${ETC}/${name}`, PUBLIC_FILES.includes(name) ? 0o644 : 0o600));
	const wrong = [complaint(ETC, 0o750), ...inside].filter(Boolean);
	return wrong.length ? fail(wrong.join("; ")) : ok(names.join(" "));
}

function keys(settings) {
	const set = KEYS.filter((name) => settings[name]);
	const short = set.filter((name) => settings[name].length < KEY_CHARS);
	if (short.length) return fail(`shorter than ${KEY_CHARS} characters: ${short.join(", ")}`);
	if (new Set(set.map((name) => settings[name])).size < set.length) return fail("two of them are the same");
	return settings.SANDBOX_API_KEY ? ok(set.join(" ")) : warn("SANDBOX_API_KEY is not set: anybody gets a terminal");
}

export async function files({ report, settings }) {
	const there = existsSync(ETC) || skip(`there is no ${ETC}`);
	await report.check("only root reads the configuration", () => (there === true ? modes() : there));
	await report.check("the keys are long, and different ones", () => (there === true ? keys(settings) : there));
}
