#include "bench/stats.h"

#include <stdlib.h>

void samples_add(struct samples *s, double value)
{
	if (s->count == s->alloc) {
		s->alloc = s->alloc ? 2 * s->alloc : 1024;
		s->values = realloc(s->values, s->alloc * sizeof(*s->values));
		if (!s->values)
			abort();
	}
	s->values[s->count++] = value;
}

void samples_finish(struct samples *s)
{
	free(s->values);
	*s = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The rank of percent in count, from 0: the smallest number that covers so many of a hundred. */
static size_t rank(size_t count, unsigned percent)
{
	return (count * percent + 99) / 100 - 1;
}

struct summary samples_summarize(struct samples *s, bool higher_is_better)
{
	size_t n = s->count;

	if (!n)
		return (struct summary){0};
	qsort(s->values, n, sizeof(*s->values), compare);
	size_t p50 = rank(n, 50), p90 = rank(n, 90), p99 = rank(n, 99);
	if (higher_is_better) {
		p50 = n - 1 - p50;
		p90 = n - 1 - p90;
		p99 = n - 1 - p99;
	}
	return (struct summary){n, s->values[p50], s->values[p90], s->values[p99]};
}
