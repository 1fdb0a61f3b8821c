/*
 * sandbox-api: reads the configuration, builds the objects in order, runs the loop, tears down in reverse.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop_lag.h"
#include "base/notify.h"
#include "base/random.h"
#include "base/worker_lock.h"
#include "check/check.h"
#include "config/config.h"
#include "config/startup.h"
#include "edge/identity.h"
#include "edge/server.h"
#include "engine/docker.h"
#include "sandbox/watch.h"
#include "session/session.h"

/* How often deadlines are looked at. */
#define SWEEP_INTERVAL_MS 100

/* A third of what a processor carries under gVisor: the rest is for those who type. Two processors let one terminal flood as fast as it can. */
#define OUTPUT_BYTES_PER_CPU 4000000

/* Draining, every sandbox must be gone by then; a service manager's patience ends soon after. */
#define DRAIN_LIMIT_MS 9000

struct app {
	struct arguments arguments;
	struct config config;
	char instance[17];
	int lock;
	struct notify notify;
	uv_loop_t loop;
	uv_timer_t sweep;
	struct loop_lag loop_lag;
	uv_signal_t terminate, interrupt;
	struct docker *docker;
	struct reaper *reaper;
	struct pace *pace;
	struct fleet *fleet;
	struct watch *watch;
	struct guard *guard;
	struct pool *pool;
	struct capacity *capacity;
	struct limiter *limiter;
	struct identity *identity;
	struct sessions *sessions;
	struct server *server;
	uint64_t drain_deadline_ms; /* 0: not draining */
	char url[CONFIG_TEXT_BYTES + 32];
	bool ready;             /* has said so */
	unsigned runtime_epoch; /* of the Engine, in which the runtime was announced last */
	int exit_code;
};

static void warn_of_openness(const struct config *config)
{
	if (!config->use_gvisor)
		log_warn("config.unsafe",
			 LOG_S("warning", "SANDBOX_USE_GVISOR=false: sandboxes share this "
					  "host's kernel. Never let strangers in."));
	if (config_is_open(config))
		log_warn("config.open",
			 LOG_S("warning", "listening beyond loopback without SANDBOX_API_KEY and "
					  "SANDBOX_ALLOWED_ORIGINS: anybody who reaches this "
					  "port gets a terminal."));
}

/* The line a person at the terminal waits for: from now on a session can be had. */
static void announce_ready(struct app *app)
{
	app->ready = watch_can_start(app->watch, &environments[0]) &&
		     guard_ok(app->guard, watch_health(app->watch)->epoch);
	if (app->ready)
		log_info("server.ready", LOG_S("url", app->url));
}

/* Once for each Engine that comes: what holds the sandboxes, as seen, not as configured. */
static void announce_runtime(struct app *app)
{
	const struct engine_health *engine = watch_health(app->watch);
	const char *kind;

	if (app->runtime_epoch == engine->epoch || engine->runtime_epoch != engine->epoch ||
	    !guard_ok(app->guard, engine->epoch))
		return;
	app->runtime_epoch = engine->epoch;
	kind = canary_kind_name(guard_kind(app->guard));
	log_info("runtime.in_force", LOG_S("kind", kind ? kind : "host"),
		 LOG_S("version", engine->runtime_version),
		 LOG_S("platform", engine->runtime_platform));
}

static void sweep_guard(struct app *app, uint64_t now_ms)
{
	const struct environment *startable = NULL;

	for (size_t i = 0; i < ENVIRONMENT_COUNT && !startable; i++)
		if (watch_can_start(app->watch, &environments[i]))
			startable = &environments[i];
	guard_sweep(app->guard, startable, watch_health(app->watch)->epoch, now_ms);
}

/* Where memory is short, the pool gives back. */
static void sweep_pool(struct app *app, uint64_t now_ms)
{
	struct capacity_report r = capacity_report(app->capacity, fleet_containers(app->fleet));

	pool_sweep(app->pool, r.memory_short ? 0 : r.max_containers, now_ms);
}

static void tell_manager(struct app *app, uint64_t now_ms)
{
	char status[NOTIFY_STATUS_BYTES];

	server_describe(app->server, status, sizeof(status));
	notify_status(&app->notify, status);
	notify_sweep(&app->notify, now_ms);
}

