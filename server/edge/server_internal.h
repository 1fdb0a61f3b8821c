/*
 * What the files of the edge share. Nobody outside edge/ includes this.
 */
#ifndef SANDBOX_EDGE_SERVER_INTERNAL_H
#define SANDBOX_EDGE_SERVER_INTERNAL_H

#include <libwebsockets.h>

#include "edge/access.h"
#include "edge/output_text.h"
#include "edge/pulse.h"
#include "edge/server.h"
#include "edge/stats.h"

/* Bytes of a request's headers, at most; a value that is copied to a buffer of this size always fits. */
#define HEADERS_MAX 8192

/* Bytes of one frame to a browser, at most. */
#define TX_BYTES OUTPUT_TEXT_MAX

struct http_request;
struct peer;

/* A WebSocket that was let in, between the last event at which it can be refused in plain HTTP and the one at which it gets
 * its peer: libwebsockets has no place for anything of ours before. */
struct upgrade {
	struct lws *wsi;      /* NULL: none */
	struct client client; /* holds one of its WebSocket slots */
	char session_id[SESSION_ID_BYTES];
	char ticket[TICKET_BYTES]; /* "" for none */
};

struct server {
	struct server_parts parts;
	struct lws_context *lws;
	struct lws_vhost *vhost;
	struct lws_vhost *metrics; /* of an address of their own, or NULL */
	struct process *process;
	struct edge_stats stats;
	uint64_t started_ms;
	size_t peer_count;
	struct pulses pulses; /* of all peers */
	struct upgrade upgrade;
	uint8_t tx[LWS_PRE + TX_BYTES]; /* one frame at a time is built here */
};

/* What libwebsockets keeps for each connection of ours. */
struct connection {
	struct http_request *http; /* the request under way, or NULL */
	struct peer *peer;         /* once it is a WebSocket */
};

/* The server behind a connection. */
struct server *server_of(struct lws *wsi);

/* Whether it came to the metrics' own address. */
bool is_metrics_connection(struct lws *wsi);

/* Reads the headers that decisions rest on; they are gone after an upgrade. */
void facts_read(struct lws *wsi, struct request_facts *facts);

/* Copies a header's value. False when it is not there; *malformed is set when it does not fit. */
bool header_copy(struct lws *wsi, enum lws_token_indexes token, char *buf, size_t size,
		 bool *malformed);

/* The same for a header that libwebsockets has no token for; name in lower case with its colon. */
bool header_copy_named(struct lws *wsi, const char *name, char *buf, size_t size, bool *malformed);

/* The value of a query argument, name with its "="; NULL when it is not there. */
const char *query_value(struct lws *wsi, const char *name, char buf[HEADERS_MAX]);

#endif
