#include <stdlib.h>
#include <string.h>

#include "session/limiter_internal.h"

/* Memory for the starts of a record, on average; the default of 10 an hour needs 48. */
#define STARTS_BYTES     64
#define STARTS_BYTES_MIN 65536

/* --- limits --- */

static int64_t times(int64_t limit, int64_t factor)
{
	int64_t product;

	return __builtin_mul_overflow(limit, factor, &product) ? INT64_MAX : product;
}

static struct limits scaled(const struct limits *l, int64_t factor)
{
	return (struct limits){
		.sessions_per_hour = times(l->sessions_per_hour, factor),
		.sessions = times(l->sessions, factor),
		.websockets = times(l->websockets, factor),
		.commands_per_minute = times(l->commands_per_minute, factor),
	};
}

void table_init(struct table *t, const struct limiter_settings *settings)
{
	size_t bytes = settings->clients_max * STARTS_BYTES;

	*t = (struct table){.max = settings->clients_max};
	t->memory.max_bytes = bytes > STARTS_BYTES_MIN ? bytes : STARTS_BYTES_MIN;
	for (int site = 0; site < 2; site++)
		for (int tier = 0; tier < TIER_COUNT; tier++) {
			struct limits *l = &t->limits[site][tier];
			*l = scaled(&settings->limits[tier], site ? settings->site_factor : 1);
			if ((size_t)l->sessions_per_hour > t->keep[site])
				t->keep[site] = (size_t)l->sessions_per_hour;
		}
}

/* --- levels --- */

static uint8_t level_of_use(size_t used, size_t limit)
{
	if (used >= limit)
		return LEVEL_AT_LIMIT;
	return used ? (uint8_t)(1 + (double)used * 8 / (double)limit) : 0;
}

static uint8_t level_in_tier(struct table *t, struct record *r, const struct limits *l,
			     uint64_t now_ms)
{
	size_t per_hour = (size_t)l->sessions_per_hour, per_minute = (size_t)l->commands_per_minute;
	uint8_t starts = 0, commands = 0;

	if (per_hour)
		starts = level_of_use(window_count(&r->starts, &t->memory, now_ms), per_hour);
	if (per_minute)
		commands = level_of_use(per_minute - rate_room(&r->commands, per_minute, now_ms),
					per_minute);
	return starts > commands ? starts : commands;
}

static uint8_t level_of(struct table *t, struct record *r, uint64_t now_ms)
{
	uint8_t level = 0;

	if (r->sessions || r->websockets)
		return LEVEL_NONE;
	for (unsigned tier = 0; tier < TIER_COUNT; tier++) {
		if (!(r->tiers & 1u << tier))
			continue;
		uint8_t here = level_in_tier(t, r, &t->limits[r->key.is_site][tier], now_ms);
		level = here > level ? here : level;
	}
	return level;
}

void table_take(struct table *t, struct record *r)
{
	if (r->level != LEVEL_NONE)
		DL_DELETE(t->levels[r->level], r);
	r->level = LEVEL_NONE;
}

void table_place(struct table *t, struct record *r, uint64_t now_ms)
{
	table_take(t, r);
	r->level = level_of(t, r, now_ms);
	if (r->level != LEVEL_NONE)
		DL_APPEND(t->levels[r->level], r);
}

/* --- remembering and forgetting --- */

static struct record_key key_of(const struct client_key *key, bool is_site)
{
	return (struct record_key){.key = *key, .is_site = is_site};
}

struct record *table_find(const struct table *t, const struct client_key *key, bool is_site)
{
	struct record_key wanted = key_of(key, is_site);
	struct record *r;

	HASH_FIND(hh, t->by_key, &wanted, sizeof(wanted), r);
	return r;
}

static void forget(struct table *t, struct record *r)
{
	table_take(t, r);
	HASH_DELETE(hh, t->by_key, r);
	t->count--;
	window_finish(&r->starts, &t->memory);
	free(r);
}

void table_finish(struct table *t)
{
	struct record *r, *next;

	HASH_ITER(hh, t->by_key, r, next)
	{
		forget(t, r);
	}
}

static struct record *lowest(const struct table *t)
{
	for (int level = 0; level < LEVEL_AT_LIMIT; level++)
		if (t->levels[level])
			return t->levels[level];
	return NULL;
}

static void look_at_firsts(struct table *t, uint64_t now_ms)
{
	for (int level = 1; level < LEVELS; level++)
		if (t->levels[level])
			table_place(t, t->levels[level], now_ms);
}

static void look_at_all(struct table *t, uint64_t now_ms)
{
	struct record *r = t->levels[LEVEL_AT_LIMIT], *next;

	if (now_ms < t->scan_ms)
		return;
	t->scan_ms = now_ms + TABLE_SCAN_MS;
	t->levels[LEVEL_AT_LIMIT] = NULL;
	for (; r; r = next) {
		next = r->next;
		r->level = LEVEL_NONE;
		table_place(t, r, now_ms);
	}
}

static bool forget_lowest(struct table *t, uint64_t now_ms)
{
	look_at_firsts(t, now_ms);
	if (!lowest(t))
		look_at_all(t, now_ms);
	struct record *r = lowest(t);
	if (r)
		forget(t, r);
	return r != NULL;
}

bool table_reserve_start(struct table *t, struct record *r, uint64_t now_ms)
{
	window_count(&r->starts, &t->memory, now_ms);
	while (!window_fits(&r->starts, &t->memory))
		if (!forget_lowest(t, now_ms))
			return false;
	return window_reserve(&r->starts, &t->memory);
}

struct record *table_add(struct table *t, const struct client_key *key, bool is_site,
			 uint64_t now_ms)
{
	if (t->count >= t->max && !forget_lowest(t, now_ms))
		return NULL;
	struct record *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->key = key_of(key, is_site);
	r->level = LEVEL_NONE;
	HASH_ADD(hh, t->by_key, key, sizeof(r->key), r);
	if (!r->hh.tbl) {
		free(r);
		return NULL;
	}
	t->count++;
	return r;
}
