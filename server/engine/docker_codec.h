/*
 * Between the Engine's JSON and our structs: pure functions over bytes, no input or output.
 *
 * Every decoder takes one whole answer (or one line of the event stream) and checks types, lengths and alphabets field
 * by field. What it does not like is ERR_UPSTREAM "unreadable answer: ..."; out parameters are written only on
 * success. Decoded strings point into *doc, which the caller gives up with docker_doc_finish() after use, on success
 * only: a failed decoder leaves nothing behind.
 */
#ifndef SANDBOX_ENGINE_DOCKER_CODEC_H
#define SANDBOX_ENGINE_DOCKER_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "engine/docker.h"

struct json_t;

/* What the strings of a decoded answer live in. */
struct docker_doc {
	struct json_t *root;
	void *extra; /* an array or a text built while decoding */
};

/* Accepts an all-zero doc. */
void docker_doc_finish(struct docker_doc *doc);

/* --- names --- */

/* A container name or id: [a-zA-Z0-9][a-zA-Z0-9_.-]*, below DOCKER_NAME_MAX. Safe in a URL. */
bool docker_name_valid(const char *name);

/* An image reference, "name:tag" or "host/name@sha256:...", below 256 bytes. Safe in a URL. */
bool docker_image_valid(const char *image);

/* --- API versions --- */

/* "1.41" and its NUL, with room for longer numbers. */
#define DOCKER_API_BYTES 8

struct docker_engine_version {
	const char *version;
	const char *api,
		*api_min; /* the range that the Engine offers; api_min "1.0" when not said */
};

/* "NUMBER.NUMBER", up to three digits each. */
bool docker_api_valid(const char *api);

/* Writes to api the newest version that both sides know, or fails with ERR_INPUT. */
int docker_api_choose(const struct docker_engine_version *engine, char api[DOCKER_API_BYTES],
		      struct err *err);

/* --- decoders: 0, or -1 with *err --- */

int docker_decode_version(const char *data, size_t len, struct docker_doc *doc,
			  struct docker_engine_version *out, struct err *err);
int docker_decode_info(const char *data, size_t len, const char *runtime, struct docker_doc *doc,
		       struct docker_info *out, struct err *err);
int docker_decode_image(const char *data, size_t len, struct docker_doc *doc, const char **id,
			struct err *err);
int docker_decode_created(const char *data, size_t len, struct docker_doc *doc, const char **id,
			  struct err *err);
int docker_decode_list(const char *data, size_t len, const char *label_prefix,
		       struct docker_doc *doc, const struct docker_container **list, size_t *count,
		       struct err *err);

/* One line of the event stream. 1: *out is an event for us; 0: some other event, *doc is untouched. */
int docker_decode_event(const char *data, size_t len, struct docker_doc *doc,
			struct docker_event *out, struct err *err);

/* The "message" of an error answer, cut to fit buf; "" when there is none. */
void docker_decode_message(const char *data, size_t len, char *buf, size_t size);

/* --- encoders: malloc'd text, or NULL with *err (ERR_INPUT: a field is not acceptable) --- */

/* The body of POST /containers/create. */
char *docker_encode_create(const struct docker_profile *profile, struct err *err);

/* The value of "filters", not yet escaped for a URL: for a list, or for the container events that we understand. */
char *docker_encode_list_filter(const char *label_filter, struct err *err);
char *docker_encode_event_filter(const char *label_filter, struct err *err);

#endif
