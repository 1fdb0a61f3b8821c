#include "fake_engine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define SCRIPT_MAX   64
#define RECEIVED_MAX (4 << 20)

struct connection {
	uv_pipe_t pipe;
	uv_timer_t delay;
	struct fake_engine *engine;
	struct connection *prev, *next;
	struct fake_reply reply;
	uv_write_t write;
	size_t sent, request_start; /* the latter in engine->received */
	unsigned handles;
	bool streaming; /* what comes is no request any more */
	bool closed;
	char buf[65536];
};

struct fake_engine {
	uv_pipe_t listener;
	uv_loop_t *loop;
	struct connection *connections;
	struct fake_reply script[SCRIPT_MAX];
	char *made[SCRIPT_MAX]; /* memory of fake_json() */
	unsigned script_len, requests, accepted;
	char dir[32], path[64], host[80];
	char *received;
	size_t received_len;
};

static void on_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;

	if (--c->handles == 0)
		free(c);
}

static void close_connection(struct connection *c)
{
	if (c->closed)
		return;
	c->closed = true;
	DL_DELETE(c->engine->connections, c);
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	uv_close((uv_handle_t *)&c->delay, on_closed);
}

/* --- replies --- */

static void send_piece(struct connection *c);

static void on_piece_written(uv_write_t *req, int status)
{
	struct connection *c = req->data;

	if (c->closed)
		return;
	if (status < 0)
		close_connection(c);
	else
		send_piece(c);
}

static void send_piece(struct connection *c)
{
	size_t left = c->reply.len - c->sent;
	size_t n = c->reply.piece && c->reply.piece < left ? c->reply.piece : left;
	uv_buf_t buf = uv_buf_init((char *)c->reply.data + c->sent, (unsigned)n);

	if (!left) {
		if (c->reply.end == FAKE_CLOSE)
			close_connection(c);
		return;
	}
	c->sent += n;
	ck_assert_int_eq(uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_piece_written),
			 0);
}

static void on_delay(uv_timer_t *timer)
{
	send_piece(timer->data);
}

static struct fake_reply *next_reply(struct fake_engine *f)
{
	ck_assert_msg(f->requests < f->script_len, "a request without a reply:\n%s", f->received);
	return &f->script[f->requests];
}

static void answer(struct connection *c)
{
	c->reply = *next_reply(c->engine);
	c->engine->requests++;
	c->sent = 0;
	c->streaming = c->reply.data && strncmp(c->reply.data, "HTTP/1.1 101", 12) == 0;
	if (c->reply.end == FAKE_RESET)
		close_connection(c);
	else
		uv_timer_start(&c->delay, on_delay, c->reply.delay_ms, 0);
}

/* --- requests --- */

static bool request_complete(const struct connection *c)
{
	const char *start = c->engine->received + c->request_start;
	const char *end = strstr(start, "\r\n\r\n");
	const char *length = strcasestr(start, "\r\nContent-Length:");
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;

	return end && strlen(end + 4) >= body;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct connection *c = handle->data;
	struct fake_engine *f = c->engine;
	bool reset = !c->streaming && f->requests < f->script_len &&
		     f->script[f->requests].end == FAKE_RESET;

	(void)suggested;
	*buf = uv_buf_init(c->buf, reset ? 1 : sizeof(c->buf));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = stream->data;
	struct fake_engine *f = c->engine;

	if (n < 0) {
		close_connection(c);
		return;
	}
	ck_assert_uint_lt(f->received_len + (size_t)n, RECEIVED_MAX);
	memcpy(f->received + f->received_len, buf->base, (size_t)n);
	f->received_len += (size_t)n;
	f->received[f->received_len] = '\0';
	if (c->streaming)
		return;
	if (next_reply(f)->end == FAKE_RESET || request_complete(c)) {
		c->request_start = f->received_len;
		answer(c);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct fake_engine *f = listener->data;
	struct connection *c = calloc(1, sizeof(*c));

	ck_assert_int_eq(status, 0);
	c->engine = f;
	c->handles = 2;
	c->request_start = f->received_len;
	uv_pipe_init(f->loop, &c->pipe, 0);
	uv_timer_init(f->loop, &c->delay);
	c->pipe.data = c->delay.data = c->write.data = c;
	ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&c->pipe), 0);
	f->accepted++;
	DL_APPEND(f->connections, c);
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

/* --- for tests --- */

struct fake_engine *fake_new(uv_loop_t *loop)
{
	struct fake_engine *f = calloc(1, sizeof(*f));

	f->loop = loop;
	f->received = calloc(1, RECEIVED_MAX);
	strcpy(f->dir, "/tmp/fake-engine-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	snprintf(f->host, sizeof(f->host), "unix://%s", f->path);
	uv_pipe_init(loop, &f->listener, 0);
	f->listener.data = f;
	ck_assert_int_eq(uv_pipe_bind(&f->listener, f->path), 0);
	ck_assert_int_eq(uv_listen((uv_stream_t *)&f->listener, 128, on_connection), 0);
	return f;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct fake_engine *f = handle->data;

	for (unsigned i = 0; i < f->script_len; i++)
		free(f->made[i]);
	free(f->received);
	free(f);
}

void fake_free(struct fake_engine *f)
{
	fake_close_connections(f);
	unlink(f->path);
	rmdir(f->dir);
	uv_close((uv_handle_t *)&f->listener, on_listener_closed);
}

const char *fake_host(const struct fake_engine *f)
{
	return f->host;
}

void fake_reply(struct fake_engine *f, struct fake_reply reply)
{
	ck_assert_uint_lt(f->script_len, SCRIPT_MAX);
	if (!reply.len && reply.data)
		reply.len = strlen(reply.data);
	f->script[f->script_len++] = reply;
}

void fake_json(struct fake_engine *f, int status, const char *body)
{
	char *text = NULL;

	ck_assert_int_ge(asprintf(&text,
				  "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n"
				  "Content-Length: %zu\r\n\r\n%s",
				  status, strlen(body), body),
			 0);
	f->made[f->script_len] = text;
	fake_reply(f, (struct fake_reply){.data = text});
}

const char *fake_received(const struct fake_engine *f, size_t *len)
{
	if (len)
		*len = f->received_len;
	return f->received;
}

unsigned fake_connections(const struct fake_engine *f)
{
	return f->accepted;
}

unsigned fake_requests(const struct fake_engine *f)
{
	return f->requests;
}

static struct connection *newest(struct fake_engine *f)
{
	ck_assert_ptr_nonnull(f->connections);
	return f->connections->prev;
}

void fake_send(struct fake_engine *f, const char *data, size_t len)
{
	struct connection *c = newest(f);

	c->reply = (struct fake_reply){.data = data, .len = len};
	c->sent = 0;
	send_piece(c);
}

void fake_stop_reading(struct fake_engine *f)
{
	uv_read_stop((uv_stream_t *)&newest(f)->pipe);
}

void fake_start_reading(struct fake_engine *f)
{
	uv_read_start((uv_stream_t *)&newest(f)->pipe, on_alloc, on_read);
}

void fake_close_connections(struct fake_engine *f)
{
	while (f->connections)
		close_connection(f->connections);
}
