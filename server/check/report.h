/*
 * The lines of the check: one per item, written at once, coloured on a terminal.
 */
#ifndef SANDBOX_CHECK_REPORT_H
#define SANDBOX_CHECK_REPORT_H

#include <stdbool.h>
#include <stdio.h>

enum verdict {
	VERDICT_OK,
	VERDICT_WARN, /* worth knowing; not a problem */
	VERDICT_FAIL, /* counts as a problem */
	VERDICT_SKIP, /* could not be looked at, because of a problem that was told before */
};

struct report {
	FILE *out;
	bool colours;
	unsigned problems, warnings;
};

/* out is borrowed. */
void report_init(struct report *r, FILE *out, bool colours);

/* One line. What is not printable is replaced: texts of the Engine may be among the arguments. */
void report_line(struct report *r, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The last line: how many problems. Returns the exit code. */
int report_finish(struct report *r);

#endif
