#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#define KEY_BYTES    32
#define SHA256_BYTES 32

struct digest {
	EVP_MAC_CTX *mac; /* holds the key; begun anew for each digest */
};

static EVP_MAC_CTX *keyed_mac(const uint8_t key[KEY_BYTES])
{
	char sha256[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;

	EVP_MAC_free(hmac);
	if (mac && EVP_MAC_init(mac, key, KEY_BYTES, params))
		return mac;
	EVP_MAC_CTX_free(mac);
	return NULL;
}

struct digest *digest_new(struct err *err)
{
	uint8_t key[KEY_BYTES];
	struct digest *d = calloc(1, sizeof(*d));

	if (d && getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key))
		d->mac = keyed_mac(key);
	OPENSSL_cleanse(key, sizeof(key));
	if (d && d->mac)
		return d;
	err_set(err, ERR_INTERNAL, 0, "no key for digests: no randomness or no memory");
	digest_free(d);
	return NULL;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MAC_CTX_free(d->mac);
	free(d);
}

void digest_of(const struct digest *d, const void *data, size_t len, uint8_t out[DIGEST_BYTES])
{
	uint8_t whole[SHA256_BYTES];
	size_t written;

	memset(out, 0, DIGEST_BYTES);
	if (EVP_MAC_init(d->mac, NULL, 0, NULL) && EVP_MAC_update(d->mac, data, len) &&
	    EVP_MAC_final(d->mac, whole, &written, sizeof(whole)))
		memcpy(out, whole, DIGEST_BYTES);
}
