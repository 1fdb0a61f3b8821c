/* What several figures need: a session, and one of each way. */

#include <stdio.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/raw.h"
#include "bench/socket.h"
#include "bench/web.h"

void session_start(struct session *s, struct server *server)
{
	s->server = server;
	web_create_session(server, s->id);
	s->socket = socket_new(server->bench, server, s->id);
	s->line = &s->socket->line;
	line_await_first(s->line);
}

void session_end(struct session *s)
{
	socket_free(s->socket);
	web_delete_session(s->server, s->id);
}

void pair_start(struct pair *p, struct bench *b)
{
	*p = (struct pair){.server = server_start(b, b->docker_host, 0)};
	session_start(&p->ours, p->server);
	p->raw = raw_start(b);
	line_await_first(&p->raw->line);
}

void pair_end(struct pair *p)
{
	session_end(&p->ours);
	raw_end(p->raw);
	server_stop(p->server);
	samples_finish(&p->our_samples);
	samples_finish(&p->raw_samples);
}

/* --- echo --- */

struct key {
	struct bench *bench;
	uint8_t byte;
	uint64_t back_ns;
};

static void on_echo(struct line *l, const uint8_t *data, size_t len)
{
	struct key *key = l->arg;

	key->back_ns = uv_hrtime();
	if (len != 1 || data[0] != key->byte)
		bench_note_failure(l->bench, "%zu bytes instead of the echo of a key", len);
}

static bool is_back(void *arg)
{
	return ((struct key *)arg)->back_ns != 0;
}

double echo_once(struct line *l)
{
	static unsigned count;
	struct key key = {.byte = (uint8_t)('a' + count++ % 26)};

	l->take = on_echo;
	l->arg = &key;
	uint64_t start = uv_hrtime();
	l->send(l, &key.byte, 1);
	bench_until(l->bench, is_back, &key, "an echo", BENCH_LIMIT_MS);
	l->take = NULL;
	return bench_ms(start, key.back_ns);
}
