/*
 * Time. Deadlines and durations use the monotonic clock; the wall clock is only for what people read.
 */
#ifndef SANDBOX_BASE_CLOCK_H
#define SANDBOX_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* "2026-01-31T12:00:00.000Z" and its NUL. */
#define CLOCK_ISO8601_BYTES 25

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_monotonic_ms(void);

/* Likewise nanoseconds, to measure with. */
uint64_t clock_monotonic_ns(void);

/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);

/* Writes wall_ms as ISO 8601 in UTC with milliseconds. buf holds CLOCK_ISO8601_BYTES. Returns buf. */
char *clock_iso8601(char *buf, int64_t wall_ms);

#endif
