/*
 * A limiter with a loop and a clock, one for each test, and short names for what tests ask of it.
 */
#ifndef TESTS_UNIT_LIMITER_FIXTURE_H
#define TESTS_UNIT_LIMITER_FIXTURE_H

#include <check.h>
#include <string.h>

#include "session/limiter.h"

#define HOUR_MS   3600000u
#define MINUTE_MS 60000u

static uv_loop_t loop;
static struct limiter *limiter;
static uint64_t now_ms;

/* A limiter of its own for each test; anonymous clients have these limits, users of a token twice as much. */
static struct limits limits[TIER_COUNT];

static inline void start_sized(struct limits anonymous, int64_t site_factor, size_t clients_max)
{
	struct limiter_settings settings = {
		.limits = limits, .site_factor = site_factor, .clients_max = clients_max};

	limits[TIER_ANONYMOUS] = anonymous;
	limits[TIER_LOGGED_IN] =
		(struct limits){2 * anonymous.sessions_per_hour, 2 * anonymous.sessions,
				2 * anonymous.websockets, 2 * anonymous.commands_per_minute};
	now_ms = 5000;
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	limiter = limiter_new(&loop, &settings);
	ck_assert_ptr_nonnull(limiter);
}

static inline void start(struct limits anonymous)
{
	start_sized(anonymous, 8, LIMITER_CLIENTS_MAX);
}

static inline void stop(void)
{
	limiter_free(limiter);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static inline struct client client(uint32_t n)
{
	struct client c = {.tier = TIER_ANONYMOUS};

	memcpy(c.key.bytes, &n, sizeof(n));
	return c;
}

static inline struct client client_of_site(uint32_t n, uint32_t site)
{
	struct client c = client(n);

	c.has_site = true;
	memcpy(c.site.bytes, &site, sizeof(site));
	return c;
}

/* --- answers --- */

static struct {
	size_t count, by[LIMITER_FULL + 1];
	struct limiter_answer last;
} answers;

static inline void on_answer(void *arg, const struct limiter_answer *answer)
{
	(void)arg;
	answers.count++;
	answers.by[answer->verdict]++;
	answers.last = *answer;
}

static inline struct limiter_call *ask(const char *id, const struct client *c)
{
	return limiter_reserve_session(limiter, id, c, now_ms, on_answer, NULL);
}

static inline struct limiter_answer reserve(const char *id, const struct client *c)
{
	memset(&answers, 0, sizeof(answers));
	ck_assert_ptr_nonnull(ask(id, c));
	ck_assert_uint_eq(answers.count, 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(answers.count, 1);
	return answers.last;
}

static inline bool reserved(const char *id, const struct client *c)
{
	return reserve(id, c).verdict == LIMITER_OK;
}

/* A session that ends at once. */
static inline struct limiter_answer use(const struct client *c)
{
	struct limiter_answer a = reserve("used", c);

	limiter_release_session(limiter, "used", false);
	return a;
}

static inline bool websocket(const struct client *c)
{
	return limiter_take_websocket(limiter, c, now_ms).verdict == LIMITER_OK;
}

static inline size_t commands(const struct client *c, size_t count, uint64_t *retry_ms)
{
	return limiter_take_commands(limiter, c, count, now_ms, retry_ms);
}

static inline struct limiter_counts counts(void)
{
	return limiter_count(limiter);
}

#endif
