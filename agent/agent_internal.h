/*
 * Between agent.c, which waits and moves bytes, and agent_obey.c, which obeys frames.
 */
#ifndef SANDBOX_AGENT_AGENT_INTERNAL_H
#define SANDBOX_AGENT_AGENT_INTERNAL_H

#include "agent/agent.h"

enum step {
	STEP_ON,
	STEP_WAIT, /* a frame waits for room for its answer: receive no more until then */
	STEP_END,
	STEP_BAD, /* the server broke the protocol */
};

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t agent_now_ms(void);

/* Sets when the agent ends, in seconds from now. Returns 0, or -1 when the system refuses. */
int agent_set_deadline(struct agent *a, uint32_t seconds);

/* Obeys the frames that have arrived. With STEP_BAD, *why is a sentence. */
enum step agent_obey(struct agent *a, uint64_t now_ms, const char **why);

#endif
