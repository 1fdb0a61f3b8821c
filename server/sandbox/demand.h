/*
 * How many spare sandboxes are worth keeping: an estimate of arrivals, and the number that follows from it.
 *
 * The rate is an exponentially weighted average that rises with each arrival and decays by the clock. The number is what a Poisson
 * process of that rate needs within DEMAND_HORIZON_MS, with two standard deviations over the mean: it follows a rush at once, and
 * is given up one by one, DEMAND_SHRINK_MS apart. Pure: no clock of its own.
 */
#ifndef SANDBOX_SANDBOX_DEMAND_H
#define SANDBOX_SANDBOX_DEMAND_H

#include <stddef.h>
#include <stdint.h>

/* Within which time what was taken is replaced, with some to spare. */
#define DEMAND_HORIZON_MS 5000

/* Time constant of the average. */
#define DEMAND_MEMORY_MS 30000

/* Between two steps down. */
#define DEMAND_SHRINK_MS 30000

struct demand {
	double rate; /* arrivals per millisecond */
	uint64_t at_ms;
	size_t target;
	uint64_t shrunk_ms;
};

/* At first there is none. size: never fewer; max: never more. */
void demand_init(struct demand *d, size_t size, uint64_t now_ms);

void demand_arrival(struct demand *d, uint64_t now_ms);

/* The number for now; call it now and then, since it goes down by the clock. */
size_t demand_target(struct demand *d, size_t size, size_t max, uint64_t now_ms);

#endif
