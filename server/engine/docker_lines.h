/*
 * Lines out of a byte stream that arrives in any pieces. Bounded: a line of more than
 * DOCKER_LINE_MAX bytes, or more undelivered bytes than DOCKER_LINES_HELD_MAX, ends the stream.
 */
#ifndef SANDBOX_ENGINE_DOCKER_LINES_H
#define SANDBOX_ENGINE_DOCKER_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fifo.h"

#define DOCKER_LINE_MAX       65536   /* bytes, without the newline */
#define DOCKER_LINES_HELD_MAX 1048576 /* bytes */

struct docker_lines {
	struct fifo held;
	size_t taken;   /* bytes at the front of held that the last line used */
	size_t partial; /* bytes of the line that is not complete yet */
};

void docker_lines_init(struct docker_lines *l);
void docker_lines_finish(struct docker_lines *l);

/* Adds bytes. False when a limit is exceeded: nothing more may be pushed, complete lines may still be taken. */
bool docker_lines_push(struct docker_lines *l, const char *data, size_t len);

/* The next complete line that is not empty, without its newline or carriage return, or NULL. Valid until the next call. */
const char *docker_lines_next(struct docker_lines *l, size_t *len);

#endif
