#include "sim_engine.h"

#include <check.h>
#include <http_parser.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define BODY_MAX 65536
#define HEX_ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"
#define UPGRADED                                                                                   \
	"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"             \
	"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

struct connection {
	uv_pipe_t pipe;
	struct sim *sim;
	http_parser parser;
	char url[2048], body[BODY_MAX];
	size_t url_len, body_len;
	bool events, closed;
	bool cut; /* we have ended our side: what still comes is nothing to us */
	struct sim_container *attached; /* then what comes are frames */
	struct connection *prev, *next;
	char buf[65536];
};

struct sim_container {
	char name[128];
	json_t *labels;
	struct sim_plan plan;
	bool running, remove_failed;
	struct connection *stream;
	struct sim_agent agent;
	struct sim_container *prev, *next;
};

/* Something that the Engine will do when it is released. */
struct pending {
	void (*act)(struct connection *answer_to, struct sim *s, const char *name,
		    const char *body);
	struct connection *connection; /* NULL: its caller has gone */
	char name[128], *body;
	bool removal;
	struct pending *prev, *next;
};

struct sim {
	uv_pipe_t listener;
	uv_loop_t *loop;
	struct connection *connections;
	struct sim_container *containers;
	struct pending *pendings;
	struct sim_plan plan;
	const char *runtime;
	bool no_images, refusing;
	unsigned image; /* which one every name stands for */
	size_t removing, removing_max;
	unsigned remove_requests;
	char dir[32], path[64], host[80];
};

/* --- connections --- */

static void on_connection_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void close_connection(struct connection *c)
{
	struct pending *p;

	if (c->closed)
		return;
	c->closed = true;
	DL_DELETE(c->sim->connections, c);
	DL_FOREACH(c->sim->pendings, p)
	if (p->connection == c)
		p->connection = NULL;
	if (c->attached)
		c->attached->stream = NULL;
	uv_close((uv_handle_t *)&c->pipe, on_connection_closed);
}

struct write {
	uv_write_t request;
	char data[];
};

static void on_written(uv_write_t *request, int status)
{
	(void)status; /* a broken connection shows in reading too */
	free(request);
}

static void write_bytes(struct connection *c, const void *data, size_t len)
{
	if (!c || c->closed || c->cut)
		return;
	struct write *w = malloc(sizeof(*w) + len);
	uv_buf_t buf = uv_buf_init(w->data, (unsigned)len);
	memcpy(w->data, data, len);
	if (uv_write(&w->request, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0)
		free(w);
}

static void write_text(struct connection *c, const char *text)
{
	write_bytes(c, text, strlen(text));
}

static void answer(struct connection *c, int status, const char *body)
{
	char head[160];

	if (!c)
		return;
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 status, strlen(body));
	write_bytes(c, head, (size_t)n);
	write_bytes(c, body, strlen(body));
}

static void answer_error(struct connection *c, int status)
{
	answer(c, status, "{\"message\":\"as planned\"}");
}

/* --- containers --- */

static struct sim_container *find(const struct sim *s, const char *name)
{
	struct sim_container *c;

	DL_FOREACH(s->containers, c)
	if (strcmp(c->name, name) == 0)
		return c;
	return NULL;
}

static void destroy(struct sim *s, struct sim_container *c)
{
	if (c->stream)
		close_connection(c->stream);
	DL_DELETE(s->containers, c);
	sim_agent_finish(&c->agent);
	json_decref(c->labels);
	free(c);
}

/* Behind Docker's header for standard output. */
static void send_from_agent(void *arg, const void *data, size_t len)
{
	struct sim_container *c = arg;
	uint8_t header[8] = {1};

	put_u32(header + 4, (uint32_t)len);
	write_bytes(c->stream, header, sizeof(header));
	write_bytes(c->stream, data, len);
}

static struct sim_container *add(struct sim *s, const char *name, json_t *labels)
{
	struct sim_container *c = calloc(1, sizeof(*c));

