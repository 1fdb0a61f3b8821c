/*
 * Tokens. The first byte says what the rest is: 't' a token as a client would send it, 'h' the header and 'p' the payload of one that is signed
 * here, so that the search gets behind the signature.
 */
#include <jansson.h>
#include <jose/jose.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/access.h"
#include "edge/token.h"

/* As in tests/unit/tokens/make.js: the corpus holds some of its tokens, all of one user. */
#define SECRET "an-AUTH_SECRET-for-the-tests-only-0123456789"
#define USER   "ada@example.org"
#define NOW_S  1800000000

#define INPUT_MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static size_t encode(const void *data, size_t len, char *out)
{
	size_t written = jose_b64_enc_buf(data, len, out, 2 * INPUT_MAX_BYTES);

	require(written != SIZE_MAX);
	return written;
}

static void sign(const void *header, size_t header_len, const void *payload, size_t payload_len,
		 char token[4 * INPUT_MAX_BYTES + 100])
{
	uint8_t signature[32];
	unsigned signature_len;
	size_t len = encode(header, header_len, token);

	token[len++] = '.';
	len += encode(payload, payload_len, token + len);
	require(HMAC(EVP_sha256(), SECRET, strlen(SECRET), (uint8_t *)token, len, signature,
		     &signature_len) != NULL);
	token[len++] = '.';
	len += encode(signature, sizeof(signature), token + len);
	token[len] = '\0';
}

static enum token_verdict read_token(const char *token, struct token_claims *claims)
{
	static struct token_keys *keys;
	struct token_claims before;
	struct err err = {.msg = ""};

	if (!keys)
		keys = token_keys_new(SECRET, NULL);
	memset(claims, 0x5a, sizeof(*claims));
	before = *claims;
	enum token_verdict verdict = token_read(keys, token, INT64_C(1000) * NOW_S, claims, &err);
	if (verdict == TOKEN_OK) {
		size_t len = strnlen(claims->user, sizeof(claims->user));
		require(len > 0 && len < sizeof(claims->user));
		require(claims->tier > TIER_ANONYMOUS && claims->tier < TIER_COUNT);
	} else {
		require(memcmp(claims, &before, sizeof(before)) == 0);
		require(err.msg[0] && err.kind == ERR_INPUT);
	}
	return verdict;
}

/* Nobody can make a token for somebody else out of those of the corpus. */
static void check_token(const char *token)
{
	struct token_claims claims;

	if (read_token(token, &claims) == TOKEN_OK)
		require(strcmp(claims.user, USER) == 0 && claims.tier != TIER_ADMIN);
}

static void check_header(const char *header, size_t len)
{
	static const char payload[] = "{\"sub\":\"" USER "\",\"exp\":4102444800}";
	static const char *const never[] = {"zip", "crit", "p2c", "jwk",
					    "jku", "x5u",  "b64", "enc"};
	static char token[4 * INPUT_MAX_BYTES + 100];
	struct token_claims claims;

	sign(header, len, payload, strlen(payload), token);
	if (read_token(token, &claims) != TOKEN_OK)
		return;
	json_t *object = json_loadb(header, len, JSON_REJECT_DUPLICATES, NULL);
	const char *alg = json_string_value(json_object_get(object, "alg"));
	require(alg && strcmp(alg, "HS256") == 0);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		require(!json_object_get(object, never[i]));
	json_decref(object);
}

static void check_payload(const char *payload, size_t len)
{
	static const char header[] = "{\"alg\":\"HS256\"}";
	static char token[4 * INPUT_MAX_BYTES + 100];
	struct token_claims claims;

	sign(header, strlen(header), payload, len, token);
	if (read_token(token, &claims) != TOKEN_OK)
		return;
	json_t *object = json_loadb(payload, len, JSON_REJECT_DUPLICATES, NULL);
	const char *email = json_string_value(json_object_get(object, "email"));
	const char *sub = json_string_value(json_object_get(object, "sub"));
	require(json_number_value(json_object_get(object, "exp")) > NOW_S - 15);
	require(strcmp(claims.user, email && *email ? email : sub) == 0);
	require((claims.tier == TIER_ADMIN) == json_is_true(json_object_get(object, "isAdmin")));
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 2 * INPUT_MAX_BYTES)
		return 0;
	char *text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 't')
		check_token(text);
	else if (size <= INPUT_MAX_BYTES && data[0] == 'h')
		check_header(text, size - 1);
	else if (size <= INPUT_MAX_BYTES && data[0] == 'p')
		check_payload(text, size - 1);
	free(text);
	return 0;
}
