/*
 * The two ends of the link to the server: frames out of a byte stream, frames into one.
 *
 * Both ends are fixed blocks of memory: nothing here allocates, and a peer that floods or stalls can
 * only make them full. Neither judges what a frame means (command.h does). The decoder makes no
 * system call, so that it can be fuzzed.
 */
#ifndef SANDBOX_AGENT_LINK_H
#define SANDBOX_AGENT_LINK_H

#include "agent/protocol.h"
#include <stdbool.h>
#include <stddef.h>

#define LINK_FRAME_MAX (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX) /* bytes */

/* Bytes of the out buffer that only control frames may use, so that they never wait for data. */
#define LINK_CONTROL_RESERVE 4096

/* The longest payload of a control frame from the agent, bytes. */
#define LINK_CONTROL_MAX 64

/* One received frame. The payload points into the decoder: valid until the next call of
 * link_in_space(). It may be written to. */
struct frame {
	struct frame_header header;
	uint8_t *payload;
};

struct link_in {
	uint8_t buf[2 * LINK_FRAME_MAX];
	size_t start, end; /* what has been received and not been taken yet */
};

enum link_result {
	LINK_FRAME, /* *frame is set */
	LINK_MORE,  /* needs more bytes first */
	LINK_BAD,   /* a header breaks the rules; the stream cannot be read any further */
};

/* Where the next bytes go; *room is 0 when whole frames wait to be taken first. */
uint8_t *link_in_space(struct link_in *in, size_t *room);

/* n bytes, at most *room, have been put there. */
void link_in_filled(struct link_in *in, size_t n);

/* The next frame in full, if it has arrived, which stays: link_in_take() drops it. */
enum link_result link_in_peek(const struct link_in *in, struct frame *frame);

/* Drops the frame that link_in_peek() has shown. */
void link_in_take(struct link_in *in, const struct frame *frame);

struct link_out {
	uint8_t buf[2 * LINK_FRAME_MAX + LINK_CONTROL_RESERVE];
	size_t start, end; /* what has not been written yet */
};

/* Whether a control frame of LINK_CONTROL_MAX fits now. */
bool link_out_ready(const struct link_out *out);

/* Appends a control frame; false, and nothing is appended, when it does not fit now. */
bool link_out_control(struct link_out *out, enum frame_type type, uint16_t terminal,
		      const uint8_t *payload, size_t len);

/* Room for the payload of one FRAME_OUTPUT, in place: *room is 4096 to FRAME_PAYLOAD_MAX bytes.
 * NULL when the buffer is too full for data. */
uint8_t *link_out_data(struct link_out *out, size_t *room);

/* Makes a frame of the n > 0 bytes put there by the caller since. */
void link_out_data_done(struct link_out *out, uint16_t terminal, size_t n);

static inline bool link_out_pending(const struct link_out *out)
{
	return out->end > out->start;
}

/* Writes what fd takes without blocking. Returns 0, also when it takes nothing; -1 and errno when
 * the peer is gone. */
int link_out_flush(struct link_out *out, int fd);

#endif