	snprintf(c->name, sizeof(c->name), "%s", name);
	c->labels = labels ? labels : json_object();
	c->plan = s->plan;
	sim_agent_init(&c->agent, send_from_agent, c);
	c->agent.open = s->plan.open;
	DL_APPEND(s->containers, c);
	return c;
}

static void do_create(struct connection *to, struct sim *s, const char *name, const char *body)
{
	json_t *root = json_loads(body, 0, NULL);

	ck_assert_ptr_nonnull(root);
	if (find(s, name)) { /* sent again by the client on a new connection */
		answer_error(to, 409);
		json_decref(root);
		return;
	}
	add(s, name, json_incref(json_object_get(root, "Labels")));
	json_decref(root);
	answer(to, 201, "{\"Id\":\"" HEX_ID "\",\"Warnings\":[]}");
}

static void do_start(struct connection *to, struct sim *s, const char *name, const char *body)
{
	struct sim_container *c = find(s, name);

	(void)body;
	if (!c || c->running) {
		answer_error(to, c ? 409 : 404);
		return;
	}
	c->running = true;
	if (c->plan.hello_first)
		sim_agent_greet(&c->agent, c->plan.hello);
	write_text(to, NO_CONTENT);
	if (!c->plan.hello_first)
		sim_agent_greet(&c->agent, c->plan.hello);
	if (c->plan.cut_at_start)
		sim_cut(c);
}

static void do_remove(struct connection *to, struct sim *s, const char *name, const char *body)
{
	struct sim_container *c = find(s, name);

	(void)body;
	if (!c) {
		answer_error(to, 404);
		return;
	}
	destroy(s, c);
	write_text(to, NO_CONTENT);
}

static void attach(struct connection *to, struct sim_container *c)
{
	if (!c || c->plan.attach == SIM_FAIL) {
		answer_error(to, c ? 500 : 404);
		return;
	}
	if (c->plan.attach == SIM_HANG)
		return; /* for good: a stream cannot be opened later than now */
	to->attached = c;
	c->stream = to;
	write_text(to, UPGRADED);
}

/* --- requests --- */

static void later(struct connection *c,
		  void (*act)(struct connection *, struct sim *, const char *, const char *),
		  const char *name)
{
	struct pending *p = calloc(1, sizeof(*p));

	p->act = act;
	p->connection = c;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->body = strdup(c->body);
	p->removal = act == do_remove;
	DL_APPEND(c->sim->pendings, p);
}

static void react(struct connection *c, enum sim_reaction reaction,
		  void (*act)(struct connection *, struct sim *, const char *, const char *),
		  const char *name)
{
	if (reaction == SIM_FAIL)
		answer_error(c, 500);
	else if (reaction == SIM_HANG)
		later(c, act, name);
	else
		act(c, c->sim, name, c->body);
}

static void remove_container(struct connection *c, const char *name)
{
	struct sim *s = c->sim;
	struct sim_container *container = find(s, name);
	enum sim_reaction reaction = container ? container->plan.remove : SIM_OK;

	s->remove_requests++;
	if (reaction == SIM_FAIL && container->remove_failed)
		reaction = SIM_OK;
	if (reaction == SIM_FAIL)
		container->remove_failed = true;
	if (reaction == SIM_HANG)
		s->removing++;
	if (s->removing > s->removing_max)
		s->removing_max = s->removing;
	react(c, reaction, do_remove, name);
}

static void list(struct connection *c)
{
	json_t *all = json_array();
	struct sim_container *item;
	char name[160];

	DL_FOREACH(c->sim->containers, item)
	{
		snprintf(name, sizeof(name), "/%s", item->name);
		json_array_append_new(all, json_pack("{s:s, s:[s], s:s, s:O}", "Id", HEX_ID,
						     "Names", name, "State",
						     item->running ? "running" : "created",
						     "Labels", item->labels));
	}
	char *text = json_dumps(all, 0);
	answer(c, 200, text);
	free(text);
	json_decref(all);
}

