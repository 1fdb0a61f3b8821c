/*
 * Somebody who types at a steady pace into a cat, whether or not the keys before have come back. Measured is from pressing a key until its
 * echo.
 */
#ifndef BENCH_TYPIST_H
#define BENCH_TYPIST_H

#include "bench/line.h"
#include "bench/stats.h"

/* Keys under way, at most: an echo that is so late ends the run. */
#define TYPIST_KEYS_MAX 4096

struct typist {
	struct line *line;
	struct samples *samples; /* milliseconds, for all that type together */
	uv_timer_t timer;
	uint64_t end_ns;
	uint64_t pressed_ns[TYPIST_KEYS_MAX]; /* of those under way: a ring */
	size_t pressed, echoed;               /* so far */
	bool done;
};

/* Types from delay_ms on until end_ns of uv_hrtime(); it is the line's reader meanwhile. Valid until typist_await(). */
void typist_start(struct typist *t, struct line *line, struct samples *samples,
		  unsigned interval_ms, unsigned delay_ms, uint64_t end_ns);

/* Waits for the last echo. */
void typist_await(struct typist *t);

#endif
