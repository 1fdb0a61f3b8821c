#include "session/terminal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/terminal_internal.h"

struct terminal *terminal_next(struct terminal *t)
{
	return t->next;
}

static unsigned clamp(int64_t value, unsigned min, unsigned max)
{
	return value < min ? min : value > max ? max : (unsigned)value;
}

static unsigned rows_of(int64_t rows)
{
	return clamp(rows, TERMINAL_ROWS_MIN, TERMINAL_ROWS_MAX);
}

static unsigned cols_of(int64_t cols)
{
	return clamp(cols, TERMINAL_COLS_MIN, TERMINAL_COLS_MAX);
}

void terminal_resize(struct terminal *t, int64_t rows, int64_t cols)
{
	if (t->pty)
		pty_resize(t->pty, rows_of(rows), cols_of(cols));
}

/* --- output --- */

uint8_t *terminal_output(const struct terminal *t, size_t *len)
{
	*len = t->output.len;
	return fifo_peek(&t->output);
}

size_t terminal_output_waiting(const struct terminal *t)
{
	return t->output.len;
}

void terminal_output_done(struct terminal *t, size_t n)
{
	size_t ours = n < t->ours ? n : t->ours;

	fifo_drop(&t->output, n);
	t->ours -= ours;
	if (t->session)
		t->session->bytes_out += n;
	if (t->pty && n > ours)
		pty_consumed(t->pty, n - ours);
}

/* --- events of the PTY --- */

static void on_pty_output(void *arg, const uint8_t *data, size_t len)
{
	struct terminal *t = arg;
	size_t received = terminal_kept(t) + len, used = terminal_feed_init(t, data, len);

	/* The window bounds what can come; only a lack of memory makes this fail. */
	if (!fifo_push(&t->output, data + used, len - used)) {
		session_end(t->session, END_INTERNAL);
		return;
	}
	terminal_give_credit(t, received);
	if (t->init)
		terminal_check_init(t);
}

static void on_pty_settled(void *arg)
{
	struct terminal *t = arg;

	if (t->output.len)
		t->events->on_output(t->arg);
}

/* Also the sign that the shell is there. */
static void on_pty_room(void *arg)
{
	struct terminal *t = arg;
	bool first = !t->open;

	t->open = true;
	terminal_pump(t);
	if (first && !t->init && !t->told)
		t->events->on_init_complete(t->arg, true, NULL);
	else if (t->input.len < TERMINAL_INPUT_HIGH)
		t->events->on_room(t->arg);
}

static void on_pty_exit(void *arg, enum exit_kind kind, unsigned value)
{
	struct terminal *t = arg;

	t->pty = NULL;
	terminal_abandon_init(t);
	t->events->on_exit(t->arg, kind, value);
}

static void on_pty_lost(void *arg, const struct err *err)
{
	struct terminal *t = arg;

	t->pty = NULL;
	/* When the whole sandbox went, the session will say so, and better. */
	if (t->session && err->kind == ERR_LIMIT)
		terminal_session_ended(t, END_NO_TERMINAL);
}

static void on_pty_foreground(void *arg, bool shell)
{
	struct terminal *t = arg;

	t->in_shell = shell;
}

static const struct pty_events pty_events = {
	.on_output = on_pty_output,
	.on_room = on_pty_room,
	.on_exit = on_pty_exit,
	.on_lost = on_pty_lost,
	.on_foreground = on_pty_foreground,
	.on_settled = on_pty_settled,
};

/* --- life --- */

static struct terminal *new_terminal(struct session *session, const struct client *client,
				     const struct terminal_events *events, void *arg)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->session = session;
	t->client = *client;
	t->in_shell = true;
	t->events = events;
	t->arg = arg;
	fifo_init_outbound(&t->output, PTY_OUTPUT_WINDOW + OUTPUT_SLACK_BYTES,
			   TERMINAL_OUTPUT_FRONT);
	fifo_init(&t->input, TERMINAL_INPUT_HIGH + 2 * session_max_message(session));
	fifo_init(&t->typed, TYPED_MAX_BYTES);
	return t;
}

