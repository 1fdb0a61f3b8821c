// Echo: one byte to `cat` in raw mode and back, one at a time.

import assert from "node:assert/strict";
import { cpuMs } from "./lib/cost.js";
import { withPair } from "./lib/sessions.js";
import { setting } from "./lib/settings.js";
import { interleave, summarize } from "./lib/stats.js";

const KEYS = setting("BENCH_KEYS", 5000);
const WARM_UP_KEYS = 200;
const LETTERS = 26;

function keyOf(round) {
	return String.fromCharCode("a".charCodeAt(0) + (round % LETTERS));
}

async function startCat(line) {
	/* The marker is put together by the shell, so that the echo of this line does not hold it. */
	line.send("stty raw -echo; printf '<%s>' go; exec cat\r");
	await line.readText("<go>");
}

/* Milliseconds. */
function roundTrip(line, key) {
	const start = performance.now();
	const back = line.read((bytes) => {
		const end = performance.now();
		assert.equal(bytes.toString("latin1"), key);
		return end - start;
	}, "the echo");
	line.send(key);
	return back;
}

export function measureKeystrokes(context) {
	return withPair(context, async ({ ours, raw }) => {
		await Promise.all([startCat(ours), startCat(raw)]);
		const turns = (count) => interleave(count, (i) => roundTrip(ours, keyOf(i)), (i) => roundTrip(raw, keyOf(i)));
		await turns(WARM_UP_KEYS);
		const before = cpuMs(context.server.pid);
		const samples = await turns(KEYS);
		const used = cpuMs(context.server.pid) - before;
		return {
			figures: [{
				title: "keystroke and its echo",
				unit: "ms",
				ours: summarize(samples.ours),
				references: [["raw attach stream", summarize(samples.reference)]],
			}],
			costs: [["CPU per 1000 keystrokes", (used / KEYS) * 1000, "ms"]],
		};
	});
}
