#include "sandbox/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sandbox/version_query.h"

#define BACKOFF_MIN_MS 250
#define BACKOFF_MAX_MS 5000

/* An Engine that lists but does not tell of events must not be asked at full speed. */
#define EVENTS_RETRY_MS 1000

/* A runtime, an image or a memory module may appear while we run: ask again now and then. */
#define RECHECK_MS 30000

struct watch {
	uv_loop_t *loop;
	const struct config *config;
	struct docker *docker;
	struct fleet *fleet;
	struct engine_health health;
	struct docker_call *call; /* the question under way: one at a time */
	struct docker_call *events;
	struct version_query *version; /* NULL: the runtime's program is not being asked */
	size_t image;                  /* the environment whose image is being asked for */
	unsigned asked_epoch;          /* in which it was asked last */
	uint64_t due_ms, asked_ms, checked_ms;
	uint64_t backoff_ms;
	bool announced;    /* the log knows the state of `reachable` */
	char runtime[256]; /* how the Engine calls it; cut */
};

struct watch *watch_new(uv_loop_t *loop, const struct config *config, struct docker *docker,
			struct fleet *fleet)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct watch){.loop = loop, .config = config, .docker = docker, .fleet = fleet};
	w->backoff_ms = BACKOFF_MIN_MS;
	snprintf(w->health.problem, sizeof(w->health.problem), "not asked yet");
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	docker_cancel(w->call);
	docker_cancel(w->events);
	version_query_cancel(w->version);
	free(w);
}

