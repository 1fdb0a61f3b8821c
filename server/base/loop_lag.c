#include "base/loop_lag.h"

#define NS_PER_MS 1000000

void loop_lag_init(struct loop_lag *l)
{
	l->due_ns = 0;
	histogram_init(&l->late, &histogram_short);
}

void loop_lag_note(struct loop_lag *l, uint64_t loop_ms, uint64_t interval_ms, uint64_t now_ns)
{
	if (l->due_ns)
		histogram_note(&l->late, now_ns > l->due_ns ? now_ns - l->due_ns : 0);
	l->due_ns = (loop_ms + interval_ms) * NS_PER_MS;
}
