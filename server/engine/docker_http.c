#include "engine/docker_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

#include "engine/docker_answer.h"

#define IDLE_CONNECTIONS_MAX 8
#define READ_BYTES           16384

/* Lives until libuv has closed it, which is after its call and the client may have gone. */
struct connection {
	uv_pipe_t pipe;
	uv_connect_t connecting;
	uv_write_t writing;
	struct http *http;
	struct http_call *call; /* NULL: idle, or closed */
	bool used;              /* has carried an answer before */
	bool sending;
	bool cut;                       /* the Engine has not got all of the request */
	struct connection *prev, *next; /* among the idle, the latest first */
};

struct http {
	uv_loop_t *loop;
	struct connection *idle;
	size_t idle_count;
	struct http_call *calls;
	char path[HTTP_PATH_BYTES];
	char buffer[READ_BYTES]; /* of whichever connection reads right now */
};

struct http_call {
	uv_timer_t timer; /* its close callback frees all this */
	struct http *http;
	struct http_call *prev, *next;
	struct connection *connection;
	http_line_fn on_line;
	http_done_fn done;
	void *arg;
	bool harmless; /* to ask for twice */
	bool over;     /* the user has been told, or wants to hear no more */
	struct docker_answer answer;
	size_t request_len;
	char request[]; /* head and body */
};

/* --- connections --- */

static void on_pipe_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Nothing of the call is touched by libuv after this. */
static void close_connection(struct connection *c)
{
	if (!c)
		return;
	c->call = NULL;
	uv_close((uv_handle_t *)&c->pipe, on_pipe_closed);
}

static void take_from_idle(struct connection *c)
{
	DL_DELETE(c->http->idle, c);
	c->http->idle_count--;
}

static void keep_connection(struct connection *c)
{
	struct http *h = c->http;

	c->call = NULL;
	c->used = true;
	DL_PREPEND(h->idle, c);
	if (++h->idle_count <= IDLE_CONNECTIONS_MAX)
		return;
	struct connection *oldest = h->idle->prev;
	take_from_idle(oldest);
	close_connection(oldest);
}

/* --- the end of a call --- */

static void on_timer_closed(uv_handle_t *handle)
{
	struct http_call *call = handle->data;

	docker_answer_finish(&call->answer);
	free(call);
}

static void leave(struct http_call *call)
{
	DL_DELETE(call->http->calls, call);
	call->over = true;
	uv_close((uv_handle_t *)&call->timer, on_timer_closed);
}

void http_cancel(struct http_call *call)
{
	if (!call)
		return;
	close_connection(call->connection);
	leave(call);
}

/* The callback is the last thing that happens to a call: it may free everything. */
static void finish(struct http_call *call, int status, const struct err *err)
{
	struct connection *c = call->connection;
	const struct fifo *body = &call->answer.body;
	struct http_answer answer = {
		.status = status,
		.body = body->len ? (const char *)fifo_peek(body) : "",
		.len = body->len,
	};

	if (c && !err && call->answer.reusable && !c->sending)
		keep_connection(c);
	else
		close_connection(c);
	leave(call);
	call->done(call->arg, &answer, err);
}

static void fail(struct http_call *call, int code, const char *text)
{
	struct err err;

	err_set(&err, ERR_UPSTREAM, code, "%s: %s", call->http->path, text);
	finish(call, call->answer.status, &err);
}

static void on_limit(uv_timer_t *timer)
{
	fail(timer->data, ETIMEDOUT, "no answer in time");
}

/* --- the answer --- */

/* False when the call is over. A line's receiver may cancel any call and free the client. */
static bool hand_out_lines(struct http_call *call)
{
	const char *line;
	struct err err;
	size_t len;
	bool good = true;

	while (good && !call->over && (line = docker_lines_next(&call->answer.lines, &len)))
		good = call->on_line(call->arg, line, len, &err);
	if (!good && !call->over)
		finish(call, 0, &err);
	return !call->over;
}

static void judge(struct http_call *call)
{
	if (call->on_line && !hand_out_lines(call))
		return;
	if (call->answer.flaw)
		fail(call, 0, call->answer.flaw);
	else if (call->answer.complete)
		finish(call, call->answer.status, NULL);
}

static bool connect_anew(struct http_call *call);

/* Whether the Engine may have done what the request says: nobody knows how far it came that has read it all. On a Unix socket what has
 * not been read shows: as a write that failed, or as a reset. */
static bool may_have_acted(const struct connection *c, int reason)
{
	return reason != UV_ECONNRESET && !c->cut &&
	       !uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
}

/* One that was idle before may have been closed by the Engine just then. */
static bool may_try_again(const struct connection *c, int reason)
{
	const struct http_call *call = c->call;

	if (!c->used || call->answer.head_bytes || call->answer.in_body)
		return false;
	return call->harmless || !may_have_acted(c, reason);
}

