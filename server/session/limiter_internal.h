/*
 * What the limiter remembers: one record for each client and each site, in a table of bounded size. Private to limiter*.c.
 *
 * Records lie in levels by how near they are to their limits, and in each level in the order in which they came there.
 * Room for a new record is made by forgetting the first of the lowest level. One that holds a slot lies in no level and one at
 * a limit in the highest, from which none is forgotten. Time takes records down, which is found out by looking again:
 * at the first of each level whenever one is forgotten, so that this looks at LEVELS records however many there are.
 * Only when nothing but records at a limit is left, all of them are looked at, at most once in TABLE_SCAN_MS.
 *
 * The starts of the last hour have a common memory, too; when that is used up, records are forgotten in the same way.
 */
#ifndef SANDBOX_SESSION_LIMITER_INTERNAL_H
#define SANDBOX_SESSION_LIMITER_INTERNAL_H

#include "session/limiter.h"

#ifdef UTHASH_H
#error "uthash.h must be included here first: memory running out is an answer, not an exit"
#endif
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "session/limiter_window.h"

/* 0: nothing used, the record makes no difference. 1 to 8: eighths of the limit that it is nearest to. */
enum { LEVEL_AT_LIMIT = 9, LEVELS, LEVEL_NONE = LEVELS };

#define TABLE_SCAN_MS 1000

struct record_key {
	struct client_key key;
	uint8_t is_site; /* a site is never taken for a client */
};

struct record {
	struct record_key key;
	uint8_t tiers; /* it was seen with: a bit each; it is at a limit when it is at one of any of them */
	uint8_t level;                 /* the list that it is in, or LEVEL_NONE */
	uint32_t sessions, websockets; /* slots that it holds */
	struct window starts;
	struct rate commands;
	struct record *prev, *next; /* in its level */
	UT_hash_handle hh;
};

struct table {
	struct record *by_key;
	struct record *levels[LEVELS];
	size_t count, max;
	struct limits limits[2][TIER_COUNT]; /* of clients, of sites */
	size_t keep[2];                      /* starts that any of these limits may ask for */
	struct window_memory memory;
	uint64_t scan_ms; /* not before this time again */
};

void table_init(struct table *t, const struct limiter_settings *settings);
void table_finish(struct table *t);

/* The record of that client or site, or NULL. */
struct record *table_find(const struct table *t, const struct client_key *key, bool is_site);

/* A new record, in no level. NULL when there is no room or no memory. */
struct record *table_add(struct table *t, const struct client_key *key, bool is_site,
			 uint64_t now_ms);

/* Memory for one more start of a record that was taken out of its level. False when none can be had. */
bool table_reserve_start(struct table *t, struct record *r, uint64_t now_ms);

/* Takes a record out of its level, so that it is not forgotten and can be changed. */
void table_take(struct table *t, struct record *r);

/* Puts it back where it belongs now. */
void table_place(struct table *t, struct record *r, uint64_t now_ms);

/* The records that one call is about: of a client and, where it has one, of its site. Everything is asked of both and charged to
 * both. One that is not remembered has used nothing and is NULL. */
struct parties {
	struct table *table;
	const struct client *client;
	uint64_t now_ms;
	size_t count;
	const struct limits *limits[2];
	struct record *records[2];
};

/* Until parties_settle() none of the records can be forgotten. */
struct parties parties_gather(struct table *t, const struct client *client, uint64_t now_ms);
void parties_settle(struct parties *p);

/* Remembers those that are not yet. False: one of them cannot be. */
bool parties_complete(struct parties *p);

bool parties_at_session_limit(const struct parties *p);
bool parties_at_websocket_limit(const struct parties *p);

/* Until one more session fits into the hour of both; 0: now. */
uint64_t parties_hour_wait_ms(const struct parties *p);

/* After parties_complete(). Reserving may find no memory; charging after it cannot fail. */
bool parties_reserve_start(struct parties *p);
void parties_charge_session(struct parties *p);

/* How many of count commands both have leave for; charging for that many fails when one cannot be remembered. */
size_t parties_commands_room(const struct parties *p, size_t count);
bool parties_charge_commands(struct parties *p, size_t count);

/* Until one more command is allowed, at least 1. */
uint64_t parties_commands_wait_ms(const struct parties *p);

#endif
