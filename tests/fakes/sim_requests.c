/* What the simulated Engine does when it is asked. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/sim_internal.h"
#include "tests/fakes/sim_rules.h"

#define LIST_MAX 500

#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"
#define UPGRADED                                                                                   \
	"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"             \
	"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define SUBSCRIBED                                                                                 \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

/* --- what is done to containers --- */

/* "--lifetime N" among the arguments of the agent. */
static uint64_t lifetime_ms(const json_t *entrypoint)
{
	const char *word, *before = "";
	json_t *item;
	size_t i;

	json_array_foreach(entrypoint, i, item)
	{
		word = json_string_value(item);
		if (word && strcmp(before, "--lifetime") == 0)
			return strtoull(word, NULL, 10) * 1000;
		before = word ? word : "";
	}
	return 0;
}

static void do_create(struct connection *to, struct sim *s, const char *name, const char *body)
{
	json_t *root = json_loads(body, 0, NULL);
	char text[128];

	if (!sim_expect(root != NULL, "a container that is no JSON")) {
		sim_answer_error(to, 400);
		return;
	}
	if (sim_container_find(s, name)) { /* sent again by the client on a new connection */
		sim_answer_error(to, 409);
		json_decref(root);
		return;
	}
	struct sim_container *c =
		sim_container_new(s, name, json_incref(json_object_get(root, "Labels")));
	c->lifetime_ms = lifetime_ms(json_object_get(root, "Entrypoint"));
	json_decref(root);
	snprintf(text, sizeof(text), "{\"Id\":\"%s\",\"Warnings\":[]}", c->id);
	sim_answer(to, 201, text);
}

static void do_start(struct connection *to, struct sim *s, const char *name, const char *body)
{
	struct sim_container *c = sim_container_find(s, name);

	(void)body;
	if (!c || c->running) {
		sim_answer_error(to, c ? 409 : 404);
		return;
	}
	c->running = true;
	c->deadline_ms = c->lifetime_ms ? uv_now(s->loop) + c->lifetime_ms : 0;
	if (c->plan.hello_first)
		sim_agent_greet(&c->agent, c->plan.hello);
	sim_answer_raw(to, NO_CONTENT);
	if (!c->plan.hello_first)
		sim_agent_greet(&c->agent, c->plan.hello);
	if (c->plan.cut_at_start)
		sim_cut(c);
}

static void do_remove(struct connection *to, struct sim *s, const char *name, const char *body)
{
	struct sim_container *c = sim_container_find(s, name);

	(void)body;
	if (!c) {
		sim_answer_error(to, 404);
		return;
	}
	if (c->running)
		sim_event(s, c, "kill");
	sim_end_container(s, c, 137);
	sim_answer_raw(to, NO_CONTENT);
}

static void do_kill(struct connection *to, struct sim *s, const char *name, const char *body)
{
	do_remove(to, s, name, body);
}

static void do_attach(struct connection *to, struct sim *s, const char *name, const char *body)
{
	struct sim_container *c = sim_container_find(s, name);

	(void)body;
	if (!c || c->plan.attach == SIM_FAIL) {
		sim_answer_error(to, c ? 500 : 404);
		return;
	}
	if (c->plan.attach == SIM_HANG || !to)
		return; /* for good: a stream cannot be opened later than now */
	if (to->fault.kind != SIM_FAULT_NEVER && to->fault.kind != SIM_FAULT_GARBAGE) {
		if (c->stream) /* one at a time: it must not outlive the container */
			sim_connection_close(c->stream);
		to->attached = c;
		c->stream = to;
	}
	sim_answer_raw(to, UPGRADED);
}

static void do_inspect(struct connection *to, struct sim *s, const char *name, const char *body)
{
	struct sim_container *c = sim_container_find(s, name);
	char *text = NULL;

	(void)body;
	if (!c)
		sim_answer_error(to, 404);
	else if (asprintf(&text,
			  "{\"Id\":\"%s\",\"Name\":\"/%s\",\"State\":{\"Status\":\"%s\","
			  "\"Running\":%s},\"Config\":{\"Labels\":%s}}",
			  c->id, c->name, c->running ? "running" : "created",
			  c->running ? "true" : "false", c->labels_text) > 0)
		sim_answer(to, 200, text);
	free(text);
}

/* --- what is asked about all --- */

