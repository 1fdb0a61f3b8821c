/*
 * Keyed digests: 128 bits that stand for a text or an address within this process.
 *
 * HMAC-SHA256, cut, under a key that is drawn anew each time: nobody outside can compute a digest, choose two inputs that collide,
 * or compare digests of two runs. Not for passwords, and not for anything that outlives the process.
 */
#ifndef SANDBOX_BASE_DIGEST_H
#define SANDBOX_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DIGEST_BYTES 16

struct digest;

/* Draws a key. NULL with *err when there is no randomness or no memory. */
struct digest *digest_new(struct err *err);
void digest_free(struct digest *d); /* accepts NULL */

/* Writes the digest of the bytes. Without memory it is all zeros, the same for whatever was given. Not for two threads at once. */
void digest_of(const struct digest *d, const void *data, size_t len, uint8_t out[DIGEST_BYTES]);

#endif
