/*
 * HTTP to the server under test, one request after the other: what it waits for, the loop waits for too.
 */
#ifndef BENCH_WEB_H
#define BENCH_WEB_H

#include <jansson.h>

#include "bench/server.h"

/* One request on a connection of its own, as a visitor's first is; body may be NULL. Returns the answer's JSON, to be given back with
 * json_decref(), and its status. Without an answer the run fails. */
json_t *web_call(const struct server *s, const char *method, const char *path, const char *body,
		 long *status);

/* Takes an answer that must be of this status, and have a field that is a string: copies it. */
void web_expect(const struct server *s, const char *method, const char *path, const char *body,
		long status, const char *field, char *out, size_t size);

/* A session on the smallest environment; its id. */
#define WEB_ID_BYTES 64
void web_create_session(const struct server *s, char id[WEB_ID_BYTES]);

/* Its sandbox ends soon after. */
void web_delete_session(const struct server *s, const char *id);

#endif
