/*
 * The REST API: which path means what, who may, and what is answered. docs/protocol.md is its description.
 */
#ifndef SANDBOX_EDGE_API_H
#define SANDBOX_EDGE_API_H

#include "edge/http.h"

/* Answers the request, now or later. */
void api_handle(struct http_request *r);

#endif
