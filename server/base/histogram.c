#include "base/histogram.h"

#define MS 1000000ULL
#define S  (1000 * MS)

const struct histogram_bounds histogram_short = {
	15,
	{MS / 10, MS / 4, MS / 2, MS, 5 * MS / 2, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS,
	 250 * MS, 500 * MS, S, 5 * S / 2, 5 * S},
};

const struct histogram_bounds histogram_long = {
	18,
	{MS / 4, MS, 5 * MS / 2, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS, 300 * MS,
	 500 * MS, S, 5 * S / 2, 5 * S, 10 * S, 30 * S, 60 * S, 120 * S},
};

void histogram_init(struct histogram *h, const struct histogram_bounds *bounds)
{
	*h = (struct histogram){.bounds = bounds};
}

void histogram_note(struct histogram *h, uint64_t duration_ns)
{
	size_t i = 0;

	while (i < h->bounds->count && duration_ns > h->bounds->upper_ns[i])
		i++;
	h->counts[i]++;
	h->sum_ns += duration_ns;
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= h->bounds->count; i++)
		count += h->counts[i];
	return count;
}
