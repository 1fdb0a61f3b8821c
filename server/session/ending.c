#include "session/ending.h"

static const struct ending endings[] = {
	[END_SHELL_EXITED] = {"shell_exited", 1000, "shell exited", 0},
	[END_DELETED] = {"deleted", 1000, "session deleted", 0},
	[END_ABANDONED] = {"abandoned", 1000, "client left", 0},
	[END_SHUTDOWN] = {"shutdown", 1001, "server going away", "ServerShutdown"},
	[END_IDLE] = {"idle", 4008, "idle for too long", "IdleTimeout"},
	[END_LIFETIME] = {"lifetime", 4009, "maximum lifetime reached", "MaxLifetime"},
	[END_NO_SESSION] = {"no_session", 4004, "no such session", "NotFound"},
	[END_MESSAGE_TOO_BIG] = {"message_too_big", 1009, "message too big", 0},
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
