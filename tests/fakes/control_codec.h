/*
 * Between the control channel's JSON and the simulation's structs: pure functions.
 */
#ifndef TESTS_FAKES_CONTROL_CODEC_H
#define TESTS_FAKES_CONTROL_CODEC_H

#include <jansson.h>

#include "tests/fakes/sim_faults.h"

/* NULL when it is a fault, else what is wrong with it. Unknown keys are wrong. */
const char *control_read_fault(const json_t *root, struct sim_fault *fault);

/* Over *plan, which stays what it is where nothing is said. */
const char *control_read_plan(const json_t *root, struct sim_plan *plan);

json_t *control_write_fault(const struct sim_fault *fault);
json_t *control_write_state(struct sim *s, unsigned violations);
json_t *control_write_containers(struct sim *s);

#endif
