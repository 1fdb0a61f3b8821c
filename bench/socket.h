/*
 * The way under test: a shell over a WebSocket of the server's.
 */
#ifndef BENCH_SOCKET_H
#define BENCH_SOCKET_H

#include "bench/line.h"
#include "bench/ws_frames.h"

struct server;

struct socket {
	struct line line;
	uv_tcp_t tcp;
	uv_connect_t connecting;
	char id[64];      /* the session's */
	unsigned port;    /* of the server */
	bool open;        /* the server has upgraded it */
	bool ready;       /* and said that the shell is the user's */
	uint64_t pong_ns; /* of the latest pong */
	char head[1024];  /* of the answer */
	size_t head_len;
	struct ws_frames frames;
	bool control;   /* the message that is coming in is the server's own */
	char text[256]; /* of it; what is longer is cut */
	size_t text_len;
};

/* Begins to connect to a running session; 80 columns, 24 rows. The result is the caller's, until socket_free(). */
struct socket *socket_new(struct bench *b, const struct server *server, const char *session_id);

/* Waits until it is open. */
void socket_await_open(struct socket *s);

/* One ping, and its pong. Milliseconds. */
double socket_ping(struct socket *s);

/* Breaks the connection; frees when the loop has turned. Its shell is hung up. */
void socket_free(struct socket *s);

#endif
