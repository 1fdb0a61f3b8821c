#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "edge/query.h"
#include "edge/server_internal.h"

/* What libwebsockets says of a copy: its length, or less than 0 when it does not fit. It lets NUL through. */
static bool is_whole(const char *buf, int len, bool *malformed)
{
	if (len >= 0 && strlen(buf) == (size_t)len)
		return true;
	*malformed = true;
	return false;
}

bool header_copy(struct lws *wsi, enum lws_token_indexes token, char *buf, size_t size,
		 bool *malformed)
{
	buf[0] = '\0';
	if (lws_hdr_total_length(wsi, token) <= 0)
		return false;
	return is_whole(buf, lws_hdr_copy(wsi, buf, (int)size, token), malformed);
}

bool header_copy_named(struct lws *wsi, const char *name, char *buf, size_t size, bool *malformed)
{
	int name_len = (int)strlen(name);

	buf[0] = '\0';
	if (lws_hdr_custom_length(wsi, name, name_len) <= 0)
		return false;
	return is_whole(buf, lws_hdr_custom_copy(wsi, buf, (int)size, name, name_len), malformed);
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

static void read_query(struct lws *wsi, const char *name, char *field, size_t size)
{
	char text[HEADERS_MAX];
	const char *value = field[0] ? NULL : query_value(wsi, name, text);

	if (value)
		query_keep(field, size, value);
}

static void read_credentials(struct lws *wsi, struct request_facts *facts)
{
	char text[HEADERS_MAX];
	bool overflow = false;

	if (header_copy_named(wsi, "x-api-key:", text, sizeof(text), &overflow))
		query_keep(facts->key, sizeof(facts->key), text);
	header_copy(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, text, sizeof(text), &overflow);
	query_read_authorization(text, facts);
	read_query(wsi, "api_key=", facts->key, sizeof(facts->key));
	read_query(wsi, "token=", facts->token, sizeof(facts->token));
	const char *ticket = query_value(wsi, "ticket=", text);
	if (ticket)
		query_read_ticket(ticket, facts);
}

/* libwebsockets joins the lines of a header that came more than once, in their order. */
static void read_forwarded_for(struct lws *wsi, struct request_facts *facts)
{
	char text[HEADERS_MAX];

	header_copy(wsi, WSI_TOKEN_X_FORWARDED_FOR, text, sizeof(text), &facts->malformed);
	query_read_forwarded_for(text, facts);
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
	read_credentials(wsi, facts);
	read_forwarded_for(wsi, facts);
	read_peer(wsi, facts);
}
