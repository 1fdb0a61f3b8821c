/*
 * How late the timers of a loop fire: the time that something else on the loop took, during which nobody was served.
 *
 * A loop counts in whole milliseconds, so that up to one is nothing but that.
 */
#ifndef SANDBOX_BASE_LOOP_LAG_H
#define SANDBOX_BASE_LOOP_LAG_H

#include <stdint.h>

#include "base/histogram.h"

struct loop_lag {
	struct histogram late;
	uint64_t due_ns; /* of the next call; 0 before the first */
};

void loop_lag_init(struct loop_lag *l);

/* Call it first in the callback of a timer that repeats. loop_ms is what the loop takes for now, from when on it counts to the next
 * call (uv_now); now_ns is now, on the same clock. */
void loop_lag_note(struct loop_lag *l, uint64_t loop_ms, uint64_t interval_ms, uint64_t now_ns);

#endif
