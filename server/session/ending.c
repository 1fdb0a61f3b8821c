#include "session/ending.h"

#include <stddef.h>

static const struct ending endings[] = {
	[END_SHELL_EXITED] = {"shell_exited", 1000, "shell exited", NULL},
	[END_DELETED] = {"deleted", 1000, "session deleted", NULL},
	[END_ABANDONED] = {"abandoned", 1000, "client left", NULL},
	[END_SHUTDOWN] = {"shutdown", 1001, "server going away", "ServerShutdown"},
	[END_RATE_LIMITED] = {"rate_limited", 4029, "too many commands for too long",
			      "RateLimited"},
	[END_IDLE] = {"idle", 4008, "idle for too long", "IdleTimeout", "IdleWarning",
		      "Nothing has been typed for a while: this session ends soon."},
	[END_LIFETIME] = {"lifetime", 4009, "maximum lifetime reached", "MaxLifetime",
			  "LifetimeWarning", "This session ends soon: its time is up."},
	[END_NO_SESSION] = {"no_session", 4004, "no such session", "NotFound"},
	[END_MESSAGE_TOO_BIG] = {"message_too_big", 1009, "message too big", NULL},
	[END_START_FAILED] = {"start_failed", 4011, "sandbox failed to start", "SandboxFailed"},
	[END_SANDBOX_DIED] = {"sandbox_died", 4011, "sandbox was killed", "SandboxFailed"},
	[END_KILLED] = {"killed", 4011, "sandbox was killed, probably out of memory",
			"SandboxFailed"},
	[END_OUT_OF_MEMORY] = {"out_of_memory", 4011, "sandbox ran out of memory", "OutOfMemory"},
	[END_ENGINE_LOST] = {"engine_lost", 4011, "container engine went away", "EngineLost"},
	[END_NO_TERMINAL] = {"no_terminal", 1011, "no shell could be opened", "InternalError"},
	[END_INTERNAL] = {"internal", 1011, "internal error", "InternalError"},
};

const struct ending *ending(enum end_reason reason)
{
	return &endings[reason];
}
