/*
 * HTTP/1.1 over one Unix socket, as far as an Engine needs it: one request at a time on each connection, answers of any length and
 * encoding that http_parser knows, no redirects. Knows nothing of Docker.
 *
 * Idiom as in docker.h: a call runs its done callback exactly once, never before http_start() has returned, and is gone
 * by then; http_cancel() promises silence; every function may be called from inside a callback,
 * http_free() too. Connections are kept and used again; when the peer turns out to have closed one meanwhile, the
 * request is sent again on a new one, unless it is a POST that the peer has read and may have acted upon.
 */
#ifndef SANDBOX_ENGINE_DOCKER_HTTP_H
#define SANDBOX_ENGINE_DOCKER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/err.h"

/* An answer with a longer body, in bytes, is a failed call. */
#define HTTP_BODY_MAX 1048576

/* The same for all its headers together. */
#define HTTP_HEAD_MAX 65536

/* What a socket address holds, with the NUL. */
#define HTTP_PATH_BYTES 108

struct http;
struct http_call;

struct http_answer {
	int status; /* 0 when there was none */
	const char *body;
	size_t len; /* of body; borrowed like it */
};

/* err is NULL when the answer is complete, whatever its status. */
typedef void (*http_done_fn)(void *arg, const struct http_answer *answer, const struct err *err);

/* One line of a 200 answer. Returning false with *err ends the call with that error; who cancels the call inside
 * returns true. */
typedef bool (*http_line_fn)(void *arg, const char *line, size_t len, struct err *err);

struct http_request {
	const char *method;   /* "GET", "POST", "DELETE" */
	const char *target;   /* "/path?query", already escaped */
	const char *body;     /* JSON, or NULL; copied */
	long limit_ms;        /* for the whole call; 0 for none */
	http_line_fn on_line; /* NULL, or takes a 200 answer line by line instead of as a body */
	http_done_fn done;
	void *arg;
};

/* path is the socket's, below HTTP_PATH_BYTES. Copied. NULL with *err (no memory). */
struct http *http_new(uv_loop_t *loop, const char *path, struct err *err);

/* Cancels all calls and frees; memory goes when the loop has run once more. Accepts NULL. */
void http_free(struct http *h);

struct http_call *http_start(struct http *h, const struct http_request *request, struct err *err);

void http_cancel(struct http_call *call); /* accepts NULL */

/* text escaped for a query, malloc'd; NULL without memory. */
char *http_escape(const char *text);

#endif
