#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "tests/fakes/sim_internal.h"
#include "tests/fakes/sim_rules.h"

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;

	if (handle == (uv_handle_t *)c->timer)
		free(c->timer);
	if (--c->handles)
		return;
	fifo_finish(&c->body);
	fifo_finish(&c->sending);
	fifo_finish(&c->out);
	free(c->events_filter);
	free(c);
}

void sim_connection_answered(struct connection *c)
{
	if (!c->busy)
		return;
	c->busy = false;
	c->sim->counts[c->verb].in_flight--;
}

void sim_connection_close(struct connection *c)
{
	if (c->closed)
		return;
	c->closed = true;
	sim_connection_answered(c);
	DL_DELETE(c->sim->connections, c);
	if (c->pending)
		c->pending->connection = NULL;
	if (c->attached)
		c->attached->stream = NULL;
	c->sim->event_streams -= c->events;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	if (c->timer)
		uv_close((uv_handle_t *)c->timer, on_closed);
}

/* --- writing: one write is under way at most, its bytes are in `sending` --- */

static void go_on(struct connection *c);

static void on_timer(uv_timer_t *timer)
{
	go_on(timer->data);
}

void sim_connection_hold(struct connection *c, uint64_t ms)
{
	if (c->closed)
		return;
	if (!c->timer) {
		c->timer = malloc(sizeof(*c->timer));
		uv_timer_init(c->sim->loop, c->timer);
		c->timer->data = c;
		c->handles++;
	}
	uv_timer_start(c->timer, on_timer, ms, 0);
}

static bool held(const struct connection *c)
{
	return c->timer && uv_is_active((uv_handle_t *)c->timer);
}

bool sim_connection_idle(const struct connection *c)
{
	return !c->sending.len && !c->out.len && !held(c);
}

static void pump(struct connection *c);

/* Once nothing waits, an agent may say more. */
static void go_on(struct connection *c)
{
	pump(c);
	if (!c->closed && c->attached && sim_connection_idle(c))
		sim_stream_drained(c);
}

static void on_written(uv_write_t *request, int status)
{
	struct connection *c = request->data;

	if (c->closed)
		return;
	fifo_drop(&c->sending, c->sending.len);
	if (status < 0 || !c->shape.left) {
		sim_connection_close(c);
		return;
	}
	if (c->shape.piece && c->out.len)
		sim_connection_hold(c, c->shape.pause_ms);
	go_on(c);
}

/* What may go out now; nothing when its time has not come. */
static size_t next_piece(const struct connection *c)
{
	size_t n = c->out.len;

	if (c->shape.piece && n > c->shape.piece)
		n = c->shape.piece;
	if (c->shape.left >= 0 && n > (size_t)c->shape.left)
		n = (size_t)c->shape.left;
	return n;
}

static void pump(struct connection *c)
{
	if (c->closed || c->sending.len || held(c) || !c->out.len)
		return;
	size_t n = next_piece(c);
	if (!n) { /* as many bytes as there may be have gone out */
		sim_connection_close(c);
		return;
	}
	fifo_push(&c->sending, fifo_peek(&c->out), n);
	fifo_drop(&c->out, n);
	if (c->shape.left >= 0)
		c->shape.left -= (int64_t)n;
	uv_buf_t buf = uv_buf_init((char *)fifo_peek(&c->sending), (unsigned)n);
	if (uv_write(&c->writing, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0)
		sim_connection_close(c);
}

/* What the socket takes at once needs no memory. */
static size_t try_write(struct connection *c, const void *data, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);

	if (!sim_connection_idle(c) || c->shape.piece || c->shape.left >= 0)
		return 0;
	int n = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
	return n > 0 ? (size_t)n : 0; /* a broken connection shows in reading too */
}

void sim_connection_write(struct connection *c, const void *data, size_t len)
{
	if (!c || c->closed || c->cut || !len)
		return;
	size_t n = try_write(c, data, len);
	if (n < len && !fifo_push(&c->out, (const char *)data + n, len - n)) {
		sim_violation("nobody reads what is written");
		sim_connection_close(c);
		return;
	}
	pump(c);
}

void sim_connection_text(struct connection *c, const char *text)
{
	sim_connection_write(c, text, strlen(text));
}

/* --- reading requests --- */

static int on_message_begin(http_parser *parser)
{
	struct connection *c = parser->data;

	c->url_len = 0;
	fifo_drop(&c->body, c->body.len);
	return 0;
}

static int on_url(http_parser *parser, const char *data, size_t len)
{
	struct connection *c = parser->data;

	if (!sim_expect(c->url_len + len < sizeof(c->url), "a URL of more than %zu bytes",
			sizeof(c->url)))
		return 1;
	memcpy(c->url + c->url_len, data, len);
	c->url_len += len;
	return 0;
}

static int on_body(http_parser *parser, const char *data, size_t len)
{
	struct connection *c = parser->data;

	return sim_expect(fifo_push(&c->body, data, len), "a body of more than %d bytes",
			  SIM_BODY_MAX)
		       ? 0
		       : 1;
}

static int on_message_complete(http_parser *parser)
{
	struct connection *c = parser->data;

	c->url[c->url_len] = '\0';
	if (!fifo_push(&c->body, "", 1))
		return 1;
	sim_dispatch(c);
	return c->closed;
}

static const http_parser_settings settings = {
	.on_message_begin = on_message_begin,
	.on_url = on_url,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct connection *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->sim->read_buffer, sizeof(c->sim->read_buffer));
}

static void take_requests(struct connection *c, const char *data, size_t len)
{
	size_t used = http_parser_execute(&c->parser, &settings, data, len);

	if (c->closed || used == len || c->parser.upgrade)
		return;
	sim_violation("a request that is no HTTP: %s",
		      http_errno_description(HTTP_PARSER_ERRNO(&c->parser)));
	sim_connection_close(c);
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = pipe->data;

	if (n < 0 || (c->sim->refusing && !c->attached && !c->control))
		sim_connection_close(c);
	else if (c->cut)
		return;
	else if (c->attached)
		sim_stream_take(c, buf->base, (size_t)n);
	else
		take_requests(c, buf->base, (size_t)n);
}

struct connection *sim_connection_accept(struct sim *s, uv_stream_t *listener, bool control)
{
	struct connection *c = calloc(1, sizeof(*c));

	*c = (struct connection){.sim = s, .control = control, .handles = 1, .shape.left = -1};
	http_parser_init(&c->parser, HTTP_REQUEST);
	fifo_init(&c->body, SIM_BODY_MAX);
	fifo_init(&c->sending, SIM_OUT_MAX);
	fifo_init(&c->out, SIM_OUT_MAX);
	uv_pipe_init(s->loop, &c->pipe, 0);
	c->parser.data = c->pipe.data = c->writing.data = c;
	DL_APPEND(s->connections, c);
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 ||
	    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0) {
		sim_connection_close(c);
		return NULL;
	}
	s->accepted += !control;
	return c;
}
