/*
 * The bytes of the configuration file, read once before anything is served: plain blocking I/O. What they mean is
 * for config_codec and config.
 */
#ifndef SANDBOX_CONFIG_CONFIG_FILE_H
#define SANDBOX_CONFIG_CONFIG_FILE_H

#include <stddef.h>

#define CONFIG_FILE_MAX_BYTES (1024 * 1024)

struct config_file {
	const char *path; /* as the operator wrote it; borrowed */
	char *data;       /* NULL when `problem` says why */
	size_t len;
	unsigned mode; /* its permissions, 07777 at most */
	char problem[160];
};

/* Fills *file in any case; a file that cannot be had has a problem. config_file_finish gives it back. */
void config_file_read(struct config_file *file, const char *path);
void config_file_finish(struct config_file *file);

#endif
