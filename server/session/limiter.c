#include "session/limiter.h"

#include <stdlib.h>
#include <string.h>

#include "session/limiter_internal.h"

/* A client that cannot be remembered asks for leave again after this time. */
#define FULL_RETRY_MS 1000

/* Who holds a session's slots. Records that hold some are never forgotten, so they can be pointed at. */
struct claim {
	struct record *holders[2]; /* the client, its site or NULL */
	uint64_t start_ms;
	UT_hash_handle hh;
	char session_id[];
};

struct limiter_call {
	struct limiter *limiter;
	struct limiter_answer answer;
	limiter_answer_fn on_answer;
	void *arg;
	uint64_t turn;
	struct limiter_call *prev, *next;
};

struct limiter {
	struct table table;
	struct claim *claims;       /* by session_id */
	struct limiter_call *calls; /* answers to give, oldest first */
	uint64_t turn;
	uint64_t now_ms; /* the latest that was said */
	struct limiter_counts counts;
	uv_idle_t idle; /* active while there are answers to give */
};

const char *limiter_verdict_name(enum limiter_verdict verdict)
{
	static const char *const names[] = {
		[LIMITER_OK] = "ok",
		[LIMITER_SESSIONS_PER_HOUR] = "sessions_per_hour",
		[LIMITER_SESSIONS] = "sessions",
		[LIMITER_WEBSOCKETS] = "websockets",
		[LIMITER_FULL] = "full",
	};

	return names[verdict];
}

/* --- life --- */

struct limiter *limiter_new(uv_loop_t *loop, const struct limiter_settings *settings)
{
	struct limiter *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	table_init(&l->table, settings);
	uv_idle_init(loop, &l->idle);
	l->idle.data = l;
	return l;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void limiter_free(struct limiter *l)
{
	struct claim *claim, *next;

	if (!l)
		return;
	while (l->calls)
		limiter_cancel(l->calls);
	HASH_ITER(hh, l->claims, claim, next)
	{
		HASH_DEL(l->claims, claim);
		free(claim);
	}
	table_finish(&l->table);
	uv_close((uv_handle_t *)&l->idle, on_closed);
}

struct limiter_counts limiter_count(const struct limiter *l)
{
	struct limiter_counts counts = l->counts;

	counts.clients = l->table.count;
	return counts;
}

/* What a call is about. The clock's latest time counts, if calls should come with an older one. */
static struct parties gather(struct limiter *l, const struct client *client, uint64_t now_ms)
{
	if (now_ms > l->now_ms)
		l->now_ms = now_ms;
	return parties_gather(&l->table, client, l->now_ms);
}

static struct limiter_answer answer(struct limiter *l, enum limiter_verdict verdict,
				    uint64_t retry_after_ms)
{
	if (verdict != LIMITER_OK)
		l->counts.refused_by[verdict]++;
	return (struct limiter_answer){verdict, retry_after_ms};
}

/* --- sessions --- */

static struct claim *find_claim(const struct limiter *l, const char *session_id)
{
	struct claim *claim;

