/*
 * What the files of engine/ share about one Engine. Not for other folders, except for tests.
 */
#ifndef SANDBOX_ENGINE_DOCKER_INTERNAL_H
#define SANDBOX_ENGINE_DOCKER_INTERNAL_H

#include "engine/docker.h"
#include "engine/docker_codec.h"
#include "engine/docker_http.h"
#include "engine/docker_stats.h"

/* Bytes taken from a stream at once. */
#define DOCKER_READ_BYTES 65536

struct docker {
	uv_loop_t *loop;
	struct http *http;
	struct docker_call *calls;
	char path[HTTP_PATH_BYTES];
	char api[DOCKER_API_BYTES]; /* "" until negotiated */
	unsigned limit_per_mille;   /* of every time limit; 1000, tests use less */
	struct docker_stats stats;
	uint8_t read_buffer[DOCKER_READ_BYTES]; /* of whichever stream reads right now */
};

union docker_done {
	docker_done_fn plain;
	docker_version_fn version;
	docker_info_fn info;
	docker_image_fn image;
	docker_created_fn created;
	docker_list_fn list;
};

/* One kind of call. */
struct docker_op {
	enum docker_verb verb; /* DOCKER_EVENTS is not counted */
	const char *method;
	unsigned limit_ms; /* 0: none */
	int status;        /* of an answer that worked */
	int status_too;    /* another one, or 0 */

	/* Decodes and calls the user back. call is a copy, the handle is gone; answer is NULL exactly when err is not. */
	void (*finish)(const struct docker_call *call, const struct http_answer *answer,
		       const struct err *err);
};

struct docker_call {
	struct docker *docker;
	struct docker_call *prev, *next;
	struct http_call *http;
	const struct docker_op *op;
	uint64_t since_ns; /* monotonic */
	union docker_done done;
	docker_event_fn on_event; /* of an event subscription, else NULL */
	void *arg;
	char subject[DOCKER_NAME_MAX]; /* what the decoder looks for: a runtime or a prefix */
};

/* What goes into a call. target is the path after the API version, with the query. */
struct docker_start {
	const struct docker_op *op;
	const char *target, *body, *subject; /* body and subject may be NULL */
	union docker_done done;
	docker_event_fn on_event;
	void *arg;
};

/* Starts a call; target NULL means that making it has failed already, with *err set. */
struct docker_call *docker_call_start(struct docker *d, const struct docker_start *start,
				      struct err *err);

/* err for the user after a decoder has returned rc: NULL when that is not negative. */
const struct err *docker_call_decoded(const struct docker_call *call, int rc, struct err *err);

/* 0, or -1 with *err when no API version has been negotiated. */
int docker_ready(const struct docker *d, struct err *err);

/* An error for an HTTP status that is not the wanted one; the message is taken from the body. Returns -1. */
int docker_status_error(int status, const char *body, size_t len, struct err *err);

/* A time limit, scaled. */
unsigned docker_limit_ms(const struct docker *d, unsigned limit_ms);

#endif
