/*
 * The REST API: which path means what, who may, and what is answered. docs/protocol.md is its description.
 */
#ifndef SANDBOX_EDGE_API_H
#define SANDBOX_EDGE_API_H

#include "edge/http.h"

/* Refuses, before its body is read, a request whose headers suffice to: the connection is closed with the answer. */
void api_admit(struct http_request *r);

/* Answers the request, now or later. */
void api_handle(struct http_request *r);

/* server_describe() */
void api_describe(const struct server *s, char *text, size_t size);

#endif
