#include "tests/fakes/control_codec.h"

#include <string.h>

#define DRIP_BYTES 1
#define DRIP_MS    10
#define HUGE_BYTES (2 << 20)

/* A frame that announces so much breaks every bound. */
#define HUGE_FRAME 0xfffffff0

/* --- words --- */

static const char *const frame_names[] = {
	[FRAME_CREDIT] = "credit", [FRAME_HELLO] = "hello",
	[FRAME_OPENED] = "opened", [FRAME_OUTPUT] = "output",
	[FRAME_EXIT] = "exit",     [FRAME_ERROR] = "error",
	[FRAME_PONG] = "pong",     [FRAME_FOREGROUND] = "foreground",
};
static const char *const hello_names[] = {"ok", "none", "wrong-version", "garbage", NULL};
static const char *const open_names[] = {"ok", "never", "error", NULL};
static const char *const canary_names[] = {"none", "gvisor", "host", NULL};

static uint8_t frame_of(const char *name)
{
	for (uint8_t i = 0; i < sizeof(frame_names) / sizeof(frame_names[0]); i++)
		if (frame_names[i] && strcmp(frame_names[i], name) == 0)
			return i;
	return 0;
}

static enum sim_verb verb_of(const char *name)
{
	enum sim_verb v = 0;

	while (v < SIM_VERBS && strcmp(sim_verb_name(v), name) != 0)
		v++;
	return v;
}

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* --- a fault --- */

static const char *text_of(const json_t *root, const char *key)
{
	const char *text = json_string_value(json_object_get(root, key));

	return text ? text : "";
}

/* Kinds that make no sense without an answer's body. */
static bool is_for_requests(enum sim_fault_kind kind)
{
	return kind == SIM_FAULT_HANG || kind == SIM_FAULT_STATUS || kind == SIM_FAULT_REFUSE ||
	       kind == SIM_FAULT_CHUNK || kind == SIM_FAULT_JSON;
}

static void set_defaults(struct sim_fault *f)
{
	*f = (struct sim_fault){.verb = f->verb,
				.kind = f->kind,
				.ms = f->kind == SIM_FAULT_DRIP ? DRIP_MS : 1000,
				.status = f->verb == SIM_FRAME ? 99 : 500,
				.times = -1,
				.probability = 1,
				.seed = 1};
	if (f->kind == SIM_FAULT_DRIP)
		f->bytes = DRIP_BYTES;
	if (f->kind == SIM_FAULT_LENGTH)
		f->bytes = 100;
	if (f->kind == SIM_FAULT_HUGE)
		f->bytes = f->verb == SIM_FRAME ? HUGE_FRAME : HUGE_BYTES;
	strcpy(f->body, f->kind == SIM_FAULT_ID ? "not-an-id" : "{\"message\":\"as planned\"}");
}

static bool read_numbers(const json_t *value, const char *key, struct sim_fault *f)
{
	json_int_t n = json_integer_value(value);

	if (strcmp(key, "probability") == 0 && json_is_number(value))
		f->probability = json_number_value(value);
	else if (!json_is_integer(value))
		return false;
	else if (strcmp(key, "ms") == 0 && n >= 0)
		f->ms = (uint64_t)n;
	else if (strcmp(key, "bytes") == 0)
		f->bytes = n;
	else if (strcmp(key, "status") == 0)
		f->status = (int)n;
	else if (strcmp(key, "times") == 0)
		f->times = n;
	else if (strcmp(key, "seed") == 0 && n > 0)
		f->seed = (uint64_t)n;
	else
		return false;
	return true;
}

static bool read_texts(const json_t *value, const char *key, struct sim_fault *f)
{
	const char *text = json_string_value(value);

	if (!text)
		return false;
	if (strcmp(key, "name") == 0 && strlen(text) < sizeof(f->name))
		strcpy(f->name, text);
	else if (strcmp(key, "body") == 0 && strlen(text) < sizeof(f->body))
		strcpy(f->body, text);
	else if (strcmp(key, "frame") == 0 && f->verb == SIM_FRAME)
		f->frame = frame_of(text);
	else
		return strcmp(key, "verb") == 0 || strcmp(key, "kind") == 0;
	return strcmp(key, "frame") != 0 || f->frame;
}

