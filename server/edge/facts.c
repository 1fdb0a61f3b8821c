#include <string.h>
#include <strings.h>

#include "edge/server_internal.h"

bool header_copy(struct lws *wsi, enum lws_token_indexes token, char *buf, size_t size,
		 bool *malformed)
{
	buf[0] = '\0';
	if (lws_hdr_total_length(wsi, token) <= 0)
		return false;
	if (lws_hdr_copy(wsi, buf, (int)size, token) >= 0)
		return true;
	*malformed = true;
	return false;
}

bool header_copy_named(struct lws *wsi, const char *name, char *buf, size_t size, bool *malformed)
{
	int name_len = (int)strlen(name);

	buf[0] = '\0';
	if (lws_hdr_custom_length(wsi, name, name_len) <= 0)
		return false;
	if (lws_hdr_custom_copy(wsi, buf, (int)size, name, name_len) >= 0)
		return true;
	*malformed = true;
	return false;
}

/* libwebsockets joins a header that came twice, with a comma. One Origin and one Host is all there can be. */
static bool is_list(const char *value)
{
	return strchr(value, ',') != NULL;
}

static void read_key(struct lws *wsi, struct request_facts *facts)
{
	char bearer[CONFIG_TEXT_BYTES + 8];

	if (header_copy_named(wsi, "x-api-key:", facts->key, sizeof(facts->key), &facts->malformed))
		return;
	if (header_copy(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, bearer, sizeof(bearer),
			&facts->malformed) &&
	    strncasecmp(bearer, "bearer ", 7) == 0) {
		memcpy(facts->key, bearer + 7, strnlen(bearer + 7, sizeof(facts->key) - 1) + 1);
		return;
	}
	const char *key = lws_get_urlarg_by_name(wsi, "api_key=", facts->key, sizeof(facts->key));
	if (!key)
		facts->key[0] = '\0';
	else if (key != facts->key)
		memmove(facts->key, key, strlen(key) + 1);
}

static void read_peer(struct lws *wsi, struct request_facts *facts)
{
	if (!lws_get_peer_simple(wsi, facts->peer, sizeof(facts->peer)))
		facts->peer[0] = '\0';
}

void facts_read(struct lws *wsi, struct request_facts *facts)
{
	char proto[16];

	memset(facts, 0, sizeof(*facts));
	header_copy(wsi, WSI_TOKEN_HOST, facts->host, sizeof(facts->host), &facts->malformed);
	header_copy(wsi, WSI_TOKEN_ORIGIN, facts->origin, sizeof(facts->origin), &facts->malformed);
	if (is_list(facts->host) || is_list(facts->origin))
		facts->malformed = true;
	facts->forwarded_https = header_copy_named(wsi, "x-forwarded-proto:", proto, sizeof(proto),
						   &facts->malformed) &&
				 strcasecmp(proto, "https") == 0;
	read_key(wsi, facts);
	read_peer(wsi, facts);
}
