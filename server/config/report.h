/*
 * The list of mistakes that a start ends with: one line for each, in a buffer of the caller's. What does not fit is counted all
 * the same. No value from outside can break a line or reach the terminal as a control character.
 */
#ifndef SANDBOX_CONFIG_REPORT_H
#define SANDBOX_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* What report_show needs at most, in bytes with the NUL. */
#define REPORT_SHOWN_BYTES 448

struct report {
	char *text; /* NUL-terminated from the first line on */
	size_t size, len;
	int count; /* of mistakes, also of those that found no room */
};

/* Adds one line (without "\n" in the format). */
void report_add(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether nothing more can be added. */
bool report_is_full(const struct report *r);

/* Writes the first 100 bytes of a text, with `quote` (or "") around it, and " and so on" where there are more. A byte that is not
 * printable ASCII is written as \xNN. Returns out. */
const char *report_show(char out[REPORT_SHOWN_BYTES], const char *quote, const char *text);

#endif
