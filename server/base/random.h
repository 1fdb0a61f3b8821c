/*
 * Random names: bits from the kernel's random source, as hex digits.
 */
#ifndef SANDBOX_BASE_RANDOM_H
#define SANDBOX_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Random bytes in one name, at most. */
#define RANDOM_HEX_MAX 32

/* Writes 2 * bytes lower-case hex digits and a NUL. False when the kernel has no random bytes to give. */
bool random_hex(char *out, size_t bytes);

#endif
