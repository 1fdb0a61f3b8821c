#include "edge/http.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/api.h"
#include "edge/json_api.h"

/* A request's body has to arrive within this, and the answer to be taken. */
#define BODY_LIMIT_MS      10000
#define SEND_LIMIT_SECONDS 30

/* For an answer's own headers; the rest of the block is the body. */
#define HEADER_BYTES 2048

static const struct {
	enum lws_token_indexes token;
	enum http_method method;
} methods[] = {
	{WSI_TOKEN_GET_URI, HTTP_GET},         {WSI_TOKEN_HEAD_URI, HTTP_HEAD},
	{WSI_TOKEN_POST_URI, HTTP_POST},       {WSI_TOKEN_DELETE_URI, HTTP_DELETE},
	{WSI_TOKEN_OPTIONS_URI, HTTP_OPTIONS},
};

static enum http_method read_method(struct lws *wsi)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (lws_hdr_total_length(wsi, methods[i].token) > 0)
			return methods[i].method;
	return HTTP_OTHER;
}

static void free_request(struct connection *c)
{
	struct http_request *r = c->http;

	if (!r)
		return;
	c->http = NULL;
	if (r->on_gone)
		r->on_gone(r->on_gone_arg);
	free(r->body);
	free(r->owned);
	free(r);
}

/* --- the answer --- */

void http_header(struct http_request *r, const char *format, ...)
{
	size_t used = strlen(r->headers), room = sizeof(r->headers) - used;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(r->headers + used, room, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n + 2 < room) {
		memcpy(r->headers + used + n, "\r\n", 3);
		return;
	}
	r->headers[used] = '\0';
	log_error("http.header_too_long", LOG_S("path", r->path));
}

static void answer(struct http_request *r, unsigned status, const char *content_type)
{
	r->answered = true;
	r->status = status;
	r->content_type = content_type;
	log_debug("http.answer", LOG_S("path", r->path), LOG_U("status", status));
	lws_callback_on_writable(r->wsi);
}

void http_answer_data(struct http_request *r, unsigned status, const char *content_type,
		      const void *data, size_t len)
{
	r->data = data;
	r->data_len = len;
	answer(r, status, content_type);
}

void http_answer_empty(struct http_request *r, unsigned status)
{
	http_answer_data(r, status, NULL, NULL, 0);
}

void http_answer_text(struct http_request *r, unsigned status, const char *content_type, char *text,
		      size_t len)
{
	static const char no_memory[] =
		"{\"error\":\"InternalError\",\"message\":\"An internal error occurred\"}";

	http_header(r, "cache-control: no-store");
	r->owned = text;
	if (text)
		http_answer_data(r, status, content_type, text, len);
	else
		http_answer_data(r, 500, "application/json; charset=utf-8", no_memory,
				 sizeof(no_memory) - 1);
}

void http_answer_json(struct http_request *r, unsigned status, char *json)
{
	http_answer_text(r, status, "application/json; charset=utf-8", json,
			 json ? strlen(json) : 0);
}

void http_answer_error(struct http_request *r, unsigned status, const char *code,
		       const char *message, int retry_after)
{
	if (retry_after > 0)
		http_header(r, "retry-after: %d", retry_after);
	http_answer_json(r, status, json_error(code, message, retry_after));
}

void http_defer(struct http_request *r, void (*on_gone)(void *arg), void *arg)
{
	r->on_gone = on_gone;
	r->on_gone_arg = arg;
	/* What it waits for has a time limit of its own. */
	lws_set_timeout(r->wsi, NO_PENDING_TIMEOUT, 0);
}

static size_t write_head(const struct http_request *r, uint8_t *start, size_t size)
{
	uint8_t *p = start, *end = start + size;

	if (lws_add_http_header_status(r->wsi, r->status, &p, end) ||
	    (r->content_type &&
	     lws_add_http_header_by_token(r->wsi, WSI_TOKEN_HTTP_CONTENT_TYPE,
					  (const uint8_t *)r->content_type,
					  (int)strlen(r->content_type), &p, end)) ||
	    (r->status != 204 && r->status != 304 &&
	     lws_add_http_header_content_length(r->wsi, r->data_len, &p, end)))
		return 0;
	size_t len = strlen(r->headers);
	if ((size_t)(end - p) < len + 64)
		return 0;
	memcpy(p, r->headers, len);
	p += len;
	if (r->close)
		p += sprintf((char *)p, "connection: close\r\n");
	if (lws_finalize_http_header(r->wsi, &p, end))
		return 0;
	return (size_t)(p - start);
}

/* Head and body in one write: what the socket does not take is kept by libwebsockets. */
static bool send_answer(const struct http_request *r)
{
	bool bodyless = r->method == HTTP_HEAD || r->status == 204 || r->status == 304;
	size_t body = bodyless ? 0 : r->data_len;
	uint8_t *block = malloc(LWS_PRE + HEADER_BYTES + body);

	if (!block)
		return false;
	size_t head = write_head(r, block + LWS_PRE, HEADER_BYTES);
	if (head && body)
		memcpy(block + LWS_PRE + head, r->data, body);
	int n = head ? lws_write(r->wsi, block + LWS_PRE, head + body, LWS_WRITE_HTTP_HEADERS) : -1;
	free(block);
	if (n >= 0)
		edge_stats_response(&server_of(r->wsi)->stats, r->status);
	return n >= 0;
}

