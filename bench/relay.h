/*
 * A bare relay: a process that moves bytes between a TCP connection and the Engine's socket, and does nothing else. What it costs is what
 * any process between a browser and the Engine costs.
 */
#ifndef BENCH_RELAY_H
#define BENCH_RELAY_H

#include "bench/bench.h"

struct child;

/* Starts one, for one connection: *client is its other end, the caller's. The process ends when either end is closed, and with the load
 * generator. child_stop() is for the result. */
struct child *relay_start(struct bench *b, int *client);

/* The process: what the load generator is when its arguments are these and the numbers of two connected sockets. */
#define RELAY_ARGUMENT "--relay"
_Noreturn void relay_run(const char *client, const char *engine);

#endif
