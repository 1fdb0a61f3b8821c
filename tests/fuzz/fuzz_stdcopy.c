/* The demultiplexer of attach streams: whole and in pieces, an input must give the same output. The first byte seeds the
 * lengths of the pieces. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/stdcopy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct output {
	uint64_t hash, bytes;
	int rc;
};

static void feed(struct stdcopy *s, const uint8_t *data, size_t len, struct output *o)
{
	struct stdcopy_piece piece;
	const uint8_t *end = data + len;

	while (o->rc >= 0 && (o->rc = stdcopy_next(s, &data, &len, &piece)) == 1) {
		assert(piece.len && piece.type <= STDCOPY_SYSTEM && data + len == end);
		for (size_t i = 0; i < piece.len; i++)
			o->hash = (o->hash ^ piece.data[i] ^ (uint64_t)piece.type << 8) *
				  1099511628211u;
		o->bytes += piece.len;
	}
	assert(o->rc < 0 || len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct stdcopy whole, pieces;
	struct output a = {0}, b = {0};

	if (!len--)
		return 0;
	unsigned seed = *data++;
	stdcopy_init(&whole);
	stdcopy_init(&pieces);
	feed(&whole, data, len, &a);
	for (size_t at = 0, n; at < len; at += n) {
		n = 1 + (size_t)rand_r(&seed) % 16;
		n = n < len - at ? n : len - at;
		feed(&pieces, data + at, n, &b);
	}
	assert(a.rc == b.rc && a.hash == b.hash && a.bytes == b.bytes);
	assert(a.rc < 0 || stdcopy_between(&whole) == stdcopy_between(&pieces));
	assert(a.bytes <= len);
	return 0;
}
