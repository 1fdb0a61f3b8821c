/* A terminal's init commands: the session's own, and those that a peer asks for. */

#include "session/terminal.h"

#include <stdio.h>

#include "base/clock.h"
#include "session/terminal_internal.h"

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
	t->typed_waits = t->init_counts;
	terminal_pump(t);
}

static const struct init_run_sink init_sink = {.show = on_init_show, .type = on_init_type};

size_t terminal_kept(const struct terminal *t)
{
	return t->output.len - t->ours + (t->init ? init_run_held(t->init) : 0);
}

void terminal_give_credit(struct terminal *t, size_t received)
{
	if (t->pty && received > terminal_kept(t))
		pty_consumed(t->pty, received - terminal_kept(t));
}

static void finish_init(struct terminal *t, bool success, const char *error)
{
	size_t received = terminal_kept(t);

	init_run_flush(t->init);
	init_run_free(t->init);
	t->init = NULL;
	t->told = true;
	t->init_deadline_ms = 0;
	terminal_give_credit(t, received);
	terminal_pump(t);
	t->events->on_init_complete(t->arg, success, error);
}

void terminal_check_init(struct terminal *t)
{
	char error[80];
	int status;

	if (!init_run_done(t->init))
		return;
	size_t failed = init_run_failed(t->init, &status);
	snprintf(error, sizeof(error), "Init command %zu failed with status %d", failed, status);
	finish_init(t, failed == 0, failed ? error : NULL);
}

void terminal_sweep_init(struct terminal *t, uint64_t now_ms)
{
	char error[80];

	if (!t->init || !t->init_deadline_ms || now_ms < t->init_deadline_ms)
		return;
	fifo_finish(&t->typed);
	fifo_push(&t->typed, CTRL_C, 1);
	t->typed_waits = false;
	snprintf(error, sizeof(error), "Init commands timed out after %lldms",
		 (long long)t->init_timeout_ms);
	finish_init(t, false, error);
}

/* counts: each command waits for leave. False when memory or random bytes are out. */
static bool set_up(struct terminal *t, const char *const *commands, size_t count, bool silent,
		   bool counts, int64_t timeout_ms)
{
	t->init = init_run_new(commands, count, silent, &init_sink, t);
	t->init_counts = counts;
	t->init_timeout_ms = timeout_ms;
	t->init_deadline_ms = clock_monotonic_ms() + (uint64_t)timeout_ms;
	return t->init != NULL;
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
	if (!set_up(t, commands, count, silent, true, timeout_ms))
		return err_set(err, ERR_INTERNAL, 0, "no memory for init commands");
	init_run_begin(t->init);
	return 0;
}

size_t terminal_feed_init(struct terminal *t, const uint8_t *data, size_t len)
{
	if (!t->init)
		return 0;
	size_t used = init_run_output(t->init, data, len);
	/* The first output of a fresh shell is its prompt: it now reads what is typed. */
	if (!init_run_begun(t->init))
		init_run_begin(t->init);
	return used;
}

void terminal_abandon_init(struct terminal *t)
{
	if (t->init)
		finish_init(t, false, "The shell ended");
}

bool terminal_prepare_init(struct terminal *t, const struct session *s)
{
	return !s->init_count || set_up(t, (const char *const *)s->init, s->init_count, true, false,
					s->init_timeout_ms);
}
