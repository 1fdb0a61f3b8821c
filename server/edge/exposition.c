#include "edge/exposition.h"

#include "base/metrics.h"
#include "base/process.h"
#include "edge/server_internal.h"
#include "engine/docker_stats.h"

/* Several times what the table comes to. */
#define TEXT_MAX_BYTES 262144

/* All that the table reads, at one moment. */
struct scrape {
	const struct server *server;
	const struct session_stats *sessions;
	const struct docker_stats *docker;
	struct process_stats process;
	struct capacity_report capacity;
	struct limiter_counts clients;
	struct pool_counts pool[ENVIRONMENT_COUNT];
};

/* --- labels --- */

static const char *version(size_t i)
{
	(void)i;
	return VERSION;
}

static const char *session_state(size_t i)
{
	return session_state_name((enum session_state)i);
}

static const char *environment(size_t i)
{
	return environments[i].name;
}

static const char *end_name(size_t i)
{
	return ending((enum end_reason)i)->name;
}

static const char *start_kind(size_t i)
{
	return start_kind_name((enum start_kind)i);
}

static const char *direction(size_t i)
{
	return i == DIRECTION_IN ? "in" : "out";
}

static const char *verb(size_t i)
{
	return docker_verb_name((enum docker_verb)i);
}

static const char *outcome(size_t i)
{
	return docker_outcome_name((enum docker_outcome)i);
}

static const char *spare_state(size_t i)
{
	return i == 0 ? "ready" : "starting";
}

static const char *claim_result(size_t i)
{
	return i == 0 ? "hit" : "miss";
}

/* Everything that the log calls a limit: the limiter's verdicts but the first, which is no refusal, and what else refuses. */
enum { REFUSED_TERMINALS = LIMITER_FULL, REFUSED_HOST, REFUSED_COMMANDS, REFUSALS };

static const char *refusal(size_t i)
{
	static const char *const others[] = {"terminals", "host", "commands"};

	return i < LIMITER_FULL ? limiter_verdict_name((enum limiter_verdict)(i + 1))
				: others[i - LIMITER_FULL];
}

/* --- values: each gets the scrape and the indexes of its labels --- */

#define NUMBER(name, expression)                                                                   \
	static double name(const void *source, const size_t *at)                                   \
	{                                                                                          \
		const struct scrape *s = source;                                                   \
                                                                                                   \
		(void)at;                                                                          \
		return (double)(expression);                                                       \
	}

#define HISTOGRAM(name, expression)                                                                \
	static const struct histogram *name(const void *source, const size_t *at)                  \
	{                                                                                          \
		const struct scrape *s = source;                                                   \
                                                                                                   \
		(void)at;                                                                          \
		return (expression);                                                               \
	}

NUMBER(one, s != NULL)
NUMBER(cpu_seconds, s->process.cpu_seconds)
NUMBER(resident_bytes, s->process.resident_bytes)
NUMBER(virtual_bytes, s->process.virtual_bytes)
NUMBER(open_fds, s->process.open_descriptors)
NUMBER(max_fds, s->process.max_descriptors)
NUMBER(start_seconds, s->process.start_seconds)
NUMBER(sessions, s->sessions->by_state[at[0]])
NUMBER(sessions_created, s->sessions->created[at[0]])
NUMBER(sessions_ended, s->sessions->ended[at[0]])
NUMBER(websockets, s->server->peer_count)
NUMBER(containers, s->capacity.containers)
NUMBER(containers_max, s->capacity.max_containers)
NUMBER(is_open, sessions_open(s->server->parts.sessions))
NUMBER(pool_sandboxes, at[1] == 0 ? s->pool[at[0]].ready : s->pool[at[0]].starting)
NUMBER(pool_target, s->pool[at[0]].target)
NUMBER(pool_claims, at[1] == 0 ? s->pool[at[0]].hits : s->pool[at[0]].misses)
NUMBER(pool_discarded, s->pool[at[0]].discarded)
NUMBER(engine_up, watch_health(s->server->parts.watch)->reachable)
NUMBER(engine_requests, s->docker->requests[at[0]][at[1]])
NUMBER(terminal_bytes, s->server->stats.terminal_bytes[at[0]])
NUMBER(output_waits, pace_waits(s->server->parts.pace))
NUMBER(responses, s->server->stats.responses[at[0]])
HISTOGRAM(loop_lag, &s->server->parts.loop_lag->late)
HISTOGRAM(engine_durations, &s->docker->durations[at[0]])
HISTOGRAM(create_durations, &s->sessions->start[at[0]])
HISTOGRAM(prompt_durations, &s->server->stats.prompt[at[0]])
HISTOGRAM(echo_durations, &s->server->stats.echo)

static double refusals(const void *source, const size_t *at)
{
	const struct scrape *s = source;

	switch (at[0]) {
	case REFUSED_TERMINALS:
		return (double)s->server->stats.refused_terminals;
	case REFUSED_HOST:
		return (double)s->sessions->refused;
	case REFUSED_COMMANDS:
		return (double)s->clients.commands_delayed;
	default:
		return (double)s->clients.refused_by[at[0] + 1];
	}
}

/* --- the table --- */

#define GAUGE(n, h, ...)                                                                           \
	{                                                                                          \
		.name = (n), .type = METRIC_GAUGE, .help = (h), __VA_ARGS__                        \
	}
#define COUNTER(n, h, ...)                                                                         \
	{                                                                                          \
		.name = (n), .type = METRIC_COUNTER, .help = (h), __VA_ARGS__                      \
	}
