/*
 * What a terminal leaves behind: processes of its session that outlive the hang-up and still hold the
 * terminal open.
 *
 * Under Linux they get EIO when they write to it. In gVisor of 2022 they go on writing into a queue without
 * bound that nobody reads, until the sandbox is out of memory. So, some time after its terminal,
 * such a process is killed. One that has let go of the terminal, or left its session, lives on.
 */
#ifndef SANDBOX_AGENT_LEFTOVERS_H
#define SANDBOX_AGENT_LEFTOVERS_H

#include "agent/protocol.h"
#include "agent/pty.h"
#include <sys/types.h>

/* What they get to deal with their SIGHUP: `yes` writes some megabytes in that time. */
#define LEFTOVERS_PATIENCE_MS 500

struct leftover {
	pid_t session; /* 0: this place is free */
	char terminal[PTY_PATH_BYTES];
	uint64_t kill_ms;
};

/* Zeroed is empty. */
struct leftovers {
	struct leftover list[AGENT_TERMINALS_MAX];
};

/* A terminal has ended. When the list is full, the first in line loses its patience. */
void leftovers_add(struct leftovers *l, pid_t session, const char terminal[PTY_PATH_BYTES],
		   uint64_t now_ms);

/* Does what is due. */
void leftovers_tick(struct leftovers *l, uint64_t now_ms);

/* When leftovers_tick() is due next, UINT64_MAX for never. */
uint64_t leftovers_due_ms(const struct leftovers *l);

#endif
