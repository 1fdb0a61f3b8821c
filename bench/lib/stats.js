// Percentiles, and two ways of doing the same thing taken in turns.

/* Nearest rank: always a value that was measured. sorted: from the best to the worst. */
function percentile(sorted, share) {
	return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/* {n, p50, p90, p99}; 90 of 100 samples are as good as p90 or better. higherIsBetter: the samples are
 * rates, not times. */
export function summarize(samples, { higherIsBetter = false } = {}) {
	const sorted = Float64Array.from(samples).sort();
	if (higherIsBetter) sorted.reverse();
	return {
		n: sorted.length,
		p50: percentile(sorted, 0.5),
		p90: percentile(sorted, 0.9),
		p99: percentile(sorted, 0.99),
	};
}

/* Runs the two by turns, and each of them first every other time, so that what else the machine does
 * hits both alike. Each is an async function that gives one sample. */
export async function interleave(rounds, ours, reference) {
	const samples = { ours: [], reference: [] };
	for (let round = 0; round < rounds; round++) {
		if (round % 2) samples.reference.push(await reference(round));
		samples.ours.push(await ours(round));
		if (round % 2 === 0) samples.reference.push(await reference(round));
	}
	return samples;
}
