#include "tests/fakes/sim_faults.h"

#include <string.h>

#include "tests/fakes/sim_internal.h"

static const char *const kind_names[SIM_FAULT_KINDS] = {
	[SIM_FAULT_NONE] = "none",       [SIM_FAULT_DELAY] = "delay",
	[SIM_FAULT_HANG] = "hang",       [SIM_FAULT_NEVER] = "never",
	[SIM_FAULT_STATUS] = "status",   [SIM_FAULT_REFUSE] = "refuse",
	[SIM_FAULT_CLOSE] = "close",     [SIM_FAULT_CHUNK] = "chunk",
	[SIM_FAULT_JSON] = "json",       [SIM_FAULT_LENGTH] = "length",
	[SIM_FAULT_GARBAGE] = "garbage", [SIM_FAULT_HUGE] = "huge",
	[SIM_FAULT_DRIP] = "drip",       [SIM_FAULT_ID] = "id",
};

const char *sim_fault_kind_name(enum sim_fault_kind kind)
{
	return kind_names[kind];
}

enum sim_fault_kind sim_fault_kind_of(const char *name)
{
	enum sim_fault_kind kind = SIM_FAULT_NONE;

	while (kind < SIM_FAULT_KINDS && strcmp(kind_names[kind], name) != 0)
		kind++;
	return kind;
}

static void count_frame_faults(struct sim *s)
{
	s->frame_faults = 0;
	for (unsigned i = 0; i < s->fault_count; i++)
		s->frame_faults += s->faults[i].verb == SIM_FRAME;
}

unsigned sim_fault_add(struct sim *s, const struct sim_fault *fault)
{
	if (s->fault_count == SIM_FAULTS_MAX)
		return 0;
	struct sim_fault *f = &s->faults[s->fault_count++];
	*f = *fault;
	f->id = ++s->fault_ids;
	f->applied = 0;
	count_frame_faults(s);
	return f->id;
}

unsigned sim_fault_clear(struct sim *s, unsigned id)
{
	unsigned kept = 0, before = s->fault_count;

	for (unsigned i = 0; i < before; i++)
		if (id && s->faults[i].id != id)
			s->faults[kept++] = s->faults[i];
	s->fault_count = kept;
	count_frame_faults(s);
	return before - kept;
}

const struct sim_fault *sim_fault_at(const struct sim *s, unsigned n)
{
	return n < s->fault_count ? &s->faults[n] : NULL;
}

/* splitmix64, in which small seeds are as good as others: the same seed makes the same faults. */
static bool dice(struct sim_fault *f)
{
	if (f->probability >= 1)
		return true;
	uint64_t x = f->seed += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	x ^= x >> 31;
	return (double)(x >> 11) / (double)(1ULL << 53) < f->probability;
}

static bool fits(const struct sim_fault *f, enum sim_verb verb, uint8_t frame, const char *name)
{
	return f->verb == verb && f->times != 0 && (!f->frame || f->frame == frame) &&
	       strncmp(f->name, name, strlen(f->name)) == 0;
}

bool sim_fault_find(struct sim *s, enum sim_verb verb, uint8_t frame, const char *name,
		    struct sim_fault *fault)
{
	for (unsigned i = 0; i < s->fault_count; i++) {
		struct sim_fault *f = &s->faults[i];
		if (!fits(f, verb, frame, name) || !dice(f))
			continue;
		f->times -= f->times > 0;
		f->applied++;
		s->counts[verb].faulted++;
		*fault = *f;
		return true;
	}
	return false;
}
