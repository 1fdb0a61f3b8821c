#include "tests/unit/limiter_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "session/limiter.h"

#define CLIENTS    12 /* in threes: the first has no site, the others share one; see GAME_RECORDS */
#define SESSIONS   40
#define CALLS_MAX  16
#define STARTS_MAX 64
#define HOUR_MS    3600000u
#define MINUTE_NS  60000000000u

#define REQUIRE(condition)                                                                         \
	((condition) ? (void)0                                                                     \
		     : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition),    \
			abort()))

static const struct limits tiers[TIER_COUNT] = {
	[TIER_ANONYMOUS] = {3, 2, 2, 6},
	[TIER_LOGGED_IN] = {5, 3, 4, 7},
	[TIER_PREMIUM] = {8, 0, 5, 0},
	[TIER_ADMIN] = {0, 0, 0, 0},
};

#define SITE_FACTOR  2
#define PER_HOUR_MAX 8 /* of any tier: older starts can make no difference */

struct user { /* a client or a site */
	uint64_t starts[STARTS_MAX];
	size_t start_count;
	size_t sessions, websockets;
	uint64_t debt_ns, paid_ms; /* commands: drains by itself, a nanosecond each */
};

struct slot {
	bool held;
	unsigned client;
	uint64_t start_ms;
};

struct expected {
	struct game *game;
	struct limiter_call *call; /* NULL: free */
	struct limiter_answer answer;
};

struct game {
	uv_loop_t loop;
	struct limiter *limiter;
	uint64_t now_ms;
	size_t clients_max;
	bool forgets;
	struct user clients[CLIENTS], sites[CLIENTS / 3];
	struct slot slots[SESSIONS];
	struct expected calls[CALLS_MAX];
	size_t calls_open;
	uint64_t refused, delayed;
	struct game_seen seen;
};

/* --- the model --- */

static bool has_site(unsigned client)
{
	return client % 3 != 0;
}

/* The client, or its site; NULL when it has none. */
static struct user *user(struct game *g, unsigned client, int site)
{
	if (!site)
		return &g->clients[client];
	return has_site(client) ? &g->sites[client / 3] : NULL;
}

static int64_t scale(int64_t limit, int site)
{
	return site ? limit * SITE_FACTOR : limit;
}

static void forget_old(struct user *u, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < u->start_count; i++)
		if (u->starts[i] + HOUR_MS > now_ms)
			u->starts[kept++] = u->starts[i];
	u->start_count = kept;
}

static void remove_start(struct user *u, size_t i)
{
	memmove(&u->starts[i], &u->starts[i + 1], (u->start_count - i - 1) * sizeof(u->starts[0]));
	u->start_count--;
}

static void take_back(struct user *u, uint64_t start_ms)
{
	for (size_t i = u->start_count; i; i--)
		if (u->starts[i - 1] == start_ms) {
			remove_start(u, i - 1);
			return;
		}
}

static struct limiter_answer model_session(struct game *g, unsigned client, enum tier tier)
{
	struct limiter_answer a = {LIMITER_OK, 0};
	struct user *u;

	for (int site = 0; site < 2 && (u = user(g, client, site)); site++) {
		size_t hour = (size_t)scale(tiers[tier].sessions_per_hour, site);
		size_t most = (size_t)scale(tiers[tier].sessions, site);

		forget_old(u, g->now_ms);
		if (most && u->sessions >= most)
			return (struct limiter_answer){LIMITER_SESSIONS, 0};
		if (!hour || u->start_count < hour)
			continue;
		uint64_t wait_ms = u->starts[u->start_count - hour] + HOUR_MS - g->now_ms;
		a.verdict = LIMITER_SESSIONS_PER_HOUR;
		a.retry_after_ms = wait_ms > a.retry_after_ms ? wait_ms : a.retry_after_ms;
	}
	return a;
}

