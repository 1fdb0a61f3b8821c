#include "bench/agent_frames.h"

#include <stdbool.h>
#include <string.h>

/* Moves bytes into the buffer; true when it holds `want`. */
static bool gather(struct agent_frames *f, size_t want, const uint8_t **data, size_t *len)
{
	size_t n = want - f->have < *len ? want - f->have : *len;

	memcpy(f->buffer + f->have, *data, n);
	f->have += n;
	*data += n;
	*len -= n;
	return f->have == want;
}

static int give_output(struct agent_frames *f, const uint8_t **data, size_t *len,
		       struct agent_piece *piece)
{
	size_t n = f->output_left < *len ? f->output_left : *len;

	if (!n)
		return 0;
	f->output_left -= (uint32_t)n;
	*piece = (struct agent_piece){f->header, *data, n};
	*data += n;
	*len -= n;
	return 1;
}

int agent_frames_next(struct agent_frames *f, const uint8_t **data, size_t *len,
		      struct agent_piece *piece)
{
	if (f->output_left)
		return give_output(f, data, len, piece);
	if (f->have < FRAME_HEADER_BYTES && !gather(f, FRAME_HEADER_BYTES, data, len))
		return 0;
	if (frame_header_get(f->buffer, &f->header) < 0)
		return -1;
	if (f->header.type == FRAME_OUTPUT) {
		if (!f->header.length)
			return -1;
		f->have = 0;
		f->output_left = f->header.length;
		return give_output(f, data, len, piece);
	}
	if (f->header.length > AGENT_FRAME_MAX)
		return -1;
	if (!gather(f, FRAME_HEADER_BYTES + f->header.length, data, len))
		return 0;
	f->have = 0;
	*piece = (struct agent_piece){f->header, f->buffer + FRAME_HEADER_BYTES, f->header.length};
	return 1;
}
