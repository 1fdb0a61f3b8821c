/*
 * A server of the benchmark's own: one process, on a free port of the loopback.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include "bench/bench.h"

struct server {
	struct bench *bench;
	struct child *process;
	unsigned port;
};

/* Starts one on this Engine with so many spare sandboxes for each environment, and waits until it is healthy. All else is as an operator
 * has it, but without limits of clients and of the host. */
struct server *server_start(struct bench *b, const char *docker_host, unsigned pool_size);

/* Ends it, and with it all its sandboxes. */
void server_stop(struct server *s);

/* Of /health. */
struct server_health {
	bool ok;
	long containers;
	long pool_size, pool_ready, pool_hits, pool_misses;
};
struct server_health server_health(const struct server *s);

/* WebSockets that are open, of /status. */
long server_websockets(const struct server *s);

/* Waits until so many containers are left: none of those that ended must cost the next sample. */
void server_await_containers(struct server *s, long count);

/* Waits until as many spare sandboxes are ready as it wants. */
void server_await_pool(struct server *s);

/* Of the process so far: user and system time, in steps of 10 ms. */
double server_cpu_ms(const struct server *s);

/* Resident memory; of it what no file backs. KiB. */
struct server_memory {
	double resident_kib, anonymous_kib;
};
struct server_memory server_memory(const struct server *s);

#endif