/* The client hears that nothing more will come, but may go on sending its body: closed with bytes that nobody has read, the
 * connection would be reset, and a client or proxy that is still writing would find that instead of its answer. */
static int linger(struct http_request *r)
{
	r->lingers = true;
	if (!lws_partial_buffered(r->wsi))
		shutdown(lws_get_socket_fd(r->wsi), SHUT_WR);
	lws_set_timeout(r->wsi, PENDING_TIMEOUT_HTTP_CONTENT, BODY_LIMIT_MS / 1000);
	return 0;
}

int http_on_writable(struct connection *c)
{
	struct http_request *r = c->http;

	if (!r || !r->answered || r->lingers)
		return 0;
	struct lws *wsi = r->wsi;
	bool sent = send_answer(r), close = !sent || r->close;
	if (sent)
		r->on_gone = NULL;
	if (sent && r->close && r->body_due)
		return linger(r);
	free_request(c);
	/* For a client that does not read; with the next request another limit takes its place. */
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_LIMIT_SECONDS);
	return close || lws_http_transaction_completed(wsi) ? -1 : 0;
}

int http_refuse_upgrade(struct lws *wsi, unsigned status, const char *code, const char *message)
{
	struct http_request r = {.wsi = wsi, .method = HTTP_GET, .status = status, .close = true};

	r.content_type = "application/json; charset=utf-8";
	r.owned = json_error(code, message, 0);
	r.data = (const uint8_t *)r.owned;
	r.data_len = r.owned ? strlen(r.owned) : 0;
	if (status == 426)
		http_header(&r, "sec-websocket-version: 13");
	send_answer(&r);
	free(r.owned);
	return -1;
}

/* --- the request --- */

static bool read_content_length(struct lws *wsi, size_t *length)
{
	bool malformed = false;
	char text[24];

	*length = 0;
	if (!header_copy(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof(text), &malformed))
		return !malformed;
	if (strlen(text) > 18 || text[strspn(text, "0123456789")])
		return false;
	*length = strtoul(text, NULL, 10);
	return true;
}

/* Refusals that concern how the request is sent; the connection cannot be used again afterwards. */
static bool refuse_framing(struct http_request *r, bool has_length)
{
	struct lws *wsi = r->wsi;

	r->close = true;
	if (r->facts.malformed || !read_content_length(wsi, &r->body_expected))
		http_answer_error(r, 400, "BadRequest", "The request's headers are malformed.", 0);
	else if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
		 (r->method == HTTP_POST && !has_length))
		http_answer_error(r, 411, "LengthRequired", "A body needs a Content-Length.", 0);
	else if (r->body_expected > HTTP_BODY_MAX)
		http_answer_error(r, 413, "PayloadTooLarge", "The body is longer than 65536 bytes.",
				  0);
	else /* PUT: the library may be waiting for a body of its own invention */
		r->close = r->method == HTTP_OTHER;
	return r->answered;
}

static void read_asset_headers(struct http_request *r)
{
	char encodings[128];
	bool malformed = false;

	header_copy(r->wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, r->if_none_match,
		    sizeof(r->if_none_match), &malformed);
	r->accepts_gzip = header_copy(r->wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, encodings,
				      sizeof(encodings), &malformed) &&
			  strstr(encodings, "gzip") && !strstr(encodings, "gzip;q=0");
}

static void handle(struct http_request *r)
{
	r->handled = true;
	api_handle(r);
}

int http_on_request(struct lws *wsi, struct connection *c, const char *path, size_t len)
{
	bool has_length = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;

	free_request(c);
	struct http_request *r = calloc(1, sizeof(*r));
	if (!r)
		return -1;
	c->http = r;
	r->wsi = wsi;
	r->server = server_of(wsi);
	r->method = read_method(wsi);
	snprintf(r->path, sizeof(r->path), "%.*s", (int)len, path);
	facts_read(wsi, &r->facts);
	read_asset_headers(r);
	r->since_ms = clock_monotonic_ms();
	bool refused = refuse_framing(r, has_length);
	r->body_due = r->body_expected || (r->method == HTTP_POST && !has_length);
	if (refused)
		return 0;
	if (!r->body_expected && r->method != HTTP_POST)
		handle(r);
	else
		api_admit(r);
	return 0;
}

static bool is_late(const struct http_request *r)
{
	return clock_monotonic_ms() - r->since_ms > BODY_LIMIT_MS;
}

/* What nobody wants to read any more, within the limits of a body. */
static int discard(struct http_request *r, size_t len)
{
	r->body_len += len;
	return r->lingers && (r->body_len > HTTP_BODY_MAX || is_late(r)) ? -1 : 0;
}

int http_on_body(struct connection *c, const void *data, size_t len)
{
	struct http_request *r = c->http;

	if (!r || !len)
		return 0;
	if (r->answered)
		return discard(r, len);
	/* Bytes beyond the body, before its answer: whoever sends them does not speak with us in turns. */
	if (r->handled || r->body_len + len > r->body_expected || is_late(r))
		return -1;
	if (!r->body && !(r->body = calloc(1, r->body_expected + 1)))
		return -1;
	memcpy(r->body + r->body_len, data, len);
	r->body_len += len;
	return 0;
}

int http_on_body_complete(struct connection *c)
{
	struct http_request *r = c->http;

	if (!r)
		return 0;
	if (r->lingers || (r->handled && !r->answered))
		return -1;
	r->body_due = false;
	if (!r->answered)
		handle(r);
	return 0;
}

void http_on_closed(struct connection *c)
{
	free_request(c);
}
