/*
 * Histograms of durations, with fixed buckets. To note one is a short search and two additions: no allocation, no floating point.
 */
#ifndef SANDBOX_BASE_HISTOGRAM_H
#define SANDBOX_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 20

/* Upper bounds, ascending; a duration at a bound is within it. */
struct histogram_bounds {
	size_t count;
	uint64_t upper_ns[HISTOGRAM_BOUNDS_MAX];
};

/* For what a person must not notice: 0.1 ms to 5 s. */
extern const struct histogram_bounds histogram_short;

/* For what somebody waits for: 0.25 ms to 2 min. */
extern const struct histogram_bounds histogram_long;

struct histogram {
	const struct histogram_bounds *bounds;
	uint64_t counts[HISTOGRAM_BOUNDS_MAX +
			1]; /* of each bucket alone; after the last bound all the rest */
	uint64_t sum_ns;
};

/* Empty; bounds must live longer. */
void histogram_init(struct histogram *h, const struct histogram_bounds *bounds);

void histogram_note(struct histogram *h, uint64_t duration_ns);

/* All that were noted. */
uint64_t histogram_count(const struct histogram *h);

#endif
