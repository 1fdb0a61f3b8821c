/*
 * A model of the whole life of sessions, sandboxes and terminals: clients, an Engine and agents do random things that each of them
 * may do, well and badly, for some hundred lives. What each client must be told is known at every moment, and in the end every sum
 * returns to zero.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "suite.h"
#include "world.h"

#define CLIENTS        5
#define EYES           3 /* of each client */
#define LIVES_PER_RUN  40
#define RUNS           26
#define STEPS_PER_LIFE 60

struct eye {
	struct terminal *terminal; /* NULL: no peer */
	unsigned inits, exits, ends;
};

struct visitor {
	const struct client *client;
	char id[SESSION_ID_BYTES]; /* "" for none */
	bool answered, running, abandoned;
	bool may_be_limited; /* as many sessions as allowed were there when it asked */
	struct eye eyes[EYES];
};

static struct visitor clients[CLIENTS];

/* The visitors come from fewer places, and each of those may have few sessions. */
#define PLACES           2
#define SESSIONS_AT_ONCE 2

static const struct client places[PLACES] = {
	{.key = {"one"}, .site = {"site"}, .has_site = true, .name = "one"},
	{.key = {"two"}, .site = {"site"}, .has_site = true, .name = "two"},
};

static size_t sessions_of(const struct client *place);

/* How often things came to pass: a model that never gets somewhere tests nothing there. */
static struct sights {
	unsigned lives, refused, limited, failed, ran, abandoned, exits;
	unsigned ends[END_REASONS];
} seen, at_start; /* of this run */

static unsigned chance(unsigned n)
{
	return (unsigned)rand() % n;
}

static struct session *session_of(const struct visitor *c)
{
	return c->id[0] ? sessions_find(world.sessions, c->id) : NULL;
}

/* --- what a client is told --- */

static void on_started(void *arg, struct session *session, const struct err *err)
{
	struct visitor *c = arg;

	ck_assert(!c->answered && !c->abandoned);
	ck_assert((session == NULL) == (err != NULL));
	c->answered = true;
	c->running = session != NULL;
	seen.ran += c->running;
	seen.failed += !c->running;
	seen.limited += err && err->kind == ERR_LIMIT;
	ck_assert(c->may_be_limited || !err || err->kind != ERR_LIMIT);
}

static void on_output(void *arg)
{
	struct eye *e = arg;

	ck_assert(!e->exits && !e->ends);
}

static void on_room(void *arg)
{
	on_output(arg);
}

static void on_init_complete(void *arg, bool success, const char *error)
{
	struct eye *e = arg;

	on_output(arg);
	ck_assert(success == (error == NULL));
	e->inits++;
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	struct eye *e = arg;

	on_output(arg);
	ck_assert(kind <= EXIT_SIGNAL && value <= 255);
	e->exits++;
	seen.exits++;
}

static void on_end(void *arg, enum end_reason reason)
{
	struct eye *e = arg;

	ck_assert_uint_eq(e->ends, 0);
	e->ends++;
	seen.ends[reason]++;
}

static void on_limited(void *arg, uint64_t retry_after_ms)
{
	on_output(arg);
	ck_assert_uint_gt(retry_after_ms, 0);
}

static void on_warning(void *arg, enum end_reason reason, int seconds_left)
{
	on_output(arg);
	ck_assert(reason == END_IDLE || reason == END_LIFETIME);
	ck_assert(seconds_left > 0 && seconds_left <= 60);
}

static const struct terminal_events events = {
	on_output, on_room, on_init_complete, on_exit_event, on_end, on_limited, on_warning};

/* --- what clients do --- */

static enum sim_reaction any_reaction(unsigned one_in)
{
	return chance(one_in) ? SIM_OK : chance(2) ? SIM_FAIL : SIM_HANG;
}