static void subscribe(struct connection *c)
{
	c->events = true;
	write_text(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n");
}

static void info(struct connection *c)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"Runtimes\":{\"runsc\":{\"path\":\"%s\",\"runtimeArgs\":"
		 "[\"--network=none\"]}},\"MemTotal\":8000000000,\"NCPU\":2}",
		 c->sim->runtime);
	answer(c, 200, text);
}

static void image(struct connection *c)
{
	char body[160];

	snprintf(body, sizeof(body), "{\"Id\":\"sha256:%.62s%02x\"}", HEX_ID, c->sim->image);
	answer(c, 200, body);
}

static void get(struct connection *c, const char *path)
{
	if (strcmp(path, "/version") == 0)
		answer(c, 200,
		       "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\","
		       "\"MinAPIVersion\":\"1.12\"}");
	else if (strcmp(path, "/info") == 0)
		info(c);
	else if (strncmp(path, "/images/", 8) == 0 && c->sim->no_images)
		answer_error(c, 404);
	else if (strncmp(path, "/images/", 8) == 0)
		image(c);
	else if (strncmp(path, "/containers/json", 16) == 0)
		list(c);
	else if (strncmp(path, "/events", 7) == 0)
		subscribe(c);
	else
		ck_abort_msg("unexpected GET %s", path);
}

static void post(struct connection *c, const char *path)
{
	char name[128] = "", verb[16] = "";

	if (sscanf(path, "/containers/create?name=%127s", name) == 1)
		react(c, c->sim->plan.create, do_create, name);
	else if (sscanf(path, "/containers/%127[^/]/%15[a-z]", name, verb) == 2 &&
		 strcmp(verb, "attach") == 0)
		attach(c, find(c->sim, name));
	else if (strcmp(verb, "start") == 0)
		react(c, find(c->sim, name) ? find(c->sim, name)->plan.start : SIM_OK, do_start,
		      name);
	else
		ck_abort_msg("unexpected POST %s", path);
}

static void dispatch(struct connection *c)
{
	const char *path = strncmp(c->url, "/v1.41/", 7) == 0 ? c->url + 6 : c->url;
	char name[128];

	if (c->parser.method == HTTP_GET)
		get(c, path);
	else if (c->parser.method == HTTP_POST)
		post(c, path);
	else if (c->parser.method == HTTP_DELETE && sscanf(path, "/containers/%127[^?]", name) == 1)
		remove_container(c, name);
	else
		ck_abort_msg("unexpected request for %s", path);
}

static int on_message_begin(http_parser *parser)
{
	struct connection *c = parser->data;

	c->url_len = c->body_len = 0;
	return 0;
}

static int on_url(http_parser *parser, const char *data, size_t len)
{
	struct connection *c = parser->data;

	ck_assert_uint_lt(c->url_len + len, sizeof(c->url));
	memcpy(c->url + c->url_len, data, len);
	c->url_len += len;
	return 0;
}

static int on_body(http_parser *parser, const char *data, size_t len)
{
	struct connection *c = parser->data;

	ck_assert_uint_lt(c->body_len + len, sizeof(c->body));
	memcpy(c->body + c->body_len, data, len);
	c->body_len += len;
	return 0;
}

static int on_message_complete(http_parser *parser)
{
	struct connection *c = parser->data;

	c->url[c->url_len] = c->body[c->body_len] = '\0';
	dispatch(c);
	return 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct connection *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->buf, sizeof(c->buf));
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buf)
{
	static const http_parser_settings settings = {
		.on_message_begin = on_message_begin,
		.on_url = on_url,
		.on_body = on_body,
		.on_message_complete = on_message_complete,
	};
	struct connection *c = pipe->data;

	if (n < 0 || (c->sim->refusing && !c->attached)) {
		close_connection(c);
		return;
	}
	if (c->cut)
		return;
	if (c->attached) {
		sim_agent_take(&c->attached->agent, buf->base, (size_t)n);
		return;
	}
	size_t used = http_parser_execute(&c->parser, &settings, buf->base, (size_t)n);
	ck_assert(c->parser.upgrade || used == (size_t)n);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct sim *s = listener->data;
	struct connection *c = calloc(1, sizeof(*c));

	ck_assert_int_eq(status, 0);
	c->sim = s;
	http_parser_init(&c->parser, HTTP_REQUEST);
	c->parser.data = c;
	uv_pipe_init(s->loop, &c->pipe, 0);
	c->pipe.data = c;
	ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&c->pipe), 0);
	DL_APPEND(s->connections, c);
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

