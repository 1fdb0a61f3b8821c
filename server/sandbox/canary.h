/*
 * A canary: one sandbox like every other, in which a small program looks around and says whether it is really locked in.
 *
 * It belongs to the fleet and carries this worker's labels (its session is "canary"), so whatever goes wrong,
 * reconciliation and the reaper see to its container. It decides nothing: guard.h does, for the server, and the start-up check.
 *
 * Ownership: canary_start() gives a handle that is valid until `done` has been called, or canary_cancel(). `done` is only ever called
 * by canary_sweep(), exactly once; everything, the fleet too, may be freed inside.
 */
#ifndef SANDBOX_SANDBOX_CANARY_H
#define SANDBOX_SANDBOX_CANARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sandbox/canary_probe.h"
#include "sandbox/sandbox.h"

/* `done` is called within this time. */
#define CANARY_LIMIT_MS 15000

#define CANARY_SESSION "canary"

struct canary;

struct canary_result {
	bool ok;       /* every fact that is demanded is true */
	bool reported; /* the probe has run: what it has seen is meant */
	struct canary_view seen;
	char problem[224];               /* for an operator; "" when ok */
	char container[DOCKER_NAME_MAX]; /* its name */
	uint64_t took_ms;                /* from the start to the report */
};

typedef void (*canary_done_fn)(void *arg, const struct canary_result *result);

/* Starts one in the environment. Of the facts CANARY_ISOLATED is demanded where the caller says so, CANARY_MEMORY_LIMIT never,
 * the others always. A good result is told when the container is gone, or at the limit; a bad one as soon as
 * it is known. now_ms: clock_monotonic_ms(). */
struct canary *canary_start(struct fleet *f, const struct environment *environment,
			    bool demand_isolation, canary_done_fn done, void *arg, uint64_t now_ms,
			    struct err *err);

/* Ends it: `done` is not called any more, the container goes to the reaper. Before fleet_free(). Accepts NULL. */
void canary_cancel(struct canary *c);

/* Call it a few times a second. */
void canary_sweep(struct canary *c, uint64_t now_ms);

#endif
