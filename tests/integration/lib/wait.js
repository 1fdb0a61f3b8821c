// Waiting, always with a limit. Where something announces itself, wait for the event; until() is for
// what does not: the Engine's lists and /proc.

/* Machines are slow and the server may be an ASan build: a limit says "hangs", not "is slow". */
export const LIMIT_MS = 20_000;

const LOOK_EVERY_MS = 25;

export class TimeLimit extends Error {}

/* what: text, or a function that gives the text once the limit has passed. */
export function within(promise, what, limitMs = LIMIT_MS) {
	let timer;
	const limit = new Promise((_, reject) => {
		timer = setTimeout(() => {
			const text = typeof what === "function" ? what() : what;
			reject(new TimeLimit(`not within ${limitMs} ms: ${text}`));
		}, limitMs);
	});
	return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

export function pause(ms) {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

/* The first truthy value that look() gives. The last other one goes into the error. */
export async function until(look, what, limitMs = LIMIT_MS) {
	const end = performance.now() + limitMs;
	for (;;) {
		const value = await look();
		if (value) return value;
		if (performance.now() > end)
			throw new TimeLimit(`not within ${limitMs} ms: ${what} (last seen: ${JSON.stringify(value)})`);
		await pause(LOOK_EVERY_MS);
	}
}

/* A promise and its two ends. */
export function deferred() {
	const it = {};
	it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }));
	return it;
}
