#include "agent/command.h"

#include <signal.h>
#include <stdbool.h>

/* The payload's length in bytes, from and to, and whether the frame goes to a terminal. */
struct shape {
	uint32_t min, max;
	bool to_terminal;
};

static const struct shape shapes[] = {
	[FRAME_OPEN] = {11, FRAME_PAYLOAD_MAX, true},
	[FRAME_INPUT] = {0, FRAME_PAYLOAD_MAX, true},
	[FRAME_RESIZE] = {4, 4, true},
	[FRAME_SIGNAL] = {1, 1, true},
	[FRAME_CLOSE] = {0, 0, true},
	[FRAME_DEADLINE] = {4 + PING_BYTES, 4 + PING_BYTES, false},
	[FRAME_PING] = {PING_BYTES, PING_BYTES, false},
	[FRAME_CREDIT] = {4, 4, true},
};

static const char *shape_error(const struct frame_header *h)
{
	if (h->type >= sizeof shapes / sizeof shapes[0] ||
	    (shapes[h->type].max == 0 && h->type != FRAME_CLOSE))
		return "unknown frame type";

	const struct shape *shape = &shapes[h->type];

	if (h->length < shape->min || h->length > shape->max)
		return "wrong payload length";
	if (shape->to_terminal != (h->terminal != 0))
		return "frame for the wrong kind of terminal number";
	return NULL;
}

static bool signal_allowed(int signal)
{
	static const int allowed[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGKILL,
				      SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH};

	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		if (allowed[i] == signal)
			return true;
	return false;
}

static const char *payload_error(struct command *c, const struct frame *f)
{
	uint8_t *p = f->payload;

	switch (c->type) {
	case FRAME_OPEN:
		if (open_request_parse(&c->open, p, f->header.length) < 0)
			return "malformed request to open a terminal";
		break;
	case FRAME_INPUT:
		c->input.bytes = p;
		c->input.len = f->header.length;
		break;
	case FRAME_RESIZE:
		c->size.rows = get_u16(p);
		c->size.cols = get_u16(p + 2);
		break;
	case FRAME_SIGNAL:
		c->signal = p[0];
		if (!signal_allowed(c->signal))
			return "signal not allowed";
		break;
	case FRAME_CREDIT:
		c->credit = get_u32(p);
		break;
	case FRAME_DEADLINE:
		c->ping.seconds = get_u32(p);
		c->ping.token = p + 4;
		break;
	case FRAME_PING:
		c->ping.token = p;
		break;
	default:
		break;
	}
	return NULL;
}

int command_parse(struct command *c, const struct frame *f, const char **why)
{
	*why = shape_error(&f->header);
	if (*why)
		return -1;
	c->type = (enum frame_type)f->header.type;
	c->terminal = f->header.terminal;
	*why = payload_error(c, f);
	return *why ? -1 : 0;
}