	HASH_FIND_STR(l->claims, session_id, claim);
	return claim;
}

static bool add_claim(struct limiter *l, const char *session_id, const struct parties *p)
{
	size_t len = strlen(session_id);
	struct claim *claim = calloc(1, sizeof(*claim) + len + 1);

	if (!claim)
		return false;
	memcpy(claim->session_id, session_id, len);
	memcpy(claim->holders, p->records, sizeof(claim->holders));
	claim->start_ms = p->now_ms;
	HASH_ADD_STR(l->claims, session_id, claim);
	if (!claim->hh.tbl) {
		free(claim);
		return false;
	}
	return true;
}

/* All that can fail comes first: both are charged, or neither. */
static bool charge_session(struct limiter *l, const char *session_id, struct parties *p)
{
	if (!parties_complete(p) || !parties_reserve_start(p) || !add_claim(l, session_id, p))
		return false;
	parties_charge_session(p);
	l->counts.sessions++;
	return true;
}

static struct limiter_answer reserve(struct limiter *l, const char *session_id,
				     const struct client *client, uint64_t now_ms)
{
	struct limiter_answer a = {LIMITER_OK, 0};

	if (find_claim(l, session_id))
		return a;
	struct parties p = gather(l, client, now_ms);
	uint64_t wait_ms = parties_hour_wait_ms(&p);
	/* First what nobody can foretell: after the hour it might still be in the way. */
	if (parties_at_session_limit(&p))
		a = answer(l, LIMITER_SESSIONS, 0);
	else if (wait_ms)
		a = answer(l, LIMITER_SESSIONS_PER_HOUR, wait_ms);
	else if (!charge_session(l, session_id, &p))
		a = answer(l, LIMITER_FULL, 0);
	parties_settle(&p);
	return a;
}

void limiter_release_session(struct limiter *l, const char *session_id, bool unused)
{
	struct claim *claim = find_claim(l, session_id);

	if (!claim)
		return;
	for (size_t i = 0; i < 2 && claim->holders[i]; i++) {
		struct record *r = claim->holders[i];
		if (unused)
			window_remove(&r->starts, claim->start_ms);
		r->sessions--;
		table_place(&l->table, r, l->now_ms);
	}
	l->counts.sessions--;
	HASH_DEL(l->claims, claim);
	free(claim);
}

/* --- answers --- */

/* Those that its callbacks ask for come with the next turn. */
static void on_idle(uv_idle_t *idle)
{
	struct limiter *l = idle->data;
	uint64_t turn = l->turn++;

	while (l->calls && l->calls->turn == turn) {
		struct limiter_call call = *l->calls;
		limiter_cancel(l->calls);
		call.on_answer(call.arg, &call.answer);
	}
}

struct limiter_call *limiter_reserve_session(struct limiter *l, const char *session_id,
					     const struct client *client, uint64_t now_ms,
					     limiter_answer_fn on_answer, void *arg)
{
	struct limiter_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->limiter = l;
	call->answer = reserve(l, session_id, client, now_ms);
	call->on_answer = on_answer;
	call->arg = arg;
	call->turn = l->turn;
	DL_APPEND(l->calls, call);
	uv_idle_start(&l->idle, on_idle);
	return call;
}

void limiter_cancel(struct limiter_call *call)
{
	if (!call)
		return;
	struct limiter *l = call->limiter;

	DL_DELETE(l->calls, call);
	free(call);
	if (!l->calls)
		uv_idle_stop(&l->idle);
}

/* --- WebSockets --- */

struct limiter_answer limiter_take_websocket(struct limiter *l, const struct client *client,
					     uint64_t now_ms)
{
	struct parties p = gather(l, client, now_ms);
	struct limiter_answer a = {LIMITER_OK, 0};

	if (parties_at_websocket_limit(&p)) {
		a = answer(l, LIMITER_WEBSOCKETS, 0);
	} else if (!parties_complete(&p)) {
		a = answer(l, LIMITER_FULL, 0);
	} else {
		for (size_t i = 0; i < p.count; i++)
			p.records[i]->websockets++;
		l->counts.websockets++;
	}
	parties_settle(&p);
	return a;
}

void limiter_give_websocket(struct limiter *l, const struct client *client)
{
	struct parties p = gather(l, client, 0);

	for (size_t i = 0; i < p.count; i++)
		p.records[i]->websockets--;
	l->counts.websockets--;
	parties_settle(&p);
}

/* --- commands --- */

size_t limiter_take_commands(struct limiter *l, const struct client *client, size_t count,
			     uint64_t now_ms, uint64_t *retry_after_ms)
{
	struct parties p = gather(l, client, now_ms);
	size_t given = parties_commands_room(&p, count);

	*retry_after_ms = 0;
	if (given && !parties_charge_commands(&p, given)) {
		answer(l, LIMITER_FULL, 0);
		given = 0;
		*retry_after_ms = FULL_RETRY_MS;
	} else if (given < count) {
		*retry_after_ms = parties_commands_wait_ms(&p);
	}
	if (given < count)
		l->counts.commands_delayed++;
	parties_settle(&p);
	return given;
}
