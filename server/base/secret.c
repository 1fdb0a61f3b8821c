#include "base/secret.h"

#include <openssl/crypto.h>

bool secret_equal(const void *known, size_t known_len, const void *given, size_t given_len)
{
	bool same_len = known_len == given_len;

	return (CRYPTO_memcmp(same_len ? known : given, given, given_len) == 0) & same_len;
}
