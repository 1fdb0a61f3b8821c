/*
 * How much output all terminals together may bring: those who flood are not to take the processors from those who type.
 *
 * A bucket of bytes that fills by the clock. What a terminal has shown is granted to it anew as far as the bucket holds; who finds it empty
 * waits in a queue, first come, first served, so that all who flood get the same. Whoever shows little never waits: the credit that
 * it has lasts for seconds. A single terminal is not slowed down as long as the bucket fills faster than a sandbox can write.
 */
#ifndef SANDBOX_SANDBOX_PACE_H
#define SANDBOX_SANDBOX_PACE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct pace;

/* Part of who may have to wait; all zero at first. */
struct pace_wait {
	struct pace_wait *prev, *next;
	bool waits;
};

/* It is the turn of w, which no longer waits: it grants, and returns how many bytes. */
typedef uint32_t (*pace_turn_fn)(struct pace_wait *w);

/* For so many bytes a second, from 1 to 10^11. NULL when memory is out. */
struct pace *pace_new(uv_loop_t *loop, uint64_t bytes_per_second, pace_turn_fn turn);

/* Nobody may be waiting. Memory goes when the loop has run once more. Accepts NULL. */
void pace_free(struct pace *p);

/* True: that many bytes may be granted now. False: w waits, and turn is called later, never from in here. Without a pace (NULL) nobody
 * waits. */
bool pace_take(struct pace *p, struct pace_wait *w, uint32_t bytes);

/* It waits no longer. Accepts who does not wait. */
void pace_forget(struct pace *p, struct pace_wait *w);

/* How often somebody had to wait since the start. Accepts NULL: never. */
uint64_t pace_waits(const struct pace *p);

#endif
