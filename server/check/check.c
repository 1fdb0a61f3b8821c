#include "check/check.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker_lock.h"
#include "check/engine.h"
#include "check/host.h"
#include "check/report.h"
#include "engine/docker.h"
#include "sandbox/canary.h"
#include "sandbox/runtime.h"
#include "sandbox/version_query.h"

#define SWEEP_INTERVAL_MS 10

/* How long the Engine may take to remove what the check has made. */
#define REMOVAL_LIMIT_MS 30000

struct check {
	struct config config; /* with a worker id of our own */
	struct report report;
	int lock; /* on that worker id; -1: somebody else has it */
	char instance[17];
	uv_loop_t loop;
	uv_timer_t sweep;
	uv_signal_t interrupt, terminate;
	struct docker *docker;
	struct reaper *reaper;
	struct fleet *fleet;
	struct capacity *capacity;
	struct docker_call *call; /* the question under way: one at a time */
	uint64_t asked_ms;
	struct version_query *version;
	char platform[RUNTIME_PLATFORM_BYTES];
	size_t image;                          /* the environment whose image is being asked for */
	const struct environment *environment; /* the first one whose image is there */
	bool runtime_ok;
	struct canary *canary;
	char container[DOCKER_NAME_MAX]; /* of the canary; "": it has not run */
	uint64_t removal_deadline_ms;    /* 0: nothing is to be gone yet */
	bool interrupted, over;
};

/* --- the way from one question to the next --- */

static void finish(struct check *c)
{
	c->over = true;
	uv_stop(&c->loop);
}

/* The Engine, or our memory, gives no answer to go on with. */
static void give_up(struct check *c, const struct err *err)
{
	report_line(&c->report, VERDICT_FAIL,
		    "the Docker Engine does not answer as it should: %s. Look at its log "
		    "(journalctl -u docker)",
		    err->msg);
	finish(c);
}

static void asked(struct check *c, struct docker_call *call, const struct err *err)
{
	c->call = call;
	c->asked_ms = clock_monotonic_ms();
	if (!call)
		give_up(c, err);
}

/* False when the Engine has not said what containers of the check there are. What is nobody's goes to the reaper. */
static bool take_list(struct check *c, const struct docker_container *list, size_t count,
		      const struct err *err)
{
	c->call = NULL;
	if (err)
		give_up(c, err);
	else
		fleet_reconcile(c->fleet, list, count);
	return !err;
}

/* --- the end: nothing is left --- */

static void on_last_list(void *arg, const struct docker_container *list, size_t count,
			 const struct err *err)
{
	struct check *c = arg;

	if (!take_list(c, list, count, err) || reaper_count(c->reaper))
		return; /* when they are gone, the sweep asks again */
	report_line(&c->report, VERDICT_OK, "no container of this check is left");
	finish(c);
}

static void ask_list(struct check *c, docker_list_fn done)
{
	char filter[sizeof(c->config.worker_id) + 32];
	struct err err;

	snprintf(filter, sizeof(filter), "%s=%s", LABEL_WORKER, c->config.worker_id);
	asked(c, docker_list(c->docker, filter, LABEL_PREFIX, done, c, &err), &err);
}

/* When the fleet and the reaper have nothing left, the Engine is asked too. */
static void await_removal(struct check *c, uint64_t now_ms)
{
	if (now_ms >= c->removal_deadline_ms) {
		report_line(&c->report, VERDICT_FAIL,
			    "the sandbox is still there after %d s: docker rm -f %s",
			    REMOVAL_LIMIT_MS / 1000, c->container);
		finish(c);
	} else if (!c->call && !fleet_count(c->fleet) && !reaper_count(c->reaper)) {
		ask_list(c, on_last_list);
	}
}

static void remove_all(struct check *c)
{
	c->removal_deadline_ms = clock_monotonic_ms() + REMOVAL_LIMIT_MS;
}

static void wind_up(struct check *c)
{
	if (fleet_containers(c->fleet))
		remove_all(c);
	else
		finish(c);
}

/* --- the canary --- */

