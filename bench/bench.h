/*
 * What all figures share: one loop, an Engine, the run's name, and waiting.
 *
 * Figures are straight-line code. Whatever is asynchronous is started, and bench_until() turns the loop until it has happened. A run
 * that has failed has no figures: what goes wrong ends the program, and everything that it has started with it.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "bench/report.h"
#include "engine/docker.h"

/* For what takes a fraction of a second. */
#define BENCH_LIMIT_MS 30000

/* Label of containers that are not a server's, with the name of the run. */
#define BENCH_LABEL "sandbox-api.bench"

struct child;
struct raw;

struct bench {
	uv_loop_t loop;
	uv_timer_t limit, tick;
	uv_prepare_t gate;
	uv_signal_t signals[3];
	bool (*is_so)(void *arg); /* what is waited for */
	void *is_so_arg;
	struct docker *docker;
	const char *docker_host, *runtime;
	char run[17];           /* a fresh name */
	const char *figure;     /* that is measured now */
	char worker[32];        /* of the servers under test, one after the other */
	struct child *children; /* processes that run */
	struct raw *raws;       /* containers that exist */
	bool connected;         /* the Engine has answered */
	bool late;              /* the limit of what is waited for is over */
	bool ending;            /* failures no longer matter */
	char failure[512];      /* "" as long as all is well */
	struct report report;
};

/* Connects to nothing yet but the Engine. Does not return when that fails. */
void bench_init(struct bench *b, const char *docker_host, const char *runtime);

/* Ends processes and removes containers that are left. False when that has failed, too. */
bool bench_finish(struct bench *b);

/* Zeros, to free(). What cannot be had ends the program: there is nothing to be measured then. */
void *bench_allocate(size_t count, size_t size);

/* For uv_read_start(): the one buffer of all streams, since what has been read is used up at once. */
void bench_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);

/* A line on standard error. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Notes why the run has failed; the first reason is kept. For callbacks: whoever waits ends the program. */
void bench_note_failure(struct bench *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same, and ends the program. Never inside a callback of the loop. */
_Noreturn void bench_fail(struct bench *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- waiting: never inside a callback of the loop --- */

typedef bool (*bench_test_fn)(void *arg);

/* Turns the loop until it is so. False when the limit is over or something has failed. */
bool bench_turn(struct bench *b, bench_test_fn is_so, void *arg, unsigned limit_ms);

/* The same, and a run that has failed ends here. what: what is waited for. */
void bench_until(struct bench *b, bench_test_fn is_so, void *arg, const char *what,
		 unsigned limit_ms);

/* The two for what the loop does not tell: ask every 10 ms. */
bool bench_turn_polling(struct bench *b, bench_test_fn is_so, void *arg, unsigned limit_ms);
void bench_poll(struct bench *b, bench_test_fn is_so, void *arg, const char *what,
		unsigned limit_ms);

/* Turns the loop until uv_hrtime() says ns: for schedules. */
void bench_wait_till(struct bench *b, uint64_t ns);

/* Runs all sides by turns, in every order equally often, so that what else the machine does hits all alike. At most three, then NULL. */
typedef void (*bench_side_fn)(void *arg);
void bench_take_turns(size_t rounds, const bench_side_fn *sides, void *arg);

/* Milliseconds between two times of uv_hrtime(). */
double bench_ms(uint64_t from_ns, uint64_t to_ns);

#endif