static void on_sweep(uv_timer_t *timer)
{
	struct app *app = timer->data;
	uint64_t now_ms = clock_monotonic_ms();

	loop_lag_note(&app->loop_lag, uv_now(&app->loop), SWEEP_INTERVAL_MS, clock_monotonic_ns());
	watch_sweep(app->watch, now_ms);
	sweep_guard(app, now_ms);
	capacity_sweep(app->capacity, now_ms);
	sweep_pool(app, now_ms);
	sessions_sweep(app->sessions, now_ms);
	fleet_sweep(app->fleet, now_ms);
	reaper_sweep(app->reaper, now_ms);
	server_sweep(app->server, now_ms);
	tell_manager(app, now_ms);
	announce_runtime(app);
	if (!app->ready)
		announce_ready(app);
	if (!app->drain_deadline_ms)
		return;
	size_t left = fleet_count(app->fleet) + reaper_count(app->reaper);
	if (left && now_ms < app->drain_deadline_ms)
		return;
	if (left)
		log_error("drain.incomplete", LOG_U("containers", left));
	if (left || !server_peer_count(app->server) || now_ms >= app->drain_deadline_ms)
		uv_stop(&app->loop);
}

/* The second signal does not wait. */
static void on_signal(uv_signal_t *handle, int number)
{
	struct app *app = handle->data;

	if (app->drain_deadline_ms) {
		log_warn("server.killed", LOG_I("signal", number));
		app->exit_code = 1;
		uv_stop(&app->loop);
		return;
	}
	log_info("server.draining", LOG_I("signal", number));
	notify_state(&app->notify, "STOPPING");
	app->drain_deadline_ms = clock_monotonic_ms() + DRAIN_LIMIT_MS;
	guard_stop(app->guard);
	pool_stop(app->pool);
	sessions_drain(app->sessions);
	tell_manager(app, clock_monotonic_ms());
}

static uint64_t output_per_second(const struct config *config)
{
	return config->max_output_bytes
		       ? (uint64_t)config->max_output_bytes
		       : OUTPUT_BYTES_PER_CPU * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
}

static int build(struct app *app, struct err *err)
{
	app->docker = docker_new(&app->loop, app->config.docker_host, err);
	if (!app->docker)
		return -1;
	app->reaper = reaper_new(app->docker);
	app->pace = pace_new(&app->loop, output_per_second(&app->config), pty_on_turn);
	app->fleet = fleet_new(&app->config, app->docker, app->reaper, app->instance, app->pace);
	app->watch = watch_new(&app->loop, &app->config, app->docker, app->fleet);
	app->guard = guard_new(&app->config, app->fleet);
	app->capacity = capacity_new(&app->loop, &app->config);
	app->pool = pool_new(&(struct pool_parts){.config = &app->config,
						  .fleet = app->fleet,
						  .watch = app->watch,
						  .guard = app->guard});
	app->limiter = limiter_new(
		&app->loop, &(struct limiter_settings){.limits = app->config.limits,
						       .site_factor = app->config.site_factor,
						       .clients_max = LIMITER_CLIENTS_MAX});
	app->sessions = sessions_new(&(struct sessions_parts){.config = &app->config,
							      .fleet = app->fleet,
							      .watch = app->watch,
							      .guard = app->guard,
							      .capacity = app->capacity,
							      .pool = app->pool,
							      .limiter = app->limiter});
	if (!app->reaper || !app->pace || !app->fleet || !app->watch || !app->guard || !app->pool ||
	    !app->capacity || !app->limiter || !app->sessions)
		return err_set(err, ERR_INTERNAL, 0, "no memory");
	app->identity = identity_new(&app->config, err);
	return app->identity ? 0 : -1;
}

static int listen_for_clients(struct app *app, struct err *err)
{
	struct server_parts parts = {.loop = &app->loop,
				     .config = &app->config,
				     .loop_lag = &app->loop_lag,
				     .docker = app->docker,
				     .sessions = app->sessions,
				     .watch = app->watch,
				     .guard = app->guard,
				     .capacity = app->capacity,
				     .pool = app->pool,
				     .fleet = app->fleet,
				     .pace = app->pace,
				     .limiter = app->limiter,
				     .identity = app->identity};

	loop_lag_init(&app->loop_lag);
	app->server = server_new(&parts, err);
	return app->server ? 0 : -1;
}

