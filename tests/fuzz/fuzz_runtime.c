/* What a runtime's program says of itself, and the arguments that it is called with: whatever comes, what is taken from them is short, plain
 * and stands there. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t size, const char *taken, size_t max)
{
	size_t len = strlen(taken);

	assert(len < max && (!len || memmem(text, size, taken, len)));
	for (size_t i = 0; i < len; i++)
		assert(taken[i] > ' ' && taken[i] <= '~' && taken[i] != '"' && taken[i] != '\\');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char version[RUNTIME_VERSION_BYTES], platform[RUNTIME_PLATFORM_BYTES];
	char *args = malloc(size + 1);

	if (!args)
		return 0;
	runtime_read_version((const char *)data, size, version);
	check((const char *)data, size, version, sizeof(version));
	assert(!version[0] || strpbrk(version, "0123456789"));
	if (size)
		memcpy(args, data, size);
	args[size] = '\0';
	runtime_platform(args, platform);
	check(args, size, platform, sizeof(platform));
	free(args);
	return 0;
}
