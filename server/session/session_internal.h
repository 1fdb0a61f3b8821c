/*
 * What session.c and terminal.c share of a session. Nobody else includes this.
 */
#ifndef SANDBOX_SESSION_SESSION_INTERNAL_H
#define SANDBOX_SESSION_SESSION_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "session/init_run.h"
#include "session/session.h"

/* uthash looks up by the first half of the random digits; the second is compared in constant time. */
#define SESSION_SELECTOR_OFFSET 5
#define SESSION_SELECTOR_BYTES  16

struct sessions {
	struct sessions_parts parts;
	struct session *table;
	struct session_stats stats;
	bool draining;
};

struct session {
	struct sessions *all;
	char id[SESSION_ID_BYTES];
	char tool_pair[TOOL_PAIR_MAX];
	struct client client;
	struct limiter_call *reservation; /* in RESERVING */
	const struct environment *environment;
	enum session_state state;
	struct pool_claim *claim; /* in STARTING: of a spare sandbox */
	struct sandbox *sandbox;
	struct parked
		*shell; /* of a sandbox that was a spare one, until the first terminal has it */
	unsigned epoch; /* of the Engine, when the sandbox was asked for */
	session_started_fn started;
	void *started_arg;
	int64_t created_wall_ms;
	uint64_t created_ns;                        /* monotonic, like the next */
	uint64_t created_ms, expires_ms, active_ms; /* monotonic; active: the latest input */
	char *init[INIT_COMMANDS_MAX];
	size_t init_count;
	int64_t init_timeout_ms;
	struct terminal *terminals;   /* utlist, doubly linked */
	uint64_t bytes_in, bytes_out; /* of all its terminals */
	struct ticket_book tickets;
	UT_hash_handle hh;
};

/* The session's end, as one of its terminals learns of it. The terminal must not touch the session any more. */
void terminal_session_ended(struct terminal *t, enum end_reason reason);

/* Enforces the time limits of its init run and its commands, and warns of the session's end. */
void terminal_sweep(struct terminal *t, uint64_t now_ms);

struct terminal *terminal_next(struct terminal *t);

/* Adds to and removes from the session's list. */
void session_add_terminal(struct session *s, struct terminal *t);
void session_remove_terminal(struct session *s, struct terminal *t);

/* The largest message a peer may send, in bytes. */
size_t session_max_message(const struct session *s);

#endif
