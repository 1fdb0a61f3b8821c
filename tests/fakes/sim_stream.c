/* The agents' frames on attach streams, and what may happen to them. */

#include <string.h>

#include "tests/fakes/sim_internal.h"
#include "tests/fakes/sim_rules.h"

#define HEADER_BYTES 8 /* of Docker's stream of standard output and error */

/* --- out: frames are gathered while we answer what was read, and go out in one write --- */

static void put_header(uint8_t *header, size_t len)
{
	memset(header, 0, HEADER_BYTES);
	header[0] = 1; /* standard output */
	put_u32(header + 4, (uint32_t)len);
}

static void flush(struct connection *c)
{
	struct sim *s = c->sim;
	size_t len = s->gathered_len;

	s->gathered_len = 0;
	if (!len)
		return;
	put_header(s->gathered, len);
	s->bytes_out += HEADER_BYTES + len;
	sim_connection_write(c, s->gathered, HEADER_BYTES + len);
}

static void gather(struct connection *c, const void *data, size_t len)
{
	struct sim *s = c->sim;
	const uint8_t *p = data;

	while (len) {
		size_t room = sizeof(s->gathered) - HEADER_BYTES - s->gathered_len;
		size_t n = len < room ? len : room;
		memcpy(s->gathered + HEADER_BYTES + s->gathered_len, p, n);
		s->gathered_len += n;
		p += n;
		len -= n;
		if (n == room)
			flush(c);
	}
}

/* --- faults of frames --- */

static void send_garbage(struct connection *c)
{
	static const uint8_t garbage[] = {200, 1, 0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe};

	gather(c, garbage, sizeof(garbage));
}

/* A frame's header that is not what it should be, and no more of it. */
static void send_header(struct connection *c, const uint8_t *head, uint16_t terminal,
			uint32_t length)
{
	uint8_t wrong[FRAME_HEADER_BYTES];

	memcpy(wrong, head, sizeof(wrong));
	put_u16(wrong + 2, terminal);
	put_u32(wrong + 4, length);
	gather(c, wrong, sizeof(wrong));
}

/* Docker's header promises more, or less, than comes. */
static void send_wrong_length(struct connection *c, const uint8_t *head, const void *body,
			      size_t len, int64_t off)
{
	uint8_t header[HEADER_BYTES];

	flush(c);
	put_header(header, (size_t)((int64_t)(FRAME_HEADER_BYTES + len) + off));
	sim_connection_write(c, header, sizeof(header));
	sim_connection_write(c, head, FRAME_HEADER_BYTES);
	sim_connection_write(c, body, len);
}

/* Whether the frame is still to be sent as it is. */
static bool spoil(struct connection *c, const struct sim_fault *f, const uint8_t *head,
		  const void *body, size_t len)
{
	switch (f->kind) {
	case SIM_FAULT_DELAY:
		flush(c);
		sim_connection_hold(c, f->ms);
		return true;
	case SIM_FAULT_CLOSE:
		flush(c);
		c->shape.left = (int64_t)c->out.len + f->bytes + (f->bytes ? HEADER_BYTES : 0);
		return true;
	case SIM_FAULT_DRIP:
		flush(c);
		c->shape.piece = (size_t)f->bytes;
		c->shape.pause_ms = f->ms;
		return true;
	case SIM_FAULT_GARBAGE:
		send_garbage(c);
		return false;
	case SIM_FAULT_HUGE:
		send_header(c, head, get_u16(head + 2), (uint32_t)f->bytes);
		return false;
	case SIM_FAULT_ID:
		send_header(c, head, (uint16_t)f->status, (uint32_t)len);
		gather(c, body, len);
		return false;
	case SIM_FAULT_LENGTH:
		send_wrong_length(c, head, body, len, f->bytes);
		return false;
	default:
		return false; /* it is lost */
	}
}

bool sim_stream_send(void *container, const void *head, size_t head_len, const void *body,
		     size_t body_len)
{
	struct sim_container *container_of_agent = container;
	struct connection *c = container_of_agent->stream;
	struct sim_fault fault;

	if (!c)
		return true;
	struct sim *s = c->sim;
	s->counts[SIM_FRAME].requests++;
	if (!s->frame_faults ||
	    !sim_fault_find(s, SIM_FRAME, ((const uint8_t *)head)[0], container_of_agent->name,
			    &fault) ||
	    spoil(c, &fault, head, body, body_len)) {
		gather(c, head, head_len);
		gather(c, body, body_len);
	}
	if (s->gathering != c)
		flush(c);
	return !c->closed && sim_connection_idle(c);
}

/* --- in --- */

/* What was read may have set the agent's clock, or ended it. */
static void settle(struct sim_container *container, unsigned deadlines)
{
	const struct sim_agent *a = &container->agent;

	if (a->deadlines != deadlines)
		container->deadline_ms = uv_now(container->sim->loop) + a->lifetime_s * 1000ull;
	if (container->agent.end >= 0)
		sim_end_container(container->sim, container, container->agent.end);
}

static void begin_gathering(struct connection *c)
{
	c->sim->gathering = c;
}

static void end_gathering(struct connection *c)
{
	c->sim->gathering = NULL;
	flush(c);
}

void sim_stream_take(struct connection *c, const void *data, size_t len)
{
	struct sim_container *container = c->attached;
	unsigned deadlines = container->agent.deadlines;

	c->sim->bytes_in += len;
	begin_gathering(c);
	sim_agent_take(&container->agent, data, len);
	end_gathering(c);
	settle(container, deadlines);
}

void sim_stream_drained(struct connection *c)
{
	begin_gathering(c);
	sim_agent_drained(&c->attached->agent);
	end_gathering(c);
}
