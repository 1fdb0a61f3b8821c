/*
 * The limiter: how much each client uses, and whether it may have more.
 *
 * Counts sessions within any hour (each start is remembered until an hour later, so there is no window that could be used
 * twice at its edge), sessions and WebSockets at once, and commands per minute (GCRA, ITU-T I.371: a burst of a minute's worth, then
 * evenly). A client in an IPv6 /48 also counts for its site, which may have `site_factor` times as much.
 *
 * Memory is bounded: at most `clients_max` clients and sites are remembered, and 64 bytes of session starts for each on
 * average. When a new one needs room, one whose record makes no difference any more goes first, then one that is furthest from its
 * limits. One that holds a session or a WebSocket, or is at a limit, is never forgotten; when nobody else is left, the new one is
 * refused (LIMITER_FULL). That one of them is not at its limit any more is noticed within a second.
 *
 * Sessions are reserved through a call back, since another backend will have to ask another process. Here the reservation
 * is made at once, so of many parallel requests never more than the limit get through; only the answer comes
 * on the loop's next turn. WebSockets and commands are this process's own and are answered at once.
 *
 * Time is given by the caller: milliseconds of CLOCK_MONOTONIC.
 */
#ifndef SANDBOX_SESSION_LIMITER_H
#define SANDBOX_SESSION_LIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "session/client.h"

/* Clients and sites at once: together under 32 MB, even when each of them is at its limit. */
#define LIMITER_CLIENTS_MAX 131072

struct limiter;
struct limiter_call;

struct limiter_settings {
	const struct limits *limits; /* TIER_COUNT of them, copied */
	int64_t site_factor;
	size_t clients_max;
};

/* NULL when memory is out. */
struct limiter *limiter_new(uv_loop_t *loop, const struct limiter_settings *settings);

/* Answers that have not been given are dropped. The loop must run once more. Accepts NULL. */
void limiter_free(struct limiter *l);

/* Of two limits in the way, sessions at once are named: after the hour they might still be. */
enum limiter_verdict {
	LIMITER_OK,
	LIMITER_SESSIONS_PER_HOUR,
	LIMITER_SESSIONS,
	LIMITER_WEBSOCKETS,
	LIMITER_FULL, /* no room to remember another client, or no memory */
};

/* The verdict's name for logs and metrics: "sessions_per_hour". */
const char *limiter_verdict_name(enum limiter_verdict verdict);

struct limiter_answer {
	enum limiter_verdict verdict;
	uint64_t retry_after_ms; /* when it will surely fit again; 0 when nobody can know */
};

/* Called once, never before limiter_reserve_session() has returned. The call is gone when it runs. */
typedef void (*limiter_answer_fn)(void *arg, const struct limiter_answer *answer);

/* Reserves a session of that id (at most 63 bytes) for the client. Reserving an id again that is reserved already changes nothing and answers OK.
 * NULL when memory is out: nothing is reserved, and no answer comes. */
struct limiter_call *limiter_reserve_session(struct limiter *l, const char *session_id,
					     const struct client *client, uint64_t now_ms,
					     limiter_answer_fn on_answer, void *arg);

/* No answer will come. What it reserved stays reserved until limiter_release_session(). Accepts NULL. */
void limiter_cancel(struct limiter_call *call);

/* Gives the slot of that session back, once, however often it is called; an unknown id is no mistake. unused: it never
 * came to be through no fault of the client's, and does not count for its hour either. */
void limiter_release_session(struct limiter *l, const char *session_id, bool unused);

/* Takes a slot for one WebSocket; after LIMITER_OK the caller gives it back exactly once. */
struct limiter_answer limiter_take_websocket(struct limiter *l, const struct client *client,
					     uint64_t now_ms);
void limiter_give_websocket(struct limiter *l, const struct client *client);

/* Takes leave for up to count commands; returns for how many. When fewer: *retry_after_ms until one more is allowed, at
 * least 1. */
size_t limiter_take_commands(struct limiter *l, const struct client *client, size_t count,
			     uint64_t now_ms, uint64_t *retry_after_ms);

struct limiter_counts {
	size_t clients;                        /* remembered, sites included */
	size_t sessions, websockets;           /* slots that are taken */
	uint64_t refused_by[LIMITER_FULL + 1]; /* since the start, by verdict */
	uint64_t commands_delayed; /* times that limiter_take_commands() gave fewer than asked */
};
struct limiter_counts limiter_count(const struct limiter *l);

#endif
