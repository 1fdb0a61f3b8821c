#include "edge/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "edge/admission.h"
#include "edge/assets.h"
#include "edge/exposition.h"
#include "edge/identity.h"
#include "edge/json_api.h"

#define API_PREFIX   "/api/v1/"
#define METRICS_PATH "/metrics"

#define URL_BYTES (CONFIG_TEXT_BYTES + 128 + TICKET_BYTES)

/* Seconds after which a refused client may try again. */
#define RETRY_AFTER_BUSY 5

struct route {
	unsigned methods; /* enum http_method, or'ed */
	const char *path; /* ":id" stands for one segment */
	void (*handle)(struct http_request *r, const char *id);
	bool key; /* needs a key or a token */
};

/* --- health and status --- */

static void add_reason(struct json_health *h, const char *reason)
{
	size_t n = 0;

	while (h->reasons[n])
		n++;
	if (n < sizeof(h->reasons) / sizeof(h->reasons[0]) - 1)
		h->reasons[n] = reason;
}

/* The words are for everybody: nothing of the Engine's own messages, no path. */
static void judge(struct json_health *h)
{
	static const char *const missing[ENVIRONMENT_COUNT] = {
		"image of environment bash is missing", "image of environment python is missing",
		"image of environment node is missing"};

	if (!h->engine->reachable) {
		add_reason(h, "Docker Engine is unreachable");
		return;
	}
	if (!h->engine->runtime_ok)
		add_reason(h, "sandbox runtime is missing or unsafe");
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		if (!h->engine->image_ok[i])
			add_reason(h, missing[i]);
}

static bool canary_passed(const struct server *s)
{
	return guard_ok(s->parts.guard, watch_health(s->parts.watch)->epoch);
}

static struct json_health health_of(const struct server *s)
{
	const struct session_stats *sessions = sessions_stats(s->parts.sessions);
	struct json_health h = {.config = s->parts.config, .engine = watch_health(s->parts.watch)};

	h.uptime_ms = (int64_t)(clock_monotonic_ms() - s->started_ms);
	h.containers = fleet_containers(s->parts.fleet);
	h.sessions = sessions->by_state[SESSION_RUNNING];
	h.runtime_kind = canary_passed(s) ? canary_kind_name(guard_kind(s->parts.guard)) : NULL;
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		h.pool[i] = pool_count(s->parts.pool, &environments[i]);
	judge(&h);
	if (fleet_circuit_open(s->parts.fleet, clock_monotonic_ms()))
		add_reason(&h, "sandboxes fail to start");
	if (!h.reasons[0] && !h.engine->events_open)
		add_reason(&h, "Docker Engine's event stream is not open");
	if (!h.reasons[0] && !canary_passed(s))
		add_reason(&h, "no test sandbox has passed yet");
	h.status = sessions_draining(s->parts.sessions) ? "draining"
		   : h.reasons[0]                       ? "degraded"
							: "ok";
	return h;
}

static void describe_reasons(const struct json_health *h, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "degraded");

	for (size_t i = 0; h->reasons[i] && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? "; " : ": ",
					h->reasons[i]);
}

void api_describe(const struct server *s, char *text, size_t size)
{
	struct json_health h = health_of(s);

	if (strcmp(h.status, "draining") == 0)
		snprintf(text, size, "draining, %zu sandbox%s left", h.containers,
			 h.containers == 1 ? "" : "es");
	else if (h.reasons[0])
		describe_reasons(&h, text, size);
	else
		snprintf(text, size, "serving, %zu session%s", h.sessions,
			 h.sessions == 1 ? "" : "s");
}

static void handle_health(struct http_request *r, const char *id)
{
	struct json_health h = health_of(r->server);

	(void)id;
	http_answer_json(r, strcmp(h.status, "ok") == 0 ? 200 : 503, json_health(&h));
}

static struct capacity_report capacity_of(const struct server *s)
{
	struct capacity_report r =
		capacity_report(s->parts.capacity, sessions_containers(s->parts.sessions));

