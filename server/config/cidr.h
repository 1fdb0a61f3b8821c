/*
 * Address blocks: "10.0.0.0/8", "::1", "192.0.2.7". Knows IPv4, IPv6 and IPv4-mapped IPv6, as text and as bytes.
 */
#ifndef SANDBOX_CONFIG_CIDR_H
#define SANDBOX_CONFIG_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIDR_LIST_MAX 32

struct cidr {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned prefix;     /* bits of the 128 */
};

struct cidr_list {
	struct cidr blocks[CIDR_LIST_MAX];
	size_t count;
};

/* Reads one address with or without "/bits". False, and *c untouched, when it is anything else. */
bool cidr_parse(const char *text, struct cidr *c);

/* Whether the address (text, no "/bits") lies in one of the blocks. False for text that is no address. */
bool cidr_list_contains(const struct cidr_list *list, const char *address);

#endif
