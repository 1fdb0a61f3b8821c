/*
 * A shell to type into, whatever the way to it: what the two ways that are compared have in common, so that both bear the same
 * cost of the client.
 */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/bench.h"

struct line {
	struct bench *bench;
	/* Of the way: one message, at most LINE_SEND_MAX bytes, at once. */
	void (*send)(struct line *l, const void *data, size_t len);
	/* Who reads; NULL: nobody. Called with each piece of output, borrowed. */
	void (*take)(struct line *l, const uint8_t *data, size_t len);
	void *arg;         /* the reader's */
	uint64_t first_ns; /* uv_hrtime() of the first output; 0 before */
	bool ended;        /* no more output will come */
};

#define LINE_SEND_MAX 1024

/* For the ways: output has come. */
void line_output(struct line *l, const uint8_t *data, size_t len);

void line_type(struct line *l, const char *text);

/* Waits for the shell's first output. */
void line_await_first(struct line *l);

/* Waits for output that holds text (shorter than 64 bytes), with nobody else reading meanwhile. */
void line_await_text(struct line *l, const char *text);

/* Types a command and waits until it says that it is ready: it must print LINE_READY when it is. */
#define LINE_READY "<ready>"
#define LINE_SAY                                                                                   \
	"printf '<%s>' ready" /* put together by the shell, so that the echo of a command does not hold it */
void line_run(struct line *l, const char *command);

/* A program that gives back every byte at once. Keys typed from now on are echoed by it alone. */
void line_start_cat(struct line *l);

#endif
