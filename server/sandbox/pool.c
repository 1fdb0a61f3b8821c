#include "sandbox/pool.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "sandbox/pool_internal.h"

/* So long before its end a spare no longer counts, and another one is made. */
#define RENEW_MS 60000

/* Of the time, starts that are not urgent take at most one part in so many and one. */
#define PACE 2

/* When memory is short: how long none is made after that, and the time between two that go. */
#define REST_MS      60000
#define GIVE_BACK_MS 2000

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000

struct pool *pool_new(const struct pool_parts *parts)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->parts = *parts;
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++) {
		p->shelves[i].backoff_ms = BACKOFF_MIN_MS;
		demand_init(&p->shelves[i].demand, (size_t)parts->config->pool_size,
			    clock_monotonic_ms());
	}
	return p;
}

static void discard_all(struct pool *p)
{
	struct spare *s, *next;

	DL_FOREACH_SAFE(p->spares, s, next)
	{
		if (s->state != SPARE_CLAIMED)
			spare_discard(s);
	}
}

void pool_stop(struct pool *p)
{
	p->stopped = true;
	discard_all(p);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	discard_all(p);
	while (p->spares)
		pool_cancel(p->spares->claim);
	free(p);
}

static struct shelf *shelf_of(struct pool *p, const struct environment *environment)
{
	return &p->shelves[environment - environments];
}

/* --- which spares are worth something --- */

static bool is_current(const struct spare *s)
{
	const struct engine_health *engine = watch_health(s->pool->parts.watch);

	return s->epoch == engine->epoch &&
	       strcmp(s->image_id, engine->image_id[s->environment - environments]) == 0;
}

static bool is_free(const struct spare *s, const struct environment *environment)
{
	return s->state == SPARE_READY && s->environment == environment && is_current(s) &&
	       sandbox_is_well(s->sandbox);
}

static struct spare *oldest_free(const struct pool *p, const struct environment *environment)
{
	struct spare *s;

	DL_FOREACH(p->spares, s)
	{
		if (is_free(s, environment))
			return s;
	}
	return NULL;
}

/* Those that will still be there for a while. */
static size_t count_lasting(const struct pool *p, const struct environment *environment,
			    uint64_t now_ms)
{
	const struct spare *s;
	size_t count = 0;

	DL_FOREACH(p->spares, s)
	{
		count += s->environment == environment && s->state != SPARE_CLAIMED &&
			 now_ms < s->since_ms + POOL_SPARE_MS - RENEW_MS;
	}
	return count;
}

size_t pool_spares(const struct pool *p)
{
	const struct spare *s;
	size_t count = 0;

	DL_FOREACH(p->spares, s)
	{
		count += s->state != SPARE_CLAIMED;
	}
	return count;
}

/* --- claims --- */

struct pool_claim *pool_claim(struct pool *p, const struct environment *environment,
			      pool_claimed_fn done, void *arg)
{
	struct shelf *shelf = shelf_of(p, environment);
	struct spare *s = p->stopped ? NULL : oldest_free(p, environment);
	struct pool_claim *c = s ? calloc(1, sizeof(*c)) : NULL;

	demand_arrival(&shelf->demand, clock_monotonic_ms());
	if (!c) {
		shelf->misses++;
		return NULL;
	}
	*c = (struct pool_claim){.pool = p,
				 .environment = environment,
				 .since_ms = clock_monotonic_ms(),
				 .done = done,
				 .arg = arg};
	spare_claim(s, c);
	return c;
}

void pool_cancel(struct pool_claim *c)
{
	if (!c)
		return;
	spare_discard(c->spare);
	free(c);
}

static void finish(struct pool_claim *c, struct sandbox *sandbox, struct parked *shell)
{
	pool_claimed_fn done = c->done;
	void *arg = c->arg;

	free(c);
	done(arg, sandbox, shell);
}

void pool_spare_claimed(struct pool_claim *c, struct sandbox *sandbox, struct parked *shell)
{
	struct shelf *shelf = shelf_of(c->pool, c->environment);

	shelf->hits++;
	shelf->backoff_ms = BACKOFF_MIN_MS;
	finish(c, sandbox, shell);
}

/* Whoever has waited for one that is silent does not wait for the next. */
static void claim_another(struct pool_claim *c)
{
	struct pool *p = c->pool;
	bool late = clock_monotonic_ms() >= c->since_ms + POOL_CLAIM_LIMIT_MS;
	struct spare *s = p->stopped || late ? NULL : oldest_free(p, c->environment);

	if (s) {
		spare_claim(s, c);
		return;
	}
	shelf_of(p, c->environment)->misses++;
	finish(c, NULL, NULL);
}

/* --- refilling --- */

void pool_spare_ready(struct pool *p, uint64_t took_ms)
{
	p->due_ms = clock_monotonic_ms() + PACE * took_ms;
}

/* Longer each time until one has been given out: that one comes to its prompt does not say that it lives. Several that are lost at
 * once are one failure. */
static void back_off(struct shelf *shelf)
{
	uint64_t now_ms = clock_monotonic_ms(), twice_ms = shelf->backoff_ms * 2;

	if (now_ms < shelf->not_before_ms)
		return;
	shelf->not_before_ms = now_ms + shelf->backoff_ms;
	shelf->backoff_ms = twice_ms < BACKOFF_MAX_MS ? twice_ms : BACKOFF_MAX_MS;
}

void pool_spare_lost(struct pool *p, const struct environment *environment,
		     struct pool_claim *claim)
{
	struct shelf *shelf = shelf_of(p, environment);

	shelf->discarded++;
	back_off(shelf);
	if (claim)
		claim_another(claim);
}

