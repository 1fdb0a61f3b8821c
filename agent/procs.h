/*
 * Processes by session or by parent, found in /proc.
 *
 * A scan costs about 30 us per process, so it is for ends and floods, not for every frame.
 */
#ifndef SANDBOX_AGENT_PROCS_H
#define SANDBOX_AGENT_PROCS_H

#include <stddef.h>
#include <sys/types.h>

/* Sends a signal to every process of the session. */
void procs_signal_session(pid_t session, int signal);

/* Processes that procs_stop_session() has stopped. */
struct procs_stopped {
	pid_t pids[128]; /* more than a sandbox may have; those beyond go on running */
	size_t count;
};

/* Stops the session with SIGSTOP, the leader first, so that a shell does not get to see its jobs
 * stop; only the process spared, -1 for none, goes on. Those that are stopped already stay out of
 * *stopped, and processes new since the last call are added to it. */
void procs_stop_session(struct procs_stopped *stopped, pid_t session, pid_t spared);

/* Continues them, the leader last; *stopped is empty afterwards. */
void procs_continue(struct procs_stopped *stopped);

/* SIGKILL to every process of the session that has the file open. */
void procs_kill_holders(pid_t session, const char *file);

/* SIGKILL to every descendant, however it has tried to get away, and reaps them all. Only for a
 * subreaper that is about to end. */
void procs_kill_descendants(void);

#endif
