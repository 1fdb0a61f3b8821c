#include "bench/tcp_stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/attach_head.h"
#include "engine/stdcopy.h"

struct tcp_stream {
	uv_tcp_t tcp;
	bool open; /* the Engine has said so */
	struct attach_head head;
	struct stdcopy demux;
	struct stream_events events;
	void *arg;
};

static void fail(struct tcp_stream *s, const char *why)
{
	struct err err;

	uv_read_stop((uv_stream_t *)&s->tcp);
	err_set(&err, ERR_UPSTREAM, 0, "through a relay: %s", why);
	s->events.on_close(s->arg, &err);
}

/* --- receiving --- */

/* Returns how many of the bytes belong to the head. */
static size_t take_head(struct tcp_stream *s, const uint8_t *data, size_t len)
{
	size_t used = 0;
	enum attach_state state = attach_head_feed(&s->head, data, len, &used);

	s->open = state == ATTACH_OPEN;
	if (s->open)
		s->events.on_open(s->arg);
	else if (state != ATTACH_WAITING)
		fail(s, "the Engine does not attach");
	return used;
}

static void take_stream(struct tcp_stream *s, const uint8_t *data, size_t len)
{
	struct stdcopy_piece piece;
	int rc;

	while ((rc = stdcopy_next(&s->demux, &data, &len, &piece)) > 0)
		if (piece.type == STDCOPY_STDOUT)
			s->events.on_data(s->arg, piece.data, piece.len);
	if (rc < 0)
		fail(s, "broken header in the stream");
	else
		s->events.on_settled(s->arg);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	const uint8_t *data = (const uint8_t *)buf->base;
	struct tcp_stream *s = stream->data;
	size_t used = 0;

	if (n < 0)
		fail(s, uv_strerror((int)n));
	if (n <= 0)
		return;
	if (!s->open)
		used = take_head(s, data, (size_t)n);
	if (s->open)
		take_stream(s, data + used, (size_t)n - used);
}

/* --- sending --- */

bool tcp_stream_send(struct tcp_stream *s, const void *head, size_t head_len, const void *body,
		     size_t body_len)
{
	uv_buf_t bufs[] = {uv_buf_init((char *)head, (unsigned)head_len),
			   uv_buf_init((char *)body, (unsigned)body_len)};
	int n = uv_try_write((uv_stream_t *)&s->tcp, bufs, body_len ? 2 : 1);

	return n >= 0 && (size_t)n == head_len + body_len;
}

/* In the Engine's own version of its API. */
static bool ask(struct tcp_stream *s, const char *container)
{
	char text[DOCKER_NAME_MAX + 192];

	int n = snprintf(
		text, sizeof(text),
		"POST /containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
		"Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
		container);
	return tcp_stream_send(s, text, (size_t)n, NULL, 0);
}

/* --- life --- */

struct tcp_stream *tcp_stream_open(struct bench *b, int fd, const char *container,
				   const struct stream_events *events, void *arg)
{
	struct tcp_stream *s = bench_allocate(1, sizeof(*s));

	s->events = *events;
	s->arg = arg;
	attach_head_init(&s->head);
	stdcopy_init(&s->demux);
	uv_tcp_init(&b->loop, &s->tcp);
	s->tcp.data = s;
	if (uv_tcp_open(&s->tcp, fd) < 0 || uv_tcp_nodelay(&s->tcp, 1) < 0 ||
	    uv_read_start((uv_stream_t *)&s->tcp, bench_on_alloc, on_read) < 0 ||
	    !ask(s, container))
		bench_fail(b, "%s: cannot be attached to through a relay", container);
	return s;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void tcp_stream_close(struct tcp_stream *s)
{
	if (s)
		uv_close((uv_handle_t *)&s->tcp, on_closed);
}
