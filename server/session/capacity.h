/*
 * How many sandboxes this host carries: a number, and the share of memory in use.
 *
 * Unless configured, the number is the lower of what memory and kernel.pid_max carry when every sandbox takes all that it may.
 *
 * Memory is sampled in the background (/proc/meminfo through libuv's thread pool), so asking never blocks.
 */
#ifndef SANDBOX_SESSION_CAPACITY_H
#define SANDBOX_SESSION_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "config/config.h"

struct capacity;

struct capacity_report {
	size_t containers, max_containers;
	int memory_percent, max_memory_percent; /* in use; 0 before the first sample */
	bool memory_short;                      /* more is in use than may be */
	char reason[96];                        /* why no more are taken; "" when they are */
};

/* What the host has, and how many sandboxes that carries. */
struct capacity_host {
	int64_t memory_kib, pid_max; /* 0: not known */
	size_t by_memory, by_pids;   /* at least 1; SIZE_MAX: no bound known */
};

/* Reads the host's memory and pid_max once, at start. NULL when memory is out. */
struct capacity *capacity_new(uv_loop_t *loop, const struct config *config);

/* The loop must run once more afterwards if a sample is under way. Accepts NULL. */
void capacity_free(struct capacity *c);

/* Samples when it is time. Call it a few times a second. */
void capacity_sweep(struct capacity *c, uint64_t now_ms);

/* With so many containers alive, are more taken? */
struct capacity_report capacity_report(const struct capacity *c, size_t containers);

struct capacity_host capacity_host(const struct capacity *c);

/* How many sandboxes so much of memory, and so many process numbers, carry. */
size_t capacity_by_memory(int64_t usable_kib);
size_t capacity_by_pids(int64_t pid_max);

/* Reads MemTotal and MemAvailable from the text of /proc/meminfo. False when they are not there. */
bool capacity_parse_meminfo(const char *text, int64_t *total_kib, int64_t *available_kib);

#endif