	if (!r.reason[0] && fleet_circuit_open(s->parts.fleet, clock_monotonic_ms()))
		snprintf(r.reason, sizeof(r.reason), "Sandboxes fail to start");
	if (!r.reason[0] && !canary_passed(s))
		snprintf(r.reason, sizeof(r.reason), "No test sandbox has passed yet");
	return r;
}

static void handle_operator_status(struct http_request *r, const char *id)
{
	struct json_status status = {.health = health_of(r->server)};

	(void)id;
	status.sessions = sessions_stats(r->server->parts.sessions);
	status.websockets = r->server->peer_count;
	status.capacity = capacity_of(r->server);
	status.canary_passed = canary_passed(r->server);
	status.starts_fail = fleet_circuit_open(r->server->parts.fleet, clock_monotonic_ms());
	status.clients = limiter_count(r->server->parts.limiter);
	http_answer_json(r, 200, json_status(&status));
}

static void handle_capacity(struct http_request *r, const char *id)
{
	struct capacity_report report = capacity_of(r->server);

	(void)id;
	http_answer_json(r, 200, json_capacity(&report));
}

static void handle_metrics(struct http_request *r, const char *id)
{
	size_t len = 0;
	char *text = exposition_text(r->server, &len);

	(void)id;
	http_answer_text(r, 200, METRICS_CONTENT_TYPE, text, len);
}

static void handle_environments(struct http_request *r, const char *id)
{
	(void)id;
	http_answer_json(r, 200, json_environments());
}

/* --- sessions --- */

static void answer_failure(struct http_request *r, const struct err *err)
{
	if (err->kind == ERR_INPUT)
		http_answer_error(r, 400, "BadRequest", err->msg, 0);
	else if (err->kind == ERR_LIMIT)
		http_answer_error(r, 429, "TooManySessions", err->msg, err->code);
	else if (err->kind == ERR_INTERNAL)
		http_answer_error(r, 500, "InternalError", "An internal error occurred", 0);
	else
		http_answer_error(r, 503, "ServiceUnavailable",
				  "Sandbox temporarily unavailable. Please try again later.",
				  RETRY_AFTER_BUSY);
}

/* Its client left before the answer was out: nobody will ever know of this session. */
static void on_client_gone(void *arg)
{
	const struct http_request *r = arg;
	struct session *session = sessions_find(r->server->parts.sessions, r->session_id);

	if (session)
		session_end(session, END_ABANDONED);
}

/* Where the session's WebSocket is, with a new ticket for it. Returns url, of URL_BYTES. */
static const char *make_ws_url(struct http_request *r, struct session *session, char *url)
{
	const struct config *config = r->server->parts.config;
	char ticket[TICKET_BYTES];
	int len = snprintf(url, URL_BYTES, "%s://%s" API_PREFIX "sessions/%s/ws",
			   access_is_https(config, &r->facts) ? "wss" : "ws", r->facts.host,
			   session_id(session));

	if (ticket_issue(session_tickets(session), config->worker_id, clock_monotonic_ms(), ticket))
		snprintf(url + len, URL_BYTES - (size_t)len, "?ticket=%s", ticket);
	return url;
}

static void on_started(void *arg, struct session *session, const struct err *err)
{
	struct http_request *r = arg;
	char url[URL_BYTES];

	if (session)
		http_answer_json(r, 201, json_session(session, make_ws_url(r, session, url)));
	else
		answer_failure(r, err);
}

static void handle_create(struct http_request *r, const char *id)
{
	const char *init[INIT_COMMANDS_MAX];
	struct session_request request;
	struct err err;
	void *document;

	(void)id;
	if (json_read_session_request(r->body ? r->body : "", r->body_len, &request, init,
				      &document, &err) < 0) {
		answer_failure(r, &err);
		return;
	}
	request.client = &r->client;
	struct session *session =
		session_start(r->server->parts.sessions, &request, on_started, r, &err);
	json_document_free(document);
	if (!session) {
		answer_failure(r, &err);
		return;
	}
	memcpy(r->session_id, session_id(session), SESSION_ID_BYTES);
	http_defer(r, on_client_gone, r);
}

