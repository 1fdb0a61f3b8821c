#include "sandbox/agent_link.h"

#include <string.h>
#include <sys/types.h>

void agent_link_init(struct agent_link *link, const struct agent_link_events *events, void *arg)
{
	memset(link, 0, sizeof(*link));
	link->events = events;
	link->arg = arg;
}

void agent_link_finish(struct agent_link *link)
{
	if (link->stopped)
		*link->stopped = true;
	link->stopped = NULL;
}

static const uint8_t *payload(const struct agent_link *link)
{
	return link->buffer + FRAME_HEADER_BYTES;
}

static void take_hello(struct agent_link *link)
{
	link->greeted = true;
	link->events->on_hello(link->arg, get_u16(payload(link)), get_u16(payload(link) + 2));
}

static void take_opened(struct agent_link *link)
{
	link->events->on_opened(link->arg, link->frame.terminal, get_u32(payload(link)));
}

static void take_credit(struct agent_link *link)
{
	link->events->on_credit(link->arg, link->frame.terminal, get_u32(payload(link)));
}

static void take_exit(struct agent_link *link)
{
	enum exit_kind kind = payload(link)[0] == EXIT_SIGNAL ? EXIT_SIGNAL : EXIT_STATUS;

	link->events->on_exit(link->arg, link->frame.terminal, kind, payload(link)[1]);
}

static void take_error(struct agent_link *link)
{
	link->buffer[FRAME_HEADER_BYTES + link->frame.length] = '\0';
	link->events->on_error(link->arg, link->frame.terminal, payload(link)[0],
			       (const char *)payload(link) + 1);
}

static void take_pong(struct agent_link *link)
{
	link->events->on_pong(link->arg, payload(link));
}

static void take_foreground(struct agent_link *link)
{
	link->events->on_foreground(link->arg, link->frame.terminal, payload(link)[0]);
}

/* Which frames an agent may send, with which payload, and whether they concern a terminal. */
static const struct frame_rule {
	uint8_t type;
	bool of_terminal;
	uint32_t min, max;
	void (*take)(struct agent_link *link); /* NULL for output, which is passed on in pieces */
} rules[] = {
	{FRAME_HELLO, false, 4, 4, take_hello},
	{FRAME_OPENED, true, 8, 8, take_opened},
	{FRAME_OUTPUT, true, 1, FRAME_PAYLOAD_MAX, NULL},
	{FRAME_CREDIT, true, 4, 4, take_credit},
	{FRAME_EXIT, true, 2, 2, take_exit},
	{FRAME_ERROR, true, 1, AGENT_CONTROL_MAX, take_error},
	{FRAME_PONG, false, 8, 8, take_pong},
	{FRAME_FOREGROUND, true, 1, 1, take_foreground},
};

static const struct frame_rule *find_rule(uint8_t type)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

static int check_header(struct agent_link *link, struct err *err)
{
	struct frame_header *h = &link->frame;

	if (frame_header_get(link->buffer, h) < 0)
		return err_set(err, ERR_UPSTREAM, 0, "agent: broken frame header");
	const struct frame_rule *rule = find_rule(h->type);
	if (!rule || h->length < rule->min || h->length > rule->max ||
	    rule->of_terminal != (h->terminal != 0))
		return err_set(err, ERR_UPSTREAM, 0,
			       "agent: bad frame: type %u, terminal %u, length %u", h->type,
			       h->terminal, h->length);
	if (link->greeted == (h->type == FRAME_HELLO))
		return err_set(err, ERR_UPSTREAM, 0, "agent: hello must come first and once");
	return 0;
}

/* Moves bytes into the buffer until it holds `want`; says how many were taken. */
static size_t gather(struct agent_link *link, size_t want, const uint8_t *data, size_t len)
{
	size_t n = want - link->have < len ? want - link->have : len;

	memcpy(link->buffer + link->have, data, n);
	link->have += n;
	return n;
}

static size_t pass_output(struct agent_link *link, const uint8_t *data, size_t len)
{
	size_t n = link->output_left < len ? link->output_left : len;

	link->output_left -= (uint32_t)n;
	link->events->on_output(link->arg, link->frame.terminal, data, n);
	return n;
}

/* One step: a header, a control payload, or a piece of output. Returns the bytes used, -1 on violation. */
static ssize_t step(struct agent_link *link, const uint8_t *data, size_t len, struct err *err)
{
	if (link->output_left)
		return (ssize_t)pass_output(link, data, len);
	if (link->have < FRAME_HEADER_BYTES) {
		size_t n = gather(link, FRAME_HEADER_BYTES, data, len);
		if (link->have < FRAME_HEADER_BYTES)
			return (ssize_t)n;
		if (check_header(link, err) < 0)
			return -1;
		if (link->frame.type == FRAME_OUTPUT) {
			link->output_left = link->frame.length;
			link->have = 0;
		}
		return (ssize_t)n;
	}
	size_t n = gather(link, FRAME_HEADER_BYTES + link->frame.length, data, len);
	if (link->have == FRAME_HEADER_BYTES + link->frame.length) {
		link->have = 0;
		find_rule(link->frame.type)->take(link);
	}
	return (ssize_t)n;
}

int agent_link_feed(struct agent_link *link, const uint8_t *data, size_t len, struct err *err)
{
	bool stopped = false;

	link->stopped = &stopped;
	while (len) {
		ssize_t n = step(link, data, len, err);
		if (stopped)
			return 0;
		if (n < 0) {
			link->stopped = NULL;
			return -1;
		}
		data += n;
		len -= (size_t)n;
	}
	link->stopped = NULL;
	return 0;
}
