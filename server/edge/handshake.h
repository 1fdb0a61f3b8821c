/*
 * The opening handshake of a WebSocket (RFC 6455 section 4): what it asks for, and whether it may have it.
 */
#ifndef SANDBOX_EDGE_HANDSHAKE_H
#define SANDBOX_EDGE_HANDSHAKE_H

#include "edge/server_internal.h"

/* Decides while it can still be refused in plain HTTP. Letting it in, keeps a slot of the client's for it. Returns what libwebsockets' callback must: 0, or -1 after
 * the refusal has been written. */
int handshake_judge(struct lws *wsi);

/* Whom that slot was kept for; the caller gives it back from now on. Uses the ticket up. False when this is not the upgrade that was
 * let in. */
bool handshake_take_upgrade(struct server *s, struct lws *wsi, struct client *client);

/* That upgrade has failed after all: gives its slot back. Any other connection is ignored. */
void handshake_forget_upgrade(struct server *s, const struct lws *wsi);

/* The session id in the path; "" for one that cannot be an id. False when the path is none of ours. */
bool handshake_path(struct lws *wsi, char id[SESSION_ID_BYTES]);

/* A number of the query, name with its "="; fallback when it is missing or no number. Not clamped. */
int64_t handshake_size(struct lws *wsi, const char *name, int64_t fallback);

#endif