/* --- for tests --- */

struct sim *sim_new(uv_loop_t *loop)
{
	struct sim *s = calloc(1, sizeof(*s));

	s->loop = loop;
	s->runtime = "runsc";
	strcpy(s->dir, "/tmp/sim-engine-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/sock", s->dir);
	snprintf(s->host, sizeof(s->host), "unix://%s", s->path);
	uv_pipe_init(loop, &s->listener, 0);
	s->listener.data = s;
	ck_assert_int_eq(uv_pipe_bind(&s->listener, s->path), 0);
	ck_assert_int_eq(uv_listen((uv_stream_t *)&s->listener, 64, on_connection), 0);
	return s;
}

static void free_pending(struct sim *s, struct pending *p)
{
	DL_DELETE(s->pendings, p);
	free(p->body);
	free(p);
}

void sim_free(struct sim *s)
{
	sim_drop_connections(s);
	while (s->pendings)
		free_pending(s, s->pendings);
	while (s->containers)
		destroy(s, s->containers);
	unlink(s->path);
	rmdir(s->dir);
	uv_close((uv_handle_t *)&s->listener, on_connection_closed);
}

const char *sim_host(const struct sim *s)
{
	return s->host;
}

void sim_set_plan(struct sim *s, const struct sim_plan *plan)
{
	s->plan = *plan;
}

void sim_release(struct sim *s)
{
	while (s->pendings) {
		struct pending *p = s->pendings;
		s->removing -= p->removal;
		p->act(p->connection, s, p->name, p->body);
		free_pending(s, p);
	}
}

size_t sim_container_count(const struct sim *s)
{
	struct sim_container *c;
	size_t n;

	DL_COUNT(s->containers, c, n);
	return n;
}

size_t sim_removing_max(const struct sim *s)
{
	return s->removing_max;
}

unsigned sim_remove_requests(const struct sim *s)
{
	return s->remove_requests;
}

size_t sim_event_streams(const struct sim *s)
{
	struct connection *c;
	size_t n = 0;

	DL_FOREACH(s->connections, c)
	n += c->events;
	return n;
}

struct sim_container *sim_container_at(struct sim *s, size_t n)
{
	struct sim_container *c = s->containers;

	while (c && n--)
		c = c->next;
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
	add(s, name, worker ? json_pack("{s:s}", "sandbox-api.worker", worker) : NULL);
}

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

void sim_event(struct sim *s, const struct sim_container *item, const char *action)
{
	struct connection *c;
	char json[400], chunk[512];

	int len = snprintf(json, sizeof(json),
			   "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\","
			   "\"Attributes\":{\"name\":\"%s\",\"exitCode\":\"137\"}}}\n",
			   action, HEX_ID, item->name);
	int n = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n", (unsigned)len, json);
	DL_FOREACH(s->connections, c)
	if (c->events)
		write_bytes(c, chunk, (size_t)n);
}

void sim_drop_connections(struct sim *s)
{
	while (s->connections)
		close_connection(s->connections);
}

void sim_refuse(struct sim *s, bool refuse)
{
	s->refusing = refuse;
}

void sim_drop_events(struct sim *s)
{
	struct connection *c, *next;

	DL_FOREACH_SAFE(s->connections, c, next)
	if (c->events)
		close_connection(c);
}

void sim_set_runtime(struct sim *s, const char *path)
{
	s->runtime = path;
}

void sim_set_images(struct sim *s, bool there)
{
	s->no_images = !there;
}

void sim_rebuild_images(struct sim *s)
{
	s->image++;
}
