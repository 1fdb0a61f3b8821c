/* The reader of a canary's report: no output of a sandbox may prove a fact by anything but its own whole line, and more output never
 * changes a report that was whole. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/canary_probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has to stand somewhere in the text, for each fact. */
static const char *const proofs[CANARY_FACT_COUNT] = {
	[CANARY_GVISOR] = "\nkernel=",
	[CANARY_NOT_ROOT] = "\nuser=1000",
	[CANARY_NO_CAPABILITIES] = "\ncapabilities=0",
	[CANARY_READ_ONLY_ROOT] = "\nroot=ro",
	[CANARY_ONLY_LOOPBACK] = "\ninterfaces=lo ",
	[CANARY_MEMORY_LIMIT] = "\nmemory=",
};

static void check_proofs(const char *text, size_t len, const bool facts[CANARY_FACT_COUNT])
{
	assert(memmem(text, len, "<canary>", 8) && memmem(text, len, "\n</canary>", 10));
	for (size_t i = 0; i < CANARY_FACT_COUNT; i++)
		assert(!facts[i] || memmem(text, len, proofs[i], strlen(proofs[i])));
	if (facts[CANARY_GVISOR])
		assert(memmem(text, len, "Starting gVisor", 15));
}

/* The length at which it is whole for the first time, always the end of a line; beyond size: never. */
static size_t whole_at(const char *text, size_t size, bool facts[CANARY_FACT_COUNT])
{
	const char *stop;

	for (size_t len = 0; (stop = memchr(text + len, '\n', size - len));) {
		len = (size_t)(stop + 1 - text);
		assert(!canary_probe_read(text, len - 1, facts));
		if (canary_probe_read(text, len, facts))
			return len;
	}
	return size + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool first[CANARY_FACT_COUNT] = {false}, all[CANARY_FACT_COUNT] = {false};
	const char *text = (const char *)data;

	if (size > CANARY_OUTPUT_MAX)
		return 0;
	size_t len = whole_at(text, size, first);
	assert(canary_probe_read(text, size, all) == (len <= size));
	assert(memcmp(first, all, sizeof(all)) == 0);
	if (len <= size)
		check_proofs(text, len, all);
	return 0;
}
