/* The table of sessions, and what is due by the clock. session_life.c has how one begins and ends. */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "session/session_internal.h"

/* A wall clock that is this far from where it should be has been set. */
#define WALL_STEP_MIN_MS 1000

struct sessions *sessions_new(const struct sessions_parts *parts)
{
	struct sessions *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->parts = *parts;
	for (size_t i = 0; i < START_KINDS; i++)
		histogram_init(&all->stats.start[i], &histogram_long);
	return all;
}

void sessions_free(struct sessions *all)
{
	struct session *s, *next;

	if (!all)
		return;
	HASH_ITER(hh, all->table, s, next)
	session_end(s, END_SHUTDOWN);
	free(all);
}

struct session *sessions_find(const struct sessions *all, const char *id)
{
	struct session *s;

	if (strlen(id) != SESSION_ID_BYTES - 1)
		return NULL;
	HASH_FIND(hh, all->table, id + SESSION_SELECTOR_OFFSET, SESSION_SELECTOR_BYTES, s);
	return s && secret_equal(s->id, SESSION_ID_BYTES - 1, id, SESSION_ID_BYTES - 1) ? s : NULL;
}

void sessions_drain(struct sessions *all)
{
	struct session *s, *next;

	all->draining = true;
	HASH_ITER(hh, all->table, s, next)
	session_end(s, END_SHUTDOWN);
}

bool sessions_draining(const struct sessions *all)
{
	return all->draining;
}

static void sweep_session(struct session *s, uint64_t now_ms)
{
	struct terminal *next;

	if (now_ms >= s->expires_ms) {
		session_end(s, END_LIFETIME);
		return;
	}
	if (s->state == SESSION_RUNNING &&
	    now_ms >= s->active_ms + (uint64_t)s->all->parts.config->idle_timeout_ms) {
		session_end(s, END_IDLE);
		return;
	}
	for (struct terminal *t = s->terminals; t; t = next) {
		next = terminal_next(t);
		terminal_sweep(t, now_ms);
	}
}

void sessions_sweep(struct sessions *all, uint64_t now_ms)
{
	struct session *s, *next;

	HASH_ITER(hh, all->table, s, next)
	sweep_session(s, now_ms);
}

size_t sessions_containers(const struct sessions *all)
{
	const struct sessions_parts *p = &all->parts;

	return fleet_containers(p->fleet) - (p->pool ? pool_spares(p->pool) : 0);
}

/* --- what others may know --- */

const struct session_stats *sessions_stats(const struct sessions *all)
{
	return &all->stats;
}

const char *session_state_name(enum session_state state)
{
	static const char *const names[] = {[SESSION_RESERVING] = "reserving",
					    [SESSION_STARTING] = "starting",
					    [SESSION_RUNNING] = "running",
					    [SESSION_DESTROYING] = "destroying"};

	return names[state];
}

const char *start_kind_name(enum start_kind kind)
{
	return kind == START_WARM ? "warm" : "cold";
}

const char *session_id(const struct session *s)
{
	return s->id;
}

const char *session_status(const struct session *s)
{
	static const char *const names[] = {"STARTING", "STARTING", "RUNNING", "DESTROYING"};

	return names[s->state];
}

const char *session_tool_pair(const struct session *s)
{
	return s->tool_pair;
}

int64_t session_created_wall_ms(const struct session *s)
{
	return s->created_wall_ms;
}

int64_t session_expires_wall_ms(const struct session *s)
{
	int64_t lived_ms = (int64_t)(clock_monotonic_ms() - s->created_ms);
	int64_t step_ms = clock_wall_ms() - s->created_wall_ms - lived_ms;

	/* The deadline does not move when somebody sets the wall clock; what that clock will say then does. */
	if (llabs(step_ms) < WALL_STEP_MIN_MS)
		step_ms = 0;
	return s->created_wall_ms + step_ms + s->all->parts.config->max_lifetime_ms;
}

bool session_has_room(const struct session *s)
{
	return !s->sandbox || pty_table_has_room(sandbox_ptys(s->sandbox));
}

const struct client *session_client(const struct session *s)
{
	return &s->client;
}

struct ticket_book *session_tickets(struct session *s)
{
	return &s->tickets;
}

size_t session_max_message(const struct session *s)
{
	return (size_t)s->all->parts.config->max_message_bytes;
}
