#include "agent/leftovers.h"

#include "agent/procs.h"
#include <string.h>

static void kill_now(struct leftover *p)
{
	if (p->session)
		procs_kill_holders(p->session, p->terminal);
	p->session = 0;
}

/* A free place, or else the one that has waited longest. */
static struct leftover *find_place(struct leftovers *l)
{
	struct leftover *first = &l->list[0];

	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++) {
		if (!l->list[i].session)
			return &l->list[i];
		if (l->list[i].kill_ms < first->kill_ms)
			first = &l->list[i];
	}
	return first;
}

void leftovers_add(struct leftovers *l, pid_t session, const char terminal[PTY_PATH_BYTES],
		   uint64_t now_ms)
{
	struct leftover *p = find_place(l);

	kill_now(p);
	p->session = session;
	memcpy(p->terminal, terminal, PTY_PATH_BYTES);
	p->kill_ms = now_ms + LEFTOVERS_PATIENCE_MS;
}

void leftovers_tick(struct leftovers *l, uint64_t now_ms)
{
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (now_ms >= l->list[i].kill_ms)
			kill_now(&l->list[i]);
}

uint64_t leftovers_due_ms(const struct leftovers *l)
{
	uint64_t due = UINT64_MAX;

	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (l->list[i].session && l->list[i].kill_ms < due)
			due = l->list[i].kill_ms;
	return due;
}
