/*
 * The agent: up to AGENT_TERMINALS_MAX terminals behind one link to the server.
 *
 * One loop around poll(); nothing blocks. Terminals are served in turn. Every frame is obeyed as it
 * comes, except that FRAME_OPEN, FRAME_PING and FRAME_DEADLINE wait for room for their answer: that is what
 * bounds a server that asks and does not read.
 */
#ifndef SANDBOX_AGENT_AGENT_H
#define SANDBOX_AGENT_AGENT_H

#include "agent/leftovers.h"
#include "agent/link.h"
#include "agent/quirks.h"
#include "agent/terminal.h"
#include <time.h>

struct agent {
	struct link_in in;
	struct link_out out;
	struct terminal terminals[AGENT_TERMINALS_MAX];
	struct leftovers leftovers;
	uint8_t used[65536 / 8]; /* a bit per terminal number that has been opened once */
	unsigned first;          /* the terminal whose turn it is */
	struct quirks quirks;
	uint64_t deadline_ms; /* of CLOCK_MONOTONIC */
	timer_t last_resort;
	int signals; /* a signalfd for SIGCHLD and SIGTERM */
};

/* How the agent ends, which is its exit status. */
enum agent_end {
	AGENT_DONE = 0,   /* the server has closed the link, the lifetime is over, or SIGTERM */
	AGENT_FAILED = 1, /* the system refused what the agent cannot do without */
	AGENT_REFUSED = 2 /* the server broke the protocol */
};

/* Prepares *a, zeroed, to run for lifetime_s seconds: signals, the hello. Standard input and output
 * are made non-blocking. Returns 0, or -1 and errno. */
int agent_init(struct agent *a, uint32_t lifetime_s);

/* Runs until the end. *why is then a sentence for the log, or NULL when the server or SIGTERM has
 * asked for the end. Processes of terminals may be left. */
enum agent_end agent_run(struct agent *a, const char **why);

#endif
