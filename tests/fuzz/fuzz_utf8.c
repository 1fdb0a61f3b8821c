/*
 * Bytes to text: the output is always valid UTF-8, and it is the same wherever the input is cut. The first byte of the fuzz input
 * says where.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "edge/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Written another way than utf8.c: decode, then ask whether the code point is allowed in that length. */
static size_t valid_sequence(const uint8_t *p, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80       ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;
	uint32_t c = n ? (uint32_t)p[0] & (0x7fu >> (n > 1 ? n : 0)) : 0;

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

static void require_valid(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = valid_sequence(text + i, len - i);
		require(n > 0);
		i += n;
	}
}

/* Input that is valid must come out as it went in. */
static bool is_valid(const uint8_t *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t n = valid_sequence(text + i, len - i);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

static size_t take_in_pieces(const uint8_t *in, size_t len, size_t piece, uint8_t *out)
{
	size_t used = 0, total = 0, made;

	for (size_t end = piece; used < len; end += piece) {
		bool last = end >= len;
		size_t stop = last ? len : end;
		if (stop <= used)
			continue;
		size_t n = utf8_take(in + used, stop - used, last, out + total, &made);
		size_t valid = utf8_valid(in + used, stop - used);
		require(valid <= n && is_valid(in + used, valid));
		require(n <= stop - used && made <= UTF8_EXPANSION * n && stop - used - n <= 3);
		require_valid(out + total, made);
		used += n;
		total += made;
		require(!last || used == len);
	}
	return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	size_t len = size - 1, piece = (size_t)data[0] + 1;
	uint8_t *whole = malloc(UTF8_EXPANSION * len + 1), *cut = malloc(UTF8_EXPANSION * len + 1);
	size_t whole_len = take_in_pieces(data + 1, len, len + 1, whole);
	size_t cut_len = take_in_pieces(data + 1, len, piece, cut);

	require(whole_len == cut_len && memcmp(whole, cut, whole_len) == 0);
	if (is_valid(data + 1, len))
		require(whole_len == len && memcmp(whole, data + 1, len) == 0);
	free(whole);
	free(cut);
	return 0;
}