static void on_canary(void *arg, const struct canary_result *result)
{
	struct check *c = arg;

	c->canary = NULL;
	memcpy(c->container, result->container, sizeof(c->container));
	engine_check_canary(&c->report, &c->config, c->environment, result);
	remove_all(c);
}

static void start_canary(struct check *c)
{
	struct err err;

	if (!c->runtime_ok || !c->environment) {
		report_line(&c->report, VERDICT_SKIP, "no sandbox was started: %s is missing",
			    c->environment ? "a runtime for it" : "an image for it");
		wind_up(c);
		return;
	}
	c->canary = canary_start(c->fleet, c->environment, c->config.use_gvisor, on_canary, c,
				 clock_monotonic_ms(), &err);
	if (!c->canary) {
		report_line(&c->report, VERDICT_FAIL, "no sandbox can be started: %s", err.msg);
		wind_up(c);
	}
}

/* What an earlier check left that was killed. */
static void on_first_list(void *arg, const struct docker_container *list, size_t count,
			  const struct err *err)
{
	struct check *c = arg;

	if (take_list(c, list, count, err))
		start_canary(c);
}

static void try_sandbox(struct check *c)
{
	if (c->lock >= 0) {
		ask_list(c, on_first_list);
		return;
	}
	report_line(&c->report, VERDICT_FAIL,
		    "no sandbox was started: another check, or a server with WORKER_ID %s, runs "
		    "at this moment. Try again when it has ended",
		    c->config.worker_id);
	finish(c);
}

/* --- what the Engine has --- */

static void ask_image(struct check *c);

static void on_image(void *arg, const char *image_id, const struct err *err)
{
	struct check *c = arg;
	const struct environment *environment = &environments[c->image++];

	(void)image_id;
	c->call = NULL;
	if (err && err->kind != ERR_GONE) {
		give_up(c, err);
		return;
	}
	if (err) {
		report_line(&c->report, VERDICT_FAIL,
			    "image %s is missing: run scripts/build-images", environment->image);
	} else {
		report_line(&c->report, VERDICT_OK, "image %s", environment->image);
		c->environment = c->environment ? c->environment : environment;
	}
	ask_image(c);
}

static void ask_image(struct check *c)
{
	struct err err;

	if (c->image == ENVIRONMENT_COUNT)
		try_sandbox(c);
	else
		asked(c, docker_image(c->docker, environments[c->image].image, on_image, c, &err),
		      &err);
}

static void on_runtime_version(void *arg, const char *version)
{
	struct check *c = arg;

	c->version = NULL;
	engine_check_version(&c->report, version, c->platform);
	ask_image(c);
}

static void ask_runtime_version(struct check *c, const struct docker_info *info)
{
	struct err err;

	runtime_platform(info->runtime_args, c->platform);
	c->version = version_query_start(&c->loop, info->runtime_path, on_runtime_version, c, &err);
	if (!c->version)
		on_runtime_version(c, "");
}

static void on_info(void *arg, const struct docker_info *info, const struct err *err)
{
	struct check *c = arg;

	c->call = NULL;
	if (err) {
		give_up(c, err);
		return;
	}
	c->runtime_ok = engine_check_runtime(&c->report, &c->config, info);
	engine_check_limits(&c->report, info);
	if (c->config.use_gvisor && info->runtime_known)
		ask_runtime_version(c, info);
	else
		ask_image(c);
}

static void on_version(void *arg, const struct docker_version *version, const struct err *err)
{
	struct check *c = arg;
	struct err info_err;

	c->call = NULL;
	if (err) {
		report_line(&c->report, VERDICT_FAIL,
			    "the Docker Engine at %s does not serve: %s. %s", c->config.docker_host,
			    err->msg,
			    err->kind == ERR_INPUT ? "Install another version of Docker"
						   : "Restart Docker, or set DOCKER_HOST");
		finish(c);
		return;
	}
	report_line(&c->report, VERDICT_OK, "Docker Engine %s, API %s, at %s (%llu ms)",
		    version->version, version->api_version, c->config.docker_host,
		    (unsigned long long)(clock_monotonic_ms() - c->asked_ms));
	asked(c, docker_info(c->docker, c->config.gvisor_runtime, on_info, c, &info_err),
	      &info_err);
}

/* --- the run --- */

