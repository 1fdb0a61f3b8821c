/* A terminal's input: on its way to the PTY, held up by init commands and by the limit of commands. */

#include "session/terminal.h"

#include <string.h>

#include "base/clock.h"
#include "session/terminal_internal.h"

/* A client that goes on sending is told so often that its input waits. */
#define LIMITED_AGAIN_MS 30000

static void push_to_pty(struct terminal *t, struct fifo *f)
{
	size_t n = f->len ? pty_input(t->pty, fifo_peek(f), f->len) : 0;

	if (n)
		fifo_drop(f, n);
}

/* Who asks the limiter, and when. */
struct leave {
	struct terminal *terminal;
	uint64_t now_ms;
};

static size_t take_leave(void *arg, size_t count, uint64_t *retry_after_ms)
{
	struct leave *l = arg;
	struct limiter *limiter = l->terminal->session->all->parts.limiter;

	return limiter_take_commands(limiter, &l->terminal->client, count, l->now_ms,
				     retry_after_ms);
}

static void tell_limited(struct terminal *t, uint64_t now_ms)
{
	uint64_t since_ms, ask_ms;

	if (!meter_waits(&t->meter, &since_ms, &ask_ms)) {
		t->limited_ms = 0;
		return;
	}
	if (t->limited_ms && now_ms - t->limited_ms < LIMITED_AGAIN_MS)
		return;
	t->limited_ms = now_ms;
	t->events->on_limited(t->arg, ask_ms > now_ms ? ask_ms - now_ms : 1);
}

/* Hands on what the limit of commands and the PTY's window allow. */
static void push_input(struct terminal *t)
{
	struct leave l = {.terminal = t, .now_ms = clock_monotonic_ms()};
	const uint8_t *data = fifo_peek(&t->input);

	if (!t->input.len || !t->session)
		return;
	size_t allowed = meter_allowed(&t->meter, data, l.now_ms, take_leave, &l);
	size_t n = allowed ? pty_input(t->pty, data, allowed) : 0;
	if (n) {
		meter_passed(&t->meter, n);
		fifo_drop(&t->input, n);
		t->session->active_ms = l.now_ms;
	}
	tell_limited(t, l.now_ms);
}

/* Typed commands go first; what the user sends waits until they have ended. */
void terminal_pump(struct terminal *t)
{
	if (!t->pty || !t->open)
		return;
	push_to_pty(t, &t->typed);
	if (!t->init && !t->typed.len)
		push_input(t);
}

/* A terminal's interrupt key throws the input away that nobody has read. Ours is further away from the keyboard. Returns how many of the bytes go with it. */
static size_t interrupt_waiting(struct terminal *t, const void *data, size_t len)
{
	uint64_t since_ms, ask_ms;
	bool waits = meter_waits(&t->meter, &since_ms, &ask_ms);
	const char *key = waits ? memrchr(data, *CTRL_C, len) : NULL;

	if (!key)
		return 0;
	fifo_drop(&t->input, t->input.len);
	meter_dropped(&t->meter);
	return (size_t)(key - (const char *)data);
}

bool terminal_input(struct terminal *t, const void *data, size_t len)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (t->session) {
		t->session->active_ms = now_ms;
		t->session->bytes_in += len;
	}
	if (!t->pty)
		return true; /* the shell has gone; nobody will ever read this */
	size_t gone = interrupt_waiting(t, data, len);
	data = (const char *)data + gone;
	len -= gone;
	if (!fifo_push(&t->input, data, len))
		return false;
	meter_arrived(&t->meter, data, len, t->in_shell, now_ms);
	terminal_pump(t);
	return true;
}

size_t terminal_input_waiting(const struct terminal *t)
{
	return t->input.len;
}

/* Who neither stops sending nor lets the queue run down below its mark. */
static bool has_lost_patience(struct terminal *t, uint64_t now_ms)
{
	if (t->input.len < TERMINAL_INPUT_HIGH)
		t->full_since_ms = 0;
	else if (!t->full_since_ms)
		t->full_since_ms = now_ms;
	return meter_pushing_ms(&t->meter, now_ms) >= METER_PATIENCE_MS ||
	       (t->full_since_ms && now_ms - t->full_since_ms >= METER_PATIENCE_MS);
}

void terminal_sweep_commands(struct terminal *t, uint64_t now_ms)
{
	uint64_t since_ms, ask_ms;

	if (!meter_waits(&t->meter, &since_ms, &ask_ms)) {
		t->full_since_ms = 0;
		return;
	}
	if (now_ms >= ask_ms)
		terminal_pump(t);
	if (has_lost_patience(t, now_ms))
		terminal_session_ended(t, END_RATE_LIMITED);
	else if (t->input.len < TERMINAL_INPUT_HIGH)
		t->events->on_room(t->arg);
}
