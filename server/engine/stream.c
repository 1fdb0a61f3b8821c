#include "engine/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/fifo.h"
#include "engine/attach_head.h"
#include "engine/docker_internal.h"
#include "engine/stdcopy.h"

#define OPEN_LIMIT_MS 10000

enum stream_state {
	CONNECTING,
	ASKING, /* the request is written, or on its way */
	OPEN,
	CLOSED, /* silent; freed when libuv has closed both handles */
};

/* An agent of ours writes a line there when it ends. More comes from somebody who wants to keep us busy. */
#define STDERR_MAX_BYTES 65536

struct stream {
	enum stream_state state;
	bool paused;
	bool broken;           /* a frame may have gone out in part: nothing may follow it */
	struct docker *docker; /* may be gone in CLOSED */
	struct stream_events events;
	void *arg;
	uv_pipe_t pipe;
	uv_timer_t timer; /* until OPEN */
	uint64_t since_ns;
	unsigned handles; /* not yet closed */
	uv_connect_t connecting;
	uv_write_t writing;
	struct fifo sending; /* what libuv is writing right now: must not move */
	struct fifo waiting; /* what comes after it */
	struct attach_head head;
	struct stdcopy demux;
	uint64_t stderr_bytes;
	char request[DOCKER_NAME_MAX + 192];
};

/* --- the end --- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	if (--s->handles)
		return;
	fifo_finish(&s->sending);
	fifo_finish(&s->waiting);
	free(s);
}

void stream_close(struct stream *s)
{
	if (!s || s->state == CLOSED)
		return;
	s->state = CLOSED;
	uv_close((uv_handle_t *)&s->pipe, on_handle_closed);
	uv_close((uv_handle_t *)&s->timer, on_handle_closed);
}

/* The owner hears of it exactly once; it may free the docker object too. */
static void fail(struct stream *s, struct err *err)
{
	if (s->state == CONNECTING || s->state == ASKING)
		docker_stats_note(&s->docker->stats, DOCKER_ATTACH, s->since_ns, err);
	stream_close(s);
	err_wrap(err, "attach");
	s->events.on_close(s->arg, err);
}

static void fail_uv(struct stream *s, int rc)
{
	struct err err;

	err_set(&err, rc == UV_ENOMEM ? ERR_INTERNAL : ERR_UPSTREAM, 0, "%s: %s", s->docker->path,
		uv_strerror(rc));
	fail(s, &err);
}

static void fail_text(struct stream *s, enum err_kind kind, const char *text)
{
	struct err err;

	err_set(&err, kind, 0, "%s", text);
	fail(s, &err);
}

/* --- writing: at most one write is under way, its bytes are in `sending` --- */

static void on_written(uv_write_t *req, int status);

static int write_more(struct stream *s)
{
	struct fifo swap = s->sending;

	s->sending = s->waiting;
	s->waiting = swap;
	uv_buf_t buf = uv_buf_init((char *)fifo_peek(&s->sending), (unsigned)s->sending.len);
	return uv_write(&s->writing, (uv_stream_t *)&s->pipe, &buf, 1, on_written);
}

static void on_written(uv_write_t *req, int status)
{
	struct stream *s = req->data;

	if (s->state == CLOSED)
		return;
	fifo_drop(&s->sending, s->sending.len);
	if (status == 0 && s->waiting.len)
		status = write_more(s);
	if (status < 0)
		fail_uv(s, status);
}

/* Bytes of both pieces that the socket took at once, or a libuv error. */
static int try_write(struct stream *s, const void *head, size_t head_len, const void *body,
		     size_t body_len)
{
	uv_buf_t bufs[] = {
		uv_buf_init((char *)head, (unsigned)head_len),
		uv_buf_init((char *)body, (unsigned)body_len),
	};
	int n = uv_try_write((uv_stream_t *)&s->pipe, bufs, body_len ? 2 : 1);

	return n == UV_EAGAIN ? 0 : n;
}

static bool queue(struct stream *s, const void *data, size_t len, size_t *skip)
{
	size_t n = *skip < len ? *skip : len;

	if (n == len) {
		*skip -= n;
		return true;
	}
	*skip = 0;
	return fifo_push(&s->waiting, (const uint8_t *)data + n, len - n);
}

bool stream_send(struct stream *s, const void *head, size_t head_len, const void *body,
		 size_t body_len)
{
	bool idle = !s->sending.len;
	int n = 0;

	if (s->state != OPEN || s->broken ||
	    head_len + body_len > STREAM_QUEUE_MAX - s->sending.len - s->waiting.len)
		return false;
	if (idle)
		n = try_write(s, head, head_len, body, body_len);
	size_t skip = n > 0 ? (size_t)n : 0;
	s->broken = n < 0 || !queue(s, head, head_len, &skip) || !queue(s, body, body_len, &skip);
	if (!s->broken && idle && s->waiting.len)
		s->broken = write_more(s) < 0;
	return !s->broken;
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct stream *s = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)s->docker->read_buffer, DOCKER_READ_BYTES);
}

