/* What the simulated Engine is asked, and does. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

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
	if (to->fault.kind == SIM_FAULT_NONE || to->fault.kind == SIM_FAULT_CLOSE ||
	    to->fault.kind == SIM_FAULT_DRIP) {
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

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *found = strchr(digits, c | 0x20);

	return found && c ? (int)(found - digits) : -1;
}

/* Takes %XX out of the text, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++)
		if (*text == '%' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
			*out++ = (char)(hex_digit(text[1]) << 4 | hex_digit(text[2]));
			text += 2;
		} else {
			*out++ = *text;
		}
	*out = '\0';
}

/* The first label in the query's "filters", malloc'd; "" when there is none. */
static char *label_filter(const char *url)
{
	const char *filters = strstr(url, "filters=");
	char *text = strdup(filters ? filters + strlen("filters=") : "");

	text[strcspn(text, "&")] = '\0';
	unescape(text);
	json_t *root = json_loads(text, 0, NULL);
	const char *label = json_string_value(json_array_get(json_object_get(root, "label"), 0));
	free(text);
	char *filter = strdup(label ? label : "");
	json_decref(root);
	return filter;
}

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

/* --- which request it is --- */

static const struct verb {
	const char *name;
	sim_act_fn act;
	enum http_method method;
	const char *path;   /* a pattern of scanf: behind it nothing is looked at */
	const char *suffix; /* what follows the name in the path */
} verbs[SIM_VERBS] = {
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

const char *sim_verb_name(enum sim_verb verb)
{
	return verbs[verb].name;
}

/* Whether the path, without its version, is the verb's; if so *name is the container's, or "". */
static bool is_verb(const struct verb *v, enum http_method method, const char *path,
		    char name[SIM_NAME_MAX])
{
	name[0] = '\0';
	if (!v->path || v->method != method || strncmp(path, v->path, strlen(v->path)) != 0)
		return false;
	if (!v->suffix)
		return true;
	path += strlen(v->path);
	size_t len = strcspn(path, "/?&");
	if (!len || len >= SIM_NAME_MAX)
		return false;
	memcpy(name, path, len);
	name[len] = '\0';
	path += len;
	return strncmp(path, v->suffix, strlen(v->suffix)) == 0 &&
	       strchr("?&", path[strlen(v->suffix)]);
}

static enum sim_verb verb_of(enum http_method method, const char *path, char name[SIM_NAME_MAX])
{
	for (enum sim_verb v = 0; v < SIM_OTHER; v++)
		if (is_verb(&verbs[v], method, path, name))
			return v;
	name[0] = '\0';
	sim_violation("unexpected %s %s", http_method_str(method), path);
	return SIM_OTHER;
}

static const char *without_version(const char *url)
{
	size_t len = url[0] == '/' && url[1] == 'v' ? 2 + strspn(url + 2, "0123456789.") : 0;

	return len > 2 && url[len] == '/' ? url + len : url;
}

/* --- when it is done --- */

static void free_pending(struct pending *p)
{
	DL_DELETE(p->sim->pendings, p);
	if (p->connection)
		p->connection->pending = NULL;
	free(p->body);
	p->body = NULL;
}

static void on_pending_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Takes it from the list and forgets it; its memory may still be libuv's for a while. */
static void drop_pending(struct pending *p)
{
	free_pending(p);
	if (p->timed)
		uv_close((uv_handle_t *)&p->timer, on_pending_closed);
	else
		free(p);
}

static void do_pending(struct pending *p)
{
	struct sim *s = p->sim;

	s->removing -= p->removal;
	if (p->connection)
		p->connection->pending = NULL;
	p->act(p->connection, s, p->name, p->body);
	p->connection = NULL;
	drop_pending(p);
}

static void on_pending_due(uv_timer_t *timer)
{
	do_pending(timer->data);
}

static struct pending *later(struct connection *c, sim_act_fn act, const char *name,
			     const char *body)
{
	struct pending *p = calloc(1, sizeof(*p));

	p->act = act;
	p->sim = c->sim;
	p->connection = c;
	c->pending = p;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->body = strdup(body);
	p->removal = act == do_remove;
	DL_APPEND(c->sim->pendings, p);
	return p;
}

void sim_release(struct sim *s)
{
	struct pending *p, *next;

	DL_FOREACH_SAFE(s->pendings, p, next)
	{
		if (!p->timed)
			do_pending(p);
	}
}

void sim_forget_pendings(struct sim *s)
{
	struct pending *p, *next;

	DL_FOREACH_SAFE(s->pendings, p, next)
	drop_pending(p);
}

/* --- what was planned, and what goes wrong --- */

static enum sim_reaction removal_reaction(struct sim *s, struct sim_container *c)
{
	enum sim_reaction reaction = c ? c->plan.remove : SIM_OK;

	if (reaction == SIM_FAIL && c->remove_failed)
		reaction = SIM_OK;
	if (reaction == SIM_FAIL)
		c->remove_failed = true;
	if (reaction == SIM_HANG)
		s->removing++;
	if (s->removing > s->removing_max)
		s->removing_max = s->removing;
	return reaction;
}

static enum sim_reaction planned(struct sim *s, enum sim_verb verb, const char *name)
{
	struct sim_container *c = sim_container_find(s, name);

	if (verb == SIM_CREATE)
		return s->plan.create;
	if (verb == SIM_START)
		return c ? c->plan.start : SIM_OK;
	return verb == SIM_REMOVE ? removal_reaction(s, c) : SIM_OK;
}

static void act_as_planned(struct connection *c, const char *name, const char *body)
{
	enum sim_reaction reaction = planned(c->sim, c->verb, name);
	sim_act_fn act = verbs[c->verb].act;

	if (reaction == SIM_FAIL)
		sim_answer_error(c, 500);
	else if (reaction == SIM_HANG)
		later(c, act, name, body);
	else
		act(c, c->sim, name, body);
}

static void act_late(struct connection *c, const char *name, const char *body)
{
	struct pending *p = later(c, verbs[c->verb].act, name, body);

	c->fault.kind = SIM_FAULT_NONE;
	p->timed = true;
	uv_timer_init(c->sim->loop, &p->timer);
	p->timer.data = p;
	uv_timer_start(&p->timer, on_pending_due, c->fault.ms, 0);
}

static void act(struct connection *c, const char *name, const char *body)
{
	struct sim_fault fault = {.kind = SIM_FAULT_NONE};

	sim_fault_find(c->sim, c->verb, 0, name, &fault);
	c->fault = fault;
	if (fault.kind == SIM_FAULT_REFUSE)
		sim_connection_close(c);
	else if (fault.kind == SIM_FAULT_DELAY)
		act_late(c, name, body);
	else if (fault.kind == SIM_FAULT_STATUS)
		sim_answer(c, fault.status, fault.body);
	else if (fault.kind != SIM_FAULT_HANG)
		act_as_planned(c, name, body);
}

static void count(struct connection *c)
{
	struct sim_count *n = &c->sim->counts[c->verb];

	n->requests++;
	c->busy = true;
	if (++n->in_flight > n->in_flight_max)
		n->in_flight_max = n->in_flight;
}

void sim_dispatch(struct connection *c)
{
	const char *path = without_version(c->url), *body = (const char *)fifo_peek(&c->body);
	enum http_method method = (enum http_method)c->parser.method;
	char name[SIM_NAME_MAX];

	if (c->control) {
		c->sim->on_control(c, method, path, body);
		return;
	}
	c->verb = verb_of(method, path, name);
	count(c);
	if (c->verb == SIM_LIST || c->verb == SIM_EVENTS) {
		char *filter = label_filter(path);
		act(c, name, filter);
		free(filter);
	} else {
		act(c, name, body);
	}
}
