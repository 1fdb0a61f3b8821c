// Throughput: a program in the sandbox writes as fast as it can. The clock runs from the first byte to the
// last, and every byte is checked.

import assert from "node:assert/strict";
import { cpuMs } from "./lib/cost.js";
import { withPair } from "./lib/sessions.js";
import { setting } from "./lib/settings.js";
import { interleave, summarize } from "./lib/stats.js";

const MEGABYTE = 1_000_000;
const ROUNDS = setting("BENCH_FLOOD_ROUNDS", 7);
const BYTES = setting("BENCH_FLOOD_MB", 50) * MEGABYTE;
const LIMIT_MS = 300_000;

const START = 1; /* a byte that the echo of the command cannot hold */
const EXPECTED = Buffer.alloc(1 << 20, "x");

/* The cheapest writer there is, so that the way and not the program is measured: with half a CPU, a pipe
 * through tr inside the sandbox would take most of it. The arguments are one file, as often as needed. */
const FILE = "/tmp/bench";
const PREPARE = [
	`head -c ${MEGABYTE} /dev/zero | tr '\\0' x >${FILE}`,
	`set -- $(yes ${FILE} | head -n ${BYTES / MEGABYTE})`,
	"printf '<%s>' ready\r",
].join("; ");
const COMMAND = "printf '\\001'; cat \"$@\"\r";

async function prepare(line) {
	line.send(PREPARE);
	await line.readText("<ready>");
}

function assertAllX(bytes) {
	for (let at = 0; at < bytes.length; at += EXPECTED.length) {
		const part = bytes.subarray(at, at + EXPECTED.length);
		assert.ok(part.equals(EXPECTED.subarray(0, part.length)), `output differs: ${part.toString("latin1", 0, 80)}`);
	}
}

/* What of a piece of output belongs to the flood; begun: the marker has been seen before. */
function payloadOf(bytes, begun) {
	if (begun) return bytes;
	const at = bytes.indexOf(START);
	return at < 0 ? null : bytes.subarray(at + 1);
}

/* Sends the command; resolves to MB/s. */
function flood(line) {
	let begun = false;
	let start;
	let left = BYTES;
	const take = (bytes) => {
		const payload = payloadOf(bytes, begun)?.subarray(0, left);
		begun ||= payload !== undefined;
		if (!payload?.length) return undefined;
		start ??= performance.now();
		assertAllX(payload);
		left -= payload.length;
		return left ? undefined : BYTES / MEGABYTE / ((performance.now() - start) / 1000);
	};
	const done = line.read(take, () => `${BYTES} bytes; ${left} are missing`, LIMIT_MS);
	line.send(COMMAND);
	return done;
}

function rates(samples) {
	return summarize(samples, { higherIsBetter: true });
}

export function measureFlood(context) {
	return withPair(context, async ({ ours, raw }) => {
		await Promise.all([prepare(ours), prepare(raw)]);
		let used = 0;
		const floodOurs = async () => {
			const before = cpuMs(context.server.pid);
			const rate = await flood(ours);
			used += cpuMs(context.server.pid) - before;
			return rate;
		};
		await Promise.all([flood(ours), flood(raw)]); /* warm up */
		const samples = await interleave(ROUNDS, floodOurs, () => flood(raw));
		return {
			figures: [{
				title: `flood of ${BYTES / MEGABYTE} MB`,
				unit: "MB/s",
				ours: rates(samples.ours),
				references: [["raw attach stream, credit granted at once", rates(samples.reference)]],
			}],
			costs: [["CPU per MB of output", used / ROUNDS / (BYTES / MEGABYTE), "ms"]],
		};
	});
}
