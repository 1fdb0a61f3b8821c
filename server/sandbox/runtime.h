/*
 * Whether a runtime, as the Engine describes it, is fit to hold strangers: registered, and without an argument that takes the
 * sandboxes' limits or their isolation away. A pure function. What the runtime really does, a canary finds out.
 */
#ifndef SANDBOX_SANDBOX_RUNTIME_H
#define SANDBOX_SANDBOX_RUNTIME_H

#include <stddef.h>

#include "config/config.h"
#include "engine/docker.h"

/* Bytes of the longest problem with its NUL; a longer one is cut. */
#define RUNTIME_PROBLEM_BYTES 160

/* Writes what is wrong, for an operator; "" when nothing is, or when gVisor is not asked for. */
void runtime_judge(const struct config *config, const struct docker_info *info, char *problem,
		   size_t size);

#endif