static void handle_get(struct http_request *r, const char *id)
{
	const struct session *session = sessions_find(r->server->parts.sessions, id);

	if (session)
		http_answer_json(r, 200, json_session(session, NULL));
	else
		http_answer_error(r, 404, "NotFound", "No such session, or it has ended.", 0);
}

static void handle_delete(struct http_request *r, const char *id)
{
	struct session *session = sessions_find(r->server->parts.sessions, id);

	if (session)
		session_end(session, END_DELETED);
	http_answer_json(r, 200, json_success());
}

/* A page that comes back to its session needs a new ticket. */
static void handle_ticket(struct http_request *r, const char *id)
{
	struct session *session = sessions_find(r->server->parts.sessions, id);
	char url[URL_BYTES];

	if (session)
		http_answer_json(r, 201,
				 json_ticket(make_ws_url(r, session, url), TICKET_VALID_MS));
	else
		http_answer_error(r, 404, "NotFound", "No such session, or it has ended.", 0);
}

static void refuse_admission(struct http_request *r, const struct admission *a)
{
	admission_log(a, r->path);
	http_answer_error(r, 401, a->refusal, "Unauthorized", 0);
}

/* Who the client is, and whether it may act on sessions; answers the request when not. */
static bool check_admission(struct http_request *r)
{
	struct admission a;

	if (r->admitted)
		return true;
	admit(r->server, &r->facts, &a);
	r->client = a.client;
	if (a.refusal)
		refuse_admission(r, &a);
	return !a.refusal;
}

/* A page's sendBeacon cannot set headers: the key may be in the body. */
static void handle_destroy(struct http_request *r, const char *id)
{
	if (!r->facts.key[0] && r->body)
		json_read_api_key(r->body, r->body_len, r->facts.key);
	if (check_admission(r))
		handle_delete(r, id);
}

/* --- routing --- */

static const struct route routes[] = {
	{HTTP_GET | HTTP_HEAD, "/health", handle_health, false},
	{HTTP_GET | HTTP_HEAD, "/status", handle_operator_status, false},
	{HTTP_GET | HTTP_HEAD, METRICS_PATH, handle_metrics, false},
	{HTTP_GET | HTTP_HEAD, API_PREFIX "environments", handle_environments, false},
	{HTTP_GET | HTTP_HEAD, API_PREFIX "status", handle_capacity, false},
	{HTTP_POST, API_PREFIX "sessions", handle_create, true},
	{HTTP_GET | HTTP_HEAD, API_PREFIX "sessions/:id", handle_get, true},
	{HTTP_DELETE, API_PREFIX "sessions/:id", handle_delete, true},
	{HTTP_POST, API_PREFIX "sessions/:id/destroy", handle_destroy, false},
	{HTTP_POST, API_PREFIX "sessions/:id/tickets", handle_ticket, true},
};

/* Matches a path; *id gets the segment at ":id" (size SESSION_ID_BYTES; longer ones cannot be ids and become ""). */
static bool matches(const char *pattern, const char *path, char id[SESSION_ID_BYTES])
{
	const char *colon = strstr(pattern, ":id");

	id[0] = '\0';
	if (!colon)
		return strcmp(pattern, path) == 0;
	size_t prefix = (size_t)(colon - pattern);
	if (strncmp(pattern, path, prefix) != 0)
		return false;
	size_t len = strcspn(path + prefix, "/");
	if (!len || strcmp(path + prefix + len, colon + 3) != 0)
		return false;
	if (len < SESSION_ID_BYTES)
		snprintf(id, SESSION_ID_BYTES, "%.*s", (int)len, path + prefix);
	return true;
}

