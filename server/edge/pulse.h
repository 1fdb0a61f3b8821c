/*
 * Signs of life of many peers: who has to be pinged, and who has been silent for too long.
 *
 * Pings keep proxies from cutting idle sockets, and find those that nobody is behind any more. Each peer is looked at every
 * PULSE_LOOK_MS, in a queue: an idle peer costs nothing in between, and nobody's costs depend on how many there are. (The timers of
 * libwebsockets are one sorted list, with a walk through all of them whenever one is started.)
 *
 * Pure: knows no socket and no clock. All times are clock_monotonic_ms().
 */
#ifndef SANDBOX_EDGE_PULSE_H
#define SANDBOX_EDGE_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#define PULSE_PING_AFTER_MS  20000 /* of quiet, from the last sign of life or the last ping */
#define PULSE_SILENCE_MAX_MS 35000
#define PULSE_LOOK_MS        5000

/* Part of a peer. */
struct pulse {
	struct pulse *prev, *next;
	uint64_t heard_ms, pinged_ms, looked_ms;
};

/* A queue, the one that was looked at longest ago first. All zero: nobody. */
struct pulses {
	struct pulse *first;
};

struct pulse_events {
	/* A ping is due. */
	void (*on_quiet)(struct pulse *p);
	/* True: the peer has been given up, and may be freed. False: it is not its fault, and it is pinged further. */
	bool (*on_silent)(struct pulse *p);
};

void pulse_begin(struct pulses *all, struct pulse *p, uint64_t now_ms);
void pulse_end(struct pulses *all, struct pulse *p);

/* Call it a few times a second. */
void pulse_sweep(struct pulses *all, const struct pulse_events *events, uint64_t now_ms);

#endif
