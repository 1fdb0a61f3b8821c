/*
 * The environments that a session can ask for: which image, and what clients are told about it.
 */
#ifndef SANDBOX_SANDBOX_ENVIRONMENT_H
#define SANDBOX_SANDBOX_ENVIRONMENT_H

#include <stddef.h>
#include <stdint.h>

struct environment {
	const char *name, *description, *category; /* category: "shell", "runtime" or "vcs" */
	const char *image;
	int64_t default_timeout_ms; /* for a session's init commands */
};

#define ENVIRONMENT_COUNT 3

/* User, home directory and agent of every environment's image. */
#define ENVIRONMENT_HOME  "/home/user"
#define ENVIRONMENT_AGENT "/usr/local/bin/sandbox-agent"

extern const struct environment environments[ENVIRONMENT_COUNT];

/* The environment of that name, or NULL. */
const struct environment *environment_find(const char *name);

#endif
