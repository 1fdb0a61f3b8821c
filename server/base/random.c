#include "base/random.h"

#include <stdint.h>
#include <sys/random.h>
#include <sys/types.h>

bool random_hex(char *out, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t random[RANDOM_HEX_MAX];

	if (bytes > sizeof(random) || getrandom(random, bytes, 0) != (ssize_t)bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		*out++ = digits[random[i] >> 4];
		*out++ = digits[random[i] & 15];
	}
	*out = '\0';
	return true;
}