static void plan_any(void)
{
	struct sim_plan plan = {.create = any_reaction(9),
				.attach = any_reaction(12),
				.start = any_reaction(9),
				.remove = any_reaction(4),
				.hello = chance(8) ? SIM_HELLO : (enum sim_hello)chance(4),
				.open = chance(6) ? SIM_OPEN : (enum sim_open)chance(3),
				.hello_first = chance(2),
				.cut_at_start = !chance(20)};

	sim_set_plan(world.sim, &plan);
}

static void disconnect_eye(struct visitor *c, struct eye *e)
{
	(void)c;
	terminal_close(e->terminal);
	e->terminal = NULL;
}

static void start(struct visitor *c)
{
	static const char *const init[] = {"one", "false", "hang", "exit"};
	size_t first = chance(4);
	struct session_request r = {.client = &places[chance(PLACES)],
				    .tool_pair = "pair",
				    .environment = &environments[chance(ENVIRONMENT_COUNT)],
				    .init = init + first,
				    .init_count = chance(3) ? 0 : 1 + chance((unsigned)(4 - first)),
				    .init_timeout_ms = 60000};
	struct err err;

	if (session_of(c))
		return;
	for (size_t i = 0; i < EYES; i++)
		disconnect_eye(c, &c->eyes[i]);
	memset(c, 0, sizeof(*c));
	c->client = r.client;
	c->may_be_limited = sessions_of(r.client) >= SESSIONS_AT_ONCE;
	plan_any();
	struct session *s = session_start(world.sessions, &r, on_started, c, &err);
	seen.lives++;
	seen.refused += s == NULL;
	if (s)
		strcpy(c->id, session_id(s));
	else
		ck_assert_int_eq(err.kind, ERR_BUSY);
}

static void delete_session(struct visitor *c)
{
	struct session *s = session_of(c);

	if (!s || chance(4))
		return;
	session_end(s, END_DELETED);
	ck_assert(c->answered);
}

static void abandon(struct visitor *c)
{
	struct session *s = session_of(c);

	if (!s || c->answered)
		return;
	c->abandoned = true;
	seen.abandoned++;
	session_end(s, END_ABANDONED);
}

static void connect_eye(struct visitor *c, struct eye *e)
{
	struct session *s = session_of(c);
	struct err err = {.kind = ERR_INTERNAL};

	if (!s || e->terminal)
		return;
	memset(e, 0, sizeof(*e));
	e->terminal = terminal_open(s, c->client, chance(300), chance(600), &events, e, &err);
	if (!c->running)
		ck_assert(!e->terminal && err.kind == ERR_GONE);
	else if (!e->terminal) /* all numbers taken, or the sandbox is dying */
		ck_assert(err.kind == ERR_LIMIT || err.kind == ERR_UPSTREAM);
}

static void type_something(struct visitor *c, struct eye *e)
{
	static const char *const lines[] = {"ls\n", "exit 3\n", "\003", "x"};
	static char paste[40000];
	const char *line = lines[chance(4)];

	(void)c;
	if (!e->terminal)
		return;
	if (chance(4))
		terminal_input(e->terminal, line, strlen(line));
	else
		terminal_input(e->terminal, paste, sizeof(paste));
}

static void read_something(struct visitor *c, struct eye *e)
{
	size_t len;

	(void)c;
	if (!e->terminal)
		return;
	terminal_output(e->terminal, &len);
	ck_assert_uint_le(len, PTY_OUTPUT_WINDOW + 65536);
	terminal_output_done(e->terminal, chance(3) ? len : len / 2);
}

static void resize(struct visitor *c, struct eye *e)
{
	(void)c;
	if (e->terminal)
		terminal_resize(e->terminal, chance(400), chance(900));
}

static void run_init(struct visitor *c, struct eye *e)
{
	static const char *const commands[] = {"one", "hang", "false"};

	(void)c;
	if (e->terminal)
		terminal_run_init(e->terminal, commands + chance(3), chance(2), 60000, chance(2),
				  NULL);
}

/* --- what Engine and agents do --- */

