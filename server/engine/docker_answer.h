/*
 * Reads one HTTP answer: a state machine without I/O. The body is kept, up to HTTP_BODY_MAX, or split into lines
 * (docker_lines.h) where the status is 200 and lines are wanted.
 */
#ifndef SANDBOX_ENGINE_DOCKER_ANSWER_H
#define SANDBOX_ENGINE_DOCKER_ANSWER_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/fifo.h"
#include "engine/docker_lines.h"

struct docker_answer {
	http_parser parser;
	bool by_line; /* wanted */
	bool in_body, complete;
	bool reusable;    /* once complete: the connection may carry another request */
	const char *flaw; /* what is wrong with it, or NULL */
	int status;       /* 0: none yet */
	size_t head_bytes;
	struct fifo body;
	struct docker_lines lines;
};

void docker_answer_init(struct docker_answer *a, bool by_line);
void docker_answer_finish(struct docker_answer *a);

/* Takes bytes until the answer is complete or flawed. */
void docker_answer_feed(struct docker_answer *a, const char *data, size_t len);

/* The connection has ended, which completes an answer that says no length. */
void docker_answer_end(struct docker_answer *a);

#endif
