/*
 * What is counted of all sessions, for /status and /metrics. Changed where a session's state changes, and nowhere else.
 */
#ifndef SANDBOX_SESSION_SESSION_STATS_H
#define SANDBOX_SESSION_SESSION_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "sandbox/environment.h"
#include "session/ending.h"

enum session_state {
	SESSION_RESERVING,
	SESSION_STARTING,
	SESSION_RUNNING,
	SESSION_DESTROYING,
	SESSION_STATES /* how many there are */
};

/* Whether somebody had to wait for a start. */
enum start_kind { START_COLD, START_WARM, START_KINDS };

struct session_stats {
	size_t by_state[SESSION_STATES];
	size_t terminals; /* open, of all sessions */

	/* Since the start. Created sessions have got past their limits; each of them ends once. */
	uint64_t created[ENVIRONMENT_COUNT], ended[END_REASONS];
	uint64_t
		refused; /* by what stands in the way of everybody; limiter_count() has the others */

	struct histogram start[START_KINDS]; /* from the request until its sandbox runs */
};

/* Names for metrics: "running", "warm". */
const char *session_state_name(enum session_state state);
const char *start_kind_name(enum start_kind kind);

#endif
