#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "tests/fakes/sim_internal.h"

#define EXIT_CODE_KILLED 137

/* A label that decides about a container's events and lists: "name" or "name=value". */
bool sim_container_fits(const struct sim_container *c, const char *filter)
{
	const char *value = strchr(filter, '=');
	char name[SIM_NAME_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(filter, "="), filter);
	const char *label = sim_container_label(c, name);
	return !*filter || (label && (!value || strcmp(label, value + 1) == 0));
}

/* --- life --- */

/* No two are alike, and all look like the Engine's. */
static void make_id(struct sim *s, char id[65])
{
	uint64_t x = ++s->ids;

	for (size_t i = 0; i < 4; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		snprintf(id + 16 * i, 17, "%016llx", (unsigned long long)x);
	}
}

struct sim_container *sim_container_new(struct sim *s, const char *name, json_t *labels)
{
	struct sim_container *c = calloc(1, sizeof(*c));

	c->sim = s;
	snprintf(c->name, sizeof(c->name), "%s", name);
	make_id(s, c->id);
	c->labels = labels ? labels : json_object();
	c->labels_text = json_dumps(c->labels, JSON_COMPACT);
	c->plan = s->plan;
	sim_agent_init(&c->agent, sim_stream_send, c);
	c->agent.open = s->plan.open;
	c->agent.canary = s->plan.canary;
	c->agent.interactive = s->plan.interactive;
	c->agent.deaf = s->plan.deaf;
	HASH_ADD_STR(s->containers, name, c);
	HASH_ADD(hh_id, s->by_id, id, 64, c);
	return c;
}

void sim_container_destroy(struct sim_container *c)
{
	if (c->stream)
		sim_connection_close(c->stream);
	HASH_DEL(c->sim->containers, c);
	HASH_DELETE(hh_id, c->sim->by_id, c);
	sim_agent_finish(&c->agent);
	json_decref(c->labels);
	free(c->labels_text);
	free(c);
}

void sim_end_container(struct sim *s, struct sim_container *c, int exit_code)
{
	char action[32];

	snprintf(action, sizeof(action), "die %d", exit_code);
	if (c->running)
		sim_event(s, c, action);
	sim_event(s, c, "destroy");
	sim_container_destroy(c);
}

/* --- events --- */

/* "die" may carry an exit code; without one it was killed. */
void sim_event(struct sim *s, const struct sim_container *item, const char *action)
{
	const char *code = strchr(action, ' ');
	char json[400], chunk[512];
	struct connection *c;

	if (!s->event_streams)
		return;
	int len = snprintf(json, sizeof(json),
			   "{\"Type\":\"container\",\"Action\":\"%.*s\",\"Actor\":{\"ID\":\"%s\","
			   "\"Attributes\":{\"name\":\"%s\",\"exitCode\":\"%d\"}}}\n",
			   (int)strcspn(action, " "), action, item->id, item->name,
			   code ? atoi(code + 1) : EXIT_CODE_KILLED);
	int n = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n", (unsigned)len, json);
	DL_FOREACH(s->connections, c)
	{
		if (c->events && sim_container_fits(item, c->events_filter))
			sim_connection_write(c, chunk, (size_t)n);
	}
}

/* --- one of them --- */

struct sim_container *sim_container_find(struct sim *s, const char *name)
{
	struct sim_container *c;

	HASH_FIND_STR(s->containers, name, c);
	if (!c && strlen(name) == 64)
		HASH_FIND(hh_id, s->by_id, name, 64, c);
	return c;
}

size_t sim_container_count(const struct sim *s)
{
	return HASH_COUNT(s->containers);
}

struct sim_container *sim_container_next(struct sim_container *c)
{
	return c->hh.next;
}

struct sim_container *sim_container_at(struct sim *s, size_t n)
{
	struct sim_container *c = s->containers;

	while (c && n--)
		c = sim_container_next(c);
	return c;
}

const char *sim_container_name(const struct sim_container *c)
{
	return c->name;
}

const char *sim_container_label(const struct sim_container *c, const char *name)
{
	return json_string_value(json_object_get(c->labels, name));
}

struct sim_agent *sim_container_agent(struct sim_container *c)
{
	return c && c->stream && c->running ? &c->agent : NULL;
}

void sim_add_container(struct sim *s, const char *name, const char *worker)
{
	sim_container_new(s, name,
			  worker ? json_pack("{s:s}", "sandbox-api.worker", worker) : NULL);
}

/* --- its stream --- */

static void on_shut_down(uv_shutdown_t *request, int status)
{
	(void)status;
	free(request);
}

void sim_cut(struct sim_container *c)
{
	struct connection *stream = c->stream;
	uv_shutdown_t *request = calloc(1, sizeof(*request));

	if (!stream || uv_shutdown(request, (uv_stream_t *)&stream->pipe, on_shut_down) != 0) {
		free(request);
		return;
	}
	stream->cut = true;
	stream->attached = NULL;
	c->stream = NULL;
}

void sim_stop_reading(struct sim_container *c)
{
	uv_read_stop((uv_stream_t *)&c->stream->pipe);
}

/* --- the agents' clocks --- */

void sim_sweep(struct sim *s)
{
	struct sim_container *c, *next;
	uint64_t now_ms = uv_now(s->loop);

	HASH_ITER(hh, s->containers, c, next)
	{
		if (c->deadline_ms && c->running && c->deadline_ms <= now_ms)
			sim_end_container(s, c, 0);
	}
}
