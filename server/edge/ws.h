/*
 * One WebSocket: a peer on a terminal. Speaks the wire of docs/protocol.md.
 *
 * What comes for the browser is written at once as far as the socket takes it, else at its writable event: control messages first, then
 * output, then the exit, then the close. Only as much is read from the socket as the terminal takes.
 */
#ifndef SANDBOX_EDGE_WS_H
#define SANDBOX_EDGE_WS_H

#include "edge/server_internal.h"

/* The last event at which the request's headers are there: makes c->peer. */
int ws_on_accepted(struct lws *wsi, struct connection *c);

int ws_on_established(struct lws *wsi, struct connection *c);
int ws_on_receive(struct connection *c, const void *data, size_t len);
int ws_on_writable(struct connection *c);
void ws_on_pong(struct connection *c);
int ws_on_peer_closing(struct connection *c, size_t len);
void ws_on_dropped(struct connection *c);
void ws_on_closed(struct connection *c);

/* What pings a peer, and gives it up. */
extern const struct pulse_events ws_pulse_events;

#endif
