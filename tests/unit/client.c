#include "client.h"

#include <check.h>
#include <string.h>

struct visitor client;
struct eye eyes[AGENT_TERMINALS_MAX + 1];
const struct sim_plan good;

static void on_started(void *arg, struct session *session, const struct err *err)
{
	ck_assert_ptr_eq(arg, &client);
	ck_assert((session == NULL) == (err != NULL));
	client.answers++;
	client.session = session;
	if (err)
		client.err = *err;
}

void fetch(struct eye *e)
{
	size_t len;
	const uint8_t *data = terminal_output(e->terminal, &len);
	size_t room = sizeof(e->text) - 1 - e->text_len, n = len < room ? len : room;

	if (n)
		memcpy(e->text + e->text_len, data, n);
	e->text_len += n;
	e->text[e->text_len] = '\0';
	terminal_output_done(e->terminal, len);
}

static void on_output(void *arg)
{
	struct eye *e = arg;

	e->outputs++;
	if (!e->lazy)
		fetch(e);
}

static void on_room(void *arg)
{
	((struct eye *)arg)->rooms++;
}

static void on_init_complete(void *arg, bool success, const char *error)
{
	struct eye *e = arg;

	e->inits++;
	e->init_ok = success;
	strcpy(e->init_error, error ? error : "");
	if (e->terminal && !e->lazy)
		fetch(e);
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	struct eye *e = arg;

	e->exits++;
	e->kind = kind;
	e->value = value;
}

static void on_end(void *arg, enum end_reason reason)
{
	struct eye *e = arg;

	e->ends++;
	e->reason = reason;
}

static void on_limited(void *arg, uint64_t retry_after_ms)
{
	struct eye *e = arg;

	e->limits++;
	e->retry_after_ms = retry_after_ms;
}

static void on_warning(void *arg, enum end_reason reason, int seconds_left)
{
	struct eye *e = arg;

	e->warnings++;
	e->warned_of = reason;
	e->seconds_left = seconds_left;
}

const struct terminal_events eye_events = {on_output, on_room,    on_init_complete, on_exit_event,
					   on_end,    on_limited, on_warning};

int ask(const struct sim_plan *plan, const char *const *init, size_t init_count)
{
	struct session_request r = {.client = &anybody,
				    .tool_pair = "pair",
				    .environment = &environments[0],
				    .init = init,
				    .init_count = init_count,
				    .init_timeout_ms = 60000};

	memset(&client, 0, sizeof(client));
	sim_set_plan(world.sim, plan);
	client.session = session_start(world.sessions, &r, on_started, &client, &client.err);
	if (!client.session)
		return -1;
	ck_assert_uint_eq(client.answers, 0);
	strcpy(client.id, session_id(client.session));
	return 0;
}

bool is_answered(void)
{
	return client.answers > 0;
}

void start(const char *const *init, size_t init_count)
{
	ck_assert_int_eq(ask(&good, init, init_count), 0);
	world_until(is_answered);
	ck_assert_ptr_nonnull(client.session);
}

bool gone(void)
{
	return sessions_find(world.sessions, client.id) == NULL;
}

void look(struct eye *e)
{
	struct err err = {.msg = ""};

	memset(e, 0, sizeof(*e));
	e->terminal = terminal_open(client.session, &anybody, 24, 80, &eye_events, e, &err);
	ck_assert_msg(e->terminal != NULL, "%s", err.msg);
	ck_assert_uint_eq(e->outputs + e->rooms + e->inits, 0);
	terminal_begin(e->terminal);
}

bool is_over(void)
{
	return eye->exits + eye->ends > 0;
}

bool sees_prompt(void)
{
	return eye->text_len >= 2 && strcmp(eye->text + eye->text_len - 2, "$ ") == 0;
}

void open_shell(void)
{
	start(NULL, 0);
	look(eye);
	world_until(sees_prompt);
}

struct sim_agent *agent(void)
{
	return sim_container_agent(sim_container_at(world.sim, 0));
}

struct sim_terminal *shell(void)
{
	return &agent()->terminals[0];
}

void type(const char *text)
{
	ck_assert(terminal_input(eye->terminal, text, strlen(text)));
}

void client_set_up(void)
{
	world_up();
	memset(eyes, 0, sizeof(eyes));
}

void client_tear_down(void)
{
	for (size_t i = 0; i <= AGENT_TERMINALS_MAX; i++)
		terminal_close(eyes[i].terminal);
	sessions_drain(world.sessions);
	world_settle();
	world_down();
}
