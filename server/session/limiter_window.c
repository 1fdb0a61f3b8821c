#include "session/limiter_window.h"

#include <stdlib.h>

#define NS_PER_MS  UINT64_C(1000000)
#define MINUTE_NS  (60000 * NS_PER_MS)
#define WINDOW_MIN 6 /* stamps that fit malloc's smallest block */

/* Of a block from malloc: 8 bytes more, in steps of 16. */
static size_t block_bytes(uint32_t capacity)
{
	return capacity ? (capacity * sizeof(uint32_t) + 8 + 15) / 16 * 16 : 0;
}

void window_finish(struct window *w, struct window_memory *memory)
{
	memory->bytes -= block_bytes(w->capacity);
	free(w->stamps);
	*w = (struct window){0};
}

static uint32_t *stamp(const struct window *w, size_t i)
{
	return &w->stamps[(w->first + i) % w->capacity];
}

static uint64_t stamp_ms(const struct window *w, size_t i)
{
	return w->newest_ms - (uint32_t)((uint32_t)w->newest_ms - *stamp(w, i));
}

static void drop_oldest(struct window *w)
{
	w->first = (w->first + 1) % w->capacity;
	w->count--;
}

size_t window_count(struct window *w, struct window_memory *memory, uint64_t now_ms)
{
	size_t before = w->count;

	while (w->count && now_ms - stamp_ms(w, 0) >= WINDOW_MS)
		drop_oldest(w);
	if (before && !w->count)
		window_finish(w, memory);
	return w->count;
}

/* In steps of malloc's: at the default of 10 an hour, nothing is wasted. Memory ends long before 32 bits do. */
static uint32_t next_capacity(uint32_t capacity)
{
	uint32_t step = capacity / 2 > 4 ? capacity / 2 : 4;

	return capacity ? capacity + step : WINDOW_MIN;
}

static bool resize(struct window *w, uint32_t capacity)
{
	uint32_t *stamps = calloc(capacity, sizeof(*stamps));

	if (!stamps)
		return false;
	for (size_t i = 0; i < w->count; i++)
		stamps[i] = *stamp(w, i);
	free(w->stamps);
	w->stamps = stamps;
	w->first = 0;
	w->capacity = capacity;
	return true;
}

/* Beside what it has now. */
static size_t more_bytes(const struct window *w)
{
	if (w->count < w->capacity)
		return 0;
	return block_bytes(next_capacity(w->capacity)) - block_bytes(w->capacity);
}

bool window_fits(const struct window *w, const struct window_memory *memory)
{
	return memory->bytes + more_bytes(w) <= memory->max_bytes;
}

bool window_reserve(struct window *w, struct window_memory *memory)
{
	size_t more = more_bytes(w);

	if (more && !resize(w, next_capacity(w->capacity)))
		return false;
	memory->bytes += more;
	return true;
}

void window_add(struct window *w, uint64_t now_ms, size_t keep)
{
	while (w->count && w->count >= keep)
		drop_oldest(w);
	if (!keep)
		return;
	w->newest_ms = now_ms;
	w->count++;
	*stamp(w, w->count - 1) = (uint32_t)now_ms;
}

/* Looks from the newest: what is taken back was hardly ever long ago. */
void window_remove(struct window *w, uint64_t at_ms)
{
	size_t i = w->count;

	while (i && stamp_ms(w, i - 1) > at_ms)
		i--;
	if (!i || stamp_ms(w, i - 1) != at_ms)
		return;
	for (; i < w->count; i++)
		*stamp(w, i - 1) = *stamp(w, i);
	w->count--;
}

uint64_t window_wait_ms(struct window *w, struct window_memory *memory, size_t limit,
			uint64_t now_ms)
{
	size_t count = window_count(w, memory, now_ms);

	return count < limit ? 0 : stamp_ms(w, count - limit) + WINDOW_MS - now_ms;
}

/* Rounded up to the nanosecond, so that a minute never holds one too many. */
static uint64_t interval_ns(size_t per_minute)
{
	return (MINUTE_NS + per_minute - 1) / per_minute;
}

/* What is still charged for. */
static uint64_t used_ns(const struct rate *r, uint64_t now_ms)
{
	uint64_t now_ns = now_ms * NS_PER_MS;

	return r->empty_ns > now_ns ? r->empty_ns - now_ns : 0;
}

size_t rate_room(const struct rate *r, size_t per_minute, uint64_t now_ms)
{
	uint64_t each_ns = interval_ns(per_minute), burst_ns = per_minute * each_ns;
	uint64_t used = used_ns(r, now_ms);

	return used >= burst_ns ? 0 : (burst_ns - used) / each_ns;
}

void rate_charge(struct rate *r, size_t per_minute, size_t count, uint64_t now_ms)
{
	r->empty_ns = now_ms * NS_PER_MS + used_ns(r, now_ms) + count * interval_ns(per_minute);
}

uint64_t rate_wait_ms(const struct rate *r, size_t per_minute, uint64_t now_ms)
{
	uint64_t each_ns = interval_ns(per_minute), burst_ns = per_minute * each_ns;
	uint64_t need_ns = used_ns(r, now_ms) + each_ns;

	return need_ns <= burst_ns ? 0 : (need_ns - burst_ns + NS_PER_MS - 1) / NS_PER_MS;
}
