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

/* Reads one address, nothing around it: strict dotted decimal or IPv6 without a zone. IPv4-mapped IPv6 is that IPv4. False, and
 * `address` untouched, when it is anything else. */
bool cidr_parse_address(const char *text, uint8_t address[16]);

/* Whether the 16 bytes are an IPv4 address; its own are the last four. */
bool cidr_is_ipv4(const uint8_t address[16]);

/* Reads one address with or without "/bits". False, and *c untouched, when it is anything else. */
bool cidr_parse(const char *text, struct cidr *c);

/* Whether the address (text, no "/bits") lies in one of the blocks. False for text that is no address. */
bool cidr_list_contains(const struct cidr_list *list, const char *address);

/* Likewise for an address as bytes. */
bool cidr_list_contains_bytes(const struct cidr_list *list, const uint8_t address[16]);

#endif
