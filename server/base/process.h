/*
 * What the kernel says of this process: time, memory, descriptors. Reads /proc/self and nothing else of /proc, so that hiding other
 * processes does not matter.
 *
 * Nothing blocks. How many descriptors are open the kernel says at once from Linux 6.2 on; before that they have to be listed, which takes
 * about a microsecond each: that is done in libuv's thread pool, and the number is that of the read before.
 */
#ifndef SANDBOX_BASE_PROCESS_H
#define SANDBOX_BASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct process;

struct process_stats {
	double cpu_seconds;   /* of all threads, in user and system mode */
	double start_seconds; /* since 1970 */
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_descriptors;
	double max_descriptors; /* may be infinite */
};

/* Where the kernel shows this process's descriptors. */
#define PROCESS_DESCRIPTORS "/proc/self/fd"

/* descriptors: PROCESS_DESCRIPTORS, or for a test another folder; not copied. NULL when memory is out. */
struct process *process_new(uv_loop_t *loop, const char *descriptors);

/* The loop must run once more. Accepts NULL. */
void process_free(struct process *p);

/* What cannot be read is 0. */
void process_read(struct process *p, struct process_stats *stats);

#endif
