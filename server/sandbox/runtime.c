#include "sandbox/runtime.h"

#include <stdio.h>
#include <string.h>

/* Whether the argument at `arg` (up to a space) takes the sandbox's limits away. As Go reads flags: one dash or two, the
 * value behind "=" or in the next argument. */
static bool is_unsafe(const char *arg)
{
	arg += strspn(arg, "-");
	size_t len = strcspn(arg, " =");
	if (strncmp(arg, "TESTONLY", 8) == 0)
		return true;
	if (len == strlen("ignore-cgroups") && strncmp(arg, "ignore-cgroups", len) == 0)
		return strncmp(arg + len, "=false", 6) != 0;
	return len == strlen("network") && strncmp(arg, "network", len) == 0 && arg[len] &&
	       strncmp(arg + len + 1, "host", 4) == 0;
}

void runtime_judge(const struct config *config, const struct docker_info *info, char *problem,
		   size_t size)
{
	problem[0] = '\0';
	if (!config->use_gvisor)
		return;
	if (!info->runtime_known) {
		snprintf(problem, size, "the Engine has no runtime named %s",
			 config->gvisor_runtime);
		return;
	}
	for (const char *arg = info->runtime_args; *arg;
	     arg += strcspn(arg, " "), arg += *arg == ' ')
		if (is_unsafe(arg))
			snprintf(problem, size,
				 "runtime %s is registered with %.*s, which takes its limits away",
				 config->gvisor_runtime, (int)strcspn(arg, " "), arg);
}
