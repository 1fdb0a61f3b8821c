/*
 * The page and its files, carried inside the program, compressed beforehand.
 */
#ifndef SANDBOX_EDGE_ASSETS_H
#define SANDBOX_EDGE_ASSETS_H

#include "edge/http.h"

/* Answers GET and HEAD of a file of the page; false when the path is none. */
bool assets_handle(struct http_request *r);

#endif
