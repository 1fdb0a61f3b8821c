/*
 * A client: whom limits are counted for. Plain data, made by the edge (identity.h) from what a request says.
 */
#ifndef SANDBOX_SESSION_CLIENT_H
#define SANDBOX_SESSION_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/limits.h"

#define CLIENT_KEY_BYTES 16

/* A digest under a key of this process: nobody outside can choose two clients that collide. */
struct client_key {
	uint8_t bytes[CLIENT_KEY_BYTES];
};

#define CLIENT_NAME_BYTES 80

struct client {
	enum tier tier;
	struct client_key key;  /* of the user, the IPv4 address or the IPv6 /64 */
	struct client_key site; /* of the IPv6 /48 around it */
	bool has_site;
	bool is_user; /* known by a token, not by an address */
	char name
		[CLIENT_NAME_BYTES]; /* for the log: "203.0.113.7", "2001:db8:0:1::/64", "user:ada@example.org",
				       * or a digest; escaped by the log, not here */
};

#endif
