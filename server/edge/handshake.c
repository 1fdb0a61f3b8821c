#include "edge/handshake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/admission.h"
#include "edge/http.h"
#include "edge/identity.h"
#include "edge/query.h"

#define WS_PATH_PREFIX "/api/v1/sessions/"
#define WS_PATH_SUFFIX "/ws"

bool handshake_path(struct lws *wsi, char id[SESSION_ID_BYTES])
{
	char path[HTTP_PATH_MAX];
	bool malformed = false;
	size_t prefix = strlen(WS_PATH_PREFIX);

	if (!header_copy(wsi, WSI_TOKEN_GET_URI, path, sizeof(path), &malformed) ||
	    strncmp(path, WS_PATH_PREFIX, prefix) != 0)
		return false;
	size_t len = strcspn(path + prefix, "/");
	if (strcmp(path + prefix + len, WS_PATH_SUFFIX) != 0 || !len)
		return false;
	if (len >= SESSION_ID_BYTES)
		len = 0; /* cannot be a session: told so after the upgrade, like every unknown one */
	memcpy(id, path + prefix, len);
	id[len] = '\0';
	return true;
}

static bool is_version_13(struct lws *wsi, bool *websocket)
{
	char upgrade[32], version[8];
	bool malformed = false;

	*websocket = header_copy(wsi, WSI_TOKEN_UPGRADE, upgrade, sizeof(upgrade), &malformed) &&
		     strcasecmp(upgrade, "websocket") == 0;
	return header_copy(wsi, WSI_TOKEN_VERSION, version, sizeof(version), &malformed) &&
	       strcmp(version, "13") == 0;
}

int64_t handshake_size(struct lws *wsi, const char *name, int64_t fallback)
{
	char text[HEADERS_MAX];
	const char *value = query_value(wsi, name, text);

	return value ? query_number(value, fallback) : fallback;
}

struct refusal {
	unsigned status;
	const char *code, *message;
	const char *limit; /* for the log; NULL when it is none */
};

void handshake_forget_upgrade(struct server *s, const struct lws *wsi)
{
	if (!s->upgrade.wsi || s->upgrade.wsi != wsi)
		return;
	limiter_give_websocket(s->parts.limiter, &s->upgrade.client);
	s->upgrade.wsi = NULL;
}

static enum limiter_verdict take_slot(struct server *s, struct lws *wsi,
				      const struct request_facts *facts, const char *id,
				      const struct client *client)
{
	struct limiter_answer answer =
		limiter_take_websocket(s->parts.limiter, client, clock_monotonic_ms());

	if (answer.verdict == LIMITER_OK) {
		s->upgrade = (struct upgrade){.wsi = wsi, .client = *client};
		memcpy(s->upgrade.session_id, id, SESSION_ID_BYTES);
		memcpy(s->upgrade.ticket, facts->ticket, TICKET_BYTES);
	}
	return answer.verdict;
}

/* Checked in the order of docs/protocol.md. False with *refusal when it may not. */
static bool may_upgrade(struct lws *wsi, struct server *s, const struct request_facts *facts,
			const char *id, struct admission *a, struct refusal *refusal)
{
	struct session *session = sessions_find(s->parts.sessions, id);
	enum limiter_verdict verdict;

	if (!access_origin_allowed(s->parts.config, facts)) {
		identity_of_address(s->parts.identity, facts, &a->client);
		*refusal = (struct refusal){403, "Forbidden", "This origin is not allowed.", NULL};
		return false;
	}
	admit_websocket(s, facts, session, a);
	if (a->refusal) {
		*refusal = (struct refusal){401, a->refusal, "Unauthorized", NULL};
		admission_log(a, WS_PATH_PREFIX ":id" WS_PATH_SUFFIX);
		return false;
	}
	if (session && !session_has_room(session)) {
		s->stats.refused_terminals++;
		*refusal = (struct refusal){429, "TooManyConnections",
					    "Too many concurrent connections", "terminals"};
		return false;
	}
	verdict = take_slot(s, wsi, facts, id, &a->client);
	if (verdict == LIMITER_FULL)
		*refusal = (struct refusal){503, "ServiceUnavailable", "Try again later.",
					    limiter_verdict_name(verdict)};
	else if (verdict != LIMITER_OK)
		*refusal = (struct refusal){429, "TooManyConnections",
					    "Too many concurrent connections",
					    limiter_verdict_name(verdict)};
	return verdict == LIMITER_OK;
}

static void log_refusal(const struct client *client, const struct refusal *refusal)
{
	const struct log_field fields[] = {
		LOG_S("client", client->name), LOG_U("status", refusal->status),
		LOG_S("code", refusal->code), LOG_S("limit", refusal->limit)};

	log_write(LOG_INFO, "websocket.refused", fields, refusal->limit ? 4 : 3);
}

int handshake_judge(struct lws *wsi)
{
	struct server *s = server_of(wsi);
	struct request_facts facts;
	struct admission a = {.refusal = NULL};
	struct refusal refusal;
	char id[SESSION_ID_BYTES];
	bool websocket, version_13 = is_version_13(wsi, &websocket);

	handshake_forget_upgrade(s, s->upgrade.wsi);
	if (is_metrics_connection(wsi))
		return http_refuse_upgrade(wsi, 404, "NotFound", "There is nothing here.");
	if (!websocket)
		return http_refuse_upgrade(wsi, 400, "BadRequest",
					   "Only websocket is spoken here.");
	if (!version_13)
		return http_refuse_upgrade(wsi, 426, "UpgradeRequired",
					   "WebSocket version 13 is needed.");
	facts_read(wsi, &facts);
	if (facts.malformed || !handshake_path(wsi, id))
		return http_refuse_upgrade(wsi, 400, "BadRequest", "Invalid session path");
	if (may_upgrade(wsi, s, &facts, id, &a, &refusal))
		return 0;
	log_refusal(&a.client, &refusal);
	return http_refuse_upgrade(wsi, refusal.status, refusal.code, refusal.message);
}

bool handshake_take_upgrade(struct server *s, struct lws *wsi, struct client *client)
{
	if (s->upgrade.wsi != wsi)
		return false;
	*client = s->upgrade.client;
	s->upgrade.wsi = NULL;
	struct session *session = sessions_find(s->parts.sessions, s->upgrade.session_id);
	if (session)
		ticket_redeem(session_tickets(session), s->upgrade.ticket, clock_monotonic_ms());
	return true;
}
