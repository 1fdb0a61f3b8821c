#include "config/cidr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* Returns the number of bits that the family has, 0 for text that is no address. */
static unsigned parse_address(const char *text, uint8_t address[16])
{
	if (inet_pton(AF_INET, text, address + 12) == 1) {
		memcpy(address, mapped_prefix, sizeof(mapped_prefix));
		return 32;
	}
	return inet_pton(AF_INET6, text, address) == 1 ? 128 : 0;
}

bool cidr_parse_address(const char *text, uint8_t address[16])
{
	return parse_address(text, address) != 0;
}

bool cidr_is_ipv4(const uint8_t address[16])
{
	return memcmp(address, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static bool parse_bits(const char *text, unsigned max, unsigned *bits)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	unsigned long n = strtoul(text, &end, 10);
	if (*end || n > max)
		return false;
	*bits = (unsigned)n;
	return true;
}

bool cidr_parse(const char *text, struct cidr *c)
{
	char address[INET6_ADDRSTRLEN];
	struct cidr parsed;
	size_t len = strcspn(text, "/");

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	unsigned family_bits = parse_address(address, parsed.address);
	unsigned bits = family_bits;
	if (!family_bits || (text[len] && !parse_bits(text + len + 1, family_bits, &bits)))
		return false;
	parsed.prefix = 128 - family_bits + bits;
	*c = parsed;
	return true;
}

static bool block_contains(const struct cidr *c, const uint8_t address[16])
{
	unsigned bytes = c->prefix / 8, rest = c->prefix % 8;

	if (memcmp(c->address, address, bytes) != 0)
		return false;
	return !rest || ((c->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0;
}

bool cidr_list_contains_bytes(const struct cidr_list *list, const uint8_t address[16])
{
	for (size_t i = 0; i < list->count; i++)
		if (block_contains(&list->blocks[i], address))
			return true;
	return false;
}

bool cidr_list_contains(const struct cidr_list *list, const char *address)
{
	uint8_t bytes[16];

	return parse_address(address, bytes) && cidr_list_contains_bytes(list, bytes);
}
