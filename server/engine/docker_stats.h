/*
 * How the Engine serves us: calls by what they ask for and how they ended, and how long they took.
 *
 * A call that is cancelled is not counted, nor is the subscription to events, which has no answer to wait for.
 */
#ifndef SANDBOX_ENGINE_DOCKER_STATS_H
#define SANDBOX_ENGINE_DOCKER_STATS_H

#include <stdint.h>

#include "base/err.h"
#include "base/histogram.h"

struct docker;

enum docker_verb {
	DOCKER_VERSION,
	DOCKER_INFO,
	DOCKER_IMAGE,
	DOCKER_CREATE,
	DOCKER_ATTACH, /* until the stream is open */
	DOCKER_START,
	DOCKER_LIST,
	DOCKER_REMOVE,
	DOCKER_VERBS,                /* how many are counted */
	DOCKER_EVENTS = DOCKER_VERBS /* a stream without an end */
};

enum docker_outcome {
	DOCKER_OK,
	DOCKER_ERROR, /* another answer than the wanted one, an unreadable one, or no connection */
	DOCKER_TIMEOUT,
	DOCKER_OUTCOMES
};

struct docker_stats {
	uint64_t requests[DOCKER_VERBS][DOCKER_OUTCOMES];
	struct histogram durations[DOCKER_VERBS]; /* however they ended */
};

/* Names for messages and metrics: "create", "timeout". */
const char *docker_verb_name(enum docker_verb verb);
const char *docker_outcome_name(enum docker_outcome outcome);

/* Lives as long as d. */
const struct docker_stats *docker_stats(const struct docker *d);

/* --- for docker*.c and stream.c --- */

void docker_stats_init(struct docker_stats *s);

/* One has ended that began at since_ns (monotonic): well (err NULL), or as err says. */
void docker_stats_note(struct docker_stats *s, enum docker_verb verb, uint64_t since_ns,
		       const struct err *err);

/* The answer that was just noted as one that went well cannot be read. */
void docker_stats_unreadable(struct docker_stats *s, enum docker_verb verb);

#endif
