#include "edge/utf8.h"

#include <string.h>

struct sequence {
	size_t need;       /* bytes of the whole sequence; 0 for a byte that begins none */
	uint8_t low, high; /* bounds of the second byte (Unicode table 3-7) */
};

static struct sequence begins(uint8_t byte)
{
	if (byte < 0x80)
		return (struct sequence){1, 0, 0};
	if (byte >= 0xc2 && byte <= 0xdf)
		return (struct sequence){2, 0x80, 0xbf};
	if (byte >= 0xe0 && byte <= 0xef)
		return (struct sequence){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
	if (byte >= 0xf0 && byte <= 0xf4)
		return (struct sequence){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
	return (struct sequence){0, 0, 0};
}

/* How many bytes of the sequence at p are as they should be: `need` for all, less at the first that is not or at
 * the end. */
static size_t good_bytes(const uint8_t *p, size_t len, struct sequence s)
{
	size_t n = 1;

	if (n < s.need && n < len && p[n] >= s.low && p[n] <= s.high)
		n++;
	else
		return n;
	while (n < s.need && n < len && (p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static size_t ascii_run(const uint8_t *p, size_t len)
{
	uint64_t eight;
	size_t n = 0;

	for (; n + sizeof(eight) <= len; n += sizeof(eight)) {
		memcpy(&eight, p + n, sizeof(eight));
		if (eight & 0x8080808080808080)
			break;
	}
	while (n < len && p[n] < 0x80)
		n++;
	return n;
}

size_t utf8_valid(const uint8_t *in, size_t len)
{
	size_t valid = 0;

	while (valid < len) {
		size_t n = ascii_run(in + valid, len - valid);
		if (!n) {
			struct sequence s = begins(in[valid]);
			n = good_bytes(in + valid, len - valid, s);
			if (n != s.need)
				break;
		}
		valid += n;
	}
	return valid;
}

size_t utf8_take(const uint8_t *in, size_t len, bool last, uint8_t *out, size_t *out_len)
{
	size_t used = 0, made = 0;

	while (used < len) {
		size_t n = utf8_valid(in + used, len - used);
		memcpy(out + made, in + used, n);
		made += n;
		used += n;
		if (used == len)
			break;
		struct sequence s = begins(in[used]);
		n = good_bytes(in + used, len - used, s);
		if (n < s.need && n == len - used && !last)
			break;
		memcpy(out + made, "\xef\xbf\xbd", 3);
		made += 3;
		used += n;
	}
	*out_len = made;
	return used;
}
