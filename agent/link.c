#include "agent/link.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Below this much room a data frame would be too short to be worth its header. */
#define DATA_ROOM_MIN 4096

uint8_t *link_in_space(struct link_in *in, size_t *room)
{
	if (in->start > 0) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	*room = sizeof in->buf - in->end;
	return in->buf + in->end;
}

void link_in_filled(struct link_in *in, size_t n)
{
	in->end += n;
}

enum link_result link_in_peek(const struct link_in *in, struct frame *frame)
{
	size_t held = in->end - in->start;

	if (held < FRAME_HEADER_BYTES)
		return LINK_MORE;
	if (frame_header_get(in->buf + in->start, &frame->header) < 0)
		return LINK_BAD;
	if (held - FRAME_HEADER_BYTES < frame->header.length)
		return LINK_MORE;
	frame->payload = (uint8_t *)in->buf + in->start + FRAME_HEADER_BYTES;
	return LINK_FRAME;
}

void link_in_take(struct link_in *in, const struct frame *frame)
{
	in->start += FRAME_HEADER_BYTES + frame->header.length;
}

static size_t out_held(const struct link_out *out)
{
	return out->end - out->start;
}

/* Brings what is held to the front when the tail is too short for n more bytes. */
static void out_compact(struct link_out *out, size_t n)
{
	if (sizeof out->buf - out->end >= n)
		return;
	memmove(out->buf, out->buf + out->start, out_held(out));
	out->end -= out->start;
	out->start = 0;
}

static bool out_fits(const struct link_out *out, size_t payload)
{
	return sizeof out->buf - out_held(out) >= FRAME_HEADER_BYTES + payload;
}

bool link_out_ready(const struct link_out *out)
{
	return out_fits(out, LINK_CONTROL_MAX);
}

static void out_header(struct link_out *out, enum frame_type type, uint16_t terminal, size_t len)
{
	struct frame_header h = {
		.type = (uint8_t)type, .terminal = terminal, .length = (uint32_t)len};

	frame_header_put(out->buf + out->end, h);
}

bool link_out_control(struct link_out *out, enum frame_type type, uint16_t terminal,
		      const uint8_t *payload, size_t len)
{
	if (!out_fits(out, len))
		return false;
	out_compact(out, FRAME_HEADER_BYTES + len);
	out_header(out, type, terminal, len);
	if (len > 0)
		memcpy(out->buf + out->end + FRAME_HEADER_BYTES, payload, len);
	out->end += FRAME_HEADER_BYTES + len;
	return true;
}

uint8_t *link_out_data(struct link_out *out, size_t *room)
{
	size_t limit = sizeof out->buf - LINK_CONTROL_RESERVE;
	size_t held = out_held(out);

	if (held + FRAME_HEADER_BYTES + DATA_ROOM_MIN > limit)
		return NULL;
	*room = limit - held - FRAME_HEADER_BYTES;
	if (*room > FRAME_PAYLOAD_MAX)
		*room = FRAME_PAYLOAD_MAX;
	out_compact(out, FRAME_HEADER_BYTES + *room);
	return out->buf + out->end + FRAME_HEADER_BYTES;
}

void link_out_data_done(struct link_out *out, uint16_t terminal, size_t n)
{
	out_header(out, FRAME_OUTPUT, terminal, n);
	out->end += FRAME_HEADER_BYTES + n;
}

int link_out_flush(struct link_out *out, int fd)
{
	while (link_out_pending(out)) {
		ssize_t n = write(fd, out->buf + out->start, out_held(out));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		out->start += (size_t)n;
	}
	out->start = out->end = 0;
	return 0;
}
