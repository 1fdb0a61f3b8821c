#include "tests/fakes/sim_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "tests/fakes/sim_internal.h"
#include "tests/fakes/sim_rules.h"

#define BACKLOG 4096

/* --- listening --- */

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct sim *s = listener->data;

	if (!sim_expect(status == 0, "cannot listen: %s", uv_strerror(status)))
		return;
	s->waiting = s->deaf; /* libuv takes no further one until this one is taken */
	if (!s->deaf)
		sim_connection_accept(s, listener, false);
}

void sim_accept(struct sim *s, bool accept)
{
	s->deaf = !accept;
	if (!accept || !s->waiting || !s->listener)
		return;
	s->waiting = false;
	sim_connection_accept(s, (uv_stream_t *)s->listener, false);
}

static void stop_listening(struct sim *s)
{
	unlink(s->path);
	uv_close((uv_handle_t *)s->listener, on_listener_closed);
	s->listener = NULL;
	s->waiting = false;
}

static int start_listening(struct sim *s)
{
	s->listener = malloc(sizeof(*s->listener));
	uv_pipe_init(s->loop, s->listener, 0);
	s->listener->data = s;
	int rc = uv_pipe_bind(s->listener, s->path);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)s->listener, BACKLOG, on_connection);
	if (rc < 0) {
		uv_close((uv_handle_t *)s->listener, on_listener_closed);
		s->listener = NULL;
	}
	return rc;
}

int sim_listen(struct sim *s, bool listen)
{
	if (listen == (s->listener != NULL))
		return 0;
	if (listen)
		return start_listening(s);
	stop_listening(s);
	return 0;
}

/* --- life --- */

struct sim *sim_new_at(uv_loop_t *loop, const char *path, int *error)
{
	struct sim *s = calloc(1, sizeof(*s));

	s->loop = loop;
	s->runtime = "runsc";
	snprintf(s->path, sizeof(s->path), "%s", path);
	snprintf(s->host, sizeof(s->host), "unix://%s", path);
	*error = strlen(path) < sizeof(s->path) ? start_listening(s) : UV_ENAMETOOLONG;
	if (*error == 0)
		return s;
	free(s);
	return NULL;
}

struct sim *sim_new(uv_loop_t *loop)
{
	char dir[] = "/tmp/sim-engine-XXXXXX", path[sizeof(dir) + 8];
	int error = 0;

	sim_expect(mkdtemp(dir) != NULL, "no folder for a socket");
	snprintf(path, sizeof(path), "%s/sock", dir);
	struct sim *s = sim_new_at(loop, path, &error);
	if (sim_expect(s != NULL, "cannot listen on %s: %s", path, uv_strerror(error)))
		strcpy(s->dir, dir);
	return s;
}

/* --- what it is like --- */

const char *sim_host(const struct sim *s)
{
	return s->host;
}

void sim_set_plan(struct sim *s, const struct sim_plan *plan)
{
	s->plan = *plan;
}

const struct sim_plan *sim_plan(const struct sim *s)
{
	return &s->plan;
}

void sim_refuse(struct sim *s, bool refuse)
{
	s->refusing = refuse;
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

/* --- all its connections --- */

static bool is_any(const struct connection *c)
{
	return !c->control;
}

static bool is_events(const struct connection *c)
{
	return c->events;
}

static bool is_stream(const struct connection *c)
{
	return c->attached != NULL;
}

static void drop(struct sim *s, bool (*which)(const struct connection *))
{
	struct connection *c, *next;

	DL_FOREACH_SAFE(s->connections, c, next)
	{
		if (which(c))
			sim_connection_close(c);
	}
}

void sim_drop_connections(struct sim *s)
{
	drop(s, is_any);
}

void sim_drop_events(struct sim *s)
{
	drop(s, is_events);
}

void sim_drop_streams(struct sim *s)
{
	drop(s, is_stream);
}

/* --- the end --- */

static void on_freed(uv_handle_t *handle)
{
	free(handle->data);
	free(handle);
}

/* What libuv may still call when this memory has gone has been told that its connection is closed, and looks no further. */
static void free_later(struct sim *s)
{
	uv_timer_t *handle = malloc(sizeof(*handle));

	uv_timer_init(s->loop, handle);
	handle->data = s;
	uv_close((uv_handle_t *)handle, on_freed);
}

void sim_free(struct sim *s)
{
	while (s->connections)
		sim_connection_close(s->connections);
	sim_forget_pendings(s);
	while (s->containers)
		sim_container_destroy(s->containers);
	sim_listen(s, false);
	if (s->dir[0])
		rmdir(s->dir);
	free_later(s);
}

/* --- counts --- */

const struct sim_count *sim_count(const struct sim *s, enum sim_verb verb)
{
	return &s->counts[verb];
}

struct sim_totals sim_totals(struct sim *s)
{
	struct sim_totals t = {.containers = sim_container_count(s),
			       .events = s->event_streams,
			       .accepted = s->accepted,
			       .bytes_in = s->bytes_in,
			       .bytes_out = s->bytes_out};
	struct sim_container *item;
	struct connection *c;

	for (item = s->containers; item; item = sim_container_next(item)) {
		t.running += item->running;
		t.streams += item->stream != NULL;
		t.terminals += sim_agent_terminals(&item->agent);
	}
	DL_FOREACH(s->connections, c)
	t.connections += !c->control;
	return t;
}

size_t sim_removing_max(const struct sim *s)
{
	return s->removing_max;
}

unsigned sim_remove_requests(const struct sim *s)
{
	return (unsigned)s->counts[SIM_REMOVE].requests;
}

size_t sim_event_streams(const struct sim *s)
{
	return s->event_streams;
}