static struct sim_container *any_container(void)
{
	size_t n = sim_container_count(world.sim);

	return n ? sim_container_at(world.sim, chance((unsigned)n)) : NULL;
}

static void kill_container(void)
{
	struct sim_container *c = any_container();

	if (!c)
		return;
	if (chance(2))
		sim_event(world.sim, c, "oom");
	if (chance(4))
		sim_event(world.sim, c, "die");
	if (chance(4))
		sim_cut(c);
}

static void misbehave(void)
{
	struct sim_container *c = any_container();
	struct sim_agent *a = c ? sim_container_agent(c) : NULL;

	if (a)
		sim_agent_frame(a, (uint8_t)(FRAME_CREDIT + chance(24)), (uint16_t)chance(4),
				"\0\0\0\0\0\0\0\0", chance(9));
}

static void print_something(void)
{
	static char text[100000];
	struct sim_container *c = any_container();
	struct sim_agent *a = c ? sim_container_agent(c) : NULL;
	uint16_t terminal = (uint16_t)(1 + chance(EYES));

	if (a && a->terminals[terminal - 1].output.len < sizeof(text))
		sim_agent_print(a, terminal, text, chance(sizeof(text)));
}

static void exit_shell(void)
{
	struct sim_container *c = any_container();
	struct sim_agent *a = c ? sim_container_agent(c) : NULL;

	if (a)
		sim_agent_exit(a, (uint16_t)(1 + chance(EYES)), EXIT_SIGNAL, 15);
}

/* Rare things, by which many lives end at once. */
static void disaster(void)
{
	switch (chance(6)) {
	case 0:
		sim_drop_connections(world.sim);
		break;
	case 1:
		world_sweep(WORLD_IDLE_MS + 1000);
		break;
	case 2:
		world_sweep(WORLD_LIFETIME_MS + 1000);
		break;
	default:
		world_sweep(chance(2) ? 3000 : 61000);
		break;
	}
}

/* --- the run --- */

static void step(void)
{
	static void (*const of_client[])(struct visitor *) = {start, start, start, delete_session,
							      abandon};
	static void (*const of_eye[])(struct visitor *, struct eye *) = {
		connect_eye,    connect_eye,    disconnect_eye, type_something,
		type_something, read_something, resize,         run_init};
	static void (*const of_world[])(void) = {kill_container,  misbehave,  print_something,
						 print_something, exit_shell, exit_shell};
	struct visitor *c = &clients[chance(CLIENTS)];

	if (!chance(80))
		disaster();
	else if (!chance(8))
		of_world[chance(6)]();
	else if (!chance(6))
		sim_release(world.sim);
	else if (!chance(3))
		of_client[chance(5)](c);
	else
		of_eye[chance(8)](c, &c->eyes[chance(EYES)]);
	world_turns((int)chance(6));
}

static size_t sessions_of(const struct client *place)
{
	size_t n = 0;

	for (size_t i = 0; i < CLIENTS; i++)
		n += clients[i].client == place && session_of(&clients[i]);
	return n;
}

/* A session is gone exactly when its client has an answer that says so, or every terminal was told. */
static void check_client(const struct visitor *c)
{
	bool gone = !session_of(c);

	for (size_t i = 0; i < EYES; i++) {
		const struct eye *e = &c->eyes[i];
		ck_assert_uint_le(e->exits, 1);
		if (e->terminal && gone)
			ck_assert_uint_eq(e->ends, 1);
	}
	if (c->id[0] && gone)
		ck_assert(c->answered || c->abandoned);
}

