/*
 * X-Forwarded-For: the peer's address in the first line, the list in the rest. Whatever the list says, nothing to the left of the client is
 * believed, and a trusted proxy to the right of it changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/access.h"
#include "edge/forwarded.h"

#define LIST_MAX_BYTES (FORWARDED_MAX_BYTES - 32)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char proxy[] = "10.0.0.1";
static struct cidr_list trusted;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool same(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) == 0;
}

static bool is_trusted(const uint8_t address[16])
{
	return cidr_list_contains_bytes(&trusted, address);
}

static void check(const char *peer, const char *list)
{
	uint8_t client[16], other[16], peer_bytes[16];
	char longer[FORWARDED_MAX_BYTES];

	if (!forwarded_client(&trusted, peer, list, client)) {
		require(!cidr_parse_address(peer, peer_bytes));
		return;
	}
	require(cidr_parse_address(peer, peer_bytes));
	if (!is_trusted(peer_bytes))
		require(same(client, peer_bytes));
	/* An attacker's addresses come in front. */
	snprintf(longer, sizeof(longer), "9.9.9.9,%s", list);
	require(forwarded_client(&trusted, peer, longer, other));
	require(same(client, other) || is_trusted(client));
	snprintf(longer, sizeof(longer), "x,%s", list);
	require(forwarded_client(&trusted, peer, longer, other));
	require(same(client, other) || !*list);
	/* A proxy of ours comes behind. */
	snprintf(longer, sizeof(longer), "%s,%s", list, proxy);
	require(forwarded_client(&trusted, peer, longer, other));
	if (!is_trusted(peer_bytes))
		return;
	require(forwarded_client(&trusted, proxy, list, client));
	require(same(client, other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *list;

	trusted.count = 2;
	require(cidr_parse("10.0.0.0/8", &trusted.blocks[0]));
	require(cidr_parse("2001:db8:ffff::/48", &trusted.blocks[1]));
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	list = strchr(text, '\n');
	if (list) {
		*list++ = '\0';
		if (strlen(list) < LIST_MAX_BYTES)
			check(text, list);
	}
	free(text);
	return 0;
}
