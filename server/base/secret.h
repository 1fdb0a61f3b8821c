/*
 * Secrets: comparing what a client shows with what we know.
 */
#ifndef SANDBOX_BASE_SECRET_H
#define SANDBOX_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the two byte strings are the same. How long it takes depends on given_len alone: neither on where they differ nor on the
 * length of what we know.
 */
bool secret_equal(const void *known, size_t known_len, const void *given, size_t given_len);

#endif
