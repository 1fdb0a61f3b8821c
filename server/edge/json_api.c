#include "edge/json_api.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "edge/json_text.h"

#define TIMEOUT_MAX_MS     1800000
#define TIMEOUT_AS_SECONDS 3600 /* a timeout up to this is seconds: SPEC section 1 */

/* --- reading --- */

static bool plain_string(const json_t *value)
{
	return json_is_string(value) &&
	       strlen(json_string_value(value)) == json_string_length(value);
}

static int read_tool_pair(const json_t *root, struct session_request *request, struct err *err)
{
	const json_t *value = json_object_get(root, "toolPair");

	if (!plain_string(value) || !json_string_length(value) ||
	    json_string_length(value) >= TOOL_PAIR_MAX)
		return err_set(err, ERR_INPUT, 0, "Missing or invalid toolPair in request body");
	request->tool_pair = json_string_value(value);
	return 0;
}

static int unknown_environment(struct err *err)
{
	char names[80];
	size_t len = 0;

	for (size_t i = 0; i < ENVIRONMENT_COUNT && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					environments[i].name);
	return err_set(err, ERR_INPUT, 0, "Unknown environment: the known ones are %s", names);
}

static int read_environment(const json_t *root, struct session_request *request, struct err *err)
{
	const json_t *value = json_object_get(root, "environment");

	if (!value || json_is_null(value)) {
		request->environment = &environments[0];
		return 0;
	}
	if (!plain_string(value))
		return err_set(err, ERR_INPUT, 0, "Invalid environment: must be a string");
	request->environment = environment_find(json_string_value(value));
	return request->environment ? 0 : unknown_environment(err);
}

static int read_init(const json_t *root, struct session_request *request,
		     const char *init[INIT_COMMANDS_MAX], struct err *err)
{
	const json_t *value = json_object_get(root, "init");
	size_t count = json_array_size(value);

	if (value && !json_is_null(value) && !json_is_array(value))
		return err_set(err, ERR_INPUT, 0, "Invalid init: must be an array of strings");
	if (count > INIT_COMMANDS_MAX)
		return err_set(err, ERR_INPUT, 0, "Invalid init: at most %d commands",
			       INIT_COMMANDS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!plain_string(json_array_get(value, i)))
			return err_set(err, ERR_INPUT, 0,
				       "Invalid init: must be an array of strings");
		init[i] = json_string_value(json_array_get(value, i));
	}
	request->init = init;
	request->init_count = count;
	return init_run_check(init, count, err);
}

static int read_timeout(const json_t *root, struct session_request *request, struct err *err)
{
	const json_t *value = json_object_get(root, "timeout");
	double n = json_number_value(value);

	request->init_timeout_ms = request->environment->default_timeout_ms;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_number(value) || n < 1 || n > TIMEOUT_MAX_MS)
		return err_set(
			err, ERR_INPUT, 0,
			"Invalid timeout: must be a number between 1 and 1800000 (30 minutes)");
	int64_t ms = (int64_t)(n <= TIMEOUT_AS_SECONDS ? n * 1000 : n);
	request->init_timeout_ms = ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS;
	return 0;
}

int json_read_session_request(const char *body, size_t len, struct session_request *request,
			      const char *init[INIT_COMMANDS_MAX], void **document, struct err *err)
{
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

	memset(request, 0, sizeof(*request));
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, ERR_INPUT, 0, "The body must be a JSON object");
	}
	if (read_tool_pair(root, request, err) < 0 || read_environment(root, request, err) < 0 ||
	    read_init(root, request, init, err) < 0 || read_timeout(root, request, err) < 0) {
		json_decref(root);
		return -1;
	}
	*document = root;
	return 0;
}

void json_document_free(void *document)
{
	json_decref(document);
}

void json_read_api_key(const char *body, size_t len, char key[CONFIG_TEXT_BYTES])
{
	json_t *root = json_loadb(body, len, 0, NULL);
	const char *text = json_string_value(json_object_get(root, "apiKey"));

	snprintf(key, CONFIG_TEXT_BYTES, "%s",
		 text && strlen(text) < CONFIG_TEXT_BYTES ? text : "");
	json_decref(root);
}

/* --- writing --- */

char *json_error(const char *code, const char *message, int retry_after)
{
	json_t *root = json_pack("{s:s, s:s}", "error", code, "message", message);

	if (root && retry_after > 0)
		json_object_set_new(root, "retryAfter", json_integer(retry_after));
	return json_text(root);
}

