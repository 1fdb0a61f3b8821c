/*
 * What one client has used of what comes back with time: the session starts of the last hour, each remembered until an hour
 * later (struct window), and the commands of the last minute, as one point in time (struct rate, GCRA: ITU-T I.371).
 *
 * Pure counting, exact to the millisecond. Zeroed memory is an unused one of either. Times are milliseconds of a clock that never runs
 * backwards; limits are greater than 0.
 */
#ifndef SANDBOX_SESSION_LIMITER_WINDOW_H
#define SANDBOX_SESSION_LIMITER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_MS UINT64_C(3600000)

/* A ring that grows by need. What it holds lies within an hour before newest_ms, so 32 bits of each time tell it. */
struct window {
	uint32_t *stamps;
	uint32_t first, count, capacity;
	uint64_t newest_ms;
};

/* What all windows together may take, and do. */
struct window_memory {
	size_t bytes, max_bytes;
};

void window_finish(struct window *w, struct window_memory *memory);

/* Starts within the hour before now_ms; forgets the older ones. A start counts until exactly an hour later. */
size_t window_count(struct window *w, struct window_memory *memory, uint64_t now_ms);

/* Whether one more start fits into the memory of all. */
bool window_fits(const struct window *w, const struct window_memory *memory);

/* Makes room for one more start, if it fits; false when malloc has none. */
bool window_reserve(struct window *w, struct window_memory *memory);

/* Remembers a start, after window_count() and window_reserve(). Of more than `keep` the oldest are forgotten. */
void window_add(struct window *w, uint64_t now_ms, size_t keep);

/* Takes one start at that time back, if it is still remembered. */
void window_remove(struct window *w, uint64_t at_ms);

/* Until the hour holds fewer than limit. */
uint64_t window_wait_ms(struct window *w, struct window_memory *memory, size_t limit,
			uint64_t now_ms);

/* The time at which nothing of the last minute is left, in nanoseconds. */
struct rate {
	uint64_t empty_ns;
};

/* How many are allowed now, at most per_minute. */
size_t rate_room(const struct rate *r, size_t per_minute, uint64_t now_ms);

/* Charges for them: at most rate_room(). */
void rate_charge(struct rate *r, size_t per_minute, size_t count, uint64_t now_ms);

/* Until one is allowed, rounded up; 0 when one is now. */
uint64_t rate_wait_ms(const struct rate *r, size_t per_minute, uint64_t now_ms);

#endif
