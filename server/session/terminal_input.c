/* A terminal's input: on its way to the PTY, held up by init commands and by the limit of commands. */

#include "session/terminal.h"

#include <string.h>

#include "base/clock.h"
#include "session/terminal_internal.h"

/* While input waits, the client is told so often. */
#define LIMITED_AGAIN_MS 5000

/* A terminal that has just had leave and wants more lets the client's others go first: longer than from one sweep to the next. */
#define YIELD_MS 150

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

static void tell_limited(struct terminal *t, uint64_t now_ms, uint64_t ask_ms)
{
	if (t->limited_ms && now_ms - t->limited_ms < LIMITED_AGAIN_MS)
		return;
	t->limited_ms = now_ms;
	t->events->on_limited(t->arg, ask_ms > now_ms ? ask_ms - now_ms : 1);
}

/* --- typed init commands --- */

/* One line at a time is typed. A session's own commands are free; those that a peer asks for wait for leave like its lines. */
static bool may_type(struct terminal *t, uint64_t now_ms)
{
	struct leave l = {.terminal = t, .now_ms = now_ms};
	uint64_t retry_after_ms = 1;

	if (!t->typed_waits)
		return true;
	if (now_ms < t->typed_ask_ms || !t->session)
		return false;
	if (take_leave(&l, 1, &retry_after_ms) == 1) {
		t->typed_waits = false;
		return true;
	}
	t->typed_ask_ms = now_ms + retry_after_ms;
	tell_limited(t, now_ms, t->typed_ask_ms);
	return false;
}

static void push_typed(struct terminal *t, uint64_t now_ms)
{
	if (!t->typed.len || !may_type(t, now_ms))
		return;
	size_t n = pty_input(t->pty, fifo_peek(&t->typed), t->typed.len);
	if (n)
		fifo_drop(&t->typed, n);
}

/* --- the user's input --- */

/* Hands on what the limit of commands and the PTY's window allow. While input is held up leave is asked for when it is this
 * terminal's turn only: who sends most must not get all. */
static void push_input(struct terminal *t, uint64_t now_ms, bool turn)
{
	struct leave l = {.terminal = t, .now_ms = now_ms};
	const uint8_t *data = fifo_peek(&t->input);
	uint64_t since_ms, ask_ms;
	bool held = meter_waits(&t->meter, &since_ms, &ask_ms);

	if (!t->input.len || !t->session)
		return;
	size_t allowed = meter_allowed(&t->meter, data, held && !turn ? 0 : now_ms, take_leave, &l);
	size_t n = allowed ? pty_input(t->pty, data, allowed) : 0;
	if (n) {
		meter_passed(&t->meter, n);
		fifo_drop(&t->input, n);
		t->session->active_ms = now_ms;
	}
	if (meter_waits(&t->meter, &since_ms, &ask_ms)) {
		if (turn || !held)
			t->turn_ms = ask_ms + (n > 0 ? YIELD_MS : 0);
		tell_limited(t, now_ms, ask_ms);
	}
}

static void pump(struct terminal *t, uint64_t now_ms, bool turn)
{
	if (!t->pty || !t->open)
		return;
	push_typed(t, now_ms);
	if (!t->init && !t->typed.len)
		push_input(t, now_ms, turn);
}

void terminal_pump(struct terminal *t)
{
	pump(t, clock_monotonic_ms(), false);
}

/* A terminal's interrupt key throws the input away that nobody has read; here it is further from the keyboard. Returns how many of the
 * bytes go with it. */
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
	/* What waits for init commands will reach the shell, whoever has the terminal now. */
	meter_arrived(&t->meter, data, len, t->in_shell || t->init || t->typed.len, now_ms);
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

/* Waiting for us is not idleness. */
static void sweep_input(struct terminal *t, uint64_t now_ms)
{
	t->session->active_ms = clock_monotonic_ms();
	if (now_ms >= t->turn_ms)
		pump(t, clock_monotonic_ms(), true);
	if (has_lost_patience(t, now_ms))
		terminal_session_ended(t, END_RATE_LIMITED);
	else if (t->input.len < TERMINAL_INPUT_HIGH)
		t->events->on_room(t->arg);
}

void terminal_sweep_commands(struct terminal *t, uint64_t now_ms)
{
	uint64_t since_ms, ask_ms;

	if (t->typed_waits && now_ms >= t->typed_ask_ms)
		terminal_pump(t);
	if (meter_waits(&t->meter, &since_ms, &ask_ms))
		sweep_input(t, now_ms);
	else
		t->full_since_ms = 0;
}
