#include "edge/pulse.h"

#include <stddef.h>
#include <utlist.h>

void pulse_begin(struct pulses *all, struct pulse *p, uint64_t now_ms)
{
	*p = (struct pulse){.heard_ms = now_ms, .looked_ms = now_ms};
	DL_APPEND(all->first, p);
}

void pulse_end(struct pulses *all, struct pulse *p)
{
	DL_DELETE(all->first, p);
}

static void look_at(struct pulse *p, const struct pulse_events *events, uint64_t now_ms)
{
	uint64_t latest_ms = p->pinged_ms > p->heard_ms ? p->pinged_ms : p->heard_ms;

	if (p->heard_ms + PULSE_SILENCE_MAX_MS < now_ms && events->on_silent(p))
		return;
	if (latest_ms + PULSE_PING_AFTER_MS > now_ms)
		return;
	p->pinged_ms = now_ms;
	events->on_quiet(p);
}

void pulse_sweep(struct pulses *all, const struct pulse_events *events, uint64_t now_ms)
{
	struct pulse *p;

	while ((p = all->first) && p->looked_ms + PULSE_LOOK_MS <= now_ms) {
		DL_DELETE(all->first, p);
		DL_APPEND(all->first, p);
		p->looked_ms = now_ms;
		look_at(p, events, now_ms);
	}
}
