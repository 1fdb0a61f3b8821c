/*
 * Programs that the benchmark starts: servers under test, the fake engine.
 *
 * Each leads a session of its own, since a Ctrl-C must reach the benchmark alone, and gets SIGTERM when the benchmark dies without
 * another word. Its standard error goes to a file.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <sys/types.h>

#include "bench/bench.h"

struct child {
	struct bench *bench;
	char log[64]; /* path of its standard error */
	pid_t pid;
	int status; /* of waitpid(), once it has ended */
	bool ended;
	struct child *next;
};

/* Starts argv[0], a path, with this environment and no other; nofile: how many descriptors it may have. The result is valid until
 * child_stop(). name: in the name of its log, behind the figure's. */
struct child *child_start(struct bench *b, const char *name, const char *const argv[],
			  const char *const environment[], unsigned nofile);

/* Looks for a line in its log, and copies what stands between the two texts; false when there is none (yet). It must still run. */
bool child_log_find(struct child *c, const char *before, const char *after, char *out, size_t size);

/* SIGTERM, and waits for the end; frees. A program that does not end well is a failure. */
void child_stop(struct child *c);

/* The run has ended: stops all. False when one had to be killed. */
bool child_stop_all(struct bench *b);

#endif
