/*
 * One HTTP request: method, path, body in, one answer out. Nothing here knows what the paths mean.
 *
 * A request lives from its headers until its answer has been handed to libwebsockets, or the connection is gone. A handler
 * answers at once, or keeps the request and answers later; then `on_gone` tells it when there is nobody left to answer.
 */
#ifndef SANDBOX_EDGE_HTTP_H
#define SANDBOX_EDGE_HTTP_H

#include "edge/server_internal.h"

/* Bytes; a longer body is 413. */
#define HTTP_BODY_MAX 65536
#define HTTP_PATH_MAX 256

enum http_method {
	HTTP_GET = 1,
	HTTP_HEAD = 2,
	HTTP_POST = 4,
	HTTP_DELETE = 8,
	HTTP_OPTIONS = 16,
	HTTP_OTHER = 32
};

struct http_request {
	struct lws *wsi;
	struct server *server;
	enum http_method method;
	char path[HTTP_PATH_MAX];
	struct request_facts facts;
	struct client client; /* once that is known */
	bool admitted;
	char if_none_match[64];
	bool accepts_gzip;
	char *body; /* NUL-terminated; "" for none */
	size_t body_len, body_expected;

	/* the answer */
	bool handled; /* the handler has been called */
	uint64_t since_ms;
	bool answered;
	unsigned status;
	const char *content_type;
	char *owned;         /* to free, or NULL */
	const uint8_t *data; /* owned, or constant */
	size_t data_len;
	char headers[768]; /* further ones, "name: value\r\n" each */
	bool close;        /* the connection, after the answer */
	bool body_due;     /* not all of it has come */
	bool lingers; /* the answer is out, the rest of the body is thrown away before the end */

	/* of a handler that answers later */
	char session_id[SESSION_ID_BYTES]; /* that it waits for */
	void (*on_gone)(void *arg);
	void *on_gone_arg;
};

/* libwebsockets' events of a connection that is not a WebSocket; they return what its callback must. */
int http_on_request(struct lws *wsi, struct connection *c, const char *path, size_t len);
int http_on_body(struct connection *c, const void *data, size_t len);
int http_on_body_complete(struct connection *c);
int http_on_writable(struct connection *c);
void http_on_closed(struct connection *c);

/* The handler will answer later. on_gone tells it, once at most, when the client has left before the answer was written; it must not answer
 * then. */
void http_defer(struct http_request *r, void (*on_gone)(void *arg), void *arg);

/* Adds a header to the answer; one that does not fit is left out and logged. */
__attribute__((format(printf, 2, 3))) void http_header(struct http_request *r, const char *format,
						       ...);

/* Answers. Each request gets exactly one. text, json: from the heap, freed here; NULL is answered as 500. */
void http_answer_text(struct http_request *r, unsigned status, const char *content_type, char *text,
		      size_t len);
void http_answer_json(struct http_request *r, unsigned status, char *json);
void http_answer_data(struct http_request *r, unsigned status, const char *content_type,
		      const void *data, size_t len);
void http_answer_empty(struct http_request *r, unsigned status);

/* {"error":code,"message":message}, and retryAfter with its header when retry_after > 0 (seconds). */
void http_answer_error(struct http_request *r, unsigned status, const char *code,
		       const char *message, int retry_after);

/* Refuses an upgrade with a plain HTTP answer; returns what the callback must. */
int http_refuse_upgrade(struct lws *wsi, unsigned status, const char *code, const char *message);

#endif
