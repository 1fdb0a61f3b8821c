/*
 * What the tests of sandboxes and sessions live in: a loop, a simulated Engine, and the server's objects on it up to the
 * sessions, built as main.c builds them. A timer calls the sweeps every millisecond.
 */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include <stdbool.h>
#include <uv.h>

#include "config/config.h"
#include "sandbox/sandbox.h"
#include "session/session.h"
#include "tests/fakes/sim_engine.h"

#define WORLD_IDLE_MS     300000
#define WORLD_LIFETIME_MS 1800000
#define WORLD_SITE_FACTOR 2

struct world {
	uv_loop_t loop;
	uv_timer_t tick;
	unsigned ticks_left; /* until world_until() gives up */
	struct sim *sim;
	struct config config;
	struct docker *docker;
	struct reaper *reaper;
	struct fleet *fleet;
	struct watch *watch;
	struct capacity *capacity;
	struct pool *pool;
	size_t places; /* for the pool */
	struct limiter *limiter;
	struct sessions *sessions;
};
extern struct world world;

/* Somebody without a name, and what such clients may have from the next world_up() on; at first nothing is limited. */
extern const struct client anybody;
extern struct limits world_limits;

/* Spare sandboxes of each environment from the next world_up() on; at first 0: no pool at all. */
extern int world_pool_size;

/* Builds it; the Engine is reachable and its event stream open when this returns. */
void world_up(void);

/* Fails the test if anything is left on the loop. */
void world_down(void);

/* Runs the loop until done() says so; fails the test after some seconds. */
void world_until(bool (*done)(void));

/* Runs what is ready, a few turns. */
void world_turns(int count);

/* All sweeps, as if it were so much later. */
void world_sweep(uint64_t ahead_ms);

/* Runs, and lets retries become due, until no container, removal, sandbox or session is left anywhere and no call to the Engine is in
 * flight but the events. */
void world_settle(void);

/* "sandbox-api.worker" and so on of this server. */
#define WORLD_WORKER "test-worker"

#endif
