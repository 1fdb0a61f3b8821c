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
	[CANARY_ISOLATED] = "\n",
	[CANARY_NOT_ROOT] = "\nuser=1000",
	[CANARY_NO_CAPABILITIES] = "\ncapabilities=0",
	[CANARY_READ_ONLY_ROOT] = "\nroot=ro",
	[CANARY_ONLY_LOOPBACK] = "\ninterfaces=lo ",
	[CANARY_MEMORY_LIMIT] = "\nmemory=",
};

static const struct canary_origin origin = {.boot_id = "6f7f1c0e-9d1d-4c1c-8f0e-3b1f6b8f2a11",
					    .age_ms = 1000};

static void check_kind(const char *text, size_t len, const struct canary_view *view)
{
	static const char *const of_vm[] = {"\nboot=", "\nstarted=", "\nguest=kata", "\ntype="};

	assert(view->facts[CANARY_ISOLATED] == (view->kind != CANARY_KIND_HOST));
	assert((view->doubt == NULL) == view->facts[CANARY_ISOLATED]);
	if (view->kind == CANARY_KIND_GVISOR)
		assert(memmem(text, len, "\nkernel=", 8) &&
		       memmem(text, len, "] Starting gVisor...", 20));
	for (size_t i = 0; view->kind == CANARY_KIND_VM && i < 4; i++)
		assert(memmem(text, len, of_vm[i], strlen(of_vm[i])));
}

static void check_proofs(const char *text, size_t len, const struct canary_view *view)
{
	assert(memmem(text, len, "<canary>", 8) && memmem(text, len, "\n</canary>", 10));
	for (size_t i = 0; i < CANARY_FACT_COUNT; i++)
		assert(!view->facts[i] || memmem(text, len, proofs[i], strlen(proofs[i])));
	check_kind(text, len, view);
}

/* The length at which it is whole for the first time, always the end of a line; beyond size: never. */
static size_t whole_at(const char *text, size_t size, struct canary_view *view)
{
	const char *stop;

	for (size_t len = 0; (stop = memchr(text + len, '\n', size - len));) {
		len = (size_t)(stop + 1 - text);
		assert(!canary_probe_read(text, len - 1, &origin, view));
		if (canary_probe_read(text, len, &origin, view))
			return len;
	}
	return size + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct canary_view first = {.doubt = NULL}, all = {.doubt = NULL};
	const char *text = (const char *)data;

	if (size > CANARY_OUTPUT_MAX)
		return 0;
	size_t len = whole_at(text, size, &first);
	assert(canary_probe_read(text, size, &origin, &all) == (len <= size));
	assert(memcmp(first.facts, all.facts, sizeof(all.facts)) == 0 && first.kind == all.kind);
	if (len <= size)
		check_proofs(text, len, &all);
	return 0;
}