char *json_success(void)
{
	return json_text(json_pack("{s:b}", "success", 1));
}

char *json_session(const struct session *s, const char *ws_url)
{
	char created[CLOCK_ISO8601_BYTES], expires[CLOCK_ISO8601_BYTES];

	clock_iso8601(created, session_created_wall_ms(s));
	clock_iso8601(expires, session_expires_wall_ms(s));
	if (ws_url)
		return json_text(json_pack("{s:s, s:s, s:s, s:s, s:s}", "sessionId", session_id(s),
					   "wsUrl", ws_url, "status", session_status(s),
					   "createdAt", created, "expiresAt", expires));
	return json_text(json_pack("{s:s, s:s, s:s, s:s, s:s}", "sessionId", session_id(s),
				   "status", session_status(s), "createdAt", created, "expiresAt",
				   expires, "toolPair", session_tool_pair(s)));
}

char *json_ticket(const char *ws_url, int64_t valid_ms)
{
	return json_text(json_pack("{s:s, s:I}", "wsUrl", ws_url, "expiresIn",
				   (json_int_t)(valid_ms / 1000)));
}

char *json_environments(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:I}", "name", environments[i].name,
					"description", environments[i].description, "category",
					environments[i].category, "defaultTimeout",
					(json_int_t)environments[i].default_timeout_ms));
	return json_text(json_pack("{s:o}", "environments", list));
}

static json_t *capacity_metrics(const struct capacity_report *r)
{
	return json_pack("{s:I, s:I, s:i, s:i}", "containers", (json_int_t)r->containers,
			 "maxContainers", (json_int_t)r->max_containers, "memoryPercent",
			 r->memory_percent, "maxMemoryPercent", r->max_memory_percent);
}

/* "open" as an electric circuit: nothing flows. */
char *json_capacity(const struct capacity_report *r)
{
	return json_text(json_pack("{s:b, s:s?, s:o}", "isOpen", r->reason[0] != '\0', "reason",
				   r->reason[0] ? r->reason : NULL, "metrics",
				   capacity_metrics(r)));
}

char *json_uptime(char *buf, int64_t ms)
{
	long long s = ms / 1000;

	if (s >= 3600)
		snprintf(buf, 32, "%lldh%lldm%llds", s / 3600, s / 60 % 60, s % 60);
	else if (s >= 60)
		snprintf(buf, 32, "%lldm%llds", s / 60, s % 60);
	else
		snprintf(buf, 32, "%llds", s);
	return buf;
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static json_t *runtime_object(const struct json_health *h)
{
	const struct engine_health *engine = h->engine;

	return json_pack(
		"{s:b, s:b, s:s, s:s?, s:s?, s:s?}", "requested", (int)h->config->use_gvisor,
		"available", (int)(engine->reachable && engine->runtime_ok), "runtime",
		h->config->gvisor_runtime, "kind", h->runtime_kind, "version",
		or_null(engine->runtime_version), "platform", or_null(engine->runtime_platform));
}

static struct pool_counts pool_sum(const struct json_health *h)
{
	struct pool_counts sum = {0};

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++) {
		sum.target += h->pool[i].target;
		sum.ready += h->pool[i].ready;
		sum.starting += h->pool[i].starting;
		sum.hits += h->pool[i].hits;
		sum.misses += h->pool[i].misses;
		sum.discarded += h->pool[i].discarded;
	}
	return sum;
}

static json_t *pool_object(const struct pool_counts *n)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "size", (json_int_t)n->target, "ready",
			 (json_int_t)n->ready, "starting", (json_int_t)n->starting, "hits",
			 (json_int_t)n->hits, "misses", (json_int_t)n->misses, "discarded",
			 (json_int_t)n->discarded);
}

static json_t *pool_objects(const struct json_health *h)
{
	json_t *root = json_object();

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		json_object_set_new(root, environments[i].name, pool_object(&h->pool[i]));
	return root;
}

