#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/secret.h"
#include "session/session_internal.h"

struct sessions {
	const struct config *config;
	struct fleet *fleet;
	const struct watch *watch;
	const struct capacity *capacity;
	struct session *table;
	bool draining;
};

struct sessions *sessions_new(const struct config *config, struct fleet *fleet,
			      const struct watch *watch, const struct capacity *capacity)
{
	struct sessions *all = calloc(1, sizeof(*all));

	if (all)
		*all = (struct sessions){
			.config = config, .fleet = fleet, .watch = watch, .capacity = capacity};
	return all;
}

static void free_session(struct session *s)
{
	for (size_t i = 0; i < s->init_count; i++)
		free(s->init[i]);
	free(s);
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

/* The only place where the state changes. */
static void enter(struct session *s, enum session_state state)
{
	s->state = state;
	if (state == SESSION_RUNNING)
		log_info("session.running", LOG_S("session", s->id),
			 LOG_S("sandbox", sandbox_name(s->sandbox)),
			 LOG_U("start_ms", clock_monotonic_ms() - s->created_ms));
}

/* --- the end --- */

/* Terminals may be closed by their peers while they are told, so always take the first one left. */
static void tell_terminals(struct session *s, enum end_reason reason)
{
	while (s->terminals)
		terminal_session_ended(s->terminals, reason);
}

static void destroy(struct session *s, enum end_reason reason, const struct err *err)
{
	session_started_fn started = s->state == SESSION_STARTING ? s->started : NULL;
	void *arg = s->started_arg;

	enter(s, SESSION_DESTROYING);
	log_info("session.ended", LOG_S("session", s->id), LOG_S("reason", ending(reason)->name),
		 LOG_U("lifetime_ms", clock_monotonic_ms() - s->created_ms));
	HASH_DEL(s->all->table, s);
	tell_terminals(s, reason);
	sandbox_free(s->sandbox);
	free_session(s);
	if (started && reason != END_ABANDONED)
		started(arg, NULL, err);
}

void session_end(struct session *s, enum end_reason reason)
{
	struct err err;

	if (s->state == SESSION_DESTROYING)
		return;
	err_set(&err, ERR_GONE, 0, "%s", ending(reason)->text);
	destroy(s, reason, &err);
}

/* --- events of the sandbox --- */

static void on_ready(void *arg)
{
	struct session *s = arg;

	enter(s, SESSION_RUNNING);
	s->started(s->started_arg, s, NULL);
}

static void on_end(void *arg, enum sandbox_end end, const struct err *err)
{
	static const enum end_reason reasons[] = {
		[SANDBOX_END_START_FAILED] = END_START_FAILED,
		[SANDBOX_END_DIED] = END_SANDBOX_DIED,
		[SANDBOX_END_KILLED] = END_KILLED,
		[SANDBOX_END_OUT_OF_MEMORY] = END_OUT_OF_MEMORY,
		[SANDBOX_END_ENGINE_LOST] = END_ENGINE_LOST,
		[SANDBOX_END_VIOLATION] = END_SANDBOX_DIED,
	};
	struct session *s = arg;
	struct err why = *err;

	s->sandbox = NULL;
	if (end == SANDBOX_END_START_FAILED)
		why.kind = ERR_BUSY; /* whatever the Engine did, the client may try again */
	destroy(s, reasons[end], &why);
}

static const struct sandbox_events sandbox_events = {.on_ready = on_ready, .on_end = on_end};

/* --- the start --- */

static bool make_id(struct session *s)
{
	static const char prefix[] = "sess_";

	memcpy(s->id, prefix, sizeof(prefix));
	return random_hex(s->id + sizeof(prefix) - 1, (SESSION_ID_BYTES - sizeof(prefix)) / 2);
}

static int refuse(const struct sessions *all, const struct session_request *request,
		  struct err *err)
{
	if (all->draining)
		return err_set(err, ERR_BUSY, 0, "the server is going away");
	if (!watch_can_start(all->watch, request->environment))
		return err_set(err, ERR_BUSY, 0, "the Engine cannot make sandboxes of %s now",
			       request->environment->name);
	if (fleet_circuit_open(all->fleet, clock_monotonic_ms()))
		return err_set(err, ERR_BUSY, 0, "too many sandboxes have failed to start");
	struct capacity_report r = capacity_report(all->capacity, fleet_containers(all->fleet));
	if (r.reason[0])
		return err_set(err, ERR_BUSY, 0, "%s", r.reason);
	return init_run_check(request->init, request->init_count, err);
}

static bool copy_init(struct session *s, const struct session_request *request)
{
	for (; s->init_count < request->init_count; s->init_count++)
		if (!(s->init[s->init_count] = strdup(request->init[s->init_count])))
			return false;
	return true;
}

static struct session *new_session(struct sessions *all, const struct session_request *request,
				   session_started_fn started, void *arg)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->all = all;
	s->environment = request->environment;
	s->started = started;
	s->started_arg = arg;
	s->init_timeout_ms = request->init_timeout_ms;
	snprintf(s->tool_pair, sizeof(s->tool_pair), "%s", request->tool_pair);
	s->created_wall_ms = clock_wall_ms();
	s->created_ms = s->active_ms = clock_monotonic_ms();
	s->expires_ms = s->created_ms + (uint64_t)all->config->max_lifetime_ms;
	if (copy_init(s, request) && make_id(s))
		return s;
	free_session(s);
	return NULL;
}

struct session *session_start(struct sessions *all, const struct session_request *request,
			      session_started_fn started, void *arg, struct err *err)
{
	if (refuse(all, request, err) < 0)
		return NULL;
	struct session *s = new_session(all, request, started, arg);
	if (!s) {
		err_set(err, ERR_INTERNAL, 0, "no memory for a session");
		return NULL;
	}
	s->sandbox = sandbox_new(all->fleet, request->environment, s->id,
				 all->config->max_lifetime_ms, &sandbox_events, s, err);
	if (!s->sandbox) {
		free_session(s);
		return NULL;
	}
	HASH_ADD(hh, all->table, id[SESSION_SELECTOR_OFFSET], SESSION_SELECTOR_BYTES, s);
	log_info("session.created", LOG_S("session", s->id),
		 LOG_S("environment", s->environment->name),
		 LOG_S("sandbox", sandbox_name(s->sandbox)));
	return s;
}

/* --- the table --- */

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
	    now_ms >= s->active_ms + (uint64_t)s->all->config->idle_timeout_ms) {
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

struct session_counts sessions_count(const struct sessions *all)
{
	struct session_counts counts = {0};

	for (const struct session *s = all->table; s; s = s->hh.next) {
		counts.starting += s->state == SESSION_STARTING;
		counts.running += s->state == SESSION_RUNNING;
		counts.terminals += s->terminal_count;
	}
	return counts;
}

/* --- what others may know --- */

const char *session_id(const struct session *s)
{
	return s->id;
}

const char *session_status(const struct session *s)
{
	static const char *const names[] = {"STARTING", "RUNNING", "DESTROYING"};

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
	return s->created_wall_ms + s->all->config->max_lifetime_ms;
}

size_t session_terminal_count(const struct session *s)
{
	return s->terminal_count;
}

size_t session_max_message(const struct session *s)
{
	return (size_t)s->all->config->max_message_bytes;
}
