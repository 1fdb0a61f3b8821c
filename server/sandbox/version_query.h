/*
 * Asks a program for its version: runs it with --version and gives back what runtime_read_version() makes of its answer.
 *
 * No shell, an empty environment, no input, none of our descriptors; it has VERSION_QUERY_LIMIT_MS and VERSION_QUERY_BYTES for its answer, then it is
 * killed with its process group, and reaped. Any failure is no more than a version that is not known.
 *
 * The idiom of docker.h: `done` runs exactly once and never before the start has returned, the handle is gone by then; cancel promises
 * silence. A program that runs when its query is cancelled is killed, but left to be reaped by whoever comes
 * after us: cancel only where the process is about to end.
 */
#ifndef SANDBOX_SANDBOX_VERSION_QUERY_H
#define SANDBOX_SANDBOX_VERSION_QUERY_H

#include <uv.h>

#include "base/err.h"

#define VERSION_QUERY_LIMIT_MS 2000
#define VERSION_QUERY_BYTES    4096

struct version_query;

/* version is "" when it is not known, and ends with the call. */
typedef void (*version_query_done_fn)(void *arg, const char *version);

/* NULL with *err: path is not absolute (a name that only the Engine can look up, or none at all), or cannot be run. */
struct version_query *version_query_start(uv_loop_t *loop, const char *path,
					  version_query_done_fn done, void *arg, struct err *err);

/* Accepts NULL. Its handles are closed on the loop, so let it run once more. */
void version_query_cancel(struct version_query *q);

#endif
