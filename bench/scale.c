/* Thousands of sessions and WebSockets, on the fake Engine: what an idle one costs in memory, and what they cost somebody who types. */

#include <stdio.h>
#include <stdlib.h>

#include "agent/protocol.h"
#include "bench/child.h"
#include "bench/figures.h"
#include "bench/socket.h"
#include "bench/web.h"

#define FAKE "build/release/fakes/engine"

/* Far more than either needs. */
#define DESCRIPTORS 65536

#define KIB_PER_MIB  1024
#define WARM_UP_KEYS 200
#define BATCH        100 /* WebSockets that open at once */

#define KEY_INTERVAL_NS 3000000

struct scale {
	struct bench *bench;
	struct child *fake;
	struct server *server;
	struct session typing; /* one that types */
	struct samples alone, beside;
	char (*ids)[WEB_ID_BYTES];
	struct socket **sockets;
	size_t sessions, websockets;
	struct server_memory bare, with_sessions, with_websockets;
	char path[64]; /* of the fake's socket */
};

static bool is_listening(void *arg)
{
	char text[128];

	return child_log_find(arg, "listening on", "\n", text, sizeof(text));
}

static void start_fake(struct scale *s)
{
	static const char *const environment[] = {NULL};

	snprintf(s->path, sizeof(s->path), "/tmp/bench-%s.sock", s->bench->run);
	const char *const argv[] = {FAKE, "--socket", s->path, NULL};
	s->fake = child_start(s->bench, "fake-engine", argv, environment, DESCRIPTORS);
	bench_poll(s->bench, is_listening, s->fake, "the fake Engine", BENCH_LIMIT_MS);
}

static void start_server(struct scale *s)
{
	char host[sizeof(s->path) + 8];

	snprintf(host, sizeof(host), "unix://%s", s->path);
	s->server = server_start(s->bench, host, 0);
	server_await_containers(s->server, 0);
}

/* --- typing --- */

/* The fake's shell has a cat of its own, in raw mode, which says nothing: the echo of a mark shows that it runs. */
static void start_typing(struct scale *s)
{
	session_start(&s->typing, s->server);
	line_type(s->typing.line, "cat\r#");
	line_await_text(s->typing.line, "#");
}

/* With pauses, so that each key finds everybody asleep, and all of them take seconds: what else the machine does then evens out. */
static void type(struct scale *s, struct samples *samples, size_t keys)
{
	for (size_t i = 0; i < WARM_UP_KEYS; i++)
		echo_once(s->typing.line);
	uint64_t due = uv_hrtime();
	for (size_t i = 0; i < keys; i++) {
		bench_wait_till(s->bench, due += KEY_INTERVAL_NS);
		samples_add(samples, echo_once(s->typing.line));
	}
}

/* --- the others --- */

static void create_sessions(struct scale *s)
{
	for (size_t i = 0; i < s->sessions; i++)
		web_create_session(s->server, s->ids[i]);
	s->with_sessions = server_memory(s->server);
}

static void open_websockets(struct scale *s)
{
	for (size_t i = 0; i < s->websockets; i++) {
		s->sockets[i] = socket_new(s->bench, s->server, s->ids[i % s->sessions]);
		for (size_t k = i / BATCH * BATCH; (i + 1) % BATCH == 0 && k <= i; k++)
			line_await_first(&s->sockets[k]->line);
	}
	for (size_t i = 0; i < s->websockets; i++)
		line_await_first(&s->sockets[i]->line);
}

static bool is_alone(void *arg)
{
	struct scale *s = arg;

	return server_websockets(s->server) == 1;
}

static void close_websockets(struct scale *s)
{
	for (size_t i = 0; i < s->websockets; i++)
		socket_free(s->sockets[i]);
	bench_poll(s->bench, is_alone, s, "the end of the WebSockets", BENCH_LIMIT_MS);
}

/* --- figures --- */

static void report_memory(struct scale *s)
{
	static char title[96];
	double sessions = s->with_sessions.resident_kib - s->bare.resident_kib;
	double websockets = s->with_websockets.resident_kib - s->with_sessions.resident_kib;
	double thousands = (double)s->websockets / 1000;

	report_cost(&s->bench->report,
		    &(struct cost){.group = "scale",
				   .title = "resident memory for an idle session",
				   .unit = "KiB",
				   .value = sessions / (double)s->sessions,
				   .goal = 32});
	report_cost(&s->bench->report,
		    &(struct cost){.group = "scale",
				   .title = "resident memory for 1000 idle WebSockets",
				   .unit = "MiB",
				   .value = websockets / thousands / KIB_PER_MIB,
				   .goal = 16});
	snprintf(title, sizeof(title), "resident memory with %zu sessions, %zu WebSockets",
		 s->sessions, s->websockets);
	report_cost(&s->bench->report,
		    &(struct cost){.group = "scale",
				   .title = title,
				   .unit = "MiB",
				   .value = s->with_websockets.resident_kib / KIB_PER_MIB});
}

static void report_typing(struct scale *s)
{
	static char title[96];

	snprintf(title, sizeof(title), "echo beside %zu idle WebSockets", s->websockets);
	report_figure(&s->bench->report,
		      &(struct figure){
			      .group = "scale",
			      .title = title,
			      .unit = "ms",
			      .ours = samples_summarize(&s->beside, false),
			      .reference_title = "the same alone, before and after",
			      .reference = samples_summarize(&s->alone, false),
			      .ratio = RATIO_P50,
			      .ratio_goal = 1.5,
		      });
}

/* --- beginning and end --- */

static void begin(struct scale *s)
{
	s->sessions = size_of(SIZE_SCALE_SESSIONS);
	s->websockets = size_of(SIZE_SCALE_WEBSOCKETS);
	if (s->websockets > s->sessions * (AGENT_TERMINALS_MAX - 1))
		bench_fail(s->bench, "%zu sessions cannot have %zu WebSockets", s->sessions,
			   s->websockets);
	s->ids = bench_allocate(s->sessions, sizeof(*s->ids));
	s->sockets = bench_allocate(s->websockets, sizeof(struct socket *));
	start_fake(s);
	start_server(s);
	start_typing(s);
}

static void end(struct scale *s)
{
	session_end(&s->typing);
	for (size_t i = 0; i < s->sessions; i++)
		web_delete_session(s->server, s->ids[i]);
	server_await_containers(s->server, 0);
	server_stop(s->server);
	child_stop(s->fake);
	samples_finish(&s->alone);
	samples_finish(&s->beside);
	free(s->ids);
	free(s->sockets);
}

void measure_scale(struct bench *b)
{
	size_t keys = size_of(SIZE_SCALE_KEYS);
	struct scale s = {.bench = b};

	begin(&s);
	type(&s, &s.alone, keys / 2);
	s.bare = server_memory(s.server);
	bench_say("%zu sessions", s.sessions);
	create_sessions(&s);
	bench_say("%zu WebSockets", s.websockets);
	open_websockets(&s);
	bench_wait_till(b, uv_hrtime() + size_of(SIZE_SCALE_SECONDS) * 1000000000);
	s.with_websockets = server_memory(s.server);
	type(&s, &s.beside, keys);
	close_websockets(&s);
	type(&s, &s.alone, keys - keys / 2);
	report_memory(&s);
	report_typing(&s);
	end(&s);
}
