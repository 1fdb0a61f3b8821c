/*
 * The head of the Engine's answer to an attach request, in any pieces: does the stream begin, and where.
 *
 * Pure; http_parser inside. "Yes" is 101 or, from Engines that were not asked to upgrade, 200; every byte after the head
 * then belongs to the stream. Another status is a refusal, whose body is gathered for its message. At most
 * ATTACH_HEAD_MAX bytes are looked at.
 */
#ifndef SANDBOX_ENGINE_ATTACH_HEAD_H
#define SANDBOX_ENGINE_ATTACH_HEAD_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ATTACH_HEAD_MAX 16384 /* bytes */

/* Of a refusal's body, in bytes; the rest is dropped. */
#define ATTACH_BODY_MAX 2048

enum attach_state {
	ATTACH_WAITING, /* for more bytes */
	ATTACH_OPEN,
	ATTACH_REFUSED, /* status and body are set */
	ATTACH_BROKEN,  /* not HTTP, or too long */
};

struct attach_head {
	http_parser parser;
	enum attach_state state;
	size_t seen; /* bytes */
	int status;
	size_t body_len;
	char body[ATTACH_BODY_MAX];
};

void attach_head_init(struct attach_head *h);

/* Looks at data. *used says how many bytes belong to the head: fewer than len only when the state returned is ATTACH_OPEN,
 * or nothing more is of interest. */
enum attach_state attach_head_feed(struct attach_head *h, const uint8_t *data, size_t len,
				   size_t *used);

/* The peer has ended: a refusal without a length is complete now. */
enum attach_state attach_head_end(struct attach_head *h);

#endif
