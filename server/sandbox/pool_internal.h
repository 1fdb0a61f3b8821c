/*
 * What the files of the pool share: pool.c (the pool, and what it decides), pool_spare.c (one spare's life). Nobody else includes this.
 */
#ifndef SANDBOX_SANDBOX_POOL_INTERNAL_H
#define SANDBOX_SANDBOX_POOL_INTERNAL_H

#include "sandbox/demand.h"
#include "sandbox/pool.h"

enum spare_state { SPARE_STARTING, SPARE_OPENING, SPARE_READY, SPARE_CLAIMED };

struct spare {
	struct pool *pool;
	const struct environment *environment;
	enum spare_state state;
	uint64_t since_ms, deadline_ms; /* of its order; of the state, 0 for none; monotonic */
	unsigned epoch;
	char image_id[DOCKER_NAME_MAX];
	struct sandbox *sandbox;
	struct parked *shell;      /* from OPENING on */
	struct pool_claim *claim;  /* in CLAIMED */
	struct spare *prev, *next; /* utlist, the oldest first */
};

struct pool_claim {
	struct pool *pool;
	const struct environment *environment;
	struct spare *spare;
	uint64_t since_ms;
	pool_claimed_fn done;
	void *arg;
};

struct pool {
	struct pool_parts parts;
	struct spare *spares;
	struct shelf {
		struct demand demand;
		uint64_t hits, misses, discarded;
		uint64_t backoff_ms,
			not_before_ms; /* the next pause after a loss; no start before */
	} shelves[ENVIRONMENT_COUNT];
	bool stopped;
	uint64_t due_ms;                 /* the next start of what is not urgent */
	uint64_t rest_until_ms, gave_ms; /* no start before; the latest that was given back */
};

/* Starts one, made for the Engine and image of now. False with *err when that fails. */
bool spare_order(struct pool *p, const struct environment *environment, struct err *err);

/* It goes, with its sandbox; nobody is told. */
void spare_discard(struct spare *s);

/* Its agent is asked whether it lives: pool_spare_claimed() or pool_spare_lost() follows, later. */
void spare_claim(struct spare *s, struct pool_claim *claim);

/* It has taken too long in its state, and is lost. */
void spare_is_late(struct spare *s);

/* --- what pool.c is told --- */

/* It stands at its prompt, took_ms after its order. */
void pool_spare_ready(struct pool *p, uint64_t took_ms);

/* Its agent has answered: sandbox and shell are the claim's, the spare is gone. */
void pool_spare_claimed(struct pool_claim *claim, struct sandbox *sandbox, struct parked *shell);

/* One has gone; claim: whose it would have been, or NULL. */
void pool_spare_lost(struct pool *p, const struct environment *environment,
		     struct pool_claim *claim);

#endif
