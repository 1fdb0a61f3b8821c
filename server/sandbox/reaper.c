#include "sandbox/reaper.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"

#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 15000

struct removal {
	struct reaper *reaper;
	char name[DOCKER_NAME_MAX];
	struct docker_call *call; /* NULL: waiting for its turn */
	uint64_t due_ms, since_ms;
	uint64_t pause_ms; /* before the next attempt */
	UT_hash_handle hh;
};

struct reaper {
	struct docker *docker;
	struct removal *removals; /* in the order of reaper_add() */
	size_t running;
};

struct reaper *reaper_new(struct docker *docker)
{
	struct reaper *r = calloc(1, sizeof(*r));

	if (r)
		r->docker = docker;
	return r;
}

static void forget(struct removal *m)
{
	HASH_DEL(m->reaper->removals, m);
	free(m);
}

void reaper_free(struct reaper *r)
{
	struct removal *m, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->removals, m, next)
	{
		docker_cancel(m->call);
		forget(m);
	}
	free(r);
}

static void try_later(struct removal *m, const struct err *err)
{
	uint64_t now_ms = clock_monotonic_ms();

	log_warn("container.remove_failed", LOG_S("container", m->name), LOG_S("error", err->msg),
		 LOG_U("retry_ms", m->pause_ms));
	m->due_ms = now_ms + m->pause_ms;
	m->pause_ms = m->pause_ms * 2 < RETRY_MAX_MS ? m->pause_ms * 2 : RETRY_MAX_MS;
}

static void on_removed(void *arg, const struct err *err)
{
	struct removal *m = arg;
	struct reaper *r = m->reaper;
	uint64_t now_ms = clock_monotonic_ms();

	m->call = NULL;
	r->running--;
	if (err) {
		try_later(m, err);
	} else {
		log_debug("container.removed", LOG_S("container", m->name),
			  LOG_U("took_ms", now_ms - m->since_ms));
		forget(m);
	}
	reaper_sweep(r, now_ms);
}

static void start(struct removal *m)
{
	struct err err;

	m->call = docker_remove(m->reaper->docker, m->name, on_removed, m, &err);
	if (m->call)
		m->reaper->running++;
	else
		try_later(m, &err);
}

void reaper_sweep(struct reaper *r, uint64_t now_ms)
{
	struct removal *m, *next;

	HASH_ITER(hh, r->removals, m, next)
	{
		if (r->running >= REAPER_PARALLEL)
			return;
		if (!m->call && m->due_ms <= now_ms)
			start(m);
	}
}

static struct removal *find(const struct reaper *r, const char *name)
{
	struct removal *m;

	HASH_FIND_STR(r->removals, name, m);
	return m;
}

void reaper_add(struct reaper *r, const char *name)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (find(r, name))
		return;
	struct removal *m = calloc(1, sizeof(*m));
	if (!m)
		return;
	m->reaper = r;
	m->since_ms = now_ms;
	m->pause_ms = RETRY_MIN_MS;
	strncpy(m->name, name, sizeof(m->name) - 1);
	HASH_ADD_STR(r->removals, name, m);
	reaper_sweep(r, now_ms);
}

bool reaper_knows(const struct reaper *r, const char *name)
{
	return find(r, name) != NULL;
}

size_t reaper_count(const struct reaper *r)
{
	return HASH_COUNT(r->removals);
}
