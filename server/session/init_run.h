/*
 * Runs init commands in an interactive shell by typing them, and keeps what that looks like from the user.
 *
 * Each command becomes one typed line that brackets it with marks (an OSC sequence with a nonce), so that
 * the end of a command is seen, not guessed, and its status is known; the next line is typed only
 * then. The commands run in the user's own shell: cd and export last. Silent, everything up to the
 * last mark is dropped; otherwise only the typed line is, and the command stands in its place as if the user had
 * typed it.
 *
 * Pure: output goes in, what is left of it and lines to type come out.
 */
#ifndef SANDBOX_SESSION_INIT_RUN_H
#define SANDBOX_SESSION_INIT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define INIT_COMMANDS_MAX      64
#define INIT_COMMAND_MAX_BYTES 16384

struct init_run;

/* Whether the commands are within the bounds. ERR_INPUT when not. */
int init_run_check(const char *const *commands, size_t count, struct err *err);

/* What a run asks of its terminal. */
struct init_run_sink {
	void (*show)(void *arg, const uint8_t *data, size_t len,
		     bool ours); /* ours: not from the PTY */
	void (*type)(void *arg, const char *text, size_t len);
};

/* Copies the commands: one at least, and within the bounds. NULL when memory or random bytes are out. */
struct init_run *init_run_new(const char *const *commands, size_t count, bool silent,
			      const struct init_run_sink *sink, void *arg);
void init_run_free(struct init_run *run); /* accepts NULL */

/* Types the first command. Call it when the shell stands at its prompt. */
void init_run_begin(struct init_run *run);
bool init_run_begun(const struct init_run *run);

/* Output of the PTY. Returns the number of bytes used: fewer than len when the last command has ended within; the
 * rest is the user's. */
size_t init_run_output(struct init_run *run, const uint8_t *data, size_t len);

/* Bytes of output that may be the beginning of a mark: neither shown nor dropped yet. */
size_t init_run_held(const struct init_run *run);

/* The run is over before its end: shows what is held, unless output is dropped at the moment. */
void init_run_flush(struct init_run *run);

bool init_run_done(const struct init_run *run);

/* The first command that failed, counted from 1, and its status; 0 when all went well. */
size_t init_run_failed(const struct init_run *run, int *status);

#endif