static json_t *health_object(const struct json_health *h)
{
	char timestamp[CLOCK_ISO8601_BYTES], uptime[32];
	struct pool_counts pool = pool_sum(h);
	json_t *root = json_pack(
		"{s:s, s:s, s:s, s:f, s:I, s:I, s:o, s:I, s:s, s:o, s:s}", "status", h->status,
		"timestamp", clock_iso8601(timestamp, clock_wall_ms()), "uptime",
		json_uptime(uptime, h->uptime_ms), "uptimeSeconds", (double)h->uptime_ms / 1000,
		"containers", (json_int_t)h->containers, "pool_size", (json_int_t)pool.ready,
		"pool", pool_object(&pool), "active_sessions", (json_int_t)h->sessions, "worker_id",
		h->config->worker_id, "gvisor", runtime_object(h), "version", VERSION);

	if (!root || !h->reasons[0])
		return root;
	json_t *reasons = json_array();
	for (size_t i = 0; h->reasons[i]; i++)
		json_array_append_new(reasons, json_string(h->reasons[i]));
	json_object_set_new(root, "reasons", reasons);
	return root;
}

char *json_health(const struct json_health *h)
{
	return json_text(health_object(h));
}

static json_t *checks_object(const struct json_status *s)
{
	const struct json_health *h = &s->health;
	json_t *images = json_object();

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		json_object_set_new(images, environments[i].name,
				    json_boolean(h->engine->image_ok[i]));
	return json_pack("{s:b, s:b, s:b, s:b, s:b, s:o}", "engine", (int)h->engine->reachable,
			 "events", (int)h->engine->events_open, "runtime",
			 (int)h->engine->runtime_ok, "canary", (int)s->canary_passed, "starts",
			 (int)!s->starts_fail, "images", images);
}

static json_t *sessions_object(const struct json_status *s)
{
	json_t *root = json_object();

	for (enum session_state i = 0; i < SESSION_STATES; i++)
		json_object_set_new(root, session_state_name(i),
				    json_integer((json_int_t)s->sessions->by_state[i]));
	json_object_set_new(root, "terminals", json_integer((json_int_t)s->sessions->terminals));
	json_object_set_new(root, "websockets", json_integer((json_int_t)s->websockets));
	return root;
}

static json_t *limits_of(const struct limits *l)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "sessionsPerHour",
			 (json_int_t)l->sessions_per_hour, "sessions", (json_int_t)l->sessions,
			 "websockets", (json_int_t)l->websockets, "commandsPerMinute",
			 (json_int_t)l->commands_per_minute);
}

/* 0: no limit. */
static json_t *limits_object(const struct config *config)
{
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "idleTimeoutMs",
			 (json_int_t)config->idle_timeout_ms, "maxLifetimeMs",
			 (json_int_t)config->max_lifetime_ms, "maxMessageBytes",
			 (json_int_t)config->max_message_bytes, "anonymous",
			 limits_of(&config->limits[TIER_ANONYMOUS]), "loggedIn",
			 limits_of(&config->limits[TIER_LOGGED_IN]), "premium",
			 limits_of(&config->limits[TIER_PREMIUM]), "admin",
			 limits_of(&config->limits[TIER_ADMIN]));
}

static json_t *clients_object(const struct limiter_counts *n)
{
	json_t *refused = json_object();

	for (int v = LIMITER_OK + 1; v <= LIMITER_FULL; v++)
		json_object_set_new(refused, limiter_verdict_name((enum limiter_verdict)v),
				    json_integer((json_int_t)n->refused_by[v]));
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "remembered", (json_int_t)n->clients,
			 "sessions", (json_int_t)n->sessions, "websockets",
			 (json_int_t)n->websockets, "commandsDelayed",
			 (json_int_t)n->commands_delayed, "refused", refused);
}

char *json_status(const struct json_status *s)
{
	const struct config *config = s->health.config;
	const struct engine_health *engine = s->health.engine;
	json_t *root = health_object(&s->health);

	if (!root)
		return NULL;
	json_object_set_new(root, "sessions", sessions_object(s));
	json_object_set_new(root, "pool", pool_objects(&s->health));
	json_object_set_new(root, "capacity", capacity_metrics(&s->capacity));
	json_object_set_new(root, "limits", limits_object(config));
	json_object_set_new(root, "clients", clients_object(&s->clients));
	json_object_set_new(root, "engine",
			    json_pack("{s:s, s:s, s:I}", "version", engine->version, "apiVersion",
				      engine->api_version, "latencyMs",
				      (json_int_t)engine->latency_ms));
	json_object_set_new(root, "checks", checks_object(s));
	return json_text_indented(root);
}
