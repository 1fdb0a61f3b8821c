/*
 * Cuts a stream of bytes into valid UTF-8 text.
 */
#ifndef SANDBOX_EDGE_UTF8_H
#define SANDBOX_EDGE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of output that one byte of input may become: U+FFFD. */
#define UTF8_EXPANSION 3

/* Bytes at the beginning that are valid text as they stand, in whole sequences. */
size_t utf8_valid(const uint8_t *in, size_t len);

/*
 * Copies text from `in` to `out` (UTF8_EXPANSION * len bytes), each maximal invalid part replaced by U+FFFD as the Unicode standard
 * recommends (section 3.9, D93b). A sequence that is cut off at the end stays behind for the next call, unless `last`.
 * Returns the bytes of `in` used and sets *out_len.
 */
size_t utf8_take(const uint8_t *in, size_t len, bool last, uint8_t *out, size_t *out_len);

#endif
