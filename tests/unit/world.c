#include "world.h"

#include <check.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "engine/docker_internal.h"

/* Far more than anything here takes, also under sanitizers. */
#define PATIENCE_TICKS 3000

/* Beyond every pause between two attempts. */
#define RETRY_MS 60000

struct world world;
struct limits world_limits;
int world_pool_size;
const struct client anybody = {.tier = TIER_ANONYMOUS, .key = {"anybody"}, .name = "anybody"};

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
	ck_assert_msg(world.ticks_left-- > 0, "waited in vain");
	world_sweep(0);
}

static const char *getenv_test(const char *name)
{
	if (strcmp(name, "WORKER_ID") == 0)
		return WORLD_WORKER;
	if (strcmp(name, "CIRCUIT_MAX_MEMORY_PERCENT") == 0)
		return "100";
	if (strcmp(name, "CIRCUIT_MAX_CONTAINERS") == 0)
		return "1000";
	return strstr(name, "_PER_") ? "0" : NULL;
}

static bool ready(void)
{
	return watch_can_start(world.watch, &environments[0]) && sim_event_streams(world.sim);
}

void world_up(void)
{
	struct world *w = &world;
	char complaints[256];

	signal(SIGPIPE, SIG_IGN);
	memset(w, 0, sizeof(*w));
	ck_assert_msg(config_load(&w->config, getenv_test, complaints, sizeof(complaints)) == 0,
		      "%s", complaints);
	log_configure(LOG_ERROR, LOG_TEXT);
	ck_assert_int_eq(uv_loop_init(&w->loop), 0);
	uv_timer_init(&w->loop, &w->tick);
	w->sim = sim_new(&w->loop);
	w->docker = docker_new(&w->loop, sim_host(w->sim), NULL);
	w->reaper = reaper_new(w->docker);
	w->fleet = fleet_new(&w->config, w->docker, w->reaper, "instance", NULL);
	w->watch = watch_new(&w->loop, &w->config, w->docker, w->fleet);
	w->capacity = capacity_new(&w->loop, &w->config);
	w->config.limits[TIER_ANONYMOUS] = world_limits;
	w->config.pool_size = world_pool_size;
	w->places = 1000;
	if (world_pool_size)
		w->pool = pool_new(&(struct pool_parts){
			.config = &w->config, .fleet = w->fleet, .watch = w->watch});
	w->limiter =
		limiter_new(&w->loop, &(struct limiter_settings){.limits = w->config.limits,
								 .site_factor = WORLD_SITE_FACTOR,
								 .clients_max = 1000});
	w->sessions = sessions_new(&(struct sessions_parts){.config = &w->config,
							    .fleet = w->fleet,
							    .watch = w->watch,
							    .capacity = w->capacity,
							    .pool = w->pool,
							    .limiter = w->limiter});
	ck_assert(w->docker && w->reaper && w->fleet && w->watch && w->capacity && w->limiter &&
		  w->sessions);
	uv_timer_start(&w->tick, on_tick, 0, 1);
	world_until(ready);
}

void world_down(void)
{
	struct world *w = &world;

	sessions_free(w->sessions);
	pool_free(w->pool);
	limiter_free(w->limiter);
	capacity_free(w->capacity);
	watch_free(w->watch);
	fleet_free(w->fleet);
	reaper_free(w->reaper);
	ck_assert_ptr_null(w->docker->calls);
	docker_free(w->docker);
	sim_free(w->sim);
	uv_close((uv_handle_t *)&w->tick, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

void world_until(bool (*done)(void))
{
	world.ticks_left = PATIENCE_TICKS;
	while (!done())
		uv_run(&world.loop, UV_RUN_ONCE);
}

void world_turns(int count)
{
	world.ticks_left = PATIENCE_TICKS;
	while (count--)
		uv_run(&world.loop, UV_RUN_NOWAIT);
}

void world_sweep(uint64_t ahead_ms)
{
	uint64_t now_ms = clock_monotonic_ms() + ahead_ms;

	watch_sweep(world.watch, now_ms);
	capacity_sweep(world.capacity, now_ms);
	if (world.pool)
		pool_sweep(world.pool, world.places, now_ms);
	sessions_sweep(world.sessions, now_ms);
	fleet_sweep(world.fleet, now_ms);
	reaper_sweep(world.reaper, now_ms);
}

static bool nothing_left(void)
{
	const struct session_stats *n = sessions_stats(world.sessions);
	const struct docker_call *calls = world.docker->calls;

	for (size_t i = 0; i < SESSION_STATES; i++)
		if (n->by_state[i])
			return false;
	return !n->terminals && !fleet_count(world.fleet) && !reaper_count(world.reaper) &&
	       !sim_container_count(world.sim) && calls && !calls->next && calls->on_event;
}

static bool settled(void)
{
	if (nothing_left())
		return true;
	sim_release(world.sim);
	watch_sweep(world.watch, clock_monotonic_ms() + RETRY_MS);
	reaper_sweep(world.reaper, clock_monotonic_ms() + RETRY_MS);
	return false;
}

void world_settle(void)
{
	world_until(settled);
}
