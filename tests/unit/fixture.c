#include <check.h>
#include <signal.h>
#include <string.h>

#include "engine/docker_internal.h"
#include "fake_engine.h"

#define GUARD_MS 3000

struct fixture fx;

static void on_guard(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("the loop waited for 3 s");
}

/* Before the loop would wait: a timer's callback may have brought what we wait for. */
static void on_prepare(uv_prepare_t *prepare)
{
	if (*fx.count >= fx.wanted)
		uv_stop(prepare->loop);
}

void run_until(const unsigned *count, unsigned n)
{
	fx.count = count;
	fx.wanted = n;
	uv_timer_start(&fx.guard, on_guard, GUARD_MS, 0);
	uv_prepare_start(&fx.prepare, on_prepare);
	uv_run(&fx.loop, UV_RUN_DEFAULT);
	uv_prepare_stop(&fx.prepare);
	uv_timer_stop(&fx.guard);
	ck_assert_uint_ge(*count, n);
}

static void on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

void run_for_ms(unsigned ms)
{
	uv_timer_start(&fx.guard, on_time, ms, 0);
	uv_run(&fx.loop, UV_RUN_DEFAULT);
}

void run_some(void)
{
	for (int i = 0; i < 20; i++)
		uv_run(&fx.loop, UV_RUN_NOWAIT);
}

static void on_version(void *arg, const struct docker_version *v, const struct err *err)
{
	ck_assert_msg(!err, "%s", err ? err->msg : "");
	ck_assert_str_eq(v->api_version, "1.41");
	++*(unsigned *)arg;
}

void fixture_up(void)
{
	unsigned done = 0;

	signal(SIGPIPE, SIG_IGN);
	memset(&fx, 0, sizeof(fx));
	ck_assert_int_eq(uv_loop_init(&fx.loop), 0);
	uv_timer_init(&fx.loop, &fx.guard);
	uv_prepare_init(&fx.loop, &fx.prepare);
	fx.engine = fake_new(&fx.loop);
	fx.docker = docker_new(&fx.loop, fake_host(fx.engine), NULL);
	ck_assert_ptr_nonnull(fx.docker);
	fake_json(fx.engine, 200,
		  "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}");
	ck_assert_ptr_nonnull(docker_negotiate(fx.docker, on_version, &done, NULL));
	run_until(&done, 1);
}

void fixture_down(void)
{
	docker_free(fx.docker);
	fake_free(fx.engine);
	uv_close((uv_handle_t *)&fx.guard, NULL);
	uv_close((uv_handle_t *)&fx.prepare, NULL);
	uv_run(&fx.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&fx.loop), 0);
}
