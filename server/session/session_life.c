/* How a session begins and ends: its states, and what it holds in each. session.c is the table. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "session/session_internal.h"

static void free_session(struct session *s)
{
	for (size_t i = 0; i < s->init_count; i++)
		free(s->init[i]);
	free(s);
}

/* What the state says of all sessions. */
static void count(struct session *s, enum session_state state)
{
	struct session_stats *stats = &s->all->stats;

	stats->by_state[s->state]--;
	stats->by_state[state]++;
	if (state == SESSION_STARTING)
		stats->created[s->environment - environments]++;
	else if (state == SESSION_RUNNING) /* with a shell only that of a spare sandbox */
		histogram_note(&stats->start[s->shell ? START_WARM : START_COLD],
			       clock_monotonic_ns() - s->created_ns);
}

/* The only place where the state changes. */
static void enter(struct session *s, enum session_state state)
{
	count(s, state);
	s->state = state;
	if (state == SESSION_STARTING)
		log_info("session.created", LOG_S("session", s->id),
			 LOG_S("client", s->client.name),
			 LOG_S("environment", s->environment->name),
			 LOG_S("sandbox", s->sandbox ? sandbox_name(s->sandbox) : "spare"));
	else if (state == SESSION_RUNNING)
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

static bool is_beginning(const struct session *s)
{
	return s->state == SESSION_RESERVING || s->state == SESSION_STARTING;
}

/* Every session leaves through here, once: out of the table, its slot back to the limiter, its sandbox to the reaper. */
static void bury(struct session *s, enum end_reason reason, const struct err *err)
{
	session_started_fn started = is_beginning(s) ? s->started : NULL;
	struct limiter *limiter = s->all->parts.limiter;
	void *arg = s->started_arg;

	enter(s, SESSION_DESTROYING);
	HASH_DEL(s->all->table, s);
	limiter_cancel(s->reservation);
	limiter_release_session(limiter, s->id, reason == END_START_FAILED);
	tell_terminals(s, reason);
	pool_cancel(s->claim);
	parked_close(s->shell);
	sandbox_free(s->sandbox);
	s->all->stats.by_state[SESSION_DESTROYING]--;
	free_session(s);
	if (started && reason != END_ABANDONED)
		started(arg, NULL, err);
}

static void destroy(struct session *s, enum end_reason reason, const struct err *err)
{
	log_info("session.ended", LOG_S("session", s->id), LOG_S("client", s->client.name),
		 LOG_S("reason", ending(reason)->name),
		 LOG_U("lifetime_ms", clock_monotonic_ms() - s->created_ms),
		 LOG_U("bytes_in", s->bytes_in), LOG_U("bytes_out", s->bytes_out));
	if (s->state != SESSION_RESERVING)
		s->all->stats.ended[reason]++;
	bury(s, reason, err);
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

/* Another Engine or runtime may have made the sandbox than the one in which a canary has passed. */
static int refuse_doubtful(const struct session *s, struct err *err)
{
	const struct sessions_parts *p = &s->all->parts;

	if (!p->guard || watch_health(p->watch)->epoch == s->epoch)
		return 0;
	return err_set(err, ERR_BUSY, 0, "the Engine changed while the sandbox started");
}

static void run(struct session *s)
{
	struct err err;

	if (refuse_doubtful(s, &err) < 0) {
		destroy(s, END_START_FAILED, &err);
		return;
	}
	s->active_ms = clock_monotonic_ms();
	enter(s, SESSION_RUNNING);
	s->started(s->started_arg, s, NULL);
}

static void on_ready(void *arg)
{
	run(arg);
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

	s->sandbox = NULL; /* whose PTYs were lost before: s->shell is NULL */
	if (end == SANDBOX_END_START_FAILED)
		why.kind = ERR_BUSY; /* whatever the Engine did, the client may try again */
	destroy(s, reasons[end], &why);
}

static const struct sandbox_events sandbox_events = {.on_ready = on_ready, .on_end = on_end};

/* The first terminal then opens a shell like all others. */
static void on_shell_gone(void *arg)
{
	struct session *s = arg;

	s->shell = NULL;
}

static const struct parked_events shell_events = {.on_gone = on_shell_gone};

/* --- the start --- */

/* What stands in the way of everybody. */
static int refuse(const struct sessions *all, const struct environment *environment,
		  struct err *err)
{
	const struct sessions_parts *p = &all->parts;

	if (all->draining)
		return err_set(err, ERR_BUSY, 0, "the server is going away");
	if (!watch_can_start(p->watch, environment))
		return err_set(err, ERR_BUSY, 0, "the Engine cannot make sandboxes of %s now",
			       environment->name);
	if (p->guard && !guard_ok(p->guard, watch_health(p->watch)->epoch))
		return err_set(err, ERR_BUSY, 0, "no canary has passed yet");
	if (fleet_circuit_open(p->fleet, clock_monotonic_ms()))
		return err_set(err, ERR_BUSY, 0, "too many sandboxes have failed to start");
	struct capacity_report r = capacity_report(p->capacity, sessions_containers(all));
	if (r.reason[0])
		return err_set(err, ERR_BUSY, 0, "%s", r.reason);
	return 0;
}

static void note_refusal(const struct client *client, const char *limit, const struct err *err)
{
	log_info("session.refused", LOG_S("client", client->name), LOG_S("limit", limit),
		 LOG_S("error", err->msg),
		 LOG_I("retry_after_s", err->kind == ERR_LIMIT ? err->code : 0));
}

/* The words are for the client. */
static void describe_limit(const struct limiter_answer *answer, struct err *err)
{
	int seconds = (int)((answer->retry_after_ms + 999) / 1000);

	if (answer->verdict == LIMITER_SESSIONS_PER_HOUR)
		err_set(err, ERR_LIMIT, seconds, "Too many sessions were started within an hour.");
	else if (answer->verdict == LIMITER_SESSIONS)
		err_set(err, ERR_LIMIT, seconds, "Too many sessions at once: end one first.");
	else
		err_set(err, ERR_BUSY, 0, "the limiter has no room for another client");
}

bool sessions_open(const struct sessions *all)
{
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		if (refuse(all, &environments[i], NULL) == 0)
			return true;
	return false;
}

/* Spare sandboxes make room. */
static int start_cold(struct session *s, struct err *err)
{
	const struct sessions_parts *p = &s->all->parts;
	const struct sandbox_order order = {.environment = s->environment,
					    .session_id = s->id,
					    .lifetime_ms = p->config->max_lifetime_ms};

	if (p->pool && capacity_report(p->capacity, fleet_containers(p->fleet)).reason[0])
		pool_yield(p->pool);
	s->sandbox = sandbox_new(p->fleet, &order, &sandbox_events, s, err);
	return s->sandbox ? 0 : -1;
}

/* None of the spare ones has answered. */
static void start_instead(struct session *s)
{
	struct err err;

	if (refuse_doubtful(s, &err) < 0 || start_cold(s, &err) < 0)
		destroy(s, END_START_FAILED, &err);
}

static void on_claimed(void *arg, struct sandbox *sandbox, struct parked *shell)
{
	struct session *s = arg;

	s->claim = NULL;
	s->sandbox = sandbox;
	s->shell = shell;
	if (sandbox) {
		sandbox_set_owner(sandbox, &sandbox_events, s);
		parked_set_owner(shell, &shell_events, s);
		run(s);
	} else {
		start_instead(s);
	}
}

static int start_sandbox(struct session *s, struct err *err)
{
	const struct sessions_parts *p = &s->all->parts;

	/* Others may have taken the last place since it was asked for. */
	if (refuse(s->all, s->environment, err) < 0)
		return -1;
	s->epoch = watch_health(p->watch)->epoch;
	s->claim = p->pool ? pool_claim(p->pool, s->environment, on_claimed, s) : NULL;
	if (!s->claim && start_cold(s, err) < 0)
		return -1;
	enter(s, SESSION_STARTING);
	return 0;
}

static void on_reserved(void *arg, const struct limiter_answer *answer)
{
	struct session *s = arg;
	struct err err;

	s->reservation = NULL;
	if (answer->verdict == LIMITER_OK && start_sandbox(s, &err) == 0)
		return;
	if (answer->verdict != LIMITER_OK)
		describe_limit(answer, &err);
	else
		s->all->stats.refused++;
	note_refusal(&s->client,
		     answer->verdict == LIMITER_OK ? "host" : limiter_verdict_name(answer->verdict),
		     &err);
	bury(s, END_START_FAILED, &err);
}

static bool copy_init(struct session *s, const struct session_request *request)
{
	for (; s->init_count < request->init_count; s->init_count++)
		if (!(s->init[s->init_count] = strdup(request->init[s->init_count])))
			return false;
	return true;
}

static bool make_id(struct session *s)
{
	static const char prefix[] = "sess_";

	memcpy(s->id, prefix, sizeof(prefix));
	return random_hex(s->id + sizeof(prefix) - 1, (SESSION_ID_BYTES - sizeof(prefix)) / 2);
}

static struct session *new_session(struct sessions *all, const struct session_request *request,
				   session_started_fn started, void *arg)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->all = all;
	s->client = *request->client;
	s->environment = request->environment;
	s->started = started;
	s->started_arg = arg;
	s->init_timeout_ms = request->init_timeout_ms;
	snprintf(s->tool_pair, sizeof(s->tool_pair), "%s", request->tool_pair);
	s->created_wall_ms = clock_wall_ms();
	s->created_ns = clock_monotonic_ns();
	s->created_ms = s->active_ms = clock_monotonic_ms();
	s->expires_ms = s->created_ms + (uint64_t)all->parts.config->max_lifetime_ms;
	if (copy_init(s, request) && make_id(s))
		s->reservation = limiter_reserve_session(all->parts.limiter, s->id, &s->client,
							 s->created_ms, on_reserved, s);
	if (s->reservation)
		return s;
	free_session(s);
	return NULL;
}

struct session *session_start(struct sessions *all, const struct session_request *request,
			      session_started_fn started, void *arg, struct err *err)
{
	struct err why;

	if (refuse(all, request->environment, &why) < 0) {
		all->stats.refused++;
		note_refusal(request->client, "host", &why);
		*err = why;
		return NULL;
	}
	if (init_run_check(request->init, request->init_count, err) < 0)
		return NULL;
	struct session *s = new_session(all, request, started, arg);
	if (!s) {
		err_set(err, ERR_INTERNAL, 0, "no memory for a session");
		return NULL;
	}
	HASH_ADD(hh, all->table, id[SESSION_SELECTOR_OFFSET], SESSION_SELECTOR_BYTES, s);
	all->stats.by_state[SESSION_RESERVING]++;
	return s;
}
