/*
 * A terminal: one shell on a PTY in a session's sandbox, for one peer (a WebSocket).
 *
 * Keeps what is under way in both directions, each with a cap: output that the peer has not fetched (at most the
 * PTY's window, so a peer that stops reading stops the PTY), input that the PTY has not taken or that waits for the
 * limit of commands (meter.h). Runs the init commands before the user's input.
 *
 * Ownership: the peer owns the handle until terminal_close(), also after on_exit and on_end: output may still be
 * there to fetch. No event comes before terminal_begin(), after terminal_close(), or after on_end.
 * An event must not call terminal_close(): a peer notes that it is over and closes on a later turn of the loop.
 */
#ifndef SANDBOX_SESSION_TERMINAL_H
#define SANDBOX_SESSION_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sandbox/pty.h"
#include "session/ending.h"
#include "session/session_stats.h"

struct client;
struct session;
struct terminal;

/* Sizes of a terminal are clamped to these. */
#define TERMINAL_COLS_MIN 20
#define TERMINAL_COLS_MAX 500
#define TERMINAL_ROWS_MIN 5
#define TERMINAL_ROWS_MAX 200

/* With more bytes of input than this waiting, a peer should stop reading from its socket. */
#define TERMINAL_INPUT_HIGH 65536

struct terminal_events {
	void (*on_output)(void *arg); /* there is output to fetch, which may be done at once */
	void (*on_room)(void *arg);   /* waiting input fell below TERMINAL_INPUT_HIGH */
	/* error: for the user, NULL for none; there may be output to fetch now */
	void (*on_init_complete)(void *arg, bool success, const char *error);
	void (*on_exit)(void *arg, enum exit_kind kind, unsigned value); /* no more output comes */
	void (*on_end)(void *arg,
		       enum end_reason reason); /* without an exit; no more output comes */
	/* Input waits because of the client's limit of commands; said again now and then. */
	void (*on_limited)(void *arg, uint64_t retry_after_ms);
	/* The session will end for that reason, unless (END_IDLE) something is typed. */
	void (*on_warning)(void *arg, enum end_reason reason, int seconds_left);
};

/* A warning comes so long before the end, or half its limit when that is shorter. */
#define TERMINAL_WARNING_MS 60000

/* Opens a shell; its commands count for the client, which is copied. Runs the session's init commands in it, then on_init_complete (at once when there are none). NULL with
 * *err: ERR_GONE when the session is not running, ERR_LIMIT, ERR_INTERNAL. events is kept, not copied. */
struct terminal *terminal_open(struct session *session, const struct client *client, int64_t rows,
			       int64_t cols, const struct terminal_events *events, void *arg,
			       struct err *err);

/* Warm when its shell stood at a prompt before; to be asked before terminal_begin(). START_KINDS where init commands come before its
 * first output: how long they take is their author's business. */
enum start_kind terminal_start_kind(const struct terminal *t);

/* The peer is ready for events, which come from now on: at once what the shell has said already. */
void terminal_begin(struct terminal *t);

/* No more output comes, nor an exit; what has come can still be fetched. Accepts NULL. */
void terminal_hang_up(struct terminal *t);

/* Hangs up and frees. Accepts NULL. */
void terminal_close(struct terminal *t);

/* Takes all bytes of input, in order, or none: false when more waits than TERMINAL_INPUT_HIGH and two messages. Counts as the user's
 * activity. A Ctrl-C throws away what waits for the limit of commands before it, as a terminal does. */
bool terminal_input(struct terminal *t, const void *data, size_t len);

/* Bytes of input that wait for the PTY. */
size_t terminal_input_waiting(const struct terminal *t);

/* Never waits behind input or output. Values out of range are clamped. */
void terminal_resize(struct terminal *t, int64_t rows, int64_t cols);

/* Runs commands in the shell, as the session's own; then on_init_complete. ERR_BUSY while others run, ERR_INPUT when
 * they are out of bounds, ERR_GONE when the shell has ended. */
int terminal_run_init(struct terminal *t, const char *const *commands, size_t count,
		      int64_t timeout_ms, bool silent, struct err *err);

/* Bytes before the oldest output that its peer may write to: room for the header of a frame. */
#define TERMINAL_OUTPUT_FRONT 16

/* The oldest output, contiguous; *len may be 0. Valid until the next call. */
uint8_t *terminal_output(const struct terminal *t, size_t *len);

/* Bytes of it. */
size_t terminal_output_waiting(const struct terminal *t);

/* The peer has passed on the oldest n bytes. */
void terminal_output_done(struct terminal *t, size_t n);

#endif
