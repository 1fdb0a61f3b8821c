#include "sandbox/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct guard {
	const struct config *config;
	struct fleet *fleet;
	struct canary *canary; /* NULL: none is under way */
	unsigned epoch;
	bool ok, stopped;
	enum canary_kind kind; /* meant only when ok */
	uint64_t now_ms;       /* of the sweep */
	uint64_t due_ms, pause_ms;
	uint64_t again_ms; /* the earliest next start, whatever happens */
	char problem[256];
};

struct guard *guard_new(const struct config *config, struct fleet *fleet)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	*g = (struct guard){.config = config, .fleet = fleet, .pause_ms = GUARD_PAUSE_MIN_MS};
	snprintf(g->problem, sizeof(g->problem), "no canary has run yet");
	return g;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	canary_cancel(g->canary);
	free(g);
}

void guard_stop(struct guard *g)
{
	canary_cancel(g->canary);
	g->canary = NULL;
	g->stopped = true;
}

static void fail(struct guard *g, const char *problem)
{
	g->due_ms = g->now_ms + g->pause_ms;
	g->ok = false;
	log_error("canary.failed", LOG_S("problem", problem), LOG_U("retry_ms", g->pause_ms));
	g->pause_ms = g->pause_ms * 2 < GUARD_PAUSE_MAX_MS ? g->pause_ms * 2 : GUARD_PAUSE_MAX_MS;
	snprintf(g->problem, sizeof(g->problem), "%s", problem);
}

static void on_done(void *arg, const struct canary_result *result)
{
	struct guard *g = arg;

	g->canary = NULL;
	if (!result->ok) {
		fail(g, result->problem);
		return;
	}
	log_info("canary.passed", LOG_U("took_ms", result->took_ms));
	if (result->seen.kind == CANARY_KIND_GVISOR && !result->seen.facts[CANARY_MEMORY_LIMIT])
		log_warn("canary.no_limit",
			 LOG_S("warning", canary_fact_texts[CANARY_MEMORY_LIMIT].bad));
	g->ok = true;
	g->kind = result->seen.kind;
	g->pause_ms = GUARD_PAUSE_MIN_MS;
	g->problem[0] = '\0';
}

static void start(struct guard *g, const struct environment *environment)
{
	struct err err;

	g->again_ms = g->now_ms + GUARD_PAUSE_MIN_MS;
	g->canary = canary_start(g->fleet, environment, g->config->use_gvisor, on_done, g,
				 g->now_ms, &err);
	if (!g->canary)
		fail(g, err.msg);
}

/* What a canary has seen, or is about to see, was another Engine's. */
static void begin_epoch(struct guard *g, unsigned epoch)
{
	canary_cancel(g->canary);
	g->canary = NULL;
	g->epoch = epoch;
	g->ok = false;
	g->due_ms = g->again_ms;
	g->pause_ms = GUARD_PAUSE_MIN_MS;
	snprintf(g->problem, sizeof(g->problem), "no canary has run since the Engine came back");
}

void guard_sweep(struct guard *g, const struct environment *environment, unsigned epoch,
		 uint64_t now_ms)
{
	if (g->stopped)
		return;
	g->now_ms = now_ms;
	if (epoch != g->epoch)
		begin_epoch(g, epoch);
	if (g->canary)
		canary_sweep(g->canary, now_ms);
	if (!g->ok && !g->canary && environment && now_ms >= g->due_ms &&
	    !fleet_circuit_open(g->fleet, now_ms))
		start(g, environment);
}

bool guard_ok(const struct guard *g, unsigned epoch)
{
	return g->ok && g->epoch == epoch;
}

enum canary_kind guard_kind(const struct guard *g)
{
	return g->kind;
}

const char *guard_problem(const struct guard *g)
{
	return g->problem;
}
