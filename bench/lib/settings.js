// What the user may choose, and how a wrong choice ends.

/* Exits. */
export function wrongUsage(text) {
	process.stderr.write(`bench: ${text}\n`);
	process.exit(2);
}

/* A positive whole number from the environment. */
export function setting(name, fallback) {
	const text = process.env[name] || String(fallback);
	if (!/^[1-9]\d{0,6}$/.test(text)) wrongUsage(`${name}=${text}: want a whole number from 1 to 9999999`);
	return Number(text);
}
