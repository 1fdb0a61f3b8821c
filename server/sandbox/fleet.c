#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sandbox/sandbox_internal.h"

struct fleet *fleet_new(const struct config *config, struct docker *docker, struct reaper *reaper,
			const char *instance, struct pace *pace)
{
	struct fleet *f = calloc(1, sizeof(*f));

	if (f)
		*f = (struct fleet){.config = config,
				    .docker = docker,
				    .reaper = reaper,
				    .instance = instance,
				    .pace = pace};
	return f;
}

size_t fleet_count(const struct fleet *f)
{
	return HASH_COUNT(f->sandboxes);
}

size_t fleet_starting(const struct fleet *f)
{
	size_t count = 0;

	for (const struct sandbox *s = f->sandboxes; s; s = s->hh.next)
		count += s->state < READY;
	return count;
}

size_t fleet_containers(const struct fleet *f)
{
	return fleet_count(f) + reaper_count(f->reaper);
}

void fleet_note_failed_start(struct fleet *f, uint64_t now_ms)
{
	memmove(f->failed_ms + 1, f->failed_ms, sizeof(f->failed_ms) - sizeof(f->failed_ms[0]));
	f->failed_ms[0] = now_ms;
	if (fleet_circuit_open(f, now_ms))
		log_error("circuit.open", LOG_U("failed_starts", FLEET_FAILED_STARTS_MAX),
			  LOG_U("within_ms", FLEET_FAILED_STARTS_WINDOW));
}

bool fleet_circuit_open(const struct fleet *f, uint64_t now_ms)
{
	uint64_t oldest = f->failed_ms[FLEET_FAILED_STARTS_MAX - 1];

	return oldest && now_ms - oldest < FLEET_FAILED_STARTS_WINDOW;
}

void fleet_free(struct fleet *f)
{
	struct sandbox *s, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->sandboxes, s, next)
	sandbox_discard(s);
	free(f);
}

static struct sandbox *find(const struct fleet *f, const char *name)
{
	struct sandbox *s;

	HASH_FIND_STR(f->sandboxes, name, s);
	return s;
}

bool fleet_knows(const struct fleet *f, const char *name)
{
	return find(f, name) || reaper_knows(f->reaper, name);
}

void fleet_engine_event(struct fleet *f, const struct docker_event *event)
{
	struct sandbox *s = find(f, event->name);

	if (!s)
		return;
	if (event->type == DOCKER_EVENT_OOM) {
		s->out_of_memory = true;
		s->end = SANDBOX_END_OUT_OF_MEMORY;
	} else if (event->type == DOCKER_EVENT_KILL) {
		s->kill_asked = true;
	} else {
		sandbox_on_die(s, event);
	}
}

static struct sandbox *first_unexplained(const struct fleet *f)
{
	struct sandbox *s = f->sandboxes;

	while (s && (s->state != DYING || s->died))
		s = s->hh.next;
	return s;
}

/* From the beginning after each, here and below: whose owner learns of its end may end others, too. */
void fleet_engine_stream(struct fleet *f, bool up)
{
	struct sandbox *s;

	f->events_up = up;
	while (!up && (s = first_unexplained(f)))
		sandbox_engine_lost(s);
}

static struct sandbox *first_late(const struct fleet *f, uint64_t now_ms)
{
	struct sandbox *s = f->sandboxes;

	while (s && (!s->deadline_ms || s->deadline_ms > now_ms))
		s = s->hh.next;
	return s;
}

void fleet_sweep(struct fleet *f, uint64_t now_ms)
{
	struct sandbox *s;

	while ((s = first_late(f, now_ms)))
		sandbox_expire(s);
}

void fleet_reconcile(struct fleet *f, const struct docker_container *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *worker = docker_container_label(&list[i], LABEL_WORKER);
		if (!worker || strcmp(worker, f->config->worker_id) != 0)
			continue;
		if (fleet_knows(f, list[i].name))
			continue;
		log_info("container.orphan", LOG_S("container", list[i].name),
			 LOG_S("instance", docker_container_label(&list[i], LABEL_INSTANCE)),
			 LOG_S("state", list[i].state));
		reaper_add(f->reaper, list[i].name);
	}
}
