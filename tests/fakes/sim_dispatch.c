/* Which request to the simulated Engine it is, when it is done, and what goes wrong. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "tests/fakes/sim_internal.h"
#include "tests/fakes/sim_rules.h"

/* --- which request it is --- */

const char *sim_verb_name(enum sim_verb verb)
{
	return sim_verbs[verb].name;
}

/* Whether the path, without its version, is the verb's; if so *name is the container's, or "". */
static bool is_verb(const struct sim_verb_rule *v, enum http_method method, const char *path,
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
		if (is_verb(&sim_verbs[v], method, path, name))
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

/* --- filters --- */

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
	sim_act_fn act = sim_verbs[c->verb].act;

	if (reaction == SIM_FAIL)
		sim_answer_error(c, 500);
	else if (reaction == SIM_HANG)
		later(c, act, name, body)->removal = c->verb == SIM_REMOVE;
	else
		act(c, c->sim, name, body);
}

static void act_late(struct connection *c, const char *name, const char *body)
{
	struct pending *p = later(c, sim_verbs[c->verb].act, name, body);

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
	if (!sim_expect(!c->busy, "a request before the answer to the last one")) {
		sim_connection_close(c);
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
