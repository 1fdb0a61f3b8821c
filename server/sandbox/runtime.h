/*
 * What can be said of a runtime without starting a sandbox: whether it is fit to hold strangers as the Engine describes it (registered,
 * and without an argument that takes the sandboxes' limits or their isolation away), its platform, its version. Pure
 * functions. What the runtime really does, a canary finds out.
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

/* Bytes of the longest ones with their NUL; what is longer is not known. */
#define RUNTIME_VERSION_BYTES  64
#define RUNTIME_PLATFORM_BYTES 24

/* What the arguments say is gVisor's platform, "kvm"; "" when they do not: its default then, or its configuration file's. */
void runtime_platform(const char *args, char platform[RUNTIME_PLATFORM_BYTES]);

/* Reads what the runtime's program answers to --version. The first line names the version, behind the word "version" or a colon
 * ("runsc version release-20240107.0", "kata-runtime  : 3.2.0"); "" when it does not, or when it holds anything but
 * printable ASCII. */
void runtime_read_version(const char *text, size_t len, char version[RUNTIME_VERSION_BYTES]);

#endif
