#include "session/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fifo.h"
#include "session/init_run.h"
#include "session/session_internal.h"

/* Room in the output queue for what an init run shows by itself, beside the PTY's window. */
#define OUTPUT_SLACK_BYTES (INIT_COMMANDS_MAX * 1024)

/* One init command, typed, with every character escaped. */
#define TYPED_MAX_BYTES (4 * INIT_COMMAND_MAX_BYTES + 1024)

#define CTRL_C "\003"

struct terminal {
	struct session *session; /* NULL once it has ended */
	struct pty *pty;         /* NULL once it has exited */
	const struct terminal_events *events;
	void *arg;
	bool open; /* the shell is there */
	bool told; /* that the first init commands are over */
	struct fifo output, input, typed;
	size_t ours; /* bytes in output that no PTY has sent: they earn no credit */
	struct init_run *init;
	uint64_t init_deadline_ms;
	int64_t init_timeout_ms;
	struct terminal *prev, *next;
};

struct terminal *terminal_next(struct terminal *t)
{
	return t->next;
}

/* --- input --- */

static void push_to_pty(struct terminal *t, struct fifo *f)
{
	size_t n = f->len ? pty_input(t->pty, fifo_peek(f), f->len) : 0;

	if (n)
		fifo_drop(f, n);
}

/* Typed commands go first; what the user sends waits until they have ended. */
static void pump(struct terminal *t)
{
	if (!t->pty || !t->open)
		return;
	push_to_pty(t, &t->typed);
	if (!t->init && !t->typed.len)
		push_to_pty(t, &t->input);
}

bool terminal_input(struct terminal *t, const void *data, size_t len)
{
	if (t->session)
		t->session->active_ms = clock_monotonic_ms();
	if (!t->pty)
		return true; /* the shell has gone; nobody will ever read this */
	if (!fifo_push(&t->input, data, len))
		return false;
	pump(t);
	return true;
}

size_t terminal_input_waiting(const struct terminal *t)
{
	return t->input.len;
}

static unsigned clamp(int64_t value, unsigned min, unsigned max)
{
	return value < min ? min : value > max ? max : (unsigned)value;
}

void terminal_resize(struct terminal *t, int64_t rows, int64_t cols)
{
	if (t->pty)
		pty_resize(t->pty, clamp(rows, TERMINAL_ROWS_MIN, TERMINAL_ROWS_MAX),
			   clamp(cols, TERMINAL_COLS_MIN, TERMINAL_COLS_MAX));
}

/* --- output --- */

const uint8_t *terminal_output(const struct terminal *t, size_t *len)
{
	*len = t->output.len;
	return fifo_peek(&t->output);
}

void terminal_output_done(struct terminal *t, size_t n)
{
	size_t ours = n < t->ours ? n : t->ours;

	fifo_drop(&t->output, n);
	t->ours -= ours;
	if (t->pty && n > ours)
		pty_consumed(t->pty, n - ours);
}

/* --- init commands --- */

static void on_init_show(void *arg, const uint8_t *data, size_t len, bool ours)
{
	struct terminal *t = arg;

	/* The PTY's window always fits; what we show by ourselves must not take its place, and nobody misses it. */
	if (ours && t->ours + len > OUTPUT_SLACK_BYTES)
		return;
	if (fifo_push(&t->output, data, len) && ours)
		t->ours += len;
}

static void on_init_type(void *arg, const char *text, size_t len)
{
	struct terminal *t = arg;

	fifo_push(&t->typed, text, len);
	pump(t);
}

static const struct init_run_sink init_sink = {.show = on_init_show, .type = on_init_type};

/* Bytes of the PTY that have neither been passed on nor dropped. */
static size_t kept(const struct terminal *t)
{
	return t->output.len - t->ours + (t->init ? init_run_held(t->init) : 0);
}

/* Every byte that came from the PTY and is not kept earns its credit back, once. */
static void give_credit(struct terminal *t, size_t received)
{
	if (t->pty && received > kept(t))
		pty_consumed(t->pty, received - kept(t));
}

static void finish_init(struct terminal *t, bool success, const char *error)
{
	size_t received = kept(t);

	init_run_flush(t->init);
	init_run_free(t->init);
	t->init = NULL;
	t->told = true;
	t->init_deadline_ms = 0;
	give_credit(t, received);
	pump(t);
	t->events->on_init_complete(t->arg, success, error);
}

static void check_init(struct terminal *t)
{
	char error[80];
	int status;

	if (!init_run_done(t->init))
		return;
	size_t failed = init_run_failed(t->init, &status);
	snprintf(error, sizeof(error), "Init command %zu failed with status %d", failed, status);
	finish_init(t, failed == 0, failed ? error : NULL);
}

void terminal_sweep(struct terminal *t, uint64_t now_ms)
{
	char error[80];

	if (!t->init || !t->init_deadline_ms || now_ms < t->init_deadline_ms)
		return;
	fifo_finish(&t->typed);
	fifo_push(&t->typed, CTRL_C, 1);
	snprintf(error, sizeof(error), "Init commands timed out after %lldms",
		 (long long)t->init_timeout_ms);
	finish_init(t, false, error);
}

