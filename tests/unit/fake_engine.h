/*
 * An Engine made of a script: it listens on a Unix socket in the loop of the test and answers each request with the next
 * reply of its script, byte for byte what the test says. A request without a reply fails the test.
 */
#ifndef TESTS_UNIT_FAKE_ENGINE_H
#define TESTS_UNIT_FAKE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "engine/docker.h"

struct fake_engine;

enum fake_end {
	FAKE_KEEP,  /* the connection stays, for the next request or as a stream */
	FAKE_CLOSE, /* end of file behind the reply */
	FAKE_RESET, /* no reply: closed with the request unread */
};

struct fake_reply {
	const char *data; /* the raw answer; borrowed until it has been sent */
	size_t len;       /* 0: up to the NUL */
	size_t piece; /* bytes per write, each in a turn of the loop of its own; 0: all at once */
	unsigned delay_ms;
	enum fake_end end;
};

struct fake_engine *fake_new(uv_loop_t *loop);

/* Closes all and removes the socket; memory goes when the loop has run. */
void fake_free(struct fake_engine *f);

/* "unix:///..." */
const char *fake_host(const struct fake_engine *f);

void fake_reply(struct fake_engine *f, struct fake_reply reply);

/* An answer with this status, a JSON body and its length. */
void fake_json(struct fake_engine *f, int status, const char *body);

/* All bytes received so far, NUL-terminated. */
const char *fake_received(const struct fake_engine *f, size_t *len);

unsigned fake_connections(const struct fake_engine *f); /* accepted so far */
unsigned fake_requests(const struct fake_engine *f);

/* On the newest connection that is still there. */
void fake_send(struct fake_engine *f, const char *data, size_t len);
void fake_stop_reading(struct fake_engine *f);
void fake_start_reading(struct fake_engine *f);

void fake_close_connections(struct fake_engine *f);

/* --- what every test of the client has --- */

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	uv_prepare_t prepare;
	const unsigned *count; /* what run_until() waits for */
	unsigned wanted;
	struct fake_engine *engine;
	struct docker *docker;
};
extern struct fixture fx;

/* A docker object on a fake Engine, API 1.41 negotiated. */
void fixture_up(void);

/* Frees both and fails if anything is left on the loop. docker may have been freed and set to NULL. */
void fixture_down(void);

/* Runs the loop until *count has reached n; fails the test after 3 s. */
void run_until(const unsigned *count, unsigned n);

/* Runs the loop for a time in which something must not happen. */
void run_for_ms(unsigned ms);

/* Runs whatever is ready, a few turns, so that what must not come could come. */
void run_some(void);

#endif
