/*
 * The attach stream of one container as two byte streams: what we write goes to stdin of its first
 * process, what that writes to stdout arrives here, without Docker's multiplexing headers.
 *
 * Not covered: what the bytes mean (sandbox/), and flow control between the ends, which is the agent
 * protocol's. Standard error of the container is dropped, and
 * 64 KiB of it end the stream.
 *
 * Idiom: stream_open() returns a handle or NULL with *err and then never calls back. on_open once, then on_data any
 * number of times, on_close once at the end, with an error that says why (end of file included:
 * ERR_GONE), also instead of on_open; the handle is gone by then. No callback before stream_open()
 * has returned, none after stream_close(). stream_close() and freeing the owner are allowed inside every callback.
 *
 * The program must ignore SIGPIPE: the Engine may close its end at any time.
 */
#ifndef SANDBOX_ENGINE_STREAM_H
#define SANDBOX_ENGINE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/docker.h"

struct stream;

struct stream_events {
	void (*on_open)(void *arg);
	void (*on_data)(void *arg, const uint8_t *data, size_t len); /* borrowed */
	void (*on_close)(void *arg, const struct err *err);
	/* What was read at once has been handed over, in one or more on_data. May be NULL. */
	void (*on_settled)(void *arg);
};

/* Attaches to container `name` (created, not yet started, so that nothing is lost). The Engine has
 * 10 s to answer with 101 or 200. events is copied. */
struct stream *stream_open(struct docker *d, const char *name, const struct stream_events *events,
			   void *arg, struct err *err);

/* Bytes that may be queued here because the Engine does not take them; more is refused. Room for the input windows
 * of all terminals of a sandbox at once. */
#define STREAM_QUEUE_MAX 2097152

/* Sends two pieces as one, all or nothing (body may be NULL with 0): at once if the socket takes it,
 * else queued. False when the queue would exceed STREAM_QUEUE_MAX or the stream is not open: the owner should give up on the stream.
 * Never calls back. */
bool stream_send(struct stream *s, const void *head, size_t head_len, const void *body,
		 size_t body_len);

/* Stops and restarts reading; the Engine, and behind it the container, then has to wait. What has been read already, at
 * most 64 KiB, is still delivered. Nothing happens unless the stream is open. */
void stream_pause(struct stream *s, bool paused);

/* Bytes of standard error that were dropped so far. */
uint64_t stream_stderr_bytes(const struct stream *s);

/* Silence from now on; frees. The container is not touched. Accepts NULL. */
void stream_close(struct stream *s);

#endif
