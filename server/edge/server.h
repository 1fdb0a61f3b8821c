/*
 * The edge: libwebsockets on the loop, a listening socket, HTTP and WebSocket behind it; where METRICS_PORT is set, another one with the
 * metrics.
 *
 * This and its neighbours in edge/ are the only files that know libwebsockets. What a request or a message
 * means is decided in api.c and ws.c.
 */
#ifndef SANDBOX_EDGE_SERVER_H
#define SANDBOX_EDGE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/loop_lag.h"
#include "config/config.h"
#include "sandbox/watch.h"
#include "session/capacity.h"
#include "session/session.h"

struct server;
struct identity;

/* What the edge serves; everything must live longer than the server. */
struct server_parts {
	uv_loop_t *loop;
	const struct config *config;
	const struct loop_lag *loop_lag;
	const struct docker *docker;
	struct sessions *sessions;
	const struct watch *watch;
	const struct guard *guard;
	const struct capacity *capacity;
	const struct pool *pool;
	const struct fleet *fleet;
	const struct pace *pace; /* NULL: output without a pace */
	struct limiter *limiter;
	const struct identity *identity;
};

/* Listens. NULL with *err when it cannot. */
struct server *server_new(const struct server_parts *parts, struct err *err);

/* Closes every connection; the loop must run until it has nothing left, then server_free() again is not
 * needed. Accepts NULL. */
void server_free(struct server *s);

/* The port it listens on: the configured one, or the system's choice for 0. */
int server_port(const struct server *s);

/* Pings the quiet and gives up the silent. Call it a few times a second. now_ms: clock_monotonic_ms(). */
void server_sweep(struct server *s, uint64_t now_ms);

/* WebSockets that are open. */
size_t server_peer_count(const struct server *s);

/* What /health says, as one line: "serving, 3 sessions", "degraded: <reasons>", "draining, 2 sandboxes left". */
void server_describe(const struct server *s, char *text, size_t size);

#endif