/* What has begun and not ended is there; who was told of a sandbox waited for it, and was measured. */
static void check_totals(const struct session_stats *n)
{
	uint64_t created = 0, ended = 0;

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		created += n->created[i];
	for (size_t i = 0; i < END_REASONS; i++)
		ended += n->ended[i];
	ck_assert_uint_eq(created - ended,
			  n->by_state[SESSION_STARTING] + n->by_state[SESSION_RUNNING]);
	ck_assert_uint_eq(histogram_count(&n->start[START_COLD]), seen.ran - at_start.ran);
	ck_assert_uint_eq(histogram_count(&n->start[START_WARM]), 0);
	/* Some learn only after the limiter's answer that there is no room. */
	ck_assert_uint_ge(n->refused, seen.refused - at_start.refused);
	ck_assert_uint_le(n->refused,
			  seen.refused - at_start.refused + seen.failed - at_start.failed);
}

static void check_sums(void)
{
	const struct session_stats *n = sessions_stats(world.sessions);
	size_t sessions = 0, terminals = 0;

	for (size_t i = 0; i < CLIENTS; i++) {
		check_client(&clients[i]);
		sessions += session_of(&clients[i]) != NULL;
		for (size_t j = 0; j < EYES; j++)
			terminals += clients[i].eyes[j].terminal && !clients[i].eyes[j].ends;
	}
	ck_assert_uint_eq(n->by_state[SESSION_RESERVING] + n->by_state[SESSION_STARTING] +
				  n->by_state[SESSION_RUNNING],
			  sessions);
	ck_assert_uint_eq(n->by_state[SESSION_DESTROYING], 0);
	ck_assert_uint_eq(n->terminals, terminals);
	check_totals(n);
	/* One that asked in vain is there until it is told so, without a slot. */
	ck_assert_uint_le(limiter_count(world.limiter).sessions, sessions);
	ck_assert_uint_le(limiter_count(world.limiter).sessions, PLACES * SESSIONS_AT_ONCE);
	ck_assert_uint_ge(fleet_count(world.fleet), n->by_state[SESSION_RUNNING]);
	ck_assert_uint_le(sim_removing_max(world.sim), REAPER_PARALLEL + CLIENTS);
}

static void everybody_leaves(void)
{
	for (size_t i = 0; i < CLIENTS; i++)
		for (size_t j = 0; j < EYES; j++)
			disconnect_eye(&clients[i], &clients[i].eyes[j]);
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* One server's life: many sessions, then a drain. */
static void run(unsigned seed)
{
	srand(seed);
	memset(clients, 0, sizeof(clients));
	world_limits = (struct limits){.sessions = SESSIONS_AT_ONCE, .commands_per_minute = 60};
	at_start = seen;
	world_up();
	for (unsigned lives = seen.lives + LIVES_PER_RUN, i = 0;
	     seen.lives < lives && i < LIVES_PER_RUN * STEPS_PER_LIFE; i++) {
		step();
		check_sums();
	}
	bool drain_first = chance(2);
	if (drain_first)
		sessions_drain(world.sessions);
	everybody_leaves();
	sessions_drain(world.sessions);
	check_sums();
	world_settle();
	check_sums();
	ck_assert_uint_eq(limiter_count(world.limiter).sessions, 0);
	world_down();
}

START_TEST(after_a_thousand_random_lives_nothing_is_left)
{
	run(1); /* libuv keeps a pipe for signals from the first time on */
	int descriptors = count_descriptors();

	for (unsigned i = 2; i <= RUNS; i++) {
		run(i);
		ck_assert_int_eq(count_descriptors(), descriptors);
	}
	/* The model has been everywhere. */
	printf("%u lives, %u of them refused for a limit: 0 slots lost\n", seen.lives,
	       seen.limited);
	ck_assert_uint_ge(seen.lives, 1000);
	ck_assert(seen.limited && seen.failed && seen.ran && seen.abandoned && seen.exits);
	ck_assert(seen.ends[END_DELETED] && seen.ends[END_SANDBOX_DIED] && seen.ends[END_IDLE]);
	ck_assert(seen.ends[END_SHUTDOWN] && seen.ends[END_NO_TERMINAL]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("life");
	TCase *tc = tcase_create("life");

	tcase_add_test(tc, after_a_thousand_random_lives_nothing_is_left);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
