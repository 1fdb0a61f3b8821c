#include "edge/token.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "edge/access.h"
#include "edge/token_internal.h"

#define SIGNED_PARTS     3
#define ENCRYPTED_PARTS  5
#define HEADER_MAX_CHARS 512 /* base64url; Auth.js writes 178 */
#define TOLERANCE_S      15

struct part {
	const char *text; /* base64url */
	size_t len;
};

/* --- from text to parts --- */

/* Returns the count of parts; 0 when there are too many, or one is not base64url. */
static size_t split(const char *token, struct part parts[ENCRYPTED_PARTS])
{
	for (size_t count = 0; count < ENCRYPTED_PARTS; count++) {
		size_t len = strspn(token, JOSE_B64_MAP);
		parts[count] = (struct part){token, len};
		if (len % 4 == 1)
			return 0;
		if (!token[len])
			return count + 1;
		if (token[len] != '.')
			return 0;
		token += len + 1;
	}
	return 0;
}

/* A JSON object from base64url; NULL when it is none, or a name in it comes twice. */
static json_t *decode_object(const struct part *part)
{
	uint8_t text[TOKEN_MAX_BYTES];
	size_t len = jose_b64_dec_buf(part->text, part->len, text, sizeof(text));
	json_t *object = NULL;

	if (len != SIZE_MAX)
		object = json_loadb((char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

/* --- the protected header --- */

static bool is_header_name(const char *name, bool encrypted)
{
	return strcmp(name, "alg") == 0 || strcmp(name, "typ") == 0 || strcmp(name, "kid") == 0 ||
	       (encrypted && strcmp(name, "enc") == 0);
}

/*
 * Names that are not listed are refused rather than ignored: the library would act on some of them, as it inflates what "zip" announces. It
 * reads the header once more; since each name comes once here and all values are text, it finds the same.
 */
static bool is_plain_header(json_t *header, bool encrypted)
{
	for (void *i = json_object_iter(header); i; i = json_object_iter_next(header, i))
		if (!is_header_name(json_object_iter_key(i), encrypted) ||
		    !json_is_string(json_object_iter_value(i)))
			return false;
	return true;
}

static bool has_text(const json_t *object, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && strcmp(value, text) == 0;
}

/* The header's "alg" must be `alg`. NULL when the header is not one of ours. */
static json_t *read_header(const struct part *part, const char *alg, bool encrypted)
{
	json_t *header = part->len <= HEADER_MAX_CHARS ? decode_object(part) : NULL;

	if (header && is_plain_header(header, encrypted) && has_text(header, "alg", alg))
		return header;
	json_decref(header);
	return NULL;
}

/* --- from parts to claims that somebody with the secret has made --- */

static json_t *open_signed(const struct token_keys *keys, const struct part *parts, struct err *err)
{
	json_t *header = read_header(&parts[0], "HS256", false), *payload = NULL;
	json_t *jws =
		json_pack("{s:s%, s:s%, s:s%}", "protected", parts[0].text, parts[0].len, "payload",
			  parts[1].text, parts[1].len, "signature", parts[2].text, parts[2].len);

	if (!header)
		err_set(err, ERR_INPUT, 0, "the token's header is not that of HS256");
	else if (!jws || !jose_jws_ver(keys->cfg, jws, jws, keys->signing, true))
		err_set(err, ERR_INPUT, 0, "the token's signature is wrong");
	else if (!(payload = decode_object(&parts[1])))
		err_set(err, ERR_INPUT, 0, "the token's payload is no JSON object");
	json_decref(header);
	json_decref(jws);
	return payload;
}

/* Returns the plain text, to be freed, or NULL. */
static char *decrypt(const struct token_keys *keys, const json_t *jwe, const char *enc, size_t *len)
{
	char *text = NULL;

	for (size_t i = 0; i < TOKEN_ENCRYPTIONS; i++)
		for (size_t j = 0; j < TOKEN_COOKIES && !text; j++) {
			*len = 0;
			if (strcmp(keys->encryptions[i].name, enc) == 0)
				text = jose_jwe_dec(keys->cfg, jwe, jwe,
						    keys->encryptions[i].keys[j], len);
		}
	/* What OpenSSL says of a wrong key must not be taken for the error of somebody else's next call. */
	ERR_clear_error();
	return text;
}

static json_t *decrypt_object(const struct token_keys *keys, const struct part *parts,
			      const char *enc, struct err *err)
{
	json_t *jwe = json_pack("{s:s%, s:s%, s:s%, s:s%}", "protected", parts[0].text,
				parts[0].len, "iv", parts[2].text, parts[2].len, "ciphertext",
				parts[3].text, parts[3].len, "tag", parts[4].text, parts[4].len);
	size_t len;
	char *text = jwe ? decrypt(keys, jwe, enc, &len) : NULL;
	json_t *payload = NULL;

	json_decref(jwe);
	if (!text) {
		err_set(err, ERR_INPUT, 0, "the token cannot be decrypted");
		return NULL;
	}
	payload = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	OPENSSL_cleanse(text, len);
	free(text);
	if (json_is_object(payload))
		return payload;
	json_decref(payload);
	err_set(err, ERR_INPUT, 0, "the token's payload is no JSON object");
	return NULL;
}

/* The second part, an encrypted key, is empty with "dir". */
static json_t *open_encrypted(const struct token_keys *keys, const struct part *parts,
			      struct err *err)
{
	json_t *header = read_header(&parts[0], "dir", true), *payload = NULL;
	const char *enc = json_string_value(json_object_get(header, "enc"));

	if (enc && parts[1].len == 0)
		payload = decrypt_object(keys, parts, enc, err);
	else
		err_set(err, ERR_INPUT, 0, "the token's header is not that of a session token");
	json_decref(header);
	return payload;
}

static json_t *open_token(const struct token_keys *keys, const char *token, struct err *err)
{
	struct part parts[ENCRYPTED_PARTS];
	size_t count = strlen(token) < TOKEN_MAX_BYTES ? split(token, parts) : 0;

	if (!keys->signing)
		err_set(err, ERR_INPUT, 0, "tokens are not accepted: AUTH_SECRET is not set");
	else if (count == SIGNED_PARTS)
		return open_signed(keys, parts, err);
	else if (count == ENCRYPTED_PARTS)
		return open_encrypted(keys, parts, err);
	else
		err_set(err, ERR_INPUT, 0, "this is no token in compact form");
	return NULL;
}

/* --- from claims to a user --- */

/* False when the claim is there and no number. */
static bool read_time(const json_t *payload, const char *name, double otherwise, double *seconds)
{
	const json_t *value = json_object_get(payload, name);

	*seconds = value ? json_number_value(value) : otherwise;
	return !value || json_is_number(value);
}

static enum token_verdict judge_times(const json_t *payload, double now, struct err *err)
{
	double expires, starts, issued;

	if (!json_object_get(payload, "exp") || !read_time(payload, "exp", 0, &expires) ||
	    !read_time(payload, "nbf", now, &starts) || !read_time(payload, "iat", now, &issued)) {
		err_set(err, ERR_INPUT, 0, "the token's times are missing or no numbers");
		return TOKEN_BAD;
	}
	if (starts > now + TOLERANCE_S || issued > now + TOLERANCE_S) {
		err_set(err, ERR_INPUT, 0, "the token is not valid yet");
		return TOKEN_BAD;
	}
	if (expires > now - TOLERANCE_S)
		return TOKEN_OK;
	err_set(err, ERR_INPUT, 0, "the token expired %.0f s ago", now - expires);
	return TOKEN_EXPIRED;
}

static const char *user_of(const json_t *payload)
{
	const char *email = json_string_value(json_object_get(payload, "email"));

	return email && *email ? email : json_string_value(json_object_get(payload, "sub"));
}

static enum tier tier_of(const json_t *payload)
{
	if (json_is_true(json_object_get(payload, "isAdmin")))
		return TIER_ADMIN;
	return json_is_true(json_object_get(payload, "isPremium")) ? TIER_PREMIUM : TIER_LOGGED_IN;
}

static enum token_verdict judge(const json_t *payload, int64_t wall_ms, struct token_claims *claims,
				struct err *err)
{
	const char *user = user_of(payload);

	if (!user || !*user || strlen(user) >= TOKEN_USER_BYTES) {
		err_set(err, ERR_INPUT, 0, "the token names no user, or by too long a name");
		return TOKEN_BAD;
	}
	enum token_verdict verdict = judge_times(payload, (double)wall_ms / 1000, err);
	if (verdict != TOKEN_OK)
		return verdict;
	memcpy(claims->user, user, strlen(user) + 1);
	claims->tier = tier_of(payload);
	return TOKEN_OK;
}

enum token_verdict token_read(const struct token_keys *keys, const char *token, int64_t wall_ms,
			      struct token_claims *claims, struct err *err)
{
	json_t *payload = open_token(keys, token, err);
	enum token_verdict verdict = TOKEN_BAD;

	if (payload)
		verdict = judge(payload, wall_ms, claims, err);
	json_decref(payload);
	return verdict;
}
