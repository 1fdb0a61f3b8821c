/*
 * The JSON of the REST API: one request body to read, the answers to write.
 *
 * Encoders return a text to free(), or NULL when memory is out.
 */
#ifndef SANDBOX_EDGE_JSON_API_H
#define SANDBOX_EDGE_JSON_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "sandbox/watch.h"
#include "session/capacity.h"
#include "session/init_run.h"
#include "session/session.h"

/* Reads the body of POST /sessions. The request's pointers live in *document, to be given to json_document_free() after a
 * 0; -1 with *err (ERR_INPUT; its message is for the client). */
int json_read_session_request(const char *body, size_t len, struct session_request *request,
			      const char *init[INIT_COMMANDS_MAX], void **document,
			      struct err *err);
void json_document_free(void *document);

/* The string "apiKey" of the body, or "". */
void json_read_api_key(const char *body, size_t len, char key[CONFIG_TEXT_BYTES]);

char *json_error(const char *code, const char *message, int retry_after);
char *json_success(void);
char *json_session(const struct session *session, const char *ws_url); /* ws_url NULL: for GET */
char *json_ticket(const char *ws_url, int64_t valid_ms);
char *json_environments(void);
char *json_capacity(const struct capacity_report *report);

struct json_health {
	const char *status;     /* "ok", "degraded", "draining" */
	const char *reasons[8]; /* NULL-terminated */
	int64_t uptime_ms;
	size_t containers, sessions;
	const struct config *config;
	const struct engine_health *engine;
	struct pool_counts pool[ENVIRONMENT_COUNT];
	const char *runtime_kind; /* as canary_kind_name() says; NULL while no canary has passed */
};
char *json_health(const struct json_health *health);

struct json_status {
	struct json_health health;
	const struct session_stats *sessions;
	size_t websockets;
	struct capacity_report capacity;
	struct limiter_counts clients;
	bool canary_passed, starts_fail;
};
char *json_status(const struct json_status *status); /* indented, for people */

/* "2h15m30s"; buf of 32 bytes. Returns buf. */
char *json_uptime(char *buf, int64_t ms);

#endif