static void model_start(struct game *g, unsigned client)
{
	struct user *u;

	for (int site = 0; site < 2 && (u = user(g, client, site)); site++) {
		if (u->start_count == (size_t)scale(PER_HOUR_MAX, site))
			remove_start(u, 0);
		u->starts[u->start_count++] = g->now_ms;
		u->sessions++;
	}
}

static uint64_t each_ns(enum tier tier, int site)
{
	uint64_t limit = (uint64_t)scale(tiers[tier].commands_per_minute, site);

	return (MINUTE_NS + limit - 1) / limit;
}

static void drain(struct user *u, uint64_t now_ms)
{
	uint64_t gone_ns = (now_ms - u->paid_ms) * 1000000;

	u->debt_ns = u->debt_ns > gone_ns ? u->debt_ns - gone_ns : 0;
	u->paid_ms = now_ms;
}

/* One by one; *wait_ms until the next. */
static bool model_command(struct game *g, unsigned client, enum tier tier, uint64_t *wait_ms)
{
	struct user *u;

	*wait_ms = 0;
	for (int site = 0; site < 2 && (u = user(g, client, site)); site++) {
		uint64_t limit = (uint64_t)scale(tiers[tier].commands_per_minute, site);
		if (!limit)
			return true;
		uint64_t each = each_ns(tier, site),
			 after = (drain(u, g->now_ms), u->debt_ns + each);
		uint64_t over_ns = after > limit * each ? after - limit * each : 0;
		uint64_t ms = (over_ns + 999999) / 1000000;
		*wait_ms = ms > *wait_ms ? ms : *wait_ms;
	}
	for (int site = 0; !*wait_ms && site < 2 && (u = user(g, client, site)); site++)
		u->debt_ns += each_ns(tier, site);
	return !*wait_ms;
}

/* --- both of them --- */

static struct client make_client(unsigned client, enum tier tier)
{
	struct client c = {.tier = tier, .has_site = has_site(client)};

	/* A client's key and a site's may be the same. */
	c.key.bytes[0] = (uint8_t)client;
	c.site.bytes[0] = (uint8_t)(client / 3);
	return c;
}

static const char *name(unsigned session)
{
	static char text[16];

	snprintf(text, sizeof(text), "session-%u", session);
	return text;
}

static void compare_counts(struct game *g)
{
	struct limiter_counts counts = limiter_count(g->limiter);
	size_t sessions = 0, websockets = 0;
	uint64_t refused = 0;

	for (size_t i = 0; i < CLIENTS; i++) {
		sessions += g->clients[i].sessions;
		websockets += g->clients[i].websockets;
	}
	for (size_t i = 0; i <= LIMITER_FULL; i++)
		refused += counts.refused_by[i];
	REQUIRE(counts.sessions == sessions && counts.websockets == websockets);
	REQUIRE(counts.clients <= g->clients_max && counts.refused_by[LIMITER_OK] == 0);
	REQUIRE(g->forgets || counts.refused_by[LIMITER_FULL] == 0);
	REQUIRE(g->forgets || (refused == g->refused && counts.commands_delayed == g->delayed));
	if (counts.clients > g->seen.clients_max)
		g->seen.clients_max = counts.clients;
}

static void on_answer(void *arg, const struct limiter_answer *answer)
{
	struct expected *e = arg;

	REQUIRE(e->call);
	REQUIRE(answer->verdict == e->answer.verdict);
	REQUIRE(answer->retry_after_ms == e->answer.retry_after_ms);
	e->call = NULL;
	e->game->calls_open--;
}

/* Where some are forgotten the limiter may have let one through that the model would not, or had no room for one that it would. */
static enum limiter_verdict agreed(const struct game *g, enum limiter_verdict model, bool ok)
{
	if (!g->forgets)
		return model;
	REQUIRE(!ok || model == LIMITER_OK || model == LIMITER_SESSIONS_PER_HOUR);
	return ok ? LIMITER_OK : LIMITER_FULL;
}

