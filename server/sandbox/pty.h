/*
 * The PTYs inside one sandbox, as the server sees them: numbers, windows of credit, and who listens.
 *
 * Writes frames through a function given at construction and is told of the agent's frames by sandbox.c;
 * does no I/O itself. Guards the agent's promises: output beyond the credit, a frame for a terminal that was never
 * opened, or an absurd grant is a violation (-1 with *err), upon which the sandbox ends.
 *
 * Ownership: pty_open() returns a handle that stays valid until on_exit or on_lost has been called, or
 * pty_close(). One of them always comes. No event comes before pty_open() has returned nor after pty_close(); pty_close() is
 * allowed inside every event.
 */
#ifndef SANDBOX_SANDBOX_PTY_H
#define SANDBOX_SANDBOX_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/protocol.h"
#include "base/err.h"
#include "sandbox/pace.h"

/* Bytes of output that may be under way from the agent for one terminal: what its listener must be able to keep. */
#define PTY_OUTPUT_WINDOW 131072

struct pty;

struct pty_events {
	void (*on_output)(void *arg, const uint8_t *data, size_t len); /* borrowed */
	void (*on_room)(
		void *arg); /* pty_input() takes bytes again; also once when the PTY is open */
	void (*on_exit)(void *arg, enum exit_kind kind,
			unsigned value); /* all output came before */
	/* ERR_LIMIT: the sandbox could not open it. Else: the sandbox has ended. */
	void (*on_lost)(void *arg, const struct err *err);
	/* The program that was opened is in the foreground again, or one that it has started is. At first
	 * it is itself. As the agent says, which programs in the sandbox can speak for. May be NULL. */
	void (*on_foreground)(void *arg, bool shell);
	/* After on_output, once or more: no more of it is at hand now, so it is worth passing on. Must not end the
	 * sandbox. May be NULL. */
	void (*on_settled)(void *arg);
};

/* Sends one frame, or returns false: the sandbox is then about to end by itself. */
typedef bool (*pty_send_fn)(void *arg, enum frame_type type, uint16_t terminal, const void *payload,
			    size_t len);

struct pty_table {
	pty_send_fn send;
	void *send_arg;
	struct pace *pace;
	struct pty *slots[AGENT_TERMINALS_MAX]; /* terminal number minus one */
};

/* pace: of the credit for output, with pty_on_turn; NULL for none. */
void pty_table_init(struct pty_table *table, pty_send_fn send, void *send_arg, struct pace *pace);

/* What a pace of PTYs calls. */
uint32_t pty_on_turn(struct pace_wait *w);

/* Calls on_lost for each that is open; frees all. */
void pty_table_finish(struct pty_table *table, const struct err *err);

/* --- for the session --- */

/* Whether another one can be opened. A number is free again when the agent has said that its shell has ended. */
bool pty_table_has_room(const struct pty_table *table);

/* Arguments of a program, at most, and the bytes of all of them with their NULs. */
#define PTY_ARGS_MAX       8
#define PTY_ARGS_MAX_BYTES 4096

/* Opens a terminal with the user's shell, or with the program in argv (NULL-terminated, within the bounds above; argv NULL: the
 * shell). NULL with *err: ERR_LIMIT when the sandbox has AGENT_TERMINALS_MAX already,
 * ERR_UPSTREAM when the frame cannot be sent. events is kept, not copied. */
struct pty *pty_open(struct pty_table *table, const char *const *argv, unsigned rows, unsigned cols,
		     const struct pty_events *events, void *arg, struct err *err);

/* From now on another one is told. */
void pty_set_owner(struct pty *pty, const struct pty_events *events, void *arg);

/* Whether the program that was opened is in the foreground, as on_foreground said last. */
bool pty_in_foreground(const struct pty *pty);

/* Hands over at most len bytes; returns how many the agent's window took (0: wait for on_room). */
size_t pty_input(struct pty *pty, const void *data, size_t len);

/* The listener has passed on n bytes of output: that much credit goes back to the agent, as the pace allows. */
void pty_consumed(struct pty *pty, size_t n);

void pty_resize(struct pty *pty, unsigned rows, unsigned cols);
void pty_close(struct pty *pty); /* hangs up; accepts NULL */

/* --- for sandbox.c: what the agent said; 0, or -1 with *err for a violation --- */

int pty_table_opened(struct pty_table *table, uint16_t terminal, uint32_t credit, struct err *err);
int pty_table_output(struct pty_table *table, uint16_t terminal, const uint8_t *data, size_t len,
		     struct err *err);
int pty_table_credit(struct pty_table *table, uint16_t terminal, uint32_t bytes, struct err *err);
int pty_table_exit(struct pty_table *table, uint16_t terminal, enum exit_kind kind, unsigned value,
		   struct err *err);
int pty_table_error(struct pty_table *table, uint16_t terminal, unsigned error_number,
		    const char *text, struct err *err);

/* value is the frame's: 1 or 0, and not what it was before. */
int pty_table_foreground(struct pty_table *table, uint16_t terminal, unsigned value,
			 struct err *err);

/* Nothing more of what it says is at hand. */
void pty_table_settle(struct pty_table *table);

#endif
