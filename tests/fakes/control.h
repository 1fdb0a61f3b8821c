/*
 * The control channel of the fake engine: HTTP with JSON on a Unix socket of its own, so that curl and a test in Node.js can speak with
 * it also while the Engine's socket is deaf. README.md lists what it takes.
 */
#ifndef TESTS_FAKES_CONTROL_H
#define TESTS_FAKES_CONTROL_H

#include <stdbool.h>

#include "tests/fakes/sim_engine.h"

struct control;

/* Listens on the path, which must not exist. violations: what is shown as the count of broken rules. Both are kept, not copied. NULL
 * with libuv's number in *error. */
struct control *control_new(struct sim *s, uv_loop_t *loop, const char *path,
			    const unsigned *violations, int *error);

/* Before sim_free(). Accepts NULL. */
void control_free(struct control *c);

#endif
