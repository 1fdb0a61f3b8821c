/*
 * What a run has found: figures beside their references, costs, and whether the goals are met. As tables for people, and as lines of fields
 * separated by tabs for bench/record.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/stats.h"

enum figure_ratio {
	RATIO_NONE,
	RATIO_P50,
	RATIO_P99,
};

/* A goal is a bound that something stays below or, for rates, above; 0: there is none. */
struct figure {
	const char *group, *title, *unit;
	bool is_rate;
	struct summary ours;
	const char *reference_title; /* NULL: there is none, nor a ratio */
	struct summary reference;
	enum figure_ratio ratio;
	double ratio_goal; /* ours to the reference */
	double p99_goal;   /* in the unit */
};

/* One number that has no reference. */
struct cost {
	const char *group, *title, *unit;
	double value, goal;
};

struct report {
	struct figure *figures;
	struct cost *costs;
	size_t figure_count, cost_count;
};

/* Titles must live as long as the report. */
void report_figure(struct report *r, const struct figure *f);
void report_cost(struct report *r, const struct cost *c);
void report_finish(struct report *r);

void report_print_tables(const struct report *r, FILE *out);

/* A line for each figure and cost: bench/cells.awk has the form. */
void report_print_fields(const struct report *r, FILE *out);

/* Ours to the reference, of the percentile that counts; 0 without one. Pure. */
double figure_ratio(const struct figure *f);

/* "met", "missed" or "". Pure. */
const char *figure_verdict(const struct figure *f);

/* Three significant digits, without an exponent. Returns text. */
#define ROUNDED_BYTES 32
char *report_round(char text[ROUNDED_BYTES], double value);

#endif
