#include "engine/attach_head.h"

#include <string.h>

static bool opens(unsigned status)
{
	return status == 101 || status == 200;
}

/* 2 makes the parser stop right behind the head, as after an upgrade. */
static int on_headers_complete(http_parser *parser)
{
	struct attach_head *h = parser->data;

	h->status = (int)parser->status_code;
	if (!opens(parser->status_code))
		return 0;
	h->state = ATTACH_OPEN;
	return 2;
}

static int on_body(http_parser *parser, const char *data, size_t len)
{
	struct attach_head *h = parser->data;
	size_t room = sizeof(h->body) - h->body_len;
	size_t n = len < room ? len : room;

	memcpy(h->body + h->body_len, data, n);
	h->body_len += n;
	return 0;
}

/* Interim answers (1xx) are passed over. Pausing keeps the parser from the next message. */
static int on_message_complete(http_parser *parser)
{
	struct attach_head *h = parser->data;

	if (h->state == ATTACH_WAITING && parser->status_code >= 200) {
		h->state = ATTACH_REFUSED;
		http_parser_pause(parser, 1);
	}
	return 0;
}

static const http_parser_settings settings = {
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void attach_head_init(struct attach_head *h)
{
	http_parser_init(&h->parser, HTTP_RESPONSE);
	h->parser.data = h;
	h->state = ATTACH_WAITING;
	h->seen = h->body_len = 0;
	h->status = 0;
}

enum attach_state attach_head_end(struct attach_head *h)
{
	if (h->state == ATTACH_WAITING)
		h->state = h->status >= 300 ? ATTACH_REFUSED : ATTACH_BROKEN;
	return h->state;
}

enum attach_state attach_head_feed(struct attach_head *h, const uint8_t *data, size_t len,
				   size_t *used)
{
	size_t room = ATTACH_HEAD_MAX - h->seen, n = len < room ? len : room;

	*used = 0;
	if (h->state != ATTACH_WAITING)
		return h->state;
	*used = http_parser_execute(&h->parser, &settings, (const char *)data, n);
	h->seen += *used;
	if (h->state == ATTACH_WAITING &&
	    (HTTP_PARSER_ERRNO(&h->parser) != HPE_OK || h->seen == ATTACH_HEAD_MAX))
		return attach_head_end(h);
	return h->state;
}
