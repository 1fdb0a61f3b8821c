/*
 * Sessions: a client's claim on a sandbox, from the request to the clean end; and the table of them.
 *
 *      RESERVING (the limiter is asked) -> STARTING -> RUNNING -> DESTROYING (its peers are being told) -> gone
 *
 * A session ends once, for one reason (ending.h), whoever asks first. Its sandbox then goes to the reaper, its slot back to the
 * limiter.
 */
#ifndef SANDBOX_SESSION_SESSION_H
#define SANDBOX_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "sandbox/environment.h"
#include "sandbox/guard.h"
#include "sandbox/pool.h"
#include "sandbox/sandbox.h"
#include "sandbox/watch.h"
#include "session/capacity.h"
#include "session/client.h"
#include "session/ending.h"
#include "session/limiter.h"
#include "session/session_stats.h"
#include "session/terminal.h"
#include "session/ticket.h"

/* "sess_", 32 hex digits (128 random bits), NUL. */
#define SESSION_ID_BYTES 38

#define TOOL_PAIR_MAX 64 /* bytes with the NUL */

struct sessions;
struct session;

/* What sessions are made from; everything must live longer. */
struct sessions_parts {
	const struct config *config;
	struct fleet *fleet;
	const struct watch *watch;
	const struct guard
		*guard; /* NULL: nobody has to see first whether sandboxes are locked in */
	const struct capacity *capacity;
	struct pool *pool; /* NULL: every session waits for the start of its sandbox */
	struct limiter *limiter;
};

/* NULL when memory is out. */
struct sessions *sessions_new(const struct sessions_parts *parts);

/* Frees what is left, silently. Accepts NULL. */
void sessions_free(struct sessions *all);

struct session_request {
	const struct client *client; /* copied */
	const char *tool_pair;
	const struct environment *environment;
	const char *const *init; /* commands for each new terminal */
	size_t init_count;
	int64_t init_timeout_ms;
};

/* Called once: session is running and err NULL, or session is NULL and err says why. */
typedef void (*session_started_fn)(void *arg, struct session *session, const struct err *err);

/* Starts a session. NULL with *err, and no call back: ERR_BUSY (Engine, capacity, draining), ERR_INPUT, ERR_INTERNAL.
 * ERR_LIMIT comes through the call back: a limit of the client's; its message is for the client, its code the seconds until it
 * is worth another try (0: nobody knows). A caller that no longer cares calls session_end(END_ABANDONED) and is not called
 * back. */
struct session *session_start(struct sessions *all, const struct session_request *request,
			      session_started_fn started, void *arg, struct err *err);

/* The running or starting session of that id, or NULL. Compares in constant time. */
struct session *sessions_find(const struct sessions *all, const char *id);

/* Ends it: peers are told, the sandbox goes. The pointer is invalid afterwards. */
void session_end(struct session *s, enum end_reason reason);

/* Ends all, and starts no more. */
void sessions_drain(struct sessions *all);
bool sessions_draining(const struct sessions *all);

/* Enforces idle time, lifetime and time limits of init commands. Call it a few times a second. */
void sessions_sweep(struct sessions *all, uint64_t now_ms);

/* Containers that are not spare ones: what stands in the way of a new session. */
size_t sessions_containers(const struct sessions *all);

/* Lives as long as they do. */
const struct session_stats *sessions_stats(const struct sessions *all);

/* Whether a session of any environment would be started now, limits of its client aside. */
bool sessions_open(const struct sessions *all);

const char *session_id(const struct session *s);
const char *session_status(
	const struct session *s); /* on the wire: "STARTING", "RUNNING", "DESTROYING" */
const char *session_tool_pair(const struct session *s);
int64_t session_created_wall_ms(const struct session *s);
int64_t session_expires_wall_ms(const struct session *s);
/* Whether one more terminal may be opened now; also of a session that does not run yet. */
bool session_has_room(const struct session *s);
const struct client *session_client(const struct session *s);
struct ticket_book *session_tickets(struct session *s);

#endif