/* A shell that stands at its prompt already, or a new one. */
static bool take_shell(struct terminal *t, unsigned rows, unsigned cols, struct err *err)
{
	struct session *s = t->session;

	if (!s->shell) {
		t->pty = pty_open(sandbox_ptys(s->sandbox), NULL, rows, cols, &pty_events, t, err);
		return t->pty != NULL;
	}
	t->pty = parked_take(s->shell, rows, cols, &pty_events, t, &t->prompt);
	t->in_shell = pty_in_foreground(t->pty);
	s->shell = NULL;
	return true;
}

enum start_kind terminal_start_kind(const struct terminal *t)
{
	if (t->init)
		return START_KINDS;
	return t->prompt.len ? START_WARM : START_COLD;
}

/* As if it were said now. */
void terminal_begin(struct terminal *t)
{
	struct fifo prompt = t->prompt;

	if (!prompt.len)
		return;
	fifo_init(&t->prompt, 0);
	on_pty_room(t);
	on_pty_output(t, fifo_peek(&prompt), prompt.len);
	if (t->session)
		on_pty_settled(t);
	fifo_finish(&prompt);
}

struct terminal *terminal_open(struct session *session, const struct client *client, int64_t rows,
			       int64_t cols, const struct terminal_events *events, void *arg,
			       struct err *err)
{
	if (session->state != SESSION_RUNNING) {
		err_set(err, ERR_GONE, 0, "the session is not running");
		return NULL;
	}
	struct terminal *t = new_terminal(session, client, events, arg);
	if (!t || !terminal_prepare_init(t, session)) {
		free(t);
		err_set(err, ERR_INTERNAL, 0, "no memory for a terminal");
		return NULL;
	}
	if (!take_shell(t, rows_of(rows), cols_of(cols), err)) {
		init_run_free(t->init);
		free(t);
		return NULL;
	}
	session_add_terminal(session, t);
	return t;
}

void terminal_hang_up(struct terminal *t)
{
	if (!t)
		return;
	pty_close(t->pty);
	t->pty = NULL;
}

void terminal_session_ended(struct terminal *t, enum end_reason reason)
{
	session_remove_terminal(t->session, t);
	t->session = NULL;
	terminal_hang_up(t);
	t->events->on_end(t->arg, reason);
}

/* --- by the clock --- */

static uint64_t warn_before(int64_t limit_ms)
{
	return limit_ms < 2 * TERMINAL_WARNING_MS ? (uint64_t)limit_ms / 2 : TERMINAL_WARNING_MS;
}

static void warn(struct terminal *t, enum end_reason reason, uint64_t left_ms)
{
	t->events->on_warning(t->arg, reason, (int)((left_ms + 999) / 1000));
}

static void sweep_warnings(struct terminal *t, uint64_t now_ms)
{
	const struct session *s = t->session;
	const struct config *config = s->all->parts.config;
	uint64_t idle_end_ms = s->active_ms + (uint64_t)config->idle_timeout_ms;

	if (!t->pty)
		return; /* it is over here anyway */
	if (!t->warned_lifetime && now_ms + warn_before(config->max_lifetime_ms) >= s->expires_ms) {
		t->warned_lifetime = true;
		warn(t, END_LIFETIME, s->expires_ms - now_ms);
	}
	if (t->warned_idle_ms != s->active_ms && idle_end_ms < s->expires_ms &&
	    now_ms + warn_before(config->idle_timeout_ms) >= idle_end_ms) {
		t->warned_idle_ms = s->active_ms;
		warn(t, END_IDLE, idle_end_ms - now_ms);
	}
}

void terminal_sweep(struct terminal *t, uint64_t now_ms)
{
	terminal_sweep_init(t, now_ms);
	sweep_warnings(t, now_ms);
	terminal_sweep_commands(t, now_ms);
}

void terminal_close(struct terminal *t)
{
	if (!t)
		return;
	if (t->session)
		session_remove_terminal(t->session, t);
	terminal_hang_up(t);
	init_run_free(t->init);
	fifo_finish(&t->prompt);
	fifo_finish(&t->output);
	fifo_finish(&t->input);
	fifo_finish(&t->typed);
	free(t);
}

/* Kept here because session.c does not know the links of struct terminal. */
void session_add_terminal(struct session *s, struct terminal *t)
{
	DL_APPEND(s->terminals, t);
	s->all->stats.terminals++;
}

void session_remove_terminal(struct session *s, struct terminal *t)
{
	DL_DELETE(s->terminals, t);
	s->all->stats.terminals--;
}