static void unreachable(struct watch *w, const struct err *err)
{
	struct engine_health *h = &w->health;

	if (h->reachable || !w->announced || strcmp(h->problem, err->msg) != 0)
		log_error("engine.unreachable", LOG_S("engine", w->config->docker_host),
			  LOG_S("error", err->msg));
	w->announced = true;
	h->reachable = false;
	snprintf(h->problem, sizeof(h->problem), "%s", err->msg);
	w->due_ms = clock_monotonic_ms() + w->backoff_ms + (uint64_t)(rand() % 100);
	w->backoff_ms = w->backoff_ms * 2 < BACKOFF_MAX_MS ? w->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void reachable(struct watch *w)
{
	struct engine_health *h = &w->health;
	uint64_t now_ms = clock_monotonic_ms();

	if (!h->reachable)
		log_info("engine.reachable", LOG_S("version", h->version),
			 LOG_S("api", h->api_version));
	w->announced = true;
	h->reachable = true;
	h->problem[0] = '\0';
	h->latency_ms = now_ms - w->asked_ms;
	w->backoff_ms = BACKOFF_MIN_MS;
	w->due_ms = now_ms + WATCH_INTERVAL_MS;
}

/* Notes the call, or its failure. */
static void asked(struct watch *w, struct docker_call *call, const struct err *err)
{
	w->call = call;
	w->asked_ms = clock_monotonic_ms();
	if (!call)
		unreachable(w, err);
}

/* --- events --- */

static void on_event(void *arg, const struct docker_event *event)
{
	struct watch *w = arg;

	fleet_engine_event(w->fleet, event);
}

static void on_events_end(void *arg, const struct err *err)
{
	struct watch *w = arg;

	log_warn("engine.events_lost", LOG_S("error", err->msg));
	w->events = NULL;
	w->health.epoch++;
	w->health.events_open = false;
	w->due_ms = clock_monotonic_ms() + EVENTS_RETRY_MS;
	fleet_engine_stream(w->fleet, false);
}

static void subscribe(struct watch *w)
{
	char filter[CONFIG_TEXT_BYTES + 32];
	struct err err;

	snprintf(filter, sizeof(filter), "%s=%s", LABEL_WORKER, w->config->worker_id);
	w->events = docker_events(w->docker, filter, on_event, on_events_end, w, &err);
	w->health.events_open = w->events != NULL;
	fleet_engine_stream(w->fleet, w->events != NULL);
}

/* --- the probe --- */

static void on_list(void *arg, const struct docker_container *list, size_t count,
		    const struct err *err)
{
	struct watch *w = arg;

	w->call = NULL;
	if (err) {
		unreachable(w, err);
		return;
	}
	reachable(w);
	if (!w->events)
		subscribe(w);
	fleet_reconcile(w->fleet, list, count);
}

static void ask_list(struct watch *w)
{
	char filter[CONFIG_TEXT_BYTES + 32];
	struct err err;

	snprintf(filter, sizeof(filter), "%s=%s", LABEL_WORKER, w->config->worker_id);
	asked(w, docker_list(w->docker, filter, LABEL_PREFIX, on_list, w, &err), &err);
}

/* --- what it has: version, runtime, images, one after the other --- */

static void ask_image(struct watch *w);

static void on_image(void *arg, const char *image_id, const struct err *err)
{
	struct watch *w = arg;
	bool ok = !err;

	w->call = NULL;
	if (err && err->kind != ERR_GONE) {
		unreachable(w, err);
		return;
	}
	if (!ok && (w->health.image_ok[w->image] || !w->checked_ms))
		log_error("image.missing", LOG_S("image", environments[w->image].image));
	snprintf(w->health.image_id[w->image], DOCKER_NAME_MAX, "%s", ok ? image_id : "");
	w->health.image_ok[w->image++] = ok;
	ask_image(w);
}

static void ask_image(struct watch *w)
{
	struct err err;

	if (w->image == ENVIRONMENT_COUNT) {
		w->checked_ms = clock_monotonic_ms();
		ask_list(w);
		return;
	}
	asked(w, docker_image(w->docker, environments[w->image].image, on_image, w, &err), &err);
}

static void know_version(struct watch *w, const char *version)
{
	snprintf(w->health.runtime_version, sizeof(w->health.runtime_version), "%s", version);
	w->health.runtime_epoch = w->asked_epoch;
}

static void on_runtime_version(void *arg, const char *version)
{
	struct watch *w = arg;

	w->version = NULL;
	know_version(w, version);
}

/* Once in each epoch. A query of the one before is not in the way for long. */
static void ask_runtime_version(struct watch *w, const char *path)
{
	struct err err;

	if (w->version || w->asked_epoch == w->health.epoch)
		return;
	w->asked_epoch = w->health.epoch;
	w->version = version_query_start(w->loop, path, on_runtime_version, w, &err);
	if (w->version)
		return;
	log_debug("runtime.version_unknown", LOG_S("problem", err.msg));
	know_version(w, "");
}

/* An Engine can be told to use another program without being restarted. Where its default runtime is used, which is not the one that
 * was asked about, nothing is known of it. */
static void note_runtime(struct watch *w, const struct docker_info *info)
{
	char runtime[sizeof(w->runtime)] = "";

	snprintf(runtime, sizeof(runtime), "%s %s", info->runtime_path, info->runtime_args);
	if (strcmp(runtime, w->runtime) != 0)
		w->health.epoch++;
	memcpy(w->runtime, runtime, sizeof(runtime));
	runtime_platform(w->config->use_gvisor ? info->runtime_args : "",
			 w->health.runtime_platform);
	ask_runtime_version(w, w->config->use_gvisor ? info->runtime_path : "");
}

static void on_info(void *arg, const struct docker_info *info, const struct err *err)
{
	struct watch *w = arg;
	char problem[sizeof(w->health.runtime_problem)];

	w->call = NULL;
	if (err) {
		unreachable(w, err);
		return;
	}
	runtime_judge(w->config, info, problem, sizeof(problem));
	note_runtime(w, info);
	if (problem[0] && strcmp(problem, w->health.runtime_problem) != 0)
		log_error("runtime.unusable", LOG_S("problem", problem));
	w->health.runtime_ok = !problem[0];
	memcpy(w->health.runtime_problem, problem, sizeof(problem));
	w->health.memory_total_bytes = info->memory_total_bytes;
	w->health.cpus = info->cpus;
	w->image = 0;
	ask_image(w);
}

static void on_version(void *arg, const struct docker_version *version, const struct err *err)
{
	struct watch *w = arg;
	struct err info_err;

	w->call = NULL;
	if (err) {
		unreachable(w, err);
		return;
	}
	snprintf(w->health.version, sizeof(w->health.version), "%s", version->version);
	snprintf(w->health.api_version, sizeof(w->health.api_version), "%s", version->api_version);
	asked(w, docker_info(w->docker, w->config->gvisor_runtime, on_info, w, &info_err),
	      &info_err);
}

void watch_sweep(struct watch *w, uint64_t now_ms)
{
	struct err err;

	if (w->call || now_ms < w->due_ms)
		return;
	if (w->health.reachable && now_ms - w->checked_ms < RECHECK_MS)
		ask_list(w);
	else
		asked(w, docker_negotiate(w->docker, on_version, w, &err), &err);
}

const struct engine_health *watch_health(const struct watch *w)
{
	return &w->health;
}

bool watch_can_start(const struct watch *w, const struct environment *environment)
{
	return w->health.reachable && w->health.runtime_ok &&
	       w->health.image_ok[environment - environments];
}