static size_t target_of(struct pool *p, size_t i, uint64_t now_ms)
{
	const struct config *config = p->parts.config;

	return demand_target(&p->shelves[i].demand, (size_t)config->pool_size,
			     (size_t)config->pool_max, now_ms);
}

/* What an environment lacks: more than all else when it has fewer than the minimum. What a rush adds to the number is added to the minimum, too: a
 * pause would only be a wait for those who come, and they make a start necessary in any case. */
static size_t urgency(struct pool *p, size_t i, uint64_t now_ms)
{
	const struct config *config = p->parts.config;
	size_t have = count_lasting(p, &environments[i], now_ms);
	size_t target = target_of(p, i, now_ms);
	size_t rush = target - (size_t)config->pool_size;
	bool urgent = have < (size_t)config->pool_min + rush && have < target;

	if (have >= target || now_ms < p->shelves[i].not_before_ms ||
	    !watch_can_start(p->parts.watch, &environments[i]))
		return 0;
	if (!urgent && now_ms < p->due_ms)
		return 0;
	return target - have + (urgent ? (size_t)POOL_LIMIT : 0);
}

static const struct environment *choose(struct pool *p, uint64_t now_ms)
{
	const struct environment *chosen = NULL;
	size_t most = 0;

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++) {
		size_t u = urgency(p, i, now_ms);
		if (u <= most)
			continue;
		most = u;
		chosen = &environments[i];
	}
	return chosen;
}

static bool is_opening(const struct pool *p)
{
	const struct spare *s;

	DL_FOREACH(p->spares, s)
	{
		if (s->state == SPARE_OPENING)
			return true;
	}
	return false;
}

static bool may_start(const struct pool *p, size_t places, uint64_t now_ms)
{
	const struct pool_parts *parts = &p->parts;

	return !p->stopped && now_ms >= p->rest_until_ms && pool_spares(p) < places / 2 &&
	       fleet_containers(parts->fleet) < places && !fleet_starting(parts->fleet) &&
	       !is_opening(p) && !fleet_circuit_open(parts->fleet, now_ms) &&
	       (!parts->guard || guard_ok(parts->guard, watch_health(parts->watch)->epoch));
}

static void refill(struct pool *p, size_t places, uint64_t now_ms)
{
	const struct environment *environment;
	struct err err;

	if (!may_start(p, places, now_ms))
		return;
	environment = choose(p, now_ms);
	if (!environment || spare_order(p, environment, &err))
		return;
	log_warn("pool.no_spare", LOG_S("environment", environment->name), LOG_S("error", err.msg));
	back_off(shelf_of(p, environment));
}

/* --- by the clock --- */

static void discard_stale(struct pool *p, uint64_t now_ms)
{
	struct spare *s, *next;

	DL_FOREACH_SAFE(p->spares, s, next)
	{
		if (s->state == SPARE_CLAIMED ||
		    (is_current(s) && now_ms < s->since_ms + POOL_SPARE_MS))
			continue;
		shelf_of(p, s->environment)->discarded++;
		spare_discard(s);
	}
}

/* One for each environment and sweep: the rest follows. */
static void discard_surplus(struct pool *p, uint64_t now_ms)
{
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++) {
		struct spare *s = oldest_free(p, &environments[i]);
		if (s && count_lasting(p, &environments[i], now_ms) > target_of(p, i, now_ms))
			spare_discard(s);
	}
}

/* Whoever claims one whose end is known already need not wait until the Engine says why. */
static bool is_late(const struct spare *s, uint64_t now_ms)
{
	return (s->deadline_ms && now_ms >= s->deadline_ms) ||
	       (s->state == SPARE_CLAIMED && !sandbox_is_well(s->sandbox));
}

static struct spare *first_late(const struct pool *p, uint64_t now_ms)
{
	struct spare *s;

	DL_FOREACH(p->spares, s)
	{
		if (is_late(s, now_ms))
			return s;
	}
	return NULL;
}

/* From the beginning after each: whose claim comes to nothing may have others discarded. */
static void lose_late(struct pool *p, uint64_t now_ms)
{
	struct spare *s;

	while ((s = first_late(p, now_ms)))
		spare_is_late(s);
}

/* One at a time, since it takes a while until the host feels it. */
static void give_back(struct pool *p, uint64_t now_ms)
{
	p->rest_until_ms = now_ms + REST_MS;
	if (now_ms < p->gave_ms + GIVE_BACK_MS)
		return;
	p->gave_ms = now_ms;
	pool_yield(p);
}

void pool_sweep(struct pool *p, size_t places, uint64_t now_ms)
{
	if (!places)
		give_back(p, now_ms);
	discard_stale(p, now_ms);
	lose_late(p, now_ms);
	discard_surplus(p, now_ms);
	refill(p, places, now_ms);
}

static struct spare *first_unclaimed(const struct pool *p)
{
	struct spare *s = p->spares;

	while (s && s->state == SPARE_CLAIMED)
		s = s->next;
	return s;
}

void pool_yield(struct pool *p)
{
	struct spare *most = NULL;
	size_t count = 0;

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++) {
		struct spare *s = oldest_free(p, &environments[i]);
		size_t n = pool_count(p, &environments[i]).ready;
		if (!s || n <= count)
			continue;
		most = s;
		count = n;
	}
	if (!most)
		most = first_unclaimed(p);
	if (most)
		spare_discard(most);
}

struct pool_counts pool_count(const struct pool *p, const struct environment *environment)
{
	const struct shelf *shelf = &p->shelves[environment - environments];
	struct pool_counts c = {.target = shelf->demand.target,
				.hits = shelf->hits,
				.misses = shelf->misses,
				.discarded = shelf->discarded};
	const struct spare *s;

	DL_FOREACH(p->spares, s)
	{
		c.ready += is_free(s, environment);
		c.starting += s->environment == environment && s->state < SPARE_READY;
	}
	return c;
}