#define SECONDS(n, h, ...)                                                                         \
	{                                                                                          \
		.name = (n), .type = METRIC_HISTOGRAM, .help = (h), __VA_ARGS__                    \
	}

#define BY_ENVIRONMENT                                                                             \
	{                                                                                          \
		"environment", ENVIRONMENT_COUNT, environment                                      \
	}
#define BY_START                                                                                   \
	{                                                                                          \
		"start", START_KINDS, start_kind                                                   \
	}
#define BY_VERB                                                                                    \
	{                                                                                          \
		"verb", DOCKER_VERBS, verb                                                         \
	}

static const struct metric table[] = {
	GAUGE("sandbox_api_build_info", "Always 1; the version is the label.", .number = one,
	      .labels = {{"version", 1, version}}),
	COUNTER("process_cpu_seconds_total", "CPU time of the server, user and system.",
		.number = cpu_seconds),
	GAUGE("process_resident_memory_bytes", "Memory of the server that is in RAM.",
	      .number = resident_bytes),
	GAUGE("process_virtual_memory_bytes", "Address space of the server.",
	      .number = virtual_bytes),
	GAUGE("process_open_fds", "Descriptors that are open.", .number = open_fds),
	GAUGE("process_max_fds", "Descriptors that may be open.", .number = max_fds),
	GAUGE("process_start_time_seconds", "When the server was started, since 1970.",
	      .number = start_seconds),
	SECONDS("sandbox_api_event_loop_lag_seconds", "How late a timer of the loop fires.",
		.histogram = loop_lag),
	GAUGE("sandbox_api_sessions", "Sessions by state.", .number = sessions,
	      .labels = {{"state", SESSION_STATES, session_state}}),
	COUNTER("sandbox_api_sessions_created_total", "Sessions that have got past their limits.",
		.number = sessions_created, .labels = {BY_ENVIRONMENT}),
	COUNTER("sandbox_api_sessions_ended_total", "Sessions that have ended, by reason.",
		.number = sessions_ended, .labels = {{"reason", END_REASONS, end_name}}),
	GAUGE("sandbox_api_websockets", "WebSockets that are open.", .number = websockets),
	GAUGE("sandbox_api_containers", "Containers that may exist, spare ones included.",
	      .number = containers),
	GAUGE("sandbox_api_containers_max", "Containers that the host carries.",
	      .number = containers_max),
	GAUGE("sandbox_api_open", "1 when new sessions are taken.", .number = is_open),
	GAUGE("sandbox_api_pool_sandboxes", "Spare sandboxes, by state.", .number = pool_sandboxes,
	      .labels = {BY_ENVIRONMENT, {"state", 2, spare_state}}),
	GAUGE("sandbox_api_pool_target", "Spare sandboxes that there should be.",
	      .number = pool_target, .labels = {BY_ENVIRONMENT}),
	COUNTER("sandbox_api_pool_claims_total", "Sessions that got a spare sandbox, or none.",
		.number = pool_claims, .labels = {BY_ENVIRONMENT, {"result", 2, claim_result}}),
	COUNTER("sandbox_api_pool_discarded_total", "Spare sandboxes that died or grew old.",
		.number = pool_discarded, .labels = {BY_ENVIRONMENT}),
	GAUGE("sandbox_api_engine_up", "1 when the Engine answered the latest question.",
	      .number = engine_up),
	COUNTER("sandbox_api_engine_requests_total", "Calls to the Engine that have ended.",
		.number = engine_requests,
		.labels = {BY_VERB, {"outcome", DOCKER_OUTCOMES, outcome}}),
	SECONDS("sandbox_api_engine_request_duration_seconds", "How long calls to the Engine took.",
		.histogram = engine_durations, .labels = {BY_VERB}),
	SECONDS("sandbox_api_session_create_duration_seconds",
		"From the request for a session until its sandbox runs.",
		.histogram = create_durations, .labels = {BY_START}),
	SECONDS("sandbox_api_connect_to_prompt_seconds",
		"From the open WebSocket to the first output on it, without init commands.",
		.histogram = prompt_durations, .labels = {BY_START}),
	SECONDS("sandbox_api_echo_seconds", "From input to the next output.",
		.histogram = echo_durations),
	COUNTER("sandbox_api_terminal_bytes_total", "Bytes typed (in) and shown (out).",
		.number = terminal_bytes, .labels = {{"direction", DIRECTIONS, direction}}),
	COUNTER("sandbox_api_output_waits_total",
		"How often a terminal waited for its share of MAX_OUTPUT_PER_SECOND.",
		.number = output_waits),
	COUNTER("sandbox_api_refusals_total", "Refusals, by the limit that was in the way.",
		.number = refusals, .labels = {{"limit", REFUSALS, refusal}}),
	COUNTER("sandbox_api_http_responses_total", "Answers over HTTP, by status.",
		.number = responses, .labels = {{"code", STATUS_CODES, status_code_name}}),
};

char *exposition_text(const struct server *s, size_t *len)
{
	const struct server_parts *p = &s->parts;
	struct scrape scrape = {.server = s,
				.sessions = sessions_stats(p->sessions),
				.docker = docker_stats(p->docker),
				.capacity =
					capacity_report(p->capacity, fleet_containers(p->fleet)),
				.clients = limiter_count(p->limiter)};

	process_read(s->process, &scrape.process);
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		scrape.pool[i] = pool_count(p->pool, &environments[i]);
	return metrics_write(table, sizeof(table) / sizeof(table[0]), &scrape, TEXT_MAX_BYTES, len);
}
