/*
 * Takes Docker's multiplexing headers off an attach stream: 8 bytes (type 0 to 3, three zero bytes, payload length in big
 * endian), then the payload. A pure state machine: it holds back at most a header, never payload, so a length
 * of 2^32-1 costs nothing.
 *
 *      const uint8_t *p = read;
 *      while ((more = stdcopy_next(&s, &p, &len, &piece)) > 0)
 *              use(piece.type, piece.data, piece.len);
 */
#ifndef SANDBOX_ENGINE_STDCOPY_H
#define SANDBOX_ENGINE_STDCOPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stdcopy_type { STDCOPY_STDIN, STDCOPY_STDOUT, STDCOPY_STDERR, STDCOPY_SYSTEM };

struct stdcopy {
	uint8_t header[8];
	uint8_t have;  /* bytes of header seen; 8 while inside a payload */
	uint32_t left; /* bytes of payload still to come */
};

struct stdcopy_piece {
	enum stdcopy_type type;
	const uint8_t *data; /* points into the input */
	size_t len;          /* at least 1 */
};

void stdcopy_init(struct stdcopy *s);

/* Takes from *data, *len (both are advanced) up to the next piece of payload. Returns 1 with *piece; 0 when
 * the input is used up; -1 on a header that breaks the rules, after which the stream is lost. */
int stdcopy_next(struct stdcopy *s, const uint8_t **data, size_t *len, struct stdcopy_piece *piece);

/* Whether the stream may end here: not inside a header or payload. */
bool stdcopy_between(const struct stdcopy *s);

#endif
