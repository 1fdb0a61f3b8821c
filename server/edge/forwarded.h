/*
 * The address of a client behind proxies. Pure; it knows X-Forwarded-For and no other header.
 */
#ifndef SANDBOX_EDGE_FORWARDED_H
#define SANDBOX_EDGE_FORWARDED_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cidr.h"

/*
 * Writes the client's address: the TCP peer's; while that is a trusted proxy, the next one of the list, from the right. An element that is no
 * address ends this: whatever a client wrote to its left is not read, and the proxy that passed it on counts as the client.
 *
 * list: X-Forwarded-For, "" for none. Elements are "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", spaces and
 * tabs around them. The leftmost element of a list of FORWARDED_MAX_BYTES - 1 characters does not count, since it may have been cut.
 *
 * False when the peer's address cannot be read; `address` is untouched then. IPv4 is ::ffff:a.b.c.d, also where the list says so.
 */
bool forwarded_client(const struct cidr_list *trusted, const char *peer, const char *list,
		      uint8_t address[16]);

#endif
