/*
 * What the files of a terminal share: terminal.c (its life, output, the PTY's events), terminal_input.c (input, and the limit of
 * commands), terminal_init.c (init commands). Nobody else includes this.
 */
#ifndef SANDBOX_SESSION_TERMINAL_INTERNAL_H
#define SANDBOX_SESSION_TERMINAL_INTERNAL_H

#include "base/fifo.h"
#include "session/init_run.h"
#include "session/meter.h"
#include "session/session_internal.h"

/* Room in the output queue for what an init run shows by itself, beside the PTY's window. */
#define OUTPUT_SLACK_BYTES (INIT_COMMANDS_MAX * 1024)

/* One init command, typed, with every character escaped. */
#define TYPED_MAX_BYTES (4 * INIT_COMMAND_MAX_BYTES + 1024)

#define CTRL_C "\003"

struct terminal {
	struct session *session; /* NULL once it has ended */
	struct pty *pty;         /* NULL once it has exited */
	struct client client;
	const struct terminal_events *events;
	void *arg;
	bool open;     /* the shell is there */
	bool told;     /* that the first init commands are over */
	bool in_shell; /* the shell is in the foreground, as far as we know */
	struct fifo
		prompt; /* what a shell that was opened ahead has said; until terminal_begin() */
	struct fifo output, input, typed;
	bool init_counts; /* the init run is a peer's wish: its commands count like lines that are typed */
	bool typed_waits;        /* for leave */
	uint64_t typed_ask_ms;   /* not before this time again */
	struct meter meter;      /* which of the input waits for the limit of commands */
	uint64_t turn_ms;        /* when to ask for leave again */
	uint64_t limited_ms;     /* when the client was told last; 0: never */
	uint64_t full_since_ms;  /* since when waiting input has filled the queue; 0: it has not */
	uint64_t warned_idle_ms; /* the time of the input after which the warning came */
	bool warned_lifetime;
	size_t ours; /* bytes in output that no PTY has sent: they earn no credit */
	struct init_run *init;
	uint64_t init_deadline_ms;
	int64_t init_timeout_ms;
	struct terminal *prev, *next;
};

/* Hands on what may go to the PTY: typed commands first; what the user sends waits until they have ended. */
void terminal_pump(struct terminal *t);

/* Input that waits for its limit goes on when it may. A client that never stops sending is let go: the terminal is then closed to the
 * session. */
void terminal_sweep_commands(struct terminal *t, uint64_t now_ms);

/* Prepares the session's own init commands. False when memory is out. */
bool terminal_prepare_init(struct terminal *t, const struct session *s);

/* Returns how many bytes of the PTY's output belong to the init run; the rest is the user's. */
size_t terminal_feed_init(struct terminal *t, const uint8_t *data, size_t len);

/* Whether the run has ended by what came: told to the peer then. */
void terminal_check_init(struct terminal *t);

/* The shell has ended in the middle of it. */
void terminal_abandon_init(struct terminal *t);

/* Ends a run that takes too long. */
void terminal_sweep_init(struct terminal *t, uint64_t now_ms);

/* Bytes of the PTY that have neither been passed on nor dropped. */
size_t terminal_kept(const struct terminal *t);

/* Every byte that came from the PTY and is not kept earns its credit back, once. */
void terminal_give_credit(struct terminal *t, size_t received);

#endif