/* False when the stream is over. */
static bool take_piece(struct stream *s, const struct stdcopy_piece *piece)
{
	if (piece->type == STDCOPY_STDOUT)
		s->events.on_data(s->arg, piece->data, piece->len);
	else if (piece->type == STDCOPY_STDERR &&
		 (s->stderr_bytes += piece->len) > STDERR_MAX_BYTES)
		fail_text(s, ERR_UPSTREAM, "too much on standard error");
	else if (piece->type == STDCOPY_STDERR)
		return true;
	else
		fail_text(s, ERR_UPSTREAM, "the Engine reports an error on the stream");
	return s->state == OPEN;
}

static void take_stream(struct stream *s, const uint8_t *data, size_t len)
{
	struct stdcopy_piece piece;
	int rc;

	while ((rc = stdcopy_next(&s->demux, &data, &len, &piece)) == 1)
		if (!take_piece(s, &piece))
			return;
	if (rc < 0)
		fail_text(s, ERR_UPSTREAM, "broken header in the stream");
	else if (s->events.on_settled)
		s->events.on_settled(s->arg);
}

/* on_open may pause: what came with the head is delivered all the same. */
static void enter_open(struct stream *s)
{
	s->state = OPEN;
	uv_timer_stop(&s->timer);
	docker_stats_note(&s->docker->stats, DOCKER_ATTACH, s->since_ns, NULL);
	s->events.on_open(s->arg);
}

static void refuse(struct stream *s)
{
	struct err err;

	docker_status_error(s->head.status, s->head.body, s->head.body_len, &err);
	fail(s, &err);
}

static void end_head(struct stream *s, enum attach_state state)
{
	if (state == ATTACH_REFUSED)
		refuse(s);
	else if (state == ATTACH_BROKEN)
		fail_text(s, ERR_UPSTREAM, "unreadable answer: no HTTP response head");
	else if (state == ATTACH_OPEN)
		enter_open(s);
}

static void on_eof(struct stream *s)
{
	if (s->state == ASKING)
		end_head(s, attach_head_end(&s->head));
	else if (stdcopy_between(&s->demux))
		fail_text(s, ERR_GONE, "end of the stream");
	else
		fail_text(s, ERR_UPSTREAM, "the stream ended in the middle of a frame");
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = pipe->data;
	const uint8_t *data = (const uint8_t *)buf->base;
	size_t used = 0;

	if (n == 0)
		return; /* nothing there after all */
	if (n == UV_EOF) {
		on_eof(s);
		return;
	}
	if (n < 0) {
		fail_uv(s, (int)n);
		return;
	}
	if (s->state == ASKING)
		end_head(s, attach_head_feed(&s->head, data, (size_t)n, &used));
	if (s->state == OPEN)
		take_stream(s, data + used, (size_t)n - used);
}

void stream_pause(struct stream *s, bool paused)
{
	if (s->state != OPEN || s->paused == paused)
		return;
	s->paused = paused;
	if (paused)
		uv_read_stop((uv_stream_t *)&s->pipe);
	else
		uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
}

uint64_t stream_stderr_bytes(const struct stream *s)
{
	return s->stderr_bytes;
}

/* --- opening --- */

static void on_open_limit(uv_timer_t *timer)
{
	struct stream *s = timer->data;
	struct err err;

	err_set(&err, ERR_UPSTREAM, ETIMEDOUT, "%s: no answer in time", s->docker->path);
	fail(s, &err);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct stream *s = req->data;

	if (s->state == CLOSED)
		return;
	s->state = ASKING;
	if (status == 0 && !fifo_push(&s->waiting, s->request, strlen(s->request)))
		status = UV_ENOMEM;
	if (status == 0)
		status = write_more(s);
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
	if (status < 0)
		fail_uv(s, status);
}

static int make_request(struct stream *s, const char *name, struct err *err)
{
	if (docker_ready(s->docker, err) < 0)
		return -1;
	if (!docker_name_valid(name))
		return err_set(err, ERR_INPUT, 0, "not a container name");
	snprintf(s->request, sizeof(s->request),
		 "POST /v%s/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
		 "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
		 s->docker->api, name);
	return 0;
}

static void set_up(struct stream *s)
{
	uv_pipe_init(s->docker->loop, &s->pipe, 0);
	uv_timer_init(s->docker->loop, &s->timer);
	s->handles = 2;
	s->pipe.data = s->timer.data = s->connecting.data = s->writing.data = s;
	fifo_init(&s->sending, STREAM_QUEUE_MAX);
	fifo_init(&s->waiting, STREAM_QUEUE_MAX);
	attach_head_init(&s->head);
	stdcopy_init(&s->demux);
}

struct stream *stream_open(struct docker *d, const char *name, const struct stream_events *events,
			   void *arg, struct err *err)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(err, ERR_INTERNAL, 0, "attach: no memory");
		return NULL;
	}
	s->docker = d;
	s->since_ns = clock_monotonic_ns();
	s->events = *events;
	s->arg = arg;
	if (make_request(s, name, err) < 0) {
		err_wrap(err, "attach");
		free(s);
		return NULL;
	}
	set_up(s);
	uv_update_time(d->loop);
	uv_timer_start(&s->timer, on_open_limit, docker_limit_ms(d, OPEN_LIMIT_MS), 0);
	uv_pipe_connect(&s->connecting, &s->pipe, d->path, on_connected);
	return s;
}
