#include "bench/socket.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/server.h"

/* --- sending --- */

/* A socket that does not take a few bytes at once has an end that does not read: nothing to be measured. */
static void send_bytes(struct socket *s, const void *data, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
	int n = uv_try_write((uv_stream_t *)&s->tcp, &buf, 1);

	if (n < 0 || (size_t)n < len)
		bench_note_failure(s->line.bench, "WebSocket: %zu bytes cannot be sent", len);
}

static void send_frame(struct socket *s, enum ws_opcode opcode, const void *payload, size_t len)
{
	uint8_t frame[WS_CLIENT_HEAD_MAX + LINE_SEND_MAX];

	if (len <= LINE_SEND_MAX)
		send_bytes(s, frame,
			   ws_frame_make(frame, opcode, (uint32_t)random(), payload, len));
	else
		bench_note_failure(s->line.bench, "WebSocket: a message of %zu bytes", len);
}

static void send_input(struct line *l, const void *data, size_t len)
{
	send_frame((struct socket *)l, WS_BINARY, data, len);
}

/* The key is any: that the server answers it rightly is for tests to see. */
static void send_request(struct socket *s)
{
	char text[512];

	int n = snprintf(text, sizeof(text),
			 "GET /api/v1/sessions/%s/ws?cols=80&rows=24 HTTP/1.1\r\n"
			 "Host: 127.0.0.1:%u\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
			 s->id, s->port, "AAAAAAAAAAAAAAAAAAAAAA==");
	send_bytes(s, text, (size_t)n);
}

/* --- receiving --- */

static bool says(const struct socket *s, const char *type)
{
	char begin[64];

	int n = snprintf(begin, sizeof(begin), "{\"type\":\"%s\"", type);
	return strncmp(s->text, begin, (size_t)n) == 0;
}

/* Nothing that is measured here makes the server say anything else, nor begins with a brace. */
static void on_control(struct socket *s)
{
	s->text[s->text_len] = '\0';
	if (says(s, "initComplete"))
		s->ready = true;
	else if (!says(s, "connected"))
		bench_note_failure(s->line.bench, "the server says %s", s->text);
}

static void take_text(struct socket *s, const struct ws_piece *p)
{
	if (p->first && p->opcode != WS_CONTINUATION) {
		s->control = p->len && p->data[0] == '{';
		s->text_len = 0;
	}
	if (!s->control) {
		if (p->len)
			line_output(&s->line, p->data, p->len);
		return;
	}
	size_t room = sizeof(s->text) - 1 - s->text_len, n = p->len < room ? p->len : room;
	memcpy(s->text + s->text_len, p->data, n);
	s->text_len += n;
	if (p->last && p->final)
		on_control(s);
}

static void take_close(struct socket *s, const struct ws_piece *p)
{
	unsigned code = p->len >= 2 ? (unsigned)p->data[0] << 8 | p->data[1] : 0;

	bench_note_failure(s->line.bench, "the server closes: %u %.*s", code,
			   p->len > 2 ? (int)p->len - 2 : 0, (const char *)p->data + 2);
}

static void take_piece(struct socket *s, const struct ws_piece *p)
{
	if (p->opcode == WS_PONG)
		s->pong_ns = uv_hrtime();
	else if (p->opcode == WS_PING)
		send_frame(s, WS_PONG, p->data, p->len);
	else if (p->opcode == WS_CLOSE)
		take_close(s, p);
	else
		take_text(s, p);
}

static void take_frames(struct socket *s, const uint8_t *data, size_t len)
{
	struct ws_piece piece;
	int rc;

	while ((rc = ws_frames_next(&s->frames, &data, &len, &piece)) > 0)
		take_piece(s, &piece);
	if (rc < 0)
		bench_note_failure(s->line.bench, "WebSocket: a broken frame");
}

/* Returns how many of the bytes belong to the head. */
static size_t take_head(struct socket *s, const char *data, size_t len)
{
	size_t before = s->head_len, room = sizeof(s->head) - 1 - before;
	size_t n = len < room ? len : room;

	memcpy(s->head + before, data, n);
	s->head_len += n;
	s->head[s->head_len] = '\0';
	const char *end = strstr(s->head, "\r\n\r\n");
	if (!end) {
		if (n < len)
			bench_note_failure(s->line.bench, "WebSocket: no end of the head");
		return len;
	}
	s->open = strncmp(s->head, "HTTP/1.1 101 ", 13) == 0;
	if (!s->open)
		bench_note_failure(s->line.bench, "WebSocket: %.*s", (int)strcspn(s->head, "\r"),
				   s->head);
	return (size_t)(end + 4 - s->head) - before;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct socket *s = stream->data;
	size_t used = 0;

	if (n < 0) {
		s->line.ended = true;
		bench_note_failure(s->line.bench, "WebSocket: %s", uv_strerror((int)n));
	}
	if (n <= 0)
		return;
	if (!s->open)
		used = take_head(s, buf->base, (size_t)n);
	if (s->open)
		take_frames(s, (const uint8_t *)buf->base + used, (size_t)n - used);
}

/* --- life --- */

static void on_connected(uv_connect_t *request, int status)
{
	struct socket *s = request->data;

	if (status == UV_ECANCELED)
		return;
	if (status == 0)
		status = uv_tcp_nodelay(&s->tcp, 1);
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&s->tcp, bench_on_alloc, on_read);
	if (status < 0)
		bench_note_failure(s->line.bench, "connecting: %s", uv_strerror(status));
	else
		send_request(s);
}

struct socket *socket_new(struct bench *b, const struct server *server, const char *session_id)
{
	struct socket *s = bench_allocate(1, sizeof(*s));
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)server->port),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};

	s->line.bench = b;
	s->line.send = send_input;
	s->port = server->port;
	snprintf(s->id, sizeof(s->id), "%s", session_id);
	uv_tcp_init(&b->loop, &s->tcp);
	s->tcp.data = s->connecting.data = s;
	int rc =
		uv_tcp_connect(&s->connecting, &s->tcp, (const struct sockaddr *)&to, on_connected);
	if (rc < 0)
		bench_note_failure(b, "connecting: %s", uv_strerror(rc));
	return s;
}

static bool is_open(void *arg)
{
	return ((struct socket *)arg)->open;
}

void socket_await_open(struct socket *s)
{
	bench_until(s->line.bench, is_open, s, "a WebSocket", BENCH_LIMIT_MS);
}

static bool has_pong(void *arg)
{
	return ((struct socket *)arg)->pong_ns != 0;
}

double socket_ping(struct socket *s)
{
	uint64_t start = uv_hrtime();

	s->pong_ns = 0;
	send_frame(s, WS_PING, "", 0);
	bench_until(s->line.bench, has_pong, s, "a pong", BENCH_LIMIT_MS);
	return bench_ms(start, s->pong_ns);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void socket_free(struct socket *s)
{
	uv_close((uv_handle_t *)&s->tcp, on_closed);
}
