#include "bench/bench.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "bench/child.h"
#include "bench/raw.h"

#define TICK_MS      10
#define END_LIMIT_MS 60000
#define READ_BYTES   65536

void *bench_allocate(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		abort();
	return p;
}

void bench_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char buffer[READ_BYTES];

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(buffer, sizeof(buffer));
}

void bench_say(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "bench: %s\n", text);
}

/* --- failing --- */

static void note(struct bench *b, const char *format, va_list args)
{
	if (!b->failure[0] && !b->ending)
		vsnprintf(b->failure, sizeof(b->failure), format, args);
}

void bench_note_failure(struct bench *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(b, format, args);
	va_end(args);
}

void bench_fail(struct bench *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(b, format, args);
	va_end(args);
	bench_say("%s", b->failure);
	bench_finish(b);
	exit(1);
}

/* --- waiting --- */

static void on_late(uv_timer_t *timer)
{
	struct bench *b = timer->data;

	b->late = true;
}

static bool is_over(struct bench *b)
{
	return b->is_so(b->is_so_arg) || b->late || b->failure[0];
}

/* The loop runs timers before it waits for events: what they have brought about must not wait for the next event. */
static void on_gate(uv_prepare_t *gate)
{
	if (is_over(gate->data))
		uv_stop(gate->loop);
}

bool bench_turn(struct bench *b, bench_test_fn is_so, void *arg, unsigned limit_ms)
{
	b->late = false;
	b->is_so = is_so;
	b->is_so_arg = arg;
	uv_update_time(&b->loop);
	uv_timer_start(&b->limit, on_late, limit_ms, 0);
	uv_prepare_start(&b->gate, on_gate);
	while (!is_over(b))
		uv_run(&b->loop, UV_RUN_ONCE);
	uv_prepare_stop(&b->gate);
	uv_timer_stop(&b->limit);
	return is_so(arg) && !b->failure[0];
}

void bench_until(struct bench *b, bench_test_fn is_so, void *arg, const char *what,
		 unsigned limit_ms)
{
	if (!bench_turn(b, is_so, arg, limit_ms))
		bench_fail(b, "waited %u s for %s", limit_ms / 1000, what);
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

bool bench_turn_polling(struct bench *b, bench_test_fn is_so, void *arg, unsigned limit_ms)
{
	uv_timer_start(&b->tick, on_tick, TICK_MS, TICK_MS);
	bool so = bench_turn(b, is_so, arg, limit_ms);
	uv_timer_stop(&b->tick);
	return so;
}

void bench_poll(struct bench *b, bench_test_fn is_so, void *arg, const char *what,
		unsigned limit_ms)
{
	if (!bench_turn_polling(b, is_so, arg, limit_ms))
		bench_fail(b, "waited %u s for %s", limit_ms / 1000, what);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

void bench_wait_till(struct bench *b, uint64_t ns)
{
	uint64_t now = uv_hrtime();

	if (ns > now)
		bench_turn(b, never, NULL, (unsigned)((ns - now) / 1000000));
	if (b->failure[0])
		bench_fail(b, "ended while waiting");
}

/* Each side is first in turn; who follows changes its direction when all have been. */
void bench_take_turns(size_t rounds, const bench_side_fn *sides, void *arg)
{
	size_t count = 0;

	while (sides[count])
		count++;
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++) {
			bool forwards = round / count % 2 == 0;
			sides[(round + (forwards ? i : count - i)) % count](arg);
		}
}

double bench_ms(uint64_t from_ns, uint64_t to_ns)
{
	return (double)(to_ns - from_ns) / 1e6;
}

/* --- beginning and end --- */

static void on_signal(uv_signal_t *handle, int number)
{
	bench_note_failure(handle->data, "ended by signal %d", number);
}

static void set_up_loop(struct bench *b)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&b->loop);
	uv_timer_init(&b->loop, &b->limit);
	uv_timer_init(&b->loop, &b->tick);
	uv_prepare_init(&b->loop, &b->gate);
	b->limit.data = b->gate.data = b;
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&b->loop, &b->signals[i]);
		b->signals[i].data = b;
		uv_signal_start(&b->signals[i], on_signal, numbers[i]);
	}
}

static void on_version(void *arg, const struct docker_version *v, const struct err *err)
{
	struct bench *b = arg;

	(void)v;
	b->connected = true;
	if (err)
		bench_note_failure(b, "%s: %s", b->docker_host, err->msg);
}

static bool is_connected(void *arg)
{
	return ((struct bench *)arg)->connected;
}

/* There is nothing to tidy up yet. */
_Noreturn static void give_up(const char *why)
{
	bench_say("%s", why);
	exit(1);
}

static void connect_engine(struct bench *b)
{
	struct err err;

	b->docker = docker_new(&b->loop, b->docker_host, &err);
	if (!b->docker || !docker_negotiate(b->docker, on_version, b, &err))
		give_up(err.msg);
	if (!bench_turn(b, is_connected, b, BENCH_LIMIT_MS))
		give_up(b->failure);
}

void bench_init(struct bench *b, const char *docker_host, const char *runtime)
{
	*b = (struct bench){.docker_host = docker_host, .runtime = runtime};
	if (!random_hex(b->run, sizeof(b->run) / 2))
		abort();
	snprintf(b->worker, sizeof(b->worker), "bench-%s", b->run);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	set_up_loop(b);
	connect_engine(b);
}

/* What is removed in the end: by name, since the list is the Engine's to free. */
struct leftovers {
	struct bench *bench;
	size_t under_way;
	bool listed, failed;
};

static bool is_listed(void *arg)
{
	return ((struct leftovers *)arg)->listed;
}

static bool are_gone(void *arg)
{
	return !((struct leftovers *)arg)->under_way;
}

static void on_removed(void *arg, const struct err *err)
{
	struct leftovers *l = arg;

	l->under_way--;
	if (err && err->kind != ERR_BUSY) {
		bench_say("removing a container: %s", err->msg);
		l->failed = true;
	}
}

static void on_list(void *arg, const struct docker_container *list, size_t count,
		    const struct err *err)
{
	struct leftovers *l = arg;
	struct err failure;

	l->listed = true;
	if (err)
		bench_say("listing containers: %s", err->msg);
	l->failed |= err != NULL;
	for (size_t i = 0; i < count && !err; i++) {
		if (docker_remove(l->bench->docker, list[i].id, on_removed, l, &failure))
			l->under_way++;
		else
			l->failed = true;
	}
}

static bool remove_labelled(struct bench *b, const char *name, const char *value)
{
	struct leftovers l = {.bench = b};
	char filter[128];
	struct err err;

	snprintf(filter, sizeof(filter), "%s=%s", name, value);
	return docker_list(b->docker, filter, BENCH_LABEL, on_list, &l, &err) &&
	       bench_turn(b, is_listed, &l, END_LIMIT_MS) &&
	       bench_turn(b, are_gone, &l, END_LIMIT_MS) && !l.failed;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

bool bench_finish(struct bench *b)
{
	b->failure[0] = '\0';
	b->ending = true;
	bool clean = raw_settle_all(b);
	clean &= child_stop_all(b);
	clean &= remove_labelled(b, BENCH_LABEL, b->run);
	clean &= remove_labelled(b, "sandbox-api.worker", b->worker);
	docker_free(b->docker);
	uv_walk(&b->loop, close_handle, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	curl_global_cleanup();
	report_finish(&b->report);
	return clean;
}