const char *control_read_fault(const json_t *root, struct sim_fault *f)
{
	const char *key;
	json_t *value;

	f->verb = verb_of(text_of(root, "verb"));
	f->kind = sim_fault_kind_of(text_of(root, "kind"));
	if (f->verb == SIM_VERBS)
		return "no such verb";
	if (f->kind == SIM_FAULT_KINDS || f->kind == SIM_FAULT_NONE)
		return "no such kind";
	if (f->verb == SIM_FRAME && is_for_requests(f->kind))
		return "this kind is for requests, not for frames";
	set_defaults(f);
	json_object_foreach((json_t *)root, key, value)
	{
		if (!read_texts(value, key, f) && !read_numbers(value, key, f))
			return key;
	}
	return NULL;
}

json_t *control_write_fault(const struct sim_fault *f)
{
	return json_pack("{s:i, s:s, s:s, s:I, s:I}", "id", (int)f->id, "verb",
			 sim_verb_name(f->verb), "kind", sim_fault_kind_name(f->kind), "applied",
			 (json_int_t)f->applied, "left", (json_int_t)f->times);
}

/* --- a plan --- */

static bool read_choice(const json_t *value, const char *const *names, unsigned *choice)
{
	const char *text = json_string_value(value);
	int found = text ? index_of(names, text) : -1;

	if (found >= 0)
		*choice = (unsigned)found;
	return found >= 0;
}

static bool read_flag(const json_t *value, bool *flag)
{
	*flag = json_is_true(value);
	return json_is_boolean(value);
}

static bool read_plan_item(const json_t *value, const char *key, struct sim_plan *p)
{
	if (strcmp(key, "hello") == 0)
		return read_choice(value, hello_names, &p->hello);
	if (strcmp(key, "open") == 0)
		return read_choice(value, open_names, &p->open);
	if (strcmp(key, "canary") == 0)
		return read_choice(value, canary_names, &p->canary);
	if (strcmp(key, "deaf") == 0)
		return read_flag(value, &p->deaf);
	if (strcmp(key, "helloFirst") == 0)
		return read_flag(value, &p->hello_first);
	if (strcmp(key, "cutAtStart") == 0)
		return read_flag(value, &p->cut_at_start);
	return false;
}

const char *control_read_plan(const json_t *root, struct sim_plan *plan)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)root, key, value)
	{
		if (!read_plan_item(value, key, plan))
			return key;
	}
	return NULL;
}

/* --- the state --- */

static json_t *write_counts(struct sim *s)
{
	json_t *all = json_object();

	for (enum sim_verb v = 0; v < SIM_VERBS; v++) {
		const struct sim_count *n = sim_count(s, v);
		json_object_set_new(all, sim_verb_name(v),
				    json_pack("{s:I, s:I, s:i, s:i}", "requests",
					      (json_int_t)n->requests, "faulted",
					      (json_int_t)n->faulted, "inFlight", (int)n->in_flight,
					      "inFlightMax", (int)n->in_flight_max));
	}
	return all;
}

json_t *control_write_state(struct sim *s, unsigned violations)
{
	struct sim_totals t = sim_totals(s);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:o}", "containers",
			 (json_int_t)t.containers, "running", (json_int_t)t.running, "streams",
			 (json_int_t)t.streams, "terminals", (json_int_t)t.terminals, "events",
			 (json_int_t)t.events, "connections", (json_int_t)t.connections, "accepted",
			 (json_int_t)t.accepted, "bytesIn", (json_int_t)t.bytes_in, "bytesOut",
			 (json_int_t)t.bytes_out, "violations", (int)violations, "verbs",
			 write_counts(s));
}

json_t *control_write_containers(struct sim *s)
{
	json_t *all = json_array();

	for (struct sim_container *c = sim_container_at(s, 0); c; c = sim_container_next(c)) {
		const char *session = sim_container_label(c, "sandbox-api.session");
		struct sim_agent *a = sim_container_agent(c);
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:b, s:i}", "name", sim_container_name(c),
				       "session", session ? session : "", "attached", a != NULL,
				       "terminals", a ? (int)sim_agent_terminals(a) : 0));
	}
	return all;
}
