/*
 * A client for the tests of sessions and terminals: one session, asked for in the world of world.h, and eyes on it, each with one
 * terminal, that note what they are told and fetch output as it comes.
 */
#ifndef TESTS_UNIT_CLIENT_H
#define TESTS_UNIT_CLIENT_H

#include "world.h"

struct visitor {
	struct session *session;
	unsigned answers;
	struct err err; /* of a session that was refused or failed */
	char id[SESSION_ID_BYTES];
};
extern struct visitor client;

struct eye {
	struct terminal *terminal;
	unsigned outputs, rooms, inits, exits, ends, limits, warnings;
	bool init_ok;
	char init_error[80];
	enum exit_kind kind;
	unsigned value;
	enum end_reason reason;    /* of the end */
	enum end_reason warned_of; /* the latest */
	int seconds_left;
	uint64_t retry_after_ms;
	char text[4096]; /* what was fetched, up to its size */
	size_t text_len;
	bool lazy; /* does not fetch by itself */
};
extern struct eye eyes[AGENT_TERMINALS_MAX + 1];
static struct eye *const eye = eyes; /* most tests need one only */

extern const struct sim_plan good;
extern const struct terminal_events eye_events;

void client_set_up(void);

/* However a test left things: everybody leaves, all sessions are ended, and nothing may remain. */
void client_tear_down(void);

/* Asks for a session. -1 with client.err when it is refused at once. */
int ask(const struct sim_plan *plan, const char *const *init, size_t init_count);

/* Asks for one and waits until it runs. */
void start(const char *const *init, size_t init_count);

/* Opens a terminal. */
void look(struct eye *e);

/* A running session and a shell at its prompt, in eyes[0]. */
void open_shell(void);

/* Fetches all output of now. */
void fetch(struct eye *e);

void type(const char *text); /* in eyes[0] */

bool is_answered(void);
bool gone(void);        /* the session */
bool is_over(void);     /* the terminal of eyes[0] */
bool sees_prompt(void); /* eyes[0], at the end of its text */

/* The agent of the first container, and the first terminal in it. */
struct sim_agent *agent(void);
struct sim_terminal *shell(void);

#endif
