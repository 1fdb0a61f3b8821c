/*
 * What a canary looks at from inside a sandbox: a small shell script, and the reader of its report.
 *
 * The report is untrusted, as everything that comes out of a sandbox: a fact is true only where the report proves it.
 * The reader is a pure function. Why these signs and no others: docs/decisions/007-runtimes.md.
 */
#ifndef SANDBOX_SANDBOX_CANARY_PROBE_H
#define SANDBOX_SANDBOX_CANARY_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose kernel the sandbox runs on. */
enum canary_kind {
	CANARY_KIND_HOST,   /* the host's, as far as anything is proved */
	CANARY_KIND_GVISOR, /* its log is gVisor's */
	CANARY_KIND_VM,     /* one of its own, booted for this sandbox by Kata Containers */
	CANARY_KIND_COUNT
};

/* "gvisor", "vm"; NULL for the host's. */
const char *canary_kind_name(enum canary_kind kind);

enum canary_fact {
	CANARY_ISOLATED,        /* the kernel is of another kind than the host's */
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

/* A boot id with its NUL. */
#define CANARY_BOOT_ID_BYTES 37

/* Bytes of terminal output within which the report is whole. */
#define CANARY_OUTPUT_MAX 4096

/* What the server knows of the sandbox without asking it. */
struct canary_origin {
	char boot_id
		[CANARY_BOOT_ID_BYTES]; /* of the kernel that the server runs on; "": not known */
	uint64_t
		age_ms; /* from before the sandbox was asked for until before its probe was started */
};

struct canary_view {
	bool facts[CANARY_FACT_COUNT];
	enum canary_kind kind;
	const char *doubt; /* why it could be the host's kernel; NULL when it is not */
};

/* Reads what has come so far. False: the report is not whole yet, and *view is left alone. True: *view is what it proves. A line
 * that comes twice proves nothing. */
bool canary_probe_read(const char *text, size_t len, const struct canary_origin *origin,
		       struct canary_view *view);

#endif
