/*
 * Who a client is: a user, by a token that is valid, or an address.
 *
 * The address is the TCP peer's; where that is a trusted proxy, the rightmost address of X-Forwarded-For that is none. Nothing else
 * that a request says of its origin is believed. IPv4 clients are told apart by address, IPv6 clients by /64.
 */
#ifndef SANDBOX_EDGE_IDENTITY_H
#define SANDBOX_EDGE_IDENTITY_H

#include "base/err.h"
#include "config/config.h"
#include "edge/access.h"
#include "session/client.h"

struct identity;

/* Draws the key of this process's digests, derives those of the tokens. NULL with *err when it cannot. config must live
 * longer. */
struct identity *identity_new(const struct config *config, struct err *err);
void identity_free(struct identity *id); /* accepts NULL */

enum identity_verdict {
	IDENTITY_OK,
	IDENTITY_BAD_TOKEN, /* there is a token, and it is not valid: err says why, for the log */
	IDENTITY_EXPIRED_TOKEN, /* it was valid once */
};

/* Fills *client from the facts. wall_ms: milliseconds since 1970, for the validity of tokens. With a verdict other than IDENTITY_OK the
 * client is that of the address, for the log. */
enum identity_verdict identity_of(const struct identity *id, const struct request_facts *facts,
				  int64_t wall_ms, struct client *client, struct err *err);

/* The same by the address alone, whatever token there is: for the log, where a token is not worth its work. */
void identity_of_address(const struct identity *id, const struct request_facts *facts,
			 struct client *client);

#endif