int terminal_run_init(struct terminal *t, const char *const *commands, size_t count,
		      int64_t timeout_ms, bool silent, struct err *err)
{
	if (!t->pty)
		return err_set(err, ERR_GONE, 0, "the shell has ended");
	if (t->init || !t->open)
		return err_set(err, ERR_BUSY, 0, "init commands are running already");
	if (init_run_check(commands, count, err) < 0)
		return -1;
	if (count == 0) {
		t->events->on_init_complete(t->arg, true, NULL);
		return 0;
	}
	t->init = init_run_new(commands, count, silent, &init_sink, t);
	if (!t->init)
		return err_set(err, ERR_INTERNAL, 0, "no memory for init commands");
	t->init_timeout_ms = timeout_ms;
	t->init_deadline_ms = clock_monotonic_ms() + (uint64_t)timeout_ms;
	init_run_begin(t->init);
	return 0;
}

/* --- events of the PTY --- */

/* Returns how many bytes belong to the init run; the rest is the user's. */
static size_t feed_init(struct terminal *t, const uint8_t *data, size_t len)
{
	if (!t->init)
		return 0;
	size_t used = init_run_output(t->init, data, len);
	/* The first output of a fresh shell is its prompt: it now reads what is typed. */
	if (!init_run_begun(t->init))
		init_run_begin(t->init);
	return used;
}

static void on_pty_output(void *arg, const uint8_t *data, size_t len)
{
	struct terminal *t = arg;
	size_t received = kept(t) + len, used = feed_init(t, data, len);

	/* The window bounds what can come; only a lack of memory makes this fail. */
	if (!fifo_push(&t->output, data + used, len - used)) {
		session_end(t->session, END_INTERNAL);
		return;
	}
	give_credit(t, received);
	if (t->init)
		check_init(t);
	if (t->output.len)
		t->events->on_output(t->arg);
}

/* Also the sign that the shell is there. */
static void on_pty_room(void *arg)
{
	struct terminal *t = arg;
	bool first = !t->open;

	t->open = true;
	pump(t);
	if (first && !t->init && !t->told)
		t->events->on_init_complete(t->arg, true, NULL);
	else if (t->input.len < TERMINAL_INPUT_HIGH)
		t->events->on_room(t->arg);
}

static void abandon_init(struct terminal *t)
{
	if (t->init)
		finish_init(t, false, "The shell ended");
}

static void on_pty_exit(void *arg, enum exit_kind kind, unsigned value)
{
	struct terminal *t = arg;

	t->pty = NULL;
	abandon_init(t);
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

static const struct pty_events pty_events = {
	.on_output = on_pty_output,
	.on_room = on_pty_room,
	.on_exit = on_pty_exit,
	.on_lost = on_pty_lost,
};

/* --- life --- */

static struct terminal *new_terminal(struct session *session, const struct terminal_events *events,
				     void *arg)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->session = session;
	t->events = events;
	t->arg = arg;
	fifo_init(&t->output, PTY_OUTPUT_WINDOW + OUTPUT_SLACK_BYTES);
	fifo_init(&t->input, TERMINAL_INPUT_HIGH + 2 * session_max_message(session));
	fifo_init(&t->typed, TYPED_MAX_BYTES);
	return t;
}

static bool prepare_init(struct terminal *t, const struct session *s)
{
	if (!s->init_count)
		return true;
	t->init = init_run_new((const char *const *)s->init, s->init_count, true, &init_sink, t);
	t->init_timeout_ms = s->init_timeout_ms;
	t->init_deadline_ms = clock_monotonic_ms() + (uint64_t)s->init_timeout_ms;
	return t->init != NULL;
}

struct terminal *terminal_open(struct session *session, int64_t rows, int64_t cols,
			       const struct terminal_events *events, void *arg, struct err *err)
{
	if (session->state != SESSION_RUNNING) {
		err_set(err, ERR_GONE, 0, "the session is not running");
		return NULL;
	}
	struct terminal *t = new_terminal(session, events, arg);
	if (!t || !prepare_init(t, session)) {
		free(t);
		err_set(err, ERR_INTERNAL, 0, "no memory for a terminal");
		return NULL;
	}
	t->pty = pty_open(sandbox_ptys(session->sandbox), NULL,
			  clamp(rows, TERMINAL_ROWS_MIN, TERMINAL_ROWS_MAX),
			  clamp(cols, TERMINAL_COLS_MIN, TERMINAL_COLS_MAX), &pty_events, t, err);
	if (!t->pty) {
		init_run_free(t->init);
		free(t);
		return NULL;
	}
	session_add_terminal(session, t);
	return t;
}

void terminal_session_ended(struct terminal *t, enum end_reason reason)
{
	session_remove_terminal(t->session, t);
	t->session = NULL;
	pty_close(t->pty);
	t->pty = NULL;
	t->events->on_end(t->arg, reason);
}

void terminal_close(struct terminal *t)
{
	if (!t)
		return;
	if (t->session)
		session_remove_terminal(t->session, t);
	pty_close(t->pty);
	init_run_free(t->init);
	fifo_finish(&t->output);
	fifo_finish(&t->input);
	fifo_finish(&t->typed);
	free(t);
}

/* Kept here because only this file knows the links of struct terminal. */
void session_add_terminal(struct session *s, struct terminal *t)
{
	DL_APPEND(s->terminals, t);
	s->terminal_count++;
}

void session_remove_terminal(struct session *s, struct terminal *t)
{
	DL_DELETE(s->terminals, t);
	s->terminal_count--;
}
