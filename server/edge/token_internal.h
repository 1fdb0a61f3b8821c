/*
 * What token.c and token_keys.c share: the keys, as the library wants them.
 */
#ifndef SANDBOX_EDGE_TOKEN_INTERNAL_H
#define SANDBOX_EDGE_TOKEN_INTERNAL_H

#include <jansson.h>
#include <jose/jose.h>

#include "edge/token.h"

#define TOKEN_COOKIES     2
#define TOKEN_ENCRYPTIONS 2

struct token_keys {
	jose_cfg_t *cfg; /* keeps the library from writing to standard error */
	json_t *signing; /* a JWK; this and those below are NULL when no token is accepted */
	struct {
		const char *name; /* the header's "enc" */
		json_t *keys[TOKEN_COOKIES];
	} encryptions[TOKEN_ENCRYPTIONS];
};

#endif