/* The connection has ended. */
static void on_lost(struct connection *c, int reason)
{
	struct http_call *call = c->call;

	if (!call) {
		take_from_idle(c);
		close_connection(c);
		return;
	}
	if (may_try_again(c, reason)) {
		close_connection(c);
		if (!connect_anew(call))
			fail(call, 0, "no memory");
		return;
	}
	if (reason == UV_EOF)
		docker_answer_end(&call->answer);
	else
		call->answer.flaw = strerror(-reason);
	judge(call);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct connection *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->http->buffer, READ_BYTES);
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = pipe->data;

	if (n == 0)
		return; /* nothing there after all */
	if (n < 0 || !c->call) {
		on_lost(c, (int)n);
		return;
	}
	docker_answer_feed(&c->call->answer, buf->base, (size_t)n);
	judge(c->call);
}

/* --- the request --- */

/* What went wrong shows in reading too, where the answer to a part of the request may have come. */
static void on_written(uv_write_t *req, int status)
{
	struct connection *c = req->data;

	c->sending = false;
	c->cut = status < 0;
}

static void send_request(struct connection *c)
{
	uv_buf_t buf = uv_buf_init(c->call->request, (unsigned)c->call->request_len);

	c->sending = uv_write(&c->writing, (uv_stream_t *)&c->pipe, &buf, 1, on_written) == 0;
}

static void on_connected(uv_connect_t *req, int status)
{
	struct connection *c = req->data;

	if (!c->call)
		return;
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	if (status < 0)
		fail(c->call, 0, strerror(-status));
	else
		send_request(c);
}

static bool connect_anew(struct http_call *call)
{
	struct connection *c = calloc(1, sizeof(*c));

	call->connection = c;
	if (!c)
		return false;
	c->http = call->http;
	c->call = call;
	uv_pipe_init(call->http->loop, &c->pipe, 0);
	c->pipe.data = c->connecting.data = c->writing.data = c;
	uv_pipe_connect(&c->connecting, &c->pipe, call->http->path, on_connected);
	return true;
}

static bool dispatch(struct http_call *call)
{
	struct connection *c = call->http->idle;

	if (!c)
		return connect_anew(call);
	take_from_idle(c);
	c->call = call;
	call->connection = c;
	send_request(c);
	return true;
}

static size_t write_request(char *text, size_t size, const struct http_request *r)
{
	const char *body = r->body ? r->body : "";
	char length[48] = "";

	if (strcmp(r->method, "POST") == 0)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
	return (size_t)snprintf(text, size,
				"%s %s HTTP/1.1\r\nHost: docker\r\n"
				"Content-Type: application/json\r\n%s\r\n%s",
				r->method, r->target, length, body);
}

static struct http_call *call_new(struct http *h, const struct http_request *r)
{
	size_t len = write_request(NULL, 0, r);
	struct http_call *call = calloc(1, sizeof(*call) + len + 1);

	if (!call)
		return NULL;
	call->request_len = write_request(call->request, len + 1, r);
	call->http = h;
	call->on_line = r->on_line;
	call->done = r->done;
	call->arg = r->arg;
	call->harmless = strcmp(r->method, "POST") != 0;
	docker_answer_init(&call->answer, r->on_line != NULL);
	return call;
}

struct http_call *http_start(struct http *h, const struct http_request *r, struct err *err)
{
	struct http_call *call = call_new(h, r);

	if (!call || !dispatch(call)) {
		free(call);
		err_set(err, ERR_INTERNAL, 0, "cannot make a request: no memory");
		return NULL;
	}
	DL_APPEND(h->calls, call);
	uv_timer_init(h->loop, &call->timer);
	call->timer.data = call;
	uv_update_time(h->loop);
	if (r->limit_ms)
		uv_timer_start(&call->timer, on_limit, (uint64_t)r->limit_ms, 0);
	return call;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~", c));
}

char *http_escape(const char *text)
{
	char *escaped = malloc(3 * strlen(text) + 1), *out = escaped;

	if (!escaped)
		return NULL;
	for (; *text; text++)
		if (is_unreserved(*text))
			*out++ = *text;
		else
			out += sprintf(out, "%%%02X", (unsigned char)*text);
	*out = '\0';
	return escaped;
}

/* --- life --- */

struct http *http_new(uv_loop_t *loop, const char *path, struct err *err)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h) {
		err_set(err, ERR_INTERNAL, 0, "no memory for a client of the Engine");
		return NULL;
	}
	snprintf(h->path, sizeof(h->path), "%s", path);
	h->loop = loop;
	return h;
}

void http_free(struct http *h)
{
	struct http_call *call, *next_call;
	struct connection *c, *next;

	if (!h)
		return;
	DL_FOREACH_SAFE(h->calls, call, next_call)
	http_cancel(call);
	DL_FOREACH_SAFE(h->idle, c, next)
	close_connection(c);
	free(h);
}
