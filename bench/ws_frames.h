/*
 * WebSocket frames (RFC 6455) at a client's end: cuts what the server sends, makes what it gets. Pure.
 *
 * Why not a library: a figure must not hold the cost of a general client, thousands of connections must fit into one process, and the
 * server should not be judged by the library it is made of.
 */
#ifndef BENCH_WS_FRAMES_H
#define BENCH_WS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_CONTINUATION, WS_TEXT, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG };

struct ws_frames {
	uint8_t head[10];
	size_t have;   /* bytes of head */
	uint64_t left; /* bytes of payload still to come */
	bool inside;   /* the head is complete */
	bool begun;    /* a piece of this frame has been given */
};

/* Payload as it arrives, uncopied; an empty frame is one empty piece. */
struct ws_piece {
	uint8_t opcode;
	bool first, last; /* of the frame */
	bool final;       /* the frame ends its message */
	const uint8_t *data;
	size_t len;
};

/* Takes from *data, *len (both are advanced) up to the next piece; an empty state is all zeros. Returns 1 with *piece, 0 when the input is
 * used up, -1 on a frame that a server may not send: masked, with reserved bits or an unknown opcode. */
int ws_frames_next(struct ws_frames *f, const uint8_t **data, size_t *len, struct ws_piece *piece);

/* What a client's frame has more than its payload, at most. */
#define WS_CLIENT_HEAD_MAX 8

/* Writes a final, masked frame; len is below 65536. Returns its bytes: at most WS_CLIENT_HEAD_MAX + len. */
size_t ws_frame_make(uint8_t *out, enum ws_opcode opcode, uint32_t mask, const void *payload,
		     size_t len);

#endif
