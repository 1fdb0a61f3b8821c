#include "engine/docker_stats.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "engine/docker_internal.h"

const char *docker_verb_name(enum docker_verb verb)
{
	static const char *const names[] = {
		[DOCKER_VERSION] = "version", [DOCKER_INFO] = "info",
		[DOCKER_IMAGE] = "image",     [DOCKER_CREATE] = "create",
		[DOCKER_ATTACH] = "attach",   [DOCKER_START] = "start",
		[DOCKER_LIST] = "list",       [DOCKER_REMOVE] = "remove",
		[DOCKER_EVENTS] = "events",
	};

	return names[verb];
}

const char *docker_outcome_name(enum docker_outcome outcome)
{
	static const char *const names[] = {
		[DOCKER_OK] = "ok", [DOCKER_ERROR] = "error", [DOCKER_TIMEOUT] = "timeout"};

	return names[outcome];
}

const struct docker_stats *docker_stats(const struct docker *d)
{
	return &d->stats;
}

void docker_stats_init(struct docker_stats *s)
{
	*s = (struct docker_stats){0};
	for (size_t i = 0; i < DOCKER_VERBS; i++)
		histogram_init(&s->durations[i], &histogram_long);
}

/* An Engine that is removing a container already does what it was asked to. */
static enum docker_outcome outcome_of(enum docker_verb verb, const struct err *err)
{
	if (!err || (verb == DOCKER_REMOVE && err->kind == ERR_BUSY))
		return DOCKER_OK;
	return err->code == ETIMEDOUT ? DOCKER_TIMEOUT : DOCKER_ERROR;
}

void docker_stats_note(struct docker_stats *s, enum docker_verb verb, uint64_t since_ns,
		       const struct err *err)
{
	if (verb == DOCKER_EVENTS)
		return;
	s->requests[verb][outcome_of(verb, err)]++;
	histogram_note(&s->durations[verb], clock_monotonic_ns() - since_ns);
}

void docker_stats_unreadable(struct docker_stats *s, enum docker_verb verb)
{
	if (verb == DOCKER_EVENTS)
		return;
	s->requests[verb][DOCKER_OK]--;
	s->requests[verb][DOCKER_ERROR]++;
}
