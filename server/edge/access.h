/*
 * Who may: Origin, API key, trusted proxies. Pure decisions over what a request said.
 */
#ifndef SANDBOX_EDGE_ACCESS_H
#define SANDBOX_EDGE_ACCESS_H

#include <stdbool.h>

#include "config/config.h"
#include "session/ticket.h"

/* What a request said of itself; "" for a header that was not there. */
#define TOKEN_MAX_BYTES     4096
#define FORWARDED_MAX_BYTES 1024

struct request_facts {
	char host[CONFIG_TEXT_BYTES];
	char origin[CONFIG_TEXT_BYTES];
	char key[CONFIG_TEXT_BYTES]; /* X-API-Key, else the Bearer token, else ?api_key= */
	char ticket[TICKET_BYTES];   /* ?ticket= */
	char token[TOKEN_MAX_BYTES]; /* the Bearer token when it is a JWT, else ?token= */
	char forwarded_for
		[FORWARDED_MAX_BYTES]; /* X-Forwarded-For, the rightmost part when it is longer */
	char peer[64];                 /* address of the TCP peer */
	bool forwarded_https; /* X-Forwarded-Proto: https; to be believed from trusted proxies only */
	bool malformed;       /* a header was too long to keep, or came twice */
};

enum access { ACCESS_OK, ACCESS_ADMIN, ACCESS_NO_KEY, ACCESS_WRONG_KEY };

/* Whether the Origin is let in. Without an Origin: yes, it is not a browser. Lists are compared exactly (scheme, host, port);
 * with both empty the origin's host must be the request's Host. */
bool access_origin_allowed(const struct config *config, const struct request_facts *facts);

/* The key, compared in constant time with SANDBOX_API_KEY and ADMIN_API_KEY. Without the first everything is right. */
enum access access_key(const struct config *config, const char *key);

/* "https" or "http", as the client sees us. */
bool access_is_https(const struct config *config, const struct request_facts *facts);

#endif
