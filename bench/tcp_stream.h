/*
 * An attach stream over a TCP connection to what leads to the Engine: engine/stream.h for the client of a relay, and no more of it than
 * keystrokes need.
 */
#ifndef BENCH_TCP_STREAM_H
#define BENCH_TCP_STREAM_H

#include "bench/bench.h"
#include "engine/stream.h"

struct tcp_stream;

/* Attaches on a connected socket, which it takes. events, all of them, are called as those of stream_open(), but on_close leaves the stream to
 * the caller. What goes wrong before it returns ends the program. */
struct tcp_stream *tcp_stream_open(struct bench *b, int fd, const char *container,
				   const struct stream_events *events, void *arg);

/* Sends two pieces as one. False when they are not taken at once: then the other end does not read, and there is nothing to be measured. */
bool tcp_stream_send(struct tcp_stream *s, const void *head, size_t head_len, const void *body,
		     size_t body_len);

/* Silence; frees when the loop has turned. Accepts NULL. */
void tcp_stream_close(struct tcp_stream *s);

#endif
