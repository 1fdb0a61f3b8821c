/* A session from the warm pool, at two arrivals a second: what its user waits for, beside the least that any WebSocket costs here. */

#include "bench/figures.h"
#include "bench/socket.h"
#include "bench/web.h"

/* Half of the time between two arrivals: in turns, each side has one. */
#define STEP_NS 250000000

struct arrivals {
	struct server *server;
	char id[WEB_ID_BYTES]; /* of a session that stays, for the reference */
	uint64_t due_ns;
	struct samples connect, whole, open, bare;
};

/* Milliseconds from connecting to the first byte of the prompt. */
static void ours(void *arg)
{
	struct arrivals *a = arg;
	struct session s;

	bench_wait_till(a->server->bench, a->due_ns += STEP_NS);
	uint64_t start = uv_hrtime();
	s.server = a->server;
	web_create_session(a->server, s.id);
	uint64_t created = uv_hrtime();
	s.socket = socket_new(a->server->bench, a->server, s.id);
	line_await_first(&s.socket->line);
	samples_add(&a->connect, bench_ms(created, s.socket->line.first_ns));
	samples_add(&a->whole, bench_ms(start, s.socket->line.first_ns));
	session_end(&s);
}

/* A request that nothing has to be done for, a WebSocket, and a ping on it. Its shell, which is not waited for, ends with it. */
static void reference(void *arg)
{
	struct arrivals *a = arg;
	long status;

	bench_wait_till(a->server->bench, a->due_ns += STEP_NS);
	uint64_t start = uv_hrtime();
	json_decref(web_call(a->server, "GET", "/api/v1/environments", NULL, &status));
	uint64_t answered = uv_hrtime();
	struct socket *s = socket_new(a->server->bench, a->server, a->id);
	socket_await_open(s);
	socket_ping(s);
	samples_add(&a->open, bench_ms(answered, s->pong_ns));
	samples_add(&a->bare, bench_ms(start, s->pong_ns));
	socket_free(s);
}

static void report(struct bench *b, struct arrivals *a)
{
	report_figure(&b->report, &(struct figure){
					  .group = "connect",
					  .title = "connect to the first prompt byte, warm",
					  .unit = "ms",
					  .ours = samples_summarize(&a->connect, false),
					  .reference_title = "WebSocket open, ping, pong",
					  .reference = samples_summarize(&a->open, false),
					  .ratio = RATIO_P50,
					  .ratio_goal = 2,
					  .p99_goal = 20,
				  });
	report_figure(&b->report, &(struct figure){
					  .group = "connect",
					  .title = "POST /sessions to the first prompt byte, warm",
					  .unit = "ms",
					  .ours = samples_summarize(&a->whole, false),
					  .reference_title = "GET, then WebSocket open, ping, pong",
					  .reference = samples_summarize(&a->bare, false),
					  .ratio = RATIO_P50,
				  });
}

static void report_pool(struct bench *b, const struct server_health *before,
			const struct server_health *after)
{
	report_cost(&b->report, &(struct cost){
					.group = "connect",
					.title = "spare sandboxes found",
					.unit = "",
					.value = (double)(after->pool_hits - before->pool_hits),
				});
	report_cost(&b->report, &(struct cost){
					.group = "connect",
					.title = "not found",
					.unit = "",
					.value = (double)(after->pool_misses - before->pool_misses),
				});
}

static void drop_samples(struct arrivals *a)
{
	a->connect.count = a->whole.count = a->open.count = a->bare.count = 0;
}

static void finish(struct arrivals *a)
{
	samples_finish(&a->connect);
	samples_finish(&a->whole);
	samples_finish(&a->open);
	samples_finish(&a->bare);
}

void measure_connect(struct bench *b)
{
	static const bench_side_fn sides[] = {ours, reference, NULL};
	struct arrivals a = {.server =
				     server_start(b, b->docker_host, (unsigned)size_of(SIZE_POOL))};

	server_await_pool(a.server);
	web_create_session(a.server, a.id);
	a.due_ns = uv_hrtime();
	bench_take_turns(1, sides, &a);
	server_await_pool(a.server);
	drop_samples(&a);
	struct server_health before = server_health(a.server);
	a.due_ns = uv_hrtime();
	bench_take_turns(size_of(SIZE_ARRIVALS), sides, &a);
	struct server_health after = server_health(a.server);
	report(b, &a);
	report_pool(b, &before, &after);
	web_delete_session(a.server, a.id);
	server_stop(a.server);
	finish(&a);
}
