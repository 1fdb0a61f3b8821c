/*
 * The rules that the simulations hold the server to. What a broken one means is for the program that they are linked into to say:
 * a unit test fails (tests/unit/sim_violation.c), the fake engine counts and tells (engine.c).
 */
#ifndef TESTS_FAKES_SIM_RULES_H
#define TESTS_FAKES_SIM_RULES_H

#include <stdbool.h>

/* The server has broken a rule. May return. */
__attribute__((format(printf, 1, 2))) void sim_violation(const char *format, ...);

/* The condition; tells of it when it is false. */
#define sim_expect(condition, ...) ((condition) || (sim_violation(__VA_ARGS__), false))

#endif
