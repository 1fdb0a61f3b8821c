/*
 * The start-up check as a command: looks at everything that serving sandboxes needs, says each result as soon as
 * it is known, and for each problem what to do about it.
 *
 * It starts one sandbox, a canary, and leaves nothing behind: its container is confirmed gone before the check returns. A server that
 * runs on the same Engine is not disturbed: the check has a worker id of its own.
 */
#ifndef SANDBOX_CHECK_CHECK_H
#define SANDBOX_CHECK_CHECK_H

#include "config/config.h"

/* Added to the WORKER_ID. */
#define CHECK_WORKER_SUFFIX "-check"

/* Writes to standard output. Runs a loop of its own; SIGINT and SIGTERM end it early, still leaving nothing behind. Returns the
 * exit code: 0 when all is well, warnings aside, else 1. */
int check_run(const struct config *config);

#endif
