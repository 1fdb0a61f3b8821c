/*
 * What the edge counts: answers, bytes of terminals, and how long somebody at a terminal waits.
 */
#ifndef SANDBOX_EDGE_STATS_H
#define SANDBOX_EDGE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "session/session_stats.h"

/* Statuses that we answer with, in the table of stats.c, and one place for all others. */
#define STATUS_CODES 17

enum direction { DIRECTION_IN, DIRECTION_OUT, DIRECTIONS };

struct edge_stats {
	uint64_t responses[STATUS_CODES];
	uint64_t terminal_bytes[DIRECTIONS];
	uint64_t refused_terminals; /* WebSockets for which a sandbox had no terminal left */

	/* From the open WebSocket to the first output on it; cold: its shell was not at its prompt before. */
	struct histogram prompt[START_KINDS];

	/* From input to the next output. */
	struct histogram echo;
};

void edge_stats_init(struct edge_stats *s);

void edge_stats_response(struct edge_stats *s, unsigned status);

/* "200"; the last one is "other". */
const char *status_code_name(size_t i);

/* Input that has not been followed by output within this is no key whose echo somebody waits for. */
#define ECHO_LIMIT_NS 5000000000

/* What is measured on one WebSocket. */
struct stopwatch {
	uint64_t opened_ns;   /* 0 once the first output is out */
	uint64_t typed_ns;    /* of the input that waits for output; 0: none does */
	enum start_kind kind; /* START_KINDS: of none; its first output is not measured */
};

void stopwatch_start(struct stopwatch *w, enum start_kind kind);
void stopwatch_input(struct stopwatch *w, struct edge_stats *s, size_t bytes);
void stopwatch_output(struct stopwatch *w, struct edge_stats *s, size_t bytes);

#endif
