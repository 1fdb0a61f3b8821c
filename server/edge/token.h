/*
 * Tokens of users: what a front end that shares AUTH_SECRET says of somebody who is logged in there.
 *
 * Two kinds, both in compact form: signed (JWS, HS256, the secret itself is the key), and the encrypted session tokens of Auth.js v5 (JWE, "dir" with
 * A256CBC-HS512 or A256GCM, keys derived from the secret and the name of the cookie that such a token lives in). A token
 * proves who somebody is until it expires; it does not say that the user still exists.
 */
#ifndef SANDBOX_EDGE_TOKEN_H
#define SANDBOX_EDGE_TOKEN_H

#include <stdint.h>

#include "base/err.h"
#include "config/limits.h"

/* A user's name in a token, with its NUL: an e-mail address has 254 characters, "sub" 255 (OpenID Connect). */
#define TOKEN_USER_BYTES 256

struct token_keys;

/* Derives the keys. With an empty secret no token is valid. NULL with *err when the secret has fewer than CONFIG_SECRET_MIN characters, or when
 * the libraries cannot. */
struct token_keys *token_keys_new(const char *secret, struct err *err);
void token_keys_free(struct token_keys *keys); /* accepts NULL */

enum token_verdict {
	TOKEN_OK,
	TOKEN_BAD,     /* not a token, not one of ours, or it does not say what it must */
	TOKEN_EXPIRED, /* in all else valid */
};

struct token_claims {
	char user[TOKEN_USER_BYTES]; /* "email", else "sub"; UTF-8, never empty */
	enum tier tier;              /* never TIER_ANONYMOUS */
};

/*
 * Reads a token. wall_ms: milliseconds since 1970; clocks may differ by 15 s.
 *
 * *claims is written with TOKEN_OK only. Otherwise *err says why, in words that hold nothing of the token or the keys.
 */
enum token_verdict token_read(const struct token_keys *keys, const char *token, int64_t wall_ms,
			      struct token_claims *claims, struct err *err);

#endif
