/*
 * A terminal's output as the text of WebSocket frames: whole sequences of UTF-8, and nothing that a client could take for one of our
 * messages. Text that is both goes out from where it is.
 */
#ifndef SANDBOX_EDGE_OUTPUT_TEXT_H
#define SANDBOX_EDGE_OUTPUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one frame's text, at most. */
#define OUTPUT_TEXT_MAX 65536

struct output_text {
	uint8_t *scratch; /* OUTPUT_TEXT_MAX bytes, for text that has to be made */
	bool last;        /* nothing follows: what is cut off now stays so */
	uint8_t *text;    /* set: the next frame's, in the data or in scratch */
	size_t len;       /* set */
};

/* The next frame of data, len > 0. Returns the bytes of data that are in it; 0 when the rest of a sequence is still to come. */
size_t output_text_make(struct output_text *o, uint8_t *data, size_t len);

#endif
