/*
 * The server's end of the agent protocol, reading side: bytes of the attach stream in, checked frames out.
 *
 * A pure state machine without I/O. What the agent says is untrusted: every length and field is checked
 * here, and the first violation ends the stream (and with it that sandbox only). Output is passed on
 * as it arrives, not gathered, so the memory per sandbox is this struct.
 */
#ifndef SANDBOX_SANDBOX_AGENT_LINK_H
#define SANDBOX_SANDBOX_AGENT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/protocol.h"
#include "base/err.h"

/* Bytes of the longest frame that is not output: FRAME_ERROR with its text. */
#define AGENT_CONTROL_MAX 256

/* Text and data are borrowed. The owner may call agent_link_finish() in each. */
struct agent_link_events {
	void (*on_hello)(void *arg, unsigned version, unsigned terminals_max);
	void (*on_opened)(void *arg, uint16_t terminal, uint32_t input_credit);
	void (*on_output)(void *arg, uint16_t terminal, const uint8_t *data, size_t len);
	void (*on_credit)(void *arg, uint16_t terminal, uint32_t bytes);
	void (*on_exit)(void *arg, uint16_t terminal, enum exit_kind kind, unsigned value);
	void (*on_error)(void *arg, uint16_t terminal, unsigned error_number, const char *text);
	void (*on_pong)(void *arg, const uint8_t token[8]);
	void (*on_foreground)(void *arg, uint16_t terminal, unsigned value);
};

struct agent_link {
	const struct agent_link_events *events;
	void *arg;
	bool *stopped; /* of the feed in progress: finish() ends it */
	bool greeted;
	uint8_t buffer[FRAME_HEADER_BYTES + AGENT_CONTROL_MAX +
		       1]; /* header, payload of a control frame, NUL */
	size_t have;
	struct frame_header frame; /* valid once the header is complete */
	uint32_t output_left;      /* payload bytes of the FRAME_OUTPUT that is passing through */
};

/* events is kept, not copied. */
void agent_link_init(struct agent_link *link, const struct agent_link_events *events, void *arg);

/* No event comes any more, not even from the feed in progress. */
void agent_link_finish(struct agent_link *link);

/* Takes any number of bytes. 0, also when finish() was called meanwhile (the link may be freed memory then); -1 with *err
 * (ERR_UPSTREAM) for a violation, after which the link must not be fed again. */
int agent_link_feed(struct agent_link *link, const uint8_t *data, size_t len, struct err *err);

#endif
