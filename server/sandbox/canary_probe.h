/*
 * What a canary looks at from inside a sandbox: a small shell script, and the reader of its report.
 *
 * The report is untrusted, as everything that comes out of a sandbox: a fact is true only where the report proves it.
 * The reader is a pure function.
 */
#ifndef SANDBOX_SANDBOX_CANARY_PROBE_H
#define SANDBOX_SANDBOX_CANARY_PROBE_H

#include <stdbool.h>
#include <stddef.h>

enum canary_fact {
	CANARY_GVISOR,          /* the kernel's log is gVisor's */
	CANARY_NOT_ROOT,        /* user 1000 */
	CANARY_NO_CAPABILITIES, /* none in effect */
	CANARY_READ_ONLY_ROOT,  /* mounted so, and where everybody may write nothing could be */
	CANARY_ONLY_LOOPBACK,   /* no other network interface */
	CANARY_MEMORY_LIMIT, /* the machine looks no larger than the limit; only gVisor shows it */
	CANARY_FACT_COUNT
};

/* For an operator: what is so when the fact is true, and when it is false. */
struct canary_fact_text {
	const char *good, *bad;
};
extern const struct canary_fact_text canary_fact_texts[CANARY_FACT_COUNT];

/* The program that writes the report to its terminal; NULL-terminated. */
extern const char *const canary_probe_argv[];

/* Bytes of terminal output within which the report is whole. */
#define CANARY_OUTPUT_MAX 4096

/* Reads what has come so far. False: the report is not whole yet, and facts is left alone. True: facts is what it proves. A line
 * that comes twice proves nothing. */
bool canary_probe_read(const char *text, size_t len, bool facts[CANARY_FACT_COUNT]);

#endif
