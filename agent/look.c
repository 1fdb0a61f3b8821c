#include "agent/look.h"

/* After a reason, since fork and exec may be slow. */
static const uint64_t delays_ms[] = {15, 60, 250, 1000};
#define DELAYS (sizeof delays_ms / sizeof delays_ms[0])

void look_init(struct look *l)
{
	*l = (struct look){.shell = true, .due_ms = UINT64_MAX};
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A look at that time, unless one is due earlier. */
static void want(struct look *l, uint64_t at_ms)
{
	at_ms = later(at_ms, l->last_ms + LOOK_GAP_MS);
	if (at_ms < l->due_ms)
		l->due_ms = at_ms;
}

static void begin_series(struct look *l, uint64_t now_ms)
{
	l->reason_ms = now_ms;
	want(l, now_ms + delays_ms[0]);
}

static bool is_enter(uint8_t byte)
{
	return byte == '\r' || byte == '\n';
}

static bool has_enter(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (is_enter(bytes[i]))
			return true;
	return false;
}

void look_typed(struct look *l, const uint8_t *bytes, size_t len, uint64_t now_ms)
{
	l->expectant = is_enter(bytes[len - 1]);
	if (!l->shell || has_enter(bytes, len))
		begin_series(l, now_ms);
}

void look_output(struct look *l, uint64_t now_ms)
{
	/* What a shell says at once, before it has started anything, is worth no look. */
	if (!l->shell)
		want(l, now_ms);
	else if (l->expectant)
		want(l, later(now_ms, l->reason_ms + delays_ms[0]));
}

void look_taken(struct look *l, uint64_t now_ms)
{
	l->last_ms = now_ms;
	l->due_ms = UINT64_MAX;
	for (size_t i = 0; i < DELAYS; i++)
		if (l->reason_ms + delays_ms[i] > now_ms)
			want(l, l->reason_ms + delays_ms[i]);
}

void look_answered(struct look *l, bool shell, uint64_t now_ms)
{
	if (shell == l->shell)
		return;
	l->shell = shell;
	if (!shell)
		return;
	/* It may be just between two programs of one line. */
	l->expectant = true;
	begin_series(l, now_ms);
}
