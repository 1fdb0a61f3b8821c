/*
 * What the kernel below does not do for a PTY.
 *
 * Linux does all of it. gVisor of 2022, which Debian 12 ships, leaves out the three things below, and the
 * agent does them itself. docs/agent-protocol.md has the findings.
 */
#ifndef SANDBOX_AGENT_QUIRKS_H
#define SANDBOX_AGENT_QUIRKS_H

#include <stdbool.h>

struct quirks {
	bool no_signal_keys; /* Ctrl-C and the like raise no signal */
	bool no_winch;       /* a new size raises no SIGWINCH */
	bool no_foreground;  /* the master does not tell the foreground process group */
};

/* Tries it out on a PTY of its own with a child of its own: about 2 ms, blocking, no timing
 * involved. Call it before SIGCHLD is watched. What cannot be tried counts as done by the kernel. */
struct quirks quirks_probe(void);

#endif
