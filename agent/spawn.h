/*
 * Starting the program of a terminal.
 */
#ifndef SANDBOX_AGENT_SPAWN_H
#define SANDBOX_AGENT_SPAWN_H

#include "agent/open_request.h"
#include "agent/pty.h"
#include <stdbool.h>
#include <sys/types.h>

struct spawned {
	pid_t pid;   /* leader of its own session, with the PTY as controlling terminal */
	int report;  /* readable: end of file when the program runs, else one byte of errno */
	int watcher; /* for foreground_signal() and foreground_look(); -1 when not asked for */
	int answers; /* of the watcher, for foreground_answer(); -1 likewise */
};

/* Forks. Whether the program could be executed is told by spawned.report, later, so that nothing
 * waits. The caller owns the descriptors, all non-blocking. Returns 0, or -1 and errno. */
int spawn(struct spawned *spawned, const struct open_request *request, const struct pty *pty,
	  bool watch);

/* Closes every descriptor from first on. */
void close_from(int first);

#endif
