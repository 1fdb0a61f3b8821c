/*
 * Signals to a terminal's foreground process group.
 *
 * Linux tells the group on the master. gVisor of 2022 tells it only to a member of the terminal's
 * session, so there each terminal gets a watcher: a process in the session, in a background group,
 * that waits for signal numbers on a pipe. It is no child of the shell's.
 */
#ifndef SANDBOX_AGENT_FOREGROUND_H
#define SANDBOX_AGENT_FOREGROUND_H

#include <sys/types.h>

/* Starts a watcher. Called in the leader of the session, which has the terminal as its
 * controlling terminal, before it executes the shell; pipe, above 2, is the end that it reads. The watcher
 * closes everything else and ends when the pipe's other end is closed. Returns 0, or -1 and errno. */
int foreground_watch(int terminal, int pipe);

/* Sends the signal to the foreground group of the PTY behind master: through the watcher's pipe
 * when watcher is not -1. When that fails, to the shell's own group. Never blocks. */
void foreground_signal(int master, int watcher, pid_t shell, int signal);

#endif
