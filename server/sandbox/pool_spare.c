/* One spare's life. */

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "sandbox/pool_internal.h"

/* Far more than a shell needs; a sandbox's own limits end a start. */
#define OPENING_LIMIT_MS 10000

static void enter(struct spare *s, enum spare_state state, uint64_t limit_ms)
{
	s->state = state;
	s->deadline_ms = limit_ms ? clock_monotonic_ms() + limit_ms : 0;
}

void spare_discard(struct spare *s)
{
	DL_DELETE(s->pool->spares, s);
	parked_close(s->shell);
	sandbox_free(s->sandbox);
	free(s);
}

static void lose(struct spare *s, const char *why)
{
	const struct environment *environment = s->environment;
	struct pool_claim *claim = s->claim;
	struct pool *p = s->pool;

	log_info("pool.spare_lost", LOG_S("environment", environment->name),
		 LOG_S("sandbox", s->sandbox ? sandbox_name(s->sandbox) : NULL),
		 LOG_S("error", why));
	spare_discard(s);
	pool_spare_lost(p, environment, claim);
}

/* --- its shell --- */

static void on_prompt(void *arg)
{
	struct spare *s = arg;

	enter(s, SPARE_READY, 0);
	pool_spare_ready(s->pool, clock_monotonic_ms() - s->since_ms);
}

static void on_shell_gone(void *arg)
{
	struct spare *s = arg;

	s->shell = NULL;
	lose(s, "its shell has ended");
}

static const struct parked_events shell_events = {.on_prompt = on_prompt, .on_gone = on_shell_gone};

/* --- its sandbox --- */

static void on_ready(void *arg)
{
	struct spare *s = arg;
	struct err err;

	enter(s, SPARE_OPENING, OPENING_LIMIT_MS);
	s->shell =
		parked_open(sandbox_ptys(s->sandbox), POOL_ROWS, POOL_COLS, &shell_events, s, &err);
	if (!s->shell)
		lose(s, err.msg);
}

static void on_claimed(void *arg)
{
	struct spare *s = arg;
	struct pool_claim *claim = s->claim;
	struct sandbox *sandbox = s->sandbox;
	struct parked *shell = s->shell;

	DL_DELETE(s->pool->spares, s);
	free(s);
	pool_spare_claimed(claim, sandbox, shell);
}

static void on_end(void *arg, enum sandbox_end end, const struct err *err)
{
	struct spare *s = arg;

	(void)end;
	s->sandbox = NULL;
	lose(s, err->msg);
}

static const struct sandbox_events sandbox_events = {
	.on_ready = on_ready,
	.on_claimed = on_claimed,
	.on_end = on_end,
};

/* --- from its order to its claim --- */

bool spare_order(struct pool *p, const struct environment *environment, struct err *err)
{
	const struct engine_health *engine = watch_health(p->parts.watch);
	const struct sandbox_order order = {.environment = environment,
					    .session_id = "",
					    .lifetime_ms = p->parts.config->max_lifetime_ms,
					    .spare_ms = POOL_SPARE_MS};
	struct spare *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(err, ERR_INTERNAL, 0, "no memory for a spare sandbox");
		return false;
	}
	*s = (struct spare){.pool = p, .environment = environment, .epoch = engine->epoch};
	s->since_ms = clock_monotonic_ms();
	snprintf(s->image_id, sizeof(s->image_id), "%s",
		 engine->image_id[environment - environments]);
	s->sandbox = sandbox_new(p->parts.fleet, &order, &sandbox_events, s, err);
	if (!s->sandbox) {
		free(s);
		return false;
	}
	DL_APPEND(p->spares, s);
	return true;
}

void spare_claim(struct spare *s, struct pool_claim *claim)
{
	s->claim = claim;
	claim->spare = s;
	enter(s, SPARE_CLAIMED, POOL_CLAIM_LIMIT_MS);
	sandbox_claim(s->sandbox);
}

void spare_is_late(struct spare *s)
{
	lose(s, s->state == SPARE_CLAIMED ? "its agent does not answer"
					  : "its shell does not come to its prompt");
}