static void add_cors(struct http_request *r)
{
	http_header(r, "vary: origin");
	if (!r->facts.origin[0])
		return;
	http_header(r, "access-control-allow-origin: %s", r->facts.origin);
	http_header(r, "access-control-allow-credentials: true");
}

static void answer_preflight(struct http_request *r)
{
	http_header(r, "access-control-allow-methods: GET,POST,DELETE,OPTIONS");
	http_header(r, "access-control-allow-headers: Content-Type,Authorization,X-API-Key");
	http_header(r, "access-control-max-age: 600");
	http_answer_empty(r, 204);
}

static void answer_wrong_method(struct http_request *r, unsigned allowed)
{
	http_header(r, "allow: %s%s%s%sOPTIONS", allowed & HTTP_GET ? "GET, " : "",
		    allowed & HTTP_HEAD ? "HEAD, " : "", allowed & HTTP_POST ? "POST, " : "",
		    allowed & HTTP_DELETE ? "DELETE, " : "");
	http_answer_error(r, 405, "MethodNotAllowed", "This path does not know that method.", 0);
}

static void answer_not_found(struct http_request *r)
{
	http_answer_error(r, 404, "NotFound", "There is nothing here.", 0);
}

static void dispatch(struct http_request *r)
{
	char id[SESSION_ID_BYTES];
	unsigned allowed = 0;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!matches(routes[i].path, r->path, id))
			continue;
		allowed |= routes[i].methods;
		if (!(routes[i].methods & r->method))
			continue;
		if (!routes[i].key || check_admission(r))
			routes[i].handle(r, id);
		return;
	}
	if ((r->method & (HTTP_GET | HTTP_HEAD)) && assets_handle(r))
		return;
	if (allowed)
		answer_wrong_method(r, allowed);
	else
		answer_not_found(r);
}

/* What concerns every path of the API: the Origin, and what its browser needs to read the answer. */
static bool admit_origin(struct http_request *r)
{
	if (strncmp(r->path, API_PREFIX, strlen(API_PREFIX)) != 0)
		return true;
	if (access_origin_allowed(r->server->parts.config, &r->facts)) {
		add_cors(r);
		return true;
	}
	identity_of_address(r->server->parts.identity, &r->facts, &r->client);
	log_warn("origin.refused", LOG_S("client", r->client.name),
		 LOG_S("origin", r->facts.origin), LOG_S("path", r->path));
	http_answer_error(r, 403, "Forbidden", "This origin is not allowed.", 0);
	return false;
}

/* The metrics' own address has them and nothing else, and nobody else has them then. */
static bool is_elsewhere(const struct http_request *r)
{
	bool metrics = strcmp(r->path, METRICS_PATH) == 0;

	return r->server->metrics && metrics != is_metrics_connection(r->wsi);
}

static bool needs_key(const struct http_request *r)
{
	char id[SESSION_ID_BYTES];

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if ((routes[i].methods & r->method) && matches(routes[i].path, r->path, id))
			return routes[i].key;
	return false;
}

void api_admit(struct http_request *r)
{
	struct admission a;

	if (is_elsewhere(r)) {
		r->close = true;
		answer_not_found(r);
		return;
	}
	if (!needs_key(r))
		return;
	if (!access_origin_allowed(r->server->parts.config, &r->facts)) {
		r->close = true;
		admit_origin(r);
		return;
	}
	admit(r->server, &r->facts, &a);
	r->client = a.client;
	r->admitted = !a.refusal;
	if (r->admitted)
		return;
	r->close = true;
	if (admit_origin(r))
		refuse_admission(r, &a);
}

void api_handle(struct http_request *r)
{
	if (is_elsewhere(r)) {
		answer_not_found(r);
		return;
	}
	if (!admit_origin(r))
		return;
	if (r->method == HTTP_OPTIONS && strncmp(r->path, API_PREFIX, strlen(API_PREFIX)) == 0) {
		answer_preflight(r);
		return;
	}
	dispatch(r);
}