static void on_any_answer(void *arg, const struct limiter_answer *answer)
{
	struct expected *e = arg;

	REQUIRE(e->call && answer->verdict <= LIMITER_FULL);
	REQUIRE((answer->verdict == LIMITER_OK) == (e->answer.verdict == LIMITER_OK));
	e->call = NULL;
	e->game->calls_open--;
}

static void answer_all(struct game *g)
{
	uv_run(&g->loop, UV_RUN_NOWAIT);
	REQUIRE(g->calls_open == 0);
}

static struct expected *free_call(struct game *g)
{
	if (g->calls_open == CALLS_MAX)
		answer_all(g);
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (!g->calls[i].call)
			return &g->calls[i];
	abort();
}

static void reserve(struct game *g, unsigned session, unsigned client, enum tier tier)
{
	struct slot *slot = &g->slots[session];
	struct expected *e = free_call(g);
	struct client c = make_client(client, tier);
	size_t before = limiter_count(g->limiter).sessions;

	*e = (struct expected){.game = g};
	if (!slot->held)
		e->answer = model_session(g, client, tier);
	e->call = limiter_reserve_session(g->limiter, name(session), &c, g->now_ms,
					  g->forgets ? on_any_answer : on_answer, e);
	REQUIRE(e->call);
	g->calls_open++;
	bool ok = limiter_count(g->limiter).sessions > before;
	if (!slot->held)
		e->answer.verdict = agreed(g, e->answer.verdict, ok);
	g->seen.verdicts[e->answer.verdict]++;
	g->refused += e->answer.verdict != LIMITER_OK;
	if (slot->held || !ok)
		return;
	model_start(g, client);
	*slot = (struct slot){.held = true, .client = client, .start_ms = g->now_ms};
}

static void release(struct game *g, unsigned session, bool unused)
{
	struct slot *slot = &g->slots[session];
	struct user *u;

	limiter_release_session(g->limiter, name(session), unused);
	for (int site = 0; slot->held && site < 2 && (u = user(g, slot->client, site)); site++) {
		u->sessions--;
		if (unused)
			take_back(u, slot->start_ms);
		g->seen.given_back += unused;
	}
	slot->held = false;
}

static enum limiter_verdict model_websocket(struct game *g, unsigned client, enum tier tier)
{
	struct user *u;

	for (int site = 0; site < 2 && (u = user(g, client, site)); site++) {
		size_t most = (size_t)scale(tiers[tier].websockets, site);
		if (most && u->websockets >= most)
			return LIMITER_WEBSOCKETS;
	}
	return LIMITER_OK;
}

static void take_websocket(struct game *g, unsigned client, enum tier tier)
{
	struct client c = make_client(client, tier);
	enum limiter_verdict model = model_websocket(g, client, tier);
	struct limiter_answer a = limiter_take_websocket(g->limiter, &c, g->now_ms);
	struct user *u;

	REQUIRE(a.verdict == model || (g->forgets && a.verdict == LIMITER_FULL));
	REQUIRE(a.retry_after_ms == 0);
	g->seen.verdicts[a.verdict]++;
	g->refused += a.verdict != LIMITER_OK;
	for (int site = 0; site < 2 && (u = user(g, client, site)); site++)
		u->websockets += a.verdict == LIMITER_OK;
}

static void give_websocket(struct game *g, unsigned client, enum tier tier)
{
	struct client c = make_client(client, tier);
	struct user *u;

	if (!g->clients[client].websockets)
		return;
	limiter_give_websocket(g->limiter, &c);
	for (int site = 0; site < 2 && (u = user(g, client, site)); site++)
		u->websockets--;
}

static void take_commands(struct game *g, unsigned client, enum tier tier, size_t count)
{
	struct client c = make_client(client, tier);
	uint64_t retry_ms, model_ms = 0;
	size_t given = limiter_take_commands(g->limiter, &c, count, g->now_ms, &retry_ms),
	       model = 0;

	while (model < count && model_command(g, client, tier, &model_ms))
		model++;
	REQUIRE(given <= count && (given == count) == (retry_ms == 0));
	REQUIRE(g->forgets || (given == model && retry_ms == model_ms));
	g->seen.commands += given;
	g->seen.held_up += given < count;
	g->delayed += given < count;
}

