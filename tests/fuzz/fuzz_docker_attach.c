/* From the first byte of an attach answer to the container's output: head parser, then demultiplexer. Pieces of any lengths
 * must give what the whole gives. The first byte seeds the lengths. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/attach_head.h"
#include "engine/stdcopy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct attach {
	struct attach_head head;
	struct stdcopy demux;
	uint64_t hash, bytes;
	int rc; /* of the demultiplexer */
};

static void take(struct attach *a, const uint8_t *data, size_t len)
{
	struct stdcopy_piece piece;

	while (a->rc >= 0 && (a->rc = stdcopy_next(&a->demux, &data, &len, &piece)) == 1) {
		for (size_t i = 0; i < piece.len; i++)
			a->hash = (a->hash ^ piece.data[i]) * 1099511628211u;
		a->bytes += piece.len;
	}
}

static void feed(struct attach *a, const uint8_t *data, size_t len)
{
	size_t used = 0;

	if (a->head.state == ATTACH_WAITING) {
		enum attach_state state = attach_head_feed(&a->head, data, len, &used);
		assert(used <= len && a->head.seen <= ATTACH_HEAD_MAX);
		assert(state != ATTACH_WAITING || used == len);
		assert(state != ATTACH_OPEN || a->head.status == 101 || a->head.status == 200);
		assert(state != ATTACH_REFUSED || a->head.status > 200);
		assert(a->head.body_len <= ATTACH_BODY_MAX);
	}
	if (a->head.state == ATTACH_OPEN)
		take(a, data + used, len - used);
}

static void init(struct attach *a)
{
	memset(a, 0, sizeof(*a));
	attach_head_init(&a->head);
	stdcopy_init(&a->demux);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct attach whole, pieces;

	if (!len--)
		return 0;
	unsigned seed = *data++;
	init(&whole);
	init(&pieces);
	feed(&whole, data, len);
	for (size_t at = 0, n; at < len; at += n) {
		n = 1 + (size_t)rand_r(&seed) % 24;
		n = n < len - at ? n : len - at;
		feed(&pieces, data + at, n);
	}
	assert(attach_head_end(&whole.head) == attach_head_end(&pieces.head));
	assert(whole.head.status == pieces.head.status);
	assert(whole.rc == pieces.rc && whole.hash == pieces.hash && whole.bytes == pieces.bytes);
	return 0;
}
