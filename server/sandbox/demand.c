#include "sandbox/demand.h"

#include <math.h>

void demand_init(struct demand *d, size_t size, uint64_t now_ms)
{
	*d = (struct demand){.at_ms = now_ms, .target = size, .shrunk_ms = now_ms};
}

static void decay(struct demand *d, uint64_t now_ms)
{
	if (now_ms <= d->at_ms)
		return;
	d->rate *= exp(-(double)(now_ms - d->at_ms) / DEMAND_MEMORY_MS);
	d->at_ms = now_ms;
}

void demand_arrival(struct demand *d, uint64_t now_ms)
{
	decay(d, now_ms);
	d->rate += 1.0 / DEMAND_MEMORY_MS;
}

/* Who wants none kept ready wants none in a rush either. */
static size_t wanted(const struct demand *d, size_t size, size_t max)
{
	double mean = d->rate * DEMAND_HORIZON_MS;
	size_t count = size ? (size_t)ceil(mean + 2 * sqrt(mean)) : 0;

	count = count > max ? max : count;
	return count < size ? size : count;
}

size_t demand_target(struct demand *d, size_t size, size_t max, uint64_t now_ms)
{
	decay(d, now_ms);
	size_t count = wanted(d, size, max);
	if (count >= d->target) {
		d->target = count;
		d->shrunk_ms = now_ms;
	} else if (now_ms - d->shrunk_ms >= DEMAND_SHRINK_MS) {
		d->target--;
		d->shrunk_ms = now_ms;
	}
	return d->target;
}
