/*
 * The figures, a file each: every one starts the servers that it needs, measures, and leaves nothing behind.
 */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include "bench/bench.h"
#include "bench/line.h"
#include "bench/server.h"
#include "bench/stats.h"

/* How much is measured: see there. */
#define SIZE(name, fallback, what) SIZE_##name,
enum size {
#include "bench/sizes.h"
	SIZE_COUNT
};
#undef SIZE

size_t size_of(enum size size);

void measure_memory(struct bench *b);  /* of a bare server, and of sessions */
void measure_connect(struct bench *b); /* a session from the warm pool */
void measure_cold(struct bench *b);    /* a session without */
void measure_echo(struct bench *b);
void measure_flood(struct bench *b);
void measure_crowd(struct bench *b); /* many that type; an innocent beside those that flood */
void measure_scale(struct bench *b); /* on the fake Engine */
void measure_host(struct bench *b);  /* how many sandboxes there can be */

/* --- what several need --- */

struct raw;
struct socket;

/* A session of the server's with a shell at its prompt, over its WebSocket. */
struct session {
	struct server *server;
	char id[64];
	struct socket *socket;
	struct line *line; /* of the socket */
};
void session_start(struct session *s, struct server *server);

/* Does not wait until its sandbox is gone. */
void session_end(struct session *s);

/* One key to a cat and back: milliseconds. The next letter of the alphabet each time. */
double echo_once(struct line *l);

/* One of each way, for figures where the two take turns. */
struct pair {
	struct server *server;
	struct session ours;
	struct raw *raw;
	struct samples our_samples, raw_samples;
	double cpu_ms; /* of the server, for our samples */
	size_t rounds; /* of ours */
};
void pair_start(struct pair *p, struct bench *b);
void pair_end(struct pair *p);

#endif
