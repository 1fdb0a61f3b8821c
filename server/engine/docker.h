/*
 * Everything that this server wants from a Docker Engine, and nothing else: negotiate, ask what it has, make a
 * container from a fixed profile, attach to it, start it, remove it, list ours, hear of their ends.
 *
 * Not a general Docker client. The other side of this header could be a separate privileged process.
 *
 * Asynchronous on the libuv loop given; nothing blocks. The idiom of every call:
 *   - it returns a handle, or NULL with *err set, and then never calls back;
 *   - `done` runs exactly once, never before the call has returned; the handle is gone by then;
 *   - docker_cancel() promises silence. It does not undo anything in the Engine: who cancels a create
 *     or a start must remove the container by its name;
 *   - pointers given to `done` are borrowed and end with it; `arg` is the caller's; whatever the
 *     caller owns, and the docker object itself too, may be freed inside;
 *   - each call has a time limit; running into it is ERR_UPSTREAM.
 *
 * Error kinds: ERR_UPSTREAM unreachable, too slow (code is ETIMEDOUT), unreadable or failed (5xx; code is the HTTP
 * status, else 0); ERR_GONE 404; ERR_INPUT other 4xx; ERR_BUSY 409; ERR_INTERNAL no memory. The messages contain Engine text: for
 * the log, never for a client.
 *
 * Answers are capped at 1 MiB and checked field by field: the Engine is not trusted to be well.
 */
#ifndef SANDBOX_ENGINE_DOCKER_H
#define SANDBOX_ENGINE_DOCKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct docker;
struct docker_call;

/* Name and id limits: longer ones in an answer make it unreadable. */
#define DOCKER_NAME_MAX   128 /* bytes with the NUL */
#define DOCKER_LABELS_MAX 16

/* What one of our containers may take of its host: memory without swap, and threads (under gVisor those of its kernel,
 * which are more than the user's processes). */
#define DOCKER_MEMORY_BYTES 134217728
#define DOCKER_PIDS_LIMIT   2048

/* host is "unix:///path" (the only scheme). Copies it; connects to nothing yet. NULL with *err. */
struct docker *docker_new(uv_loop_t *loop, const char *host, struct err *err);

/* Cancels every call, silently, and frees. Handles of libuv are closed on the loop, so let it run once more. Streams from
 * docker_attach are not covered: close them first. Accepts NULL. */
void docker_free(struct docker *d);

void docker_cancel(struct docker_call *call); /* accepts NULL */

typedef void (*docker_done_fn)(void *arg, const struct err *err); /* err NULL: it worked */

/* --- the Engine itself --- */

struct docker_version {
	const char *version;     /* "20.10.24+dfsg1" */
	const char *api_version; /* the one that will be used from now on, "1.41" */
};
typedef void (*docker_version_fn)(void *arg, const struct docker_version *v, const struct err *err);

/* GET /version, and chooses the API version: the newest that both sides know (ours: 1.40 to 1.47).
 * ERR_INPUT when the ranges do not meet, the message names both. Until one negotiation has succeeded every other call
 * fails with ERR_UPSTREAM; negotiate again after the Engine has been away. Limit 3 s. */
struct docker_call *docker_negotiate(struct docker *d, docker_version_fn done, void *arg,
				     struct err *err);

struct docker_info {
	bool runtime_known;         /* the runtime asked for is registered */
	const char *runtime_path;   /* "" when not known */
	const char *runtime_args;   /* its arguments joined by spaces, "" for none */
	int64_t memory_total_bytes; /* of the host */
	int64_t cpus;
	/* Which limits the Engine can enforce on this host; false when it does not say. */
	bool memory_limit, swap_limit, pids_limit, cpu_limit;
};
typedef void (*docker_info_fn)(void *arg, const struct docker_info *info, const struct err *err);

/* GET /info, looking for `runtime`. Limit 5 s. */
struct docker_call *docker_info(struct docker *d, const char *runtime, docker_info_fn done,
				void *arg, struct err *err);

typedef void (*docker_image_fn)(void *arg, const char *image_id, const struct err *err);

/* GET /images/NAME/json: is it there, and under which id. ERR_GONE when not. Limit 5 s. */
struct docker_call *docker_image(struct docker *d, const char *image, docker_image_fn done,
				 void *arg, struct err *err);

/* --- containers --- */

struct docker_label {
	const char *name, *value;
};

/* What differs between containers; all the rest of the body is fixed (docker_codec.c). */
struct docker_profile {
	const char *image;
	const char *runtime;     /* "" for the Engine's default */
	const char *home;        /* the tmpfs of the user, "/home/user" */
	const char *const *argv; /* entrypoint with arguments, NULL-terminated */
	const struct docker_label *labels;
	size_t label_count;
};

typedef void (*docker_created_fn)(void *arg, const char *id, const struct err *err);

/* POST /containers/create?name=. name is [a-zA-Z0-9][a-zA-Z0-9_.-]*. Limit 10 s. */
struct docker_call *docker_create(struct docker *d, const char *name,
				  const struct docker_profile *profile, docker_created_fn done,
				  void *arg, struct err *err);

/* POST /containers/NAME/start; "already started" (304) is ERR_BUSY. Limit 10 s. */
struct docker_call *docker_start(struct docker *d, const char *name, docker_done_fn done, void *arg,
				 struct err *err);

/* DELETE /containers/NAME?force=true&v=true. Gone already (404) counts as done; "removal already in progress" is ERR_BUSY:
 * ask again. Limit 120 s: the Engine was measured to need 97. */
struct docker_call *docker_remove(struct docker *d, const char *name, docker_done_fn done,
				  void *arg, struct err *err);

struct docker_container {
	const char *id,
		*name;     /* name without the leading slash; the id when it has none any more */
	const char *state; /* "created", "running", ... */
	struct docker_label
		labels[DOCKER_LABELS_MAX]; /* the first ones that begin with the prefix asked for */
	size_t label_count;
};
typedef void (*docker_list_fn)(void *arg, const struct docker_container *list, size_t count,
			       const struct err *err);

/* GET /containers/json?all=true, the 500 latest, with one label filter, "name" or "name=value"; labels are those whose
 * name begins with label_prefix. Limit 2 s: this is also the probe of health, since a stuck Engine still answers /_ping. */
struct docker_call *docker_list(struct docker *d, const char *label_filter,
				const char *label_prefix, docker_list_fn done, void *arg,
				struct err *err);

/* The value of a label, or NULL. */
const char *docker_container_label(const struct docker_container *c, const char *name);

enum docker_event_type {
	DOCKER_EVENT_DIE,
	DOCKER_EVENT_OOM,
	DOCKER_EVENT_DESTROY,
	DOCKER_EVENT_KILL, /* somebody asked the Engine to; DIE follows */
};

struct docker_event {
	enum docker_event_type type;
	const char *name;  /* of the container */
	int64_t exit_code; /* of DIE, else 0 */
};
typedef void (*docker_event_fn)(void *arg, const struct docker_event *event);

/* GET /events for containers with this label, from now on until it breaks: on_event any number of times, then done once,
 * always with an error (the caller subscribes again). A line over 64 KiB breaks it. No time limit. */
struct docker_call *docker_events(struct docker *d, const char *label_filter,
				  docker_event_fn on_event, docker_done_fn done, void *arg,
				  struct err *err);

#endif