static void cancel(struct game *g, unsigned which)
{
	struct expected *e = &g->calls[which % CALLS_MAX];

	if (!e->call)
		return;
	limiter_cancel(e->call);
	e->call = NULL;
	g->calls_open--;
	g->seen.cancelled++;
}

struct game *game_new(size_t clients_max)
{
	struct limiter_settings settings = {
		.limits = tiers, .site_factor = SITE_FACTOR, .clients_max = clients_max};
	struct game *g = calloc(1, sizeof(*g));

	REQUIRE(g && uv_loop_init(&g->loop) == 0);
	g->limiter = limiter_new(&g->loop, &settings);
	REQUIRE(g->limiter);
	g->now_ms = 1000;
	g->clients_max = clients_max;
	g->forgets = clients_max < GAME_RECORDS;
	return g;
}

void game_step(struct game *g, unsigned op, unsigned a, unsigned b, unsigned c)
{
	unsigned client = b % CLIENTS;
	enum tier tier = c % TIER_COUNT;

	switch (op % 10) {
	case 0:
	case 1:
		reserve(g, a % SESSIONS, client, tier);
		break;
	case 2:
		release(g, a % SESSIONS, b % 4 == 0);
		break;
	case 3:
		take_websocket(g, client, tier);
		break;
	case 4:
		give_websocket(g, client, tier);
		break;
	case 5:
		take_commands(g, client, tier, a % 16);
		break;
	case 6:
		g->now_ms += a % 256 * (b % 8); /* up to 1.8 s */
		break;
	case 7:
		g->now_ms += a % 256 * 32 * (b % 8); /* up to a minute */
		break;
	case 8:
		answer_all(g);
		break;
	default:
		cancel(g, a);
	}
	compare_counts(g);
}

static void give_all_back(struct game *g)
{
	answer_all(g);
	for (unsigned i = 0; i < SESSIONS; i++)
		release(g, i, false);
	for (unsigned i = 0; i < CLIENTS; i++)
		while (g->clients[i].websockets)
			give_websocket(g, i, TIER_ADMIN);
	compare_counts(g);
	REQUIRE(limiter_count(g->limiter).sessions + limiter_count(g->limiter).websockets == 0);
}

/* What is left over of anything would show here. */
static void have_full_limits(struct game *g, unsigned client)
{
	struct client c = make_client(client, TIER_ANONYMOUS);
	const struct limits *l = &tiers[TIER_ANONYMOUS];
	size_t commands = (size_t)l->commands_per_minute;
	uint64_t retry_ms;

	REQUIRE(limiter_take_commands(g->limiter, &c, commands + 1, g->now_ms, &retry_ms) ==
		commands);
	for (int64_t i = 0; i < l->websockets; i++)
		REQUIRE(limiter_take_websocket(g->limiter, &c, g->now_ms).verdict == LIMITER_OK);
	for (int64_t i = 0; i < l->websockets; i++)
		limiter_give_websocket(g->limiter, &c);
	for (int64_t i = 0; i < l->sessions_per_hour; i++) {
		size_t before = limiter_count(g->limiter).sessions;
		struct expected e;
		limiter_cancel(
			limiter_reserve_session(g->limiter, "last", &c, g->now_ms, on_answer, &e));
		REQUIRE(limiter_count(g->limiter).sessions == before + 1);
		limiter_release_session(g->limiter, "last", false);
	}
}

struct game_seen game_end(struct game *g)
{
	struct game_seen seen;

	give_all_back(g);
	for (unsigned i = 0; i < CLIENTS; i++) {
		g->now_ms += HOUR_MS;
		have_full_limits(g, i);
	}
	limiter_free(g->limiter);
	uv_run(&g->loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&g->loop) == 0);
	seen = g->seen;
	free(g);
	return seen;
}
