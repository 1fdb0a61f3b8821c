/*
 * Keeps an eye on the Engine, so that /health can answer from memory and sandboxes learn how they ended.
 *
 * Connecting, it negotiates the API version, checks that the runtime and the images are there, asks the runtime's program for its
 * version, and subscribes to events. Then it lists our containers every WATCH_INTERVAL_MS: a stuck Engine fails that
 * although it still answers /_ping. The list also feeds the search for orphans. After a failure it
 * starts over, with growing pauses. It starts nothing and decides nothing.
 */
#ifndef SANDBOX_SANDBOX_WATCH_H
#define SANDBOX_SANDBOX_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "config/config.h"
#include "engine/docker.h"
#include "sandbox/environment.h"
#include "sandbox/runtime.h"
#include "sandbox/sandbox.h"

#define WATCH_INTERVAL_MS 2000

struct watch;

struct engine_health {
	bool reachable;            /* it answered the latest question */
	bool events_open;          /* its event stream is there */
	bool runtime_ok;           /* the sandbox runtime is registered and safe to use */
	char runtime_problem[160]; /* for an operator; "" when runtime_ok */
	char runtime_version[RUNTIME_VERSION_BYTES];   /* "" when not known */
	char runtime_platform[RUNTIME_PLATFORM_BYTES]; /* "" when its arguments do not say */
	unsigned runtime_epoch; /* in which version and platform were found out; 0 before */
	bool image_ok[ENVIRONMENT_COUNT];
	char image_id[ENVIRONMENT_COUNT][DOCKER_NAME_MAX]; /* "" before the first contact; cut */
	char version[48], api_version[16];                 /* "" before the first contact */
	char problem[192]; /* why it is not reachable, for the log and the operator's pages only */
	uint64_t latency_ms; /* of the latest list */
	unsigned epoch;      /* another number: another Engine may be there, or another runtime */
	int64_t memory_total_bytes, cpus; /* of the Engine's host; 0 before the first contact */
};

/* All must live longer. NULL when memory is out. */
struct watch *watch_new(uv_loop_t *loop, const struct config *config, struct docker *docker,
			struct fleet *fleet);

/* Handles of libuv are closed on the loop, so let it run once more. Accepts NULL. */
void watch_free(struct watch *w);

/* Does what is due. Call it a few times a second. */
void watch_sweep(struct watch *w, uint64_t now_ms);

/* What is known; always valid. */
const struct engine_health *watch_health(const struct watch *w);

/* Whether sandboxes of this environment can be made: Engine, runtime and image are there. */
bool watch_can_start(const struct watch *w, const struct environment *environment);

#endif
