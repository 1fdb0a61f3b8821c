/*
 * What the check says of the Engine's answers, and of what a canary has seen. Judges and writes; asks nothing itself.
 */
#ifndef SANDBOX_CHECK_ENGINE_H
#define SANDBOX_CHECK_ENGINE_H

#include <stdbool.h>

#include "check/report.h"
#include "config/config.h"
#include "engine/docker.h"
#include "sandbox/canary.h"

/* Whether the runtime is fit to start a sandbox with. */
bool engine_check_runtime(struct report *r, const struct config *config,
			  const struct docker_info *info);

/* Which limits the Engine can enforce. */
void engine_check_limits(struct report *r, const struct docker_info *info);

/* What the runtime has said of itself: version and platform, "" when not known. */
void engine_check_version(struct report *r, const char *version, const char *platform);

/* One line for the start, one for each fact. */
void engine_check_canary(struct report *r, const struct config *config,
			 const struct environment *environment, const struct canary_result *result);

#endif
