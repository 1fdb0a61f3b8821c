#include <stdio.h>
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

const char *query_value(struct lws *wsi, const char *name, char buf[HEADERS_MAX])
{
	return lws_get_urlarg_by_name(wsi, name, buf, HEADERS_MAX);
}

/* A host name or address with a port; it comes back in answers. */
static bool is_host(const char *text)
{
	return !text[strspn(
		text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%")];
}

/* libwebsockets joins a header that came twice, with a comma. One Origin is all there can be. */
static bool is_list(const char *value)
{
	return strchr(value, ',') != NULL;
}

/* What is longer than any key of ours is a wrong key, not a wrong request: proxies and browsers send their own. */
static const char too_long[] = "(too long)";

static bool read_header_key(struct lws *wsi, struct request_facts *facts, bool *overflow)
{
	char bearer[sizeof(facts->key) + 7] = "";

	if (header_copy_named(wsi, "x-api-key:", facts->key, sizeof(facts->key), overflow) ||
	    *overflow)
		return true;
	if (!header_copy(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, bearer, sizeof(bearer), overflow))
		return *overflow;
	if (strncasecmp(bearer, "bearer ", 7) != 0)
		return false;
	memcpy(facts->key, bearer + 7, sizeof(facts->key) - 1);
	return true;
}

static void read_key(struct lws *wsi, struct request_facts *facts)
{
	char buf[HEADERS_MAX];
	bool overflow = false;

	if (!read_header_key(wsi, facts, &overflow)) {
		const char *key = query_value(wsi, "api_key=", buf);
		overflow = key && strlen(key) >= sizeof(facts->key);
		snprintf(facts->key, sizeof(facts->key), "%s", key ? key : "");
	}
	if (overflow)
		memcpy(facts->key, too_long, sizeof(too_long));
}

static bool is_forwarded_https(struct lws *wsi)
{
	char proto[16];
	bool overflow = false;

	return header_copy_named(wsi, "x-forwarded-proto:", proto, sizeof(proto), &overflow) &&
	       strcasecmp(proto, "https") == 0;
}

static void read_peer(struct lws *wsi, struct request_facts *facts)
{
	if (!lws_get_peer_simple(wsi, facts->peer, sizeof(facts->peer)))
		facts->peer[0] = '\0';
}

void facts_read(struct lws *wsi, struct request_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	header_copy(wsi, WSI_TOKEN_HOST, facts->host, sizeof(facts->host), &facts->malformed);
	header_copy(wsi, WSI_TOKEN_ORIGIN, facts->origin, sizeof(facts->origin), &facts->malformed);
	if (!is_host(facts->host) || is_list(facts->origin))
		facts->malformed = true;
	facts->forwarded_https = is_forwarded_https(wsi);
	read_key(wsi, facts);
	read_peer(wsi, facts);
}
