/*
 * Samples, and what is said of them: percentiles by nearest rank, so always a value that was measured. Pure.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>

struct samples {
	double *values;
	size_t count, alloc;
};

/* An empty one is all zeros. Without memory the program ends. */
void samples_add(struct samples *s, double value);
void samples_finish(struct samples *s);

/* 90 of 100 samples are as good as p90 or better. */
struct summary {
	size_t count;
	double p50, p90, p99;
};

/* Sorts the samples. All zeros of none. higher_is_better: they are rates, not times. */
struct summary samples_summarize(struct samples *s, bool higher_is_better);

#endif
