/*
 * The metrics of this product: the one table of what they are called, what they mean and where each is counted. docs/operations.md
 * says what to do when one of them moves.
 */
#ifndef SANDBOX_EDGE_EXPOSITION_H
#define SANDBOX_EDGE_EXPOSITION_H

#include <stddef.h>

#include "edge/server.h"

/* The text of /metrics, from the heap; NULL when memory is out. Reads what is in memory and /proc/self: nothing waits. */
char *exposition_text(const struct server *s, size_t *len);

#endif
