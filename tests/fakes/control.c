#include "tests/fakes/control.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fakes/control_codec.h"
#include "tests/fakes/sim_internal.h"

/* A flood without credit: more than any window, and than the kernel holds for a client that does not read. */
#define RUDE_FRAMES 48

struct control {
	struct sim *sim;
	uv_pipe_t listener;
	const char *path;
	const unsigned *violations;
};

/* --- answers --- */

static void reply(struct connection *c, int status, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	sim_answer(c, status, text);
	free(text);
}

static void reply_ok(struct connection *c)
{
	reply(c, 200, json_pack("{s:b}", "ok", 1));
}

static void reply_wrong(struct connection *c, const char *what)
{
	reply(c, 400, json_pack("{s:s}", "error", what));
}

/* --- what can be asked --- */

static void get_state(struct control *control, struct connection *c, const json_t *body)
{
	(void)body;
	reply(c, 200, control_write_state(control->sim, *control->violations));
}

static void get_containers(struct control *control, struct connection *c, const json_t *body)
{
	(void)body;
	reply(c, 200, control_write_containers(control->sim));
}

static void get_faults(struct control *control, struct connection *c, const json_t *body)
{
	json_t *all = json_array();
	const struct sim_fault *f;

	(void)body;
	for (unsigned i = 0; (f = sim_fault_at(control->sim, i)); i++)
		json_array_append_new(all, control_write_fault(f));
	reply(c, 200, all);
}

/* --- what can be done --- */

static void post_faults(struct control *control, struct connection *c, const json_t *body)
{
	struct sim_fault fault;
	const char *wrong = control_read_fault(body, &fault);
	unsigned id = wrong ? 0 : sim_fault_add(control->sim, &fault);

	if (id)
		reply(c, 200, json_pack("{s:i}", "id", (int)id));
	else
		reply_wrong(c, wrong ? wrong : "too many faults");
}

static void delete_faults(struct control *control, struct connection *c, const json_t *body)
{
	json_int_t id = json_integer_value(json_object_get(body, "id"));

	reply(c, 200,
	      json_pack("{s:i}", "cleared", (int)sim_fault_clear(control->sim, (unsigned)id)));
}

static void post_plan(struct control *control, struct connection *c, const json_t *body)
{
	struct sim_plan plan = *sim_plan(control->sim);
	const char *wrong = control_read_plan(body, &plan);

	if (wrong) {
		reply_wrong(c, wrong);
		return;
	}
	sim_set_plan(control->sim, &plan);
	reply_ok(c);
}

static bool drop(struct sim *s, const char *what)
{
	if (strcmp(what, "all") == 0)
		sim_drop_connections(s);
	else if (strcmp(what, "events") == 0)
		sim_drop_events(s);
	else if (strcmp(what, "streams") == 0)
		sim_drop_streams(s);
	else
		return false;
	return true;
}

/* Whether there is such a thing to be done. */
static bool change_engine(struct sim *s, const char *key, const json_t *value)
{
	const char *text = json_string_value(value);
	bool flag = json_is_boolean(value), on = json_is_true(value);

	if (text && strcmp(key, "drop") == 0)
		return drop(s, text);
	if (text && strcmp(key, "images") == 0 && strcmp(text, "rebuilt") == 0)
		sim_rebuild_images(s);
	else if (flag && strcmp(key, "listen") == 0)
		return sim_listen(s, on) == 0;
	else if (flag && strcmp(key, "accept") == 0)
		sim_accept(s, on);
	else if (flag && strcmp(key, "refuse") == 0)
		sim_refuse(s, on);
	else if (flag && strcmp(key, "images") == 0)
		sim_set_images(s, on);
	else
		return false;
	return true;
}

/* {"listen":false}, {"accept":false}, {"refuse":true}, {"drop":"all"|"events"|"streams"}, {"images":false|"rebuilt"}; one after the other. */
static void post_engine(struct control *control, struct connection *c, const json_t *body)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)body, key, value)
	{
		if (!change_engine(control->sim, key, value)) {
			reply_wrong(c, key);
			return;
		}
	}
	reply_ok(c);
}

/* --- containers, and the agents in them --- */

/* Output beyond what was granted. */
static void flood_without_credit(struct sim_agent *a)
{
	static const uint8_t bytes[FRAME_PAYLOAD_MAX];
	struct sim_terminal *t = &a->terminals[0];

	for (int i = 0; i < RUDE_FRAMES; i++) {
		uint32_t granted =
			t->output_credit < sizeof(bytes) ? t->output_credit : sizeof(bytes);
		t->output_credit -= granted;
		t->overdrawn_bytes += sizeof(bytes) - granted;
		t->sent_bytes += sizeof(bytes);
		sim_agent_frame(a, FRAME_OUTPUT, 1, bytes, sizeof(bytes));
	}
}

