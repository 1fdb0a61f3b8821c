#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "edge/token_internal.h"

#define KEY_MAX_BYTES 64

/* Auth.js sets the second one where it is reached by https. */
static const char *const cookies[TOKEN_COOKIES] = {
	"authjs.session-token",
	"__Secure-authjs.session-token",
};

static const struct {
	const char *name;
	size_t key_bytes;
} encryptions[TOKEN_ENCRYPTIONS] = {{"A256CBC-HS512", 64}, {"A256GCM", 32}};

static void say_nothing(void *misc, const char *file, int line, uint64_t error, const char *format,
			va_list args)
{
	(void)misc, (void)file, (void)line, (void)error, (void)format, (void)args;
}

static json_t *jwk(const char *alg, const void *key, size_t len)
{
	return json_pack("{s:s, s:s, s:o}", "kty", "oct", "alg", alg, "k", jose_b64_enc(key, len));
}

/* Auth.js: HKDF-SHA256 with the cookie's name as salt. */
static bool derive(const char *secret, const char *cookie, uint8_t *key, size_t len)
{
	char sha256[] = "SHA256", info[128];
	int info_len =
		snprintf(info, sizeof(info), "Auth.js Generated Encryption Key (%s)", cookie);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret,
						  strlen(secret)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)cookie,
						  strlen(cookie)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)info_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
	bool done = ctx && EVP_KDF_derive(ctx, key, len, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(hkdf);
	return done;
}

static json_t *encryption_key(const char *secret, const char *cookie, const char *enc, size_t len)
{
	uint8_t key[KEY_MAX_BYTES];
	json_t *result = NULL;

	if (derive(secret, cookie, key, len))
		result = jwk(enc, key, len);
	OPENSSL_cleanse(key, sizeof(key));
	return result;
}

static bool fill(struct token_keys *keys, const char *secret)
{
	keys->signing = jwk("HS256", secret, strlen(secret));
	bool complete = keys->signing;
	for (size_t i = 0; i < TOKEN_ENCRYPTIONS; i++) {
		keys->encryptions[i].name = encryptions[i].name;
		for (size_t j = 0; j < TOKEN_COOKIES; j++) {
			json_t *key = encryption_key(secret, cookies[j], encryptions[i].name,
						     encryptions[i].key_bytes);
			keys->encryptions[i].keys[j] = key;
			complete = complete && key;
		}
	}
	return complete;
}

struct token_keys *token_keys_new(const char *secret, struct err *err)
{
	struct token_keys *keys;

	if (*secret && strlen(secret) < CONFIG_SECRET_MIN) {
		err_set(err, ERR_INPUT, 0, "the secret of the tokens is too short");
		return NULL;
	}
	keys = calloc(1, sizeof(*keys));
	if (keys && (keys->cfg = jose_cfg()))
		jose_cfg_set_err_func(keys->cfg, say_nothing, NULL);
	if (keys && keys->cfg && (!*secret || fill(keys, secret)))
		return keys;
	err_set(err, ERR_INTERNAL, 0, "no keys for tokens: libcrypto failed, or no memory");
	token_keys_free(keys);
	return NULL;
}

void token_keys_free(struct token_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < TOKEN_ENCRYPTIONS; i++)
		for (size_t j = 0; j < TOKEN_COOKIES; j++)
			json_decref(keys->encryptions[i].keys[j]);
	json_decref(keys->signing);
	if (keys->cfg)
		jose_cfg_decref(keys->cfg);
	free(keys);
}
