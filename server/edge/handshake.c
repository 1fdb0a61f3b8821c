#include "edge/handshake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/protocol.h"
#include "edge/http.h"

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
	char text[HEADERS_MAX], *end;
	const char *value = query_value(wsi, name, text);

	if (!value || !*value)
		return fallback;
	long long n = strtoll(value, &end, 10);
	return *end ? fallback : n;
}

/* NULL when the upgrade may go on. Checked in the order of docs/protocol.md. */
static const char *refusal(struct lws *wsi, const struct server *s,
			   const struct request_facts *facts, const char *id, unsigned *status,
			   const char **code)
{
	enum access key = access_key(s->parts.config, facts->key);
	const struct session *session = sessions_find(s->parts.sessions, id);

	(void)wsi;
	if (!access_origin_allowed(s->parts.config, facts)) {
		*status = 403;
		*code = "Forbidden";
		return "This origin is not allowed.";
	}
	if (key != ACCESS_OK) {
		*status = 401;
		*code = key == ACCESS_NO_KEY ? "MissingApiKey" : "InvalidApiKey";
		return "Unauthorized";
	}
	if (session && session_terminal_count(session) >= AGENT_TERMINALS_MAX) {
		*status = 429;
		*code = "TooManyConnections";
		return "Too many concurrent connections";
	}
	return NULL;
}

int handshake_judge(struct lws *wsi)
{
	struct request_facts facts;
	char id[SESSION_ID_BYTES];
	unsigned status;
	const char *code;
	bool websocket, version_13 = is_version_13(wsi, &websocket);

	if (!websocket)
		return http_refuse_upgrade(wsi, 400, "BadRequest",
					   "Only websocket is spoken here.");
	if (!version_13)
		return http_refuse_upgrade(wsi, 426, "UpgradeRequired",
					   "WebSocket version 13 is needed.");
	facts_read(wsi, &facts);
	if (facts.malformed || !handshake_path(wsi, id))
		return http_refuse_upgrade(wsi, 400, "BadRequest", "Invalid session path");
	const char *message = refusal(wsi, server_of(wsi), &facts, id, &status, &code);
	return message ? http_refuse_upgrade(wsi, status, code, message) : 0;
}