static void watch_signals(struct app *app)
{
	signal(SIGPIPE, SIG_IGN);
	uv_timer_init(&app->loop, &app->sweep);
	uv_signal_init(&app->loop, &app->terminate);
	uv_signal_init(&app->loop, &app->interrupt);
	app->sweep.data = app->terminate.data = app->interrupt.data = app;
	uv_timer_start(&app->sweep, on_sweep, 0, SWEEP_INTERVAL_MS);
	uv_signal_start(&app->terminate, on_signal, SIGTERM);
	uv_signal_start(&app->interrupt, on_signal, SIGINT);
}

/* Our own timer and signals fire no more while what they need is taken apart. */
static void stop_handle(uv_handle_t *handle, void *arg)
{
	const struct app *app = arg;

	if (handle == (const uv_handle_t *)&app->sweep ||
	    handle == (const uv_handle_t *)&app->terminate ||
	    handle == (const uv_handle_t *)&app->interrupt)
		uv_close(handle, NULL);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void tear_down(struct app *app)
{
	uv_walk(&app->loop, stop_handle, app);
	sessions_free(app->sessions);
	server_free(app->server);
	identity_free(app->identity);
	limiter_free(app->limiter);
	capacity_free(app->capacity);
	pool_free(app->pool);
	guard_free(app->guard);
	watch_free(app->watch);
	fleet_free(app->fleet);
	pace_free(app->pace);
	reaper_free(app->reaper);
	docker_free(app->docker);
	uv_walk(&app->loop, close_handle, NULL);
	uv_run(&app->loop, UV_RUN_DEFAULT);
	uv_loop_close(&app->loop);
	close(app->lock);
	notify_finish(&app->notify);
}

static void write_url(char *url, size_t size, const char *host, int port, const char *path)
{
	bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
	bool v6 = strchr(host, ':') != NULL;

	snprintf(url, size, "http://%s%s%s:%d%s", v6 && !any ? "[" : "", any ? "localhost" : host,
		 v6 && !any ? "]" : "", port, path);
}

static void announce_metrics(const struct config *config)
{
	char url[CONFIG_TEXT_BYTES + 32];

	if (!config->metrics_port)
		return;
	write_url(url, sizeof(url), config->metrics_host, (int)config->metrics_port, "/metrics");
	log_info("metrics.listening", LOG_S("url", url));
	if (!config_is_loopback(config->metrics_host))
		log_warn("metrics.open",
			 LOG_S("warning", "METRICS_HOST is beyond loopback: anybody who reaches "
					  "METRICS_PORT reads the metrics."));
}

static void announce(struct app *app)
{
	const struct config *config = &app->config;

	write_url(app->url, sizeof(app->url), config->host, server_port(app->server), "/");
	const struct log_field fields[] = {
		LOG_S("url", app->url), LOG_S("worker", config->worker_id),
		LOG_S("version", VERSION), LOG_S("engine", config->docker_host),
		LOG_S("config", app->arguments.config_file)};
	log_write(LOG_INFO, "server.listening", fields, app->arguments.config_file ? 5 : 4);
}

int main(int argc, char **argv)
{
	static struct app app;
	struct err err;
	int code = startup_read(argc, argv, &app.arguments, &app.config);

	if (code >= 0)
		return code;
	if (app.arguments.verb == VERB_CHECK)
		return check_run(&app.config);
	log_configure((enum log_level)app.config.log_level, (enum log_format)app.config.log_format);
	notify_init(&app.notify);
	app.lock = worker_lock_take(app.config.worker_id);
	if (app.lock < 0) {
		fprintf(stderr, "sandbox-api: another server with WORKER_ID %s runs on this host\n",
			app.config.worker_id);
		return 1;
	}
	if (uv_loop_init(&app.loop) != 0 || !random_hex(app.instance, sizeof(app.instance) / 2))
		return 1;
	if (build(&app, &err) == 0 && listen_for_clients(&app, &err) == 0) {
		warn_of_openness(&app.config);
		watch_signals(&app);
		announce(&app);
		announce_metrics(&app.config);
		notify_state(&app.notify, "READY");
		uv_run(&app.loop, UV_RUN_DEFAULT);
		log_info("server.stopped", LOG_I("exit_code", app.exit_code));
	} else {
		fprintf(stderr, "sandbox-api: %s\n", err.msg);
		app.exit_code = 1;
	}
	tear_down(&app);
	return app.exit_code;
}