static void on_sweep(uv_timer_t *timer)
{
	struct check *c = timer->data;
	uint64_t now_ms = clock_monotonic_ms();

	fleet_sweep(c->fleet, now_ms);
	reaper_sweep(c->reaper, now_ms);
	if (c->canary)
		canary_sweep(c->canary, now_ms);
	if (c->removal_deadline_ms && !c->over)
		await_removal(c, now_ms);
}

/* The second signal does not wait. */
static void on_signal(uv_signal_t *handle, int number)
{
	struct check *c = handle->data;

	if (c->interrupted) {
		finish(c);
		return;
	}
	c->interrupted = true;
	report_line(&c->report, VERDICT_FAIL, "interrupted by signal %d", number);
	docker_cancel(c->call);
	c->call = NULL;
	version_query_cancel(c->version);
	c->version = NULL;
	canary_cancel(c->canary);
	c->canary = NULL;
	wind_up(c);
}

static int build(struct check *c, struct err *err)
{
	uv_timer_init(&c->loop, &c->sweep);
	uv_signal_init(&c->loop, &c->interrupt);
	uv_signal_init(&c->loop, &c->terminate);
	c->sweep.data = c->interrupt.data = c->terminate.data = c;
	c->capacity = capacity_new(&c->loop, &c->config);
	c->docker = docker_new(&c->loop, c->config.docker_host, err);
	if (!c->docker)
		return -1;
	c->reaper = reaper_new(c->docker);
	c->fleet = fleet_new(&c->config, c->docker, c->reaper, c->instance, NULL);
	if (!c->capacity || !c->reaper || !c->fleet ||
	    !random_hex(c->instance, sizeof(c->instance) / 2))
		return err_set(err, ERR_INTERNAL, 0, "no memory");
	return 0;
}

static void ask_engine(struct check *c)
{
	struct err err;

	if (!host_check_socket(&c->report, &c->config)) {
		report_line(&c->report, VERDICT_SKIP,
			    "runtime, images and a sandbox: they need the Engine");
		return;
	}
	uv_timer_start(&c->sweep, on_sweep, 0, SWEEP_INTERVAL_MS);
	uv_signal_start(&c->interrupt, on_signal, SIGINT);
	uv_signal_start(&c->terminate, on_signal, SIGTERM);
	asked(c, docker_negotiate(c->docker, on_version, c, &err), &err);
	if (!c->over)
		uv_run(&c->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void tear_down(struct check *c)
{
	canary_cancel(c->canary);
	version_query_cancel(c->version);
	fleet_free(c->fleet);
	reaper_free(c->reaper);
	docker_cancel(c->call);
	docker_free(c->docker);
	capacity_free(c->capacity);
	uv_walk(&c->loop, close_handle, NULL);
	while (uv_run(&c->loop, UV_RUN_DEFAULT)) /* the first may only see our uv_stop() */
		;
	uv_loop_close(&c->loop);
	if (c->lock >= 0)
		close(c->lock);
}

/* Of the log only errors, and everything if debugging was asked for: the report says the rest. */
static void quieten_log(const struct config *config)
{
	log_configure(config->log_level == LOG_DEBUG ? LOG_DEBUG : LOG_ERROR,
		      (enum log_format)config->log_format);
}

int check_run(const struct config *config)
{
	static struct check c;
	struct err err;

	signal(SIGPIPE, SIG_IGN);
	quieten_log(config);
	c = (struct check){.config = *config};
	snprintf(c.config.worker_id, sizeof(c.config.worker_id), "%.200s" CHECK_WORKER_SUFFIX,
		 config->worker_id);
	report_init(&c.report, stdout, isatty(STDOUT_FILENO));
	c.lock = worker_lock_take(c.config.worker_id);
	if (uv_loop_init(&c.loop) != 0)
		return 1;
	host_check_config(&c.report, config);
	host_check_server(&c.report, config);
	if (build(&c, &err) == 0) {
		host_check_room(&c.report, config, c.capacity);
		ask_engine(&c);
	} else {
		report_line(&c.report, VERDICT_FAIL, "the check cannot run: %s", err.msg);
	}
	tear_down(&c);
	return report_finish(&c.report);
}
