/* What the server's frames do. */

#include "agent/agent_internal.h"
#include "agent/command.h"
#include <errno.h>
#include <string.h>

/* What the agent gets beyond its deadline to end by itself, seconds. */
#define LAST_RESORT_S 2

/* Sets when the agent ends, and when the kernel ends it if it has been kept from that: gVisor of
 * 2022 lets any process of the same user stop process 1. A timer goes off all the same. */
int agent_set_deadline(struct agent *a, uint32_t seconds)
{
	struct itimerspec timer = {.it_value.tv_sec = (time_t)seconds + LAST_RESORT_S};

	a->deadline_ms = agent_now_ms() + (uint64_t)seconds * 1000;
	return timer_settime(a->last_resort, 0, &timer, NULL);
}

static struct terminal *find(struct agent *a, uint16_t number)
{
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (a->terminals[i].state != TERMINAL_FREE && a->terminals[i].number == number)
			return &a->terminals[i];
	return NULL;
}

static struct terminal *find_free(struct agent *a)
{
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (a->terminals[i].state == TERMINAL_FREE)
			return &a->terminals[i];
	return NULL;
}

/* Every call has room: the caller has seen to it. */
static void refuse(struct agent *a, uint16_t number, int error)
{
	const char *text = strerror(error);
	uint8_t p[LINK_CONTROL_MAX];
	size_t len = strnlen(text, sizeof p - 1);

	p[0] = (uint8_t)error;
	memcpy(p + 1, text, len);
	link_out_control(&a->out, FRAME_ERROR, number, p, 1 + len);
}

static int obey_open(struct agent *a, const struct command *c)
{
	struct terminal *t = find_free(a);
	int error = EMFILE;

	if (find(a, c->terminal))
		return -1;
	a->used[c->terminal / 8] |= (uint8_t)(1 << c->terminal % 8);
	if (t)
		error = terminal_open(t, c->terminal, &c->open, &a->quirks);
	if (error)
		refuse(a, c->terminal, error);
	return 0;
}

static const char *obey_terminal(struct agent *a, struct terminal *t, const struct command *c,
				 uint64_t now)
{
	switch (c->type) {
	case FRAME_INPUT:
		if (terminal_input(t, c->input.bytes, c->input.len) < 0)
			return "input beyond the credit";
		terminal_write(t, &a->quirks, now);
		break;
	case FRAME_CREDIT:
		if (terminal_credit(t, c->credit) < 0)
			return "more output credit than the window";
		break;
	case FRAME_RESIZE:
		terminal_resize(t, c->size.rows, c->size.cols, &a->quirks);
		break;
	case FRAME_SIGNAL:
		terminal_signal(t, c->signal);
		break;
	case FRAME_CLOSE:
		terminal_close(t, now);
		break;
	default:
		break;
	}
	return NULL;
}

static void pong(struct agent *a, const struct command *c)
{
	link_out_control(&a->out, FRAME_PONG, 0, c->ping.token, PING_BYTES);
}

/* Returns NULL, or what is wrong. */
static const char *obey(struct agent *a, const struct command *c, uint64_t now)
{
	struct terminal *t;

	switch (c->type) {
	case FRAME_PING:
		pong(a, c);
		return NULL;
	case FRAME_DEADLINE:
		if (agent_set_deadline(a, c->ping.seconds) < 0)
			return "impossible deadline";
		pong(a, c);
		return NULL;
	case FRAME_OPEN:
		return obey_open(a, c) < 0 ? "the terminal number is in use" : NULL;
	default:
		break;
	}
	t = find(a, c->terminal);
	if (t)
		return obey_terminal(a, t, c, now);
	/* One that has just ended is no mistake: the server cannot know yet. */
	if (!(a->used[c->terminal / 8] & 1 << c->terminal % 8))
		return "no such terminal";
	return NULL;
}

static bool needs_answer(const struct frame *f)
{
	return f->header.type == FRAME_OPEN || f->header.type == FRAME_PING ||
	       f->header.type == FRAME_DEADLINE;
}

enum step agent_obey(struct agent *a, uint64_t now, const char **why)
{
	enum link_result result;
	struct command c;
	struct frame f;

	while ((result = link_in_peek(&a->in, &f)) == LINK_FRAME) {
		if (needs_answer(&f) && !link_out_ready(&a->out))
			return STEP_WAIT;
		if (command_parse(&c, &f, why) < 0 || (*why = obey(a, &c, now)))
			return STEP_BAD;
		link_in_take(&a->in, &f);
	}
	*why = "bad frame header";
	return result == LINK_BAD ? STEP_BAD : STEP_ON;
}
