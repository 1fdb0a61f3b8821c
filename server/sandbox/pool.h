/*
 * The warm pool: for each environment some started sandboxes with a shell at its prompt, so that a session need not wait for one.
 *
 *      a spare:  STARTING -> OPENING (its shell) -> READY -> CLAIMED (its agent is asked whether it lives) -> a session's
 *
 * A spare is made under what held when it was ordered: the Engine and runtime of that time (epoch) and the id of the image. When
 * one of them is another, it is no longer handed out and goes. (The limits of sandboxes are constants of this program, so they cannot
 * differ.) It also goes when it has waited for POOL_SPARE_MS; it is then replaced before it goes.
 *
 * Refilling is paced: one start at a time, none while somebody waits for a start, and pauses in proportion to how long the latest took,
 * so that a busy host is left alone. An environment with fewer than POOL_MIN goes before the others, without pauses. One that loses
 * spares backs off, and the others go on. All spares together take at most half of the host's places, and give way to sessions.
 */
#ifndef SANDBOX_SANDBOX_POOL_H
#define SANDBOX_SANDBOX_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "sandbox/environment.h"
#include "sandbox/guard.h"
#include "sandbox/parked.h"
#include "sandbox/sandbox.h"
#include "sandbox/watch.h"

/* How old a spare may become, milliseconds. */
#define POOL_SPARE_MS 900000

/* Size of its terminal, until somebody has it. */
#define POOL_ROWS 24
#define POOL_COLS 80

/* How long a spare that is claimed may take to answer. When one has taken that long, no other is tried. */
#define POOL_CLAIM_LIMIT_MS 1000

/* No setting of the pool is larger. */
#define POOL_LIMIT 1000

struct pool;
struct pool_claim;

/* What it is made from; everything must live longer. */
struct pool_parts {
	const struct config *config;
	struct fleet *fleet;
	const struct watch *watch;
	const struct guard
		*guard; /* NULL: nobody has to see first whether sandboxes are locked in */
};

/* NULL when memory is out. */
struct pool *pool_new(const struct pool_parts *parts);

/* Ends all spares, and claims without a word. Before fleet_free(). Accepts NULL. */
void pool_free(struct pool *p);

/* All spares go and no more are made: the server is going away. Claims that are under way are their sessions' to give up. */
void pool_stop(struct pool *p);

/* Does what is due. Call it a few times a second. places: how many sandboxes the host carries; 0: its memory is short, so that one
 * goes every two seconds, and none is made for a minute. */
void pool_sweep(struct pool *p, size_t places, uint64_t now_ms);

/* sandbox is ready and the receiver's from now on, with a shell in it that stands at its prompt: it must set itself as the owner of both
 * at once. Both NULL: none was left that lives. */
typedef void (*pool_claimed_fn)(void *arg, struct sandbox *sandbox, struct parked *shell);

/* Takes the oldest spare of the environment: done comes when its agent has answered, or none is left. NULL when none is ready; done
 * then never comes. Counts as an arrival. */
struct pool_claim *pool_claim(struct pool *p, const struct environment *environment,
			      pool_claimed_fn done, void *arg);

/* The claim is given up: its sandbox goes, done never comes. Accepts NULL. */
void pool_cancel(struct pool_claim *c);

/* Makes room for a sandbox: one spare goes, of that environment which has most ready, or one that is not ready yet. */
void pool_yield(struct pool *p);

/* Spares of all environments that nobody has claimed, in any state: places that a session can have. */
size_t pool_spares(const struct pool *p);

struct pool_counts {
	size_t target, ready, starting;
	uint64_t hits, misses; /* sessions that got a spare one, and that had to wait for a start */
	uint64_t
		discarded; /* spares that died, failed, grew old or were of another Engine or image */
};
struct pool_counts pool_count(const struct pool *p, const struct environment *environment);

#endif
