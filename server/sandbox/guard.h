/*
 * Keeps sandboxes from strangers until a canary has come back: isolated or not at all.
 *
 * Each time that another Engine or another runtime may be there, one canary runs; until it has passed, guard_ok() is false. After
 * a failure it is tried again, with growing pauses, and never while the fleet's circuit is open: each failed start leaves
 * something behind under runsc. It starts no sandbox but the canary, and stops nobody's.
 */
#ifndef SANDBOX_SANDBOX_GUARD_H
#define SANDBOX_SANDBOX_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "sandbox/canary.h"
#include "sandbox/environment.h"
#include "sandbox/sandbox.h"

/* Between the starts of two canaries. */
#define GUARD_PAUSE_MIN_MS 5000
#define GUARD_PAUSE_MAX_MS 300000

struct guard;

/* config and fleet must live longer. NULL when memory is out. */
struct guard *guard_new(const struct config *config, struct fleet *fleet);

/* Ends a canary that is under way. Before fleet_free(). Accepts NULL. */
void guard_free(struct guard *g);

/* No canary from now on: the server is going away. What is under way ends, guard_ok() stays as it is. */
void guard_stop(struct guard *g);

/* Does what is due. Call it a few times a second. environment is one in which sandboxes can be started, NULL when there is none
 * now; epoch is that of the Engine (struct engine_health). */
void guard_sweep(struct guard *g, const struct environment *environment, unsigned epoch,
		 uint64_t now_ms);

/* Whether a canary has passed in this epoch: the Engine's of now, which the guard may not have been told yet. */
bool guard_ok(const struct guard *g, unsigned epoch);

/* Whose kernel the canary has seen that passed last; asked for only where guard_ok(). */
enum canary_kind guard_kind(const struct guard *g);

/* For an operator: why not; "" when guard_ok(). */
const char *guard_problem(const struct guard *g);

#endif