static void write_item(FILE *out, const struct sim_container *c, bool first)
{
	fprintf(out, "%s{\"Id\":\"%s\",\"Names\":[\"/%s\"],\"State\":\"%s\",\"Labels\":%s}",
		first ? "" : ",", c->id, c->name, c->running ? "running" : "created",
		c->labels_text);
}

/* The newest first, as the Engine does. */
static void do_list(struct connection *to, struct sim *s, const char *name, const char *filter)
{
	struct sim_container *c =
		s->containers ? ELMT_FROM_HH(s->containers->hh.tbl, s->containers->hh.tbl->tail)
			      : NULL;
	char *text = NULL;
	size_t len = 0, count = 0;
	FILE *out = open_memstream(&text, &len);

	(void)name;
	fputc('[', out);
	for (; c && count < LIST_MAX; c = c->hh.prev)
		if (sim_container_fits(c, filter))
			write_item(out, c, !count++);
	fputc(']', out);
	fclose(out);
	sim_answer(to, 200, text);
	free(text);
}

static void do_subscribe(struct connection *to, struct sim *s, const char *name, const char *filter)
{
	(void)name;
	if (!to)
		return;
	to->events = true;
	to->events_filter = strdup(filter);
	s->event_streams++;
	sim_answer_raw(to, SUBSCRIBED);
}

static void do_info(struct connection *to, struct sim *s, const char *name, const char *body)
{
	char text[512];

	(void)name;
	(void)body;
	snprintf(text, sizeof(text),
		 "{\"Runtimes\":{\"runsc\":{\"path\":\"%s\",\"runtimeArgs\":"
		 "[\"--network=none\"]}},\"MemTotal\":8000000000,\"NCPU\":2,\"MemoryLimit\":true,"
		 "\"SwapLimit\":true,\"PidsLimit\":true,\"CpuCfsQuota\":true}",
		 s->runtime);
	sim_answer(to, 200, text);
}

static void do_version(struct connection *to, struct sim *s, const char *name, const char *body)
{
	(void)s;
	(void)name;
	(void)body;
	sim_answer(to, 200,
		   "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}");
}

static void do_ping(struct connection *to, struct sim *s, const char *name, const char *body)
{
	(void)s;
	(void)name;
	(void)body;
	sim_answer(to, 200, "OK");
}

static void do_image(struct connection *to, struct sim *s, const char *name, const char *body)
{
	char text[160];

	(void)name;
	(void)body;
	if (s->no_images) {
		sim_answer_error(to, 404);
		return;
	}
	snprintf(text, sizeof(text), "{\"Id\":\"sha256:%062d%02x\"}", 0, s->image);
	sim_answer(to, 200, text);
}

static void do_not(struct connection *to, struct sim *s, const char *name, const char *body)
{
	(void)s;
	(void)name;
	(void)body;
	sim_answer(to, 404, "{\"message\":\"page not found\"}");
}

const struct sim_verb_rule sim_verbs[SIM_VERBS] = {
	[SIM_PING] = {"ping", do_ping, HTTP_GET, "/_ping", NULL},
	[SIM_VERSION] = {"version", do_version, HTTP_GET, "/version", NULL},
	[SIM_INFO] = {"info", do_info, HTTP_GET, "/info", NULL},
	[SIM_IMAGES] = {"images", do_image, HTTP_GET, "/images/", NULL},
	[SIM_LIST] = {"list", do_list, HTTP_GET, "/containers/json", NULL},
	[SIM_EVENTS] = {"events", do_subscribe, HTTP_GET, "/events", NULL},
	[SIM_CREATE] = {"create", do_create, HTTP_POST, "/containers/create?name=", ""},
	[SIM_ATTACH] = {"attach", do_attach, HTTP_POST, "/containers/", "/attach"},
	[SIM_START] = {"start", do_start, HTTP_POST, "/containers/", "/start"},
	[SIM_REMOVE] = {"remove", do_remove, HTTP_DELETE, "/containers/", ""},
	[SIM_INSPECT] = {"inspect", do_inspect, HTTP_GET, "/containers/", "/json"},
	[SIM_KILL] = {"kill", do_kill, HTTP_POST, "/containers/", "/kill"},
	[SIM_OTHER] = {"other", do_not, HTTP_GET, NULL, NULL},
	[SIM_FRAME] = {"frame", NULL, HTTP_GET, NULL, NULL},
};
