/*
 * A terminal's foreground process group: signals to it, and whether it is the shell's.
 *
 * Linux tells the group on the master. gVisor of 2022 tells it only to a member of the terminal's
 * session, so there each terminal gets a watcher: a process in the session, in a background group,
 * that waits for orders on a pipe and answers through another. It is no child of the shell's. User
 * programs can stop and kill it, and even answer in its place: nothing waits for it.
 */
#ifndef SANDBOX_AGENT_FOREGROUND_H
#define SANDBOX_AGENT_FOREGROUND_H

#include <sys/types.h>

/* Starts a watcher. Called in the leader of the session, which has the terminal as its
 * controlling terminal, before it executes the shell. orders and answers, above 2, are the ends of
 * pipes that it reads and, not blocking, writes: first its process id, for foreground_watcher(). The
 * watcher closes everything else and ends when the other end of orders is closed. Returns 0, or -1 and errno. */
int foreground_watch(int terminal, int orders, int answers);

/* Its process id, when foreground_watch() has succeeded and before the first look; -1 if it is not
 * there. Programs of the user run only after it has been written. */
pid_t foreground_watcher(int answers);

/* Sends the signal to the foreground group of the PTY behind master: through the watcher's pipe
 * when watcher is not -1. When that fails, to the shell's own group. Never blocks. */
void foreground_signal(int master, int watcher, pid_t shell, int signal);

enum foreground {
	FOREGROUND_OTHER = 0,
	FOREGROUND_SHELL = 1,
	FOREGROUND_UNKNOWN,
	FOREGROUND_ASKED, /* the watcher, which answers when it is not as it said last, at first SHELL */
	FOREGROUND_UNWATCHED, /* there is no watcher any more */
};

/* Whether the foreground group of the PTY behind master is the shell's own: SHELL, OTHER or UNKNOWN
 * without a watcher, ASKED or UNKNOWN when watcher is not -1. Never blocks. */
enum foreground foreground_look(int master, int watcher, pid_t shell);

/* What the watcher has said last: SHELL, OTHER, UNKNOWN when nothing is there, UNWATCHED. Never blocks. */
enum foreground foreground_answer(int answers);

#endif
