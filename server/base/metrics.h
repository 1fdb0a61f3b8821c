/*
 * Metrics: what a program counts of itself, as text for Prometheus (exposition format 0.0.4).
 *
 * Counting needs nothing from here: a counter is a number that its owner adds to, a gauge one that its owner knows anyway, durations go to
 * a histogram (histogram.h). A table says what of that there is: each row a name, a type, what it means, labels with the fixed sets
 * of their values, and how to read it. Every series of a row is always written, so that a rate begins at 0.
 */
#ifndef SANDBOX_BASE_METRICS_H
#define SANDBOX_BASE_METRICS_H

#include <stddef.h>

#include "base/histogram.h"

/* Of the text that metrics_write() makes. */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#define METRIC_LABELS_MAX 2

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

/* Its values are value(0) to value(count - 1): any text, valid while the table is written. */
struct metric_label {
	const char *name; /* NULL: no label */
	size_t count;
	const char *(*value)(size_t i);
};

/* Which of its labels' values: an index for each label. */
typedef double (*metric_number_fn)(const void *source, const size_t *at);
typedef const struct histogram *(*metric_histogram_fn)(const void *source, const size_t *at);

struct metric {
	const char *name; /* by Prometheus' conventions: _total, _seconds, _bytes */
	enum metric_type type;
	const char *help;
	metric_number_fn number;       /* of a gauge or a counter */
	metric_histogram_fn histogram; /* of a histogram */
	struct metric_label labels[METRIC_LABELS_MAX];
};

/* Writes all rows, as read from source. The text is from the heap, NUL-terminated, *len bytes long; NULL when it would be longer than max
 * bytes or memory is out: half a text would be a lie. */
char *metrics_write(const struct metric *table, size_t count, const void *source, size_t max,
		    size_t *len);

#endif
