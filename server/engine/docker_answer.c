#include "engine/docker_answer.h"

#include "engine/docker_http.h"

/* Interim answers (1xx) are passed over, but for a switch to another protocol, which nobody has asked for. */
static bool is_final(const http_parser *parser)
{
	return parser->status_code >= 200 || parser->status_code == 101;
}

/* Whatever its headers say (RFC 9112, section 6.3). The parser does not know by itself. */
static bool has_no_body(const http_parser *parser)
{
	return parser->status_code < 200 || parser->status_code == 204 ||
	       parser->status_code == 304;
}

static int on_headers_complete(http_parser *parser)
{
	struct docker_answer *a = parser->data;

	if (parser->http_major != 1)
		a->flaw = "unreadable answer: not HTTP/1";
	a->status = (int)parser->status_code;
	a->in_body = is_final(parser);
	return a->flaw ? -1 : has_no_body(parser);
}

static int on_body(http_parser *parser, const char *data, size_t len)
{
	struct docker_answer *a = parser->data;
	bool fits = a->by_line && a->status == 200 ? docker_lines_push(&a->lines, data, len)
						   : fifo_push(&a->body, data, len);

	if (!fits)
		a->flaw = "answer too large";
	return fits ? 0 : -1;
}

/* Pausing keeps the parser from what may follow. */
static int on_message_complete(http_parser *parser)
{
	struct docker_answer *a = parser->data;

	if (!is_final(parser))
		return 0;
	a->complete = true;
	a->reusable = parser->status_code >= 200 && http_should_keep_alive(parser);
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void docker_answer_init(struct docker_answer *a, bool by_line)
{
	*a = (struct docker_answer){.by_line = by_line};
	http_parser_init(&a->parser, HTTP_RESPONSE);
	a->parser.data = a;
	fifo_init(&a->body, HTTP_BODY_MAX);
	docker_lines_init(&a->lines);
}

void docker_answer_finish(struct docker_answer *a)
{
	fifo_finish(&a->body);
	docker_lines_finish(&a->lines);
}

static void execute(struct docker_answer *a, const char *data, size_t len)
{
	size_t used = http_parser_execute(&a->parser, &settings, data, len);
	enum http_errno error = HTTP_PARSER_ERRNO(&a->parser);

	if (a->complete)
		a->reusable &= used == len;
	else if (error == HPE_HEADER_OVERFLOW)
		a->flaw = "header too large";
	else if (error != HPE_OK && !a->flaw)
		a->flaw = "unreadable answer";
}

void docker_answer_feed(struct docker_answer *a, const char *data, size_t len)
{
	if (a->complete || a->flaw)
		return;
	execute(a, data, len);
	if (!a->in_body && (a->head_bytes += len) > HTTP_HEAD_MAX && !a->flaw)
		a->flaw = "header too large";
}

void docker_answer_end(struct docker_answer *a)
{
	if (!a->complete && !a->flaw)
		execute(a, NULL, 0);
	a->reusable = false;
	if (!a->complete && !a->flaw)
		a->flaw = "the connection ended before the answer did";
}
