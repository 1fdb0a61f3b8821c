/*
 * A shell that was opened ahead and that nobody has yet: its output is kept until somebody takes it over.
 *
 * Ownership: parked_open() returns a handle that is valid until on_gone has been called, parked_take() or parked_close().
 */
#ifndef SANDBOX_SANDBOX_PARKED_H
#define SANDBOX_SANDBOX_PARKED_H

#include <stdbool.h>

#include "base/fifo.h"
#include "sandbox/pty.h"

struct parked;

struct parked_events {
	/* It stands at its prompt. May be NULL for owners that know. */
	void (*on_prompt)(void *arg);
	/* It has ended, or could not be opened; the handle is invalid. Its sandbox may live on. */
	void (*on_gone)(void *arg);
};

/* Opens the user's shell in a terminal of that size. NULL with *err as pty_open(). events is kept, not copied. */
struct parked *parked_open(struct pty_table *table, unsigned rows, unsigned cols,
			   const struct parked_events *events, void *arg, struct err *err);

/* From now on another one is told. */
void parked_set_owner(struct parked *p, const struct parked_events *events, void *arg);

/* Its PTY changes hands: what it has said so far goes to *output, which must be empty and is not to be pushed to; a size other than its
 * own is told to the shell. */
struct pty *parked_take(struct parked *p, unsigned rows, unsigned cols,
			const struct pty_events *events, void *arg, struct fifo *output);

/* Hangs up. Accepts NULL. */
void parked_close(struct parked *p);

#endif
