/*
 * Plays random operations against a limiter and a slow model of it that knows no tricks: every answer and all counts must be
 * the same, and all sums zero at the end. Aborts, saying why, when they are not.
 *
 * The unit test takes the operations from a random generator, the fuzz target from its input.
 */
#ifndef TESTS_UNIT_LIMITER_MODEL_H
#define TESTS_UNIT_LIMITER_MODEL_H

#include <stddef.h>
#include <stdint.h>

struct game;

struct game_seen {
	size_t verdicts[5];           /* reservations and WebSockets, by verdict */
	size_t cancelled, given_back; /* calls; starts of unused sessions */
	size_t commands, held_up;     /* commands with leave; times that not all had */
	size_t clients_max;           /* remembered at once */
};

/* With clients_max smaller than all clients and sites together (GAME_RECORDS) some are forgotten: then only slots are compared,
 * which never are. */
#define GAME_RECORDS 16
struct game *game_new(size_t clients_max);

/* One operation; any four numbers mean a legal one. */
void game_step(struct game *g, unsigned op, unsigned a, unsigned b, unsigned c);

/* Gives everything back, waits an hour, lets each client have its full limits again, and frees. */
struct game_seen game_end(struct game *g);

#endif
