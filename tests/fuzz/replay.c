/*
 * Runs a fuzz target over stored inputs: replay FILE-OR-DIRECTORY...
 *
 * Linked with one target instead of libFuzzer, so that its corpus is a test. A run without any input, or with
 * one that cannot be read, fails.
 */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

/* Into a block of exactly the file's size, so that a sanitizer sees the first byte beyond it. */
static int replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);
	int result = -1;

	if (file && data && fread(data, 1, size, file) == size) {
		LLVMFuzzerTestOneInput(data, size);
		replayed++;
		result = 0;
	}
	if (file)
		fclose(file);
	free(data);
	return result;
}

static int replay_directory(const char *path);

static int replay(const char *path)
{
	struct stat status;
	int result = -1;

	if (stat(path, &status) == 0)
		result = S_ISDIR(status.st_mode) ? replay_directory(path)
						 : replay_file(path, (size_t)status.st_size);
	if (result < 0)
		perror(path);
	return result;
}

static int replay_directory(const char *path)
{
	char entry_path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);
	int result = 0;

	if (!dir)
		return -1;
	while (result == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(entry_path, sizeof entry_path, "%s/%s", path, entry->d_name);
		result = replay(entry_path);
	}
	closedir(dir);
	return result;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay(argv[i]) < 0)
			return 1;
	printf("%s: %u inputs replayed\n", basename(argv[0]), replayed);
	return replayed > 0 ? 0 : 1;
}