static void send_bad_frame(struct sim_agent *a)
{
	sim_agent_frame(a, 99, 7, "?", 1);
}

/* Returns what is wrong; the container may be gone. */
static const char *act_on(struct sim *s, struct sim_container *c, const char *what,
			  const json_t *body)
{
	struct sim_agent *a = sim_container_agent(c);

	if (strcmp(what, "kill") == 0) {
		if (json_is_true(json_object_get(body, "asked")))
			sim_event(s, c, "kill");
		sim_end_container(s, c, 137);
	} else if (strcmp(what, "oom") == 0) {
		sim_event(s, c, "oom");
		sim_end_container(s, c, 137);
	} else if (strcmp(what, "exit") == 0) {
		sim_end_container(s, c, (int)json_integer_value(json_object_get(body, "status")));
	} else if (strcmp(what, "cut") == 0 && c->stream) {
		sim_cut(c);
	} else if (strcmp(what, "stop-reading") == 0 && c->stream) {
		sim_stop_reading(c);
	} else if (strcmp(what, "bad-frame") == 0 && a) {
		send_bad_frame(a);
	} else if (strcmp(what, "flood") == 0 && a) {
		flood_without_credit(a);
	} else {
		return a ? "no such act" : "nobody is attached";
	}
	return NULL;
}

/* Returns what is wrong when it could be done to none of those that are there. */
static const char *act_on_all(struct sim *s, const char *what, const json_t *body, int *count)
{
	struct sim_container *c, *next;
	const char *wrong = NULL;

	*count = 0;
	HASH_ITER(hh, s->containers, c, next)
	{
		const char *why = act_on(s, c, what, body);
		*count += !why;
		wrong = why ? why : wrong;
	}
	return *count ? NULL : wrong;
}

/* {"act":"kill"|..., "name":NAME}, or of all without a name. */
static void post_containers(struct control *control, struct connection *c, const json_t *body)
{
	struct sim *s = control->sim;
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *what = json_string_value(json_object_get(body, "act"));
	struct sim_container *one = name ? sim_container_find(s, name) : NULL;
	const char *wrong = NULL;
	int count = 1;

	if (!what || (name && !one))
		wrong = what ? "no such container" : "no act";
	else if (one)
		wrong = act_on(s, one, what, body);
	else
		wrong = act_on_all(s, what, body, &count);
	if (wrong)
		reply_wrong(c, wrong);
	else
		reply(c, 200, json_pack("{s:i}", "count", count));
}

/* --- requests --- */

static const struct route {
	enum http_method method;
	const char *path;
	void (*take)(struct control *control, struct connection *c, const json_t *body);
} routes[] = {
	{HTTP_GET, "/state", get_state},
	{HTTP_GET, "/containers", get_containers},
	{HTTP_POST, "/containers", post_containers},
	{HTTP_GET, "/faults", get_faults},
	{HTTP_POST, "/faults", post_faults},
	{HTTP_DELETE, "/faults", delete_faults},
	{HTTP_POST, "/plan", post_plan},
	{HTTP_POST, "/engine", post_engine},
};

static void on_control(struct connection *c, enum http_method method, const char *path,
		       const char *text)
{
	json_t *body = *text ? json_loads(text, 0, NULL) : json_object();

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (routes[i].method != method || strcmp(routes[i].path, path) != 0)
			continue;
		if (json_is_object(body))
			routes[i].take(c->sim->control, c, body);
		else
			reply_wrong(c, "the body is no JSON object");
		json_decref(body);
		return;
	}
	json_decref(body);
	reply(c, 404, json_pack("{s:s}", "error", "no such path"));
}

/* --- life --- */

static void on_connection(uv_stream_t *listener, int status)
{
	struct control *control = listener->data;

	if (status == 0)
		sim_connection_accept(control->sim, listener, true);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct control *control_new(struct sim *s, uv_loop_t *loop, const char *path,
			    const unsigned *violations, int *error)
{
	struct control *control = calloc(1, sizeof(*control));

	*control = (struct control){.sim = s, .path = path, .violations = violations};
	uv_pipe_init(loop, &control->listener, 0);
	control->listener.data = control;
	*error = uv_pipe_bind(&control->listener, path);
	if (*error == 0)
		*error = uv_listen((uv_stream_t *)&control->listener, 128, on_connection);
	if (*error < 0) {
		uv_close((uv_handle_t *)&control->listener, on_closed);
		return NULL;
	}
	s->control = control;
	s->on_control = on_control;
	return control;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	unlink(control->path);
	uv_close((uv_handle_t *)&control->listener, on_closed);
}
