/*
 * Frames of the agent (agent/protocol.h) at the end of somebody who trusts it: output in pieces as it arrives, uncopied, every
 * other frame whole. Pure.
 */
#ifndef BENCH_AGENT_FRAMES_H
#define BENCH_AGENT_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "agent/protocol.h"

/* No frame but output is longer. */
#define AGENT_FRAME_MAX 256

struct agent_frames {
	uint8_t buffer[FRAME_HEADER_BYTES + AGENT_FRAME_MAX];
	size_t have;
	uint32_t output_left;
	struct frame_header header;
};

struct agent_piece {
	struct frame_header header;
	const uint8_t *data; /* of the input, or of the state until the next call */
	size_t len;
};

/* Takes from *data, *len (both are advanced) up to the next piece; an empty state is all zeros. Returns 1 with *piece, 0 when the input is
 * used up, -1 on what is no frame. */
int agent_frames_next(struct agent_frames *f, const uint8_t **data, size_t *len,
		      struct agent_piece *piece);

#endif
