/*
 * A pair of PTY ends, and what a terminal's keys mean.
 */
#ifndef SANDBOX_AGENT_PTY_H
#define SANDBOX_AGENT_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

/* /dev/pts/N and its NUL fit, whatever is after them is unused. */
#define PTY_PATH_BYTES 32

/* Both ends are close-on-exec and non-blocking. The slave is kept open for the terminal's whole life: without
 * it the master would report a hang-up, again and again, whenever no process happens to have the terminal
 * open. It is no controlling terminal of the agent. */
struct pty {
	int master, slave;         /* -1 when closed */
	char path[PTY_PATH_BYTES]; /* of the slave */
};

/* Opens a new PTY of that size, for UTF-8. Returns 0, or -1 and errno, with both ends -1. */
int pty_open(struct pty *pty, uint16_t rows, uint16_t cols);

/* Closes what is open. */
void pty_close(struct pty *pty);

int pty_resize(const struct pty *pty, uint16_t rows, uint16_t cols);

/* Whether output is there. Unlike pty_queued() it sees also what Linux has still under way. */
bool pty_readable(const struct pty *pty);

/* Bytes of output that can be read at once; 0 when unknown. Linux never says more than 4095, gVisor of
 * 2022 all that is queued, without bound. */
size_t pty_queued(const struct pty *pty);

/* The first of len bytes that is a signal key under these settings: its index, and in *signal
 * what it raises. len when there is none. */
size_t pty_find_signal_key(const struct termios *settings, const uint8_t *bytes, size_t len,
			   int *signal);

/* What the kernel does at a signal key besides the signal: forgets the unread input and echoes ^X. */
void pty_signal_key_effects(const struct pty *pty, const struct termios *settings, uint8_t key);

#endif
