#include "config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool unreadable(struct config_file *file, int error)
{
	snprintf(file->problem, sizeof(file->problem), "cannot be read: %s", strerror(error));
	return false;
}

/* A pipe has no size, so it is read until its end or one byte too many. */
static bool read_all(struct config_file *file, int fd)
{
	while (file->len <= CONFIG_FILE_MAX_BYTES) {
		ssize_t n = read(fd, file->data + file->len, CONFIG_FILE_MAX_BYTES + 1 - file->len);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return unreadable(file, errno);
		file->len += n > 0 ? (size_t)n : 0;
	}
	snprintf(file->problem, sizeof(file->problem), "larger than %d bytes",
		 CONFIG_FILE_MAX_BYTES);
	return false;
}

static bool read_descriptor(struct config_file *file, int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return unreadable(file, errno);
	file->mode = status.st_mode & 07777;
	file->data = malloc(CONFIG_FILE_MAX_BYTES + 1);
	return file->data ? read_all(file, fd) : unreadable(file, ENOMEM);
}

void config_file_read(struct config_file *file, const char *path)
{
	*file = (struct config_file){.path = path};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		unreadable(file, errno);
		return;
	}
	if (!read_descriptor(file, fd)) {
		free(file->data);
		file->data = NULL;
	}
	close(fd);
}

void config_file_finish(struct config_file *file)
{
	free(file->data);
	*file = (struct config_file){0};
}
