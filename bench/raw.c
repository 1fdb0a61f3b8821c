#include "bench/raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/random.h"
#include "bench/child.h"
#include "bench/relay.h"
#include "sandbox/environment.h"

#define TERMINAL    1
#define CREDIT_STEP (OUTPUT_WINDOW_MAX / 4)

/* The agent ends by then, whatever becomes of us. */
#define LIFETIME_SECONDS "1800"

/* --- frames --- */

static bool send_pieces(struct raw *r, const void *head, size_t head_len, const void *body,
			size_t body_len)
{
	if (r->relayed)
		return tcp_stream_send(r->relayed, head, head_len, body, body_len);
	return r->stream && stream_send(r->stream, head, head_len, body, body_len);
}

static void send_frame(struct raw *r, enum frame_type type, const void *payload, size_t len)
{
	struct frame_header h = {
		.type = (uint8_t)type, .terminal = TERMINAL, .length = (uint32_t)len};
	uint8_t header[FRAME_HEADER_BYTES];

	frame_header_put(header, h);
	if (!send_pieces(r, header, sizeof(header), payload, len))
		bench_note_failure(r->line.bench, "%s: takes no frames", r->name);
}

/* At most the agent's input window in all that has not been read yet: keystrokes and command lines. */
static void send_input(struct line *l, const void *data, size_t len)
{
	send_frame((struct raw *)l, FRAME_INPUT, data, len);
}

/* The user's shell, as the server opens it, with all the credit there can be. */
static void open_shell(struct raw *r)
{
	static const char strings[] = "\0TERM=xterm-256color\0COLORTERM=truecolor";
	uint8_t payload[10 + sizeof(strings)] = {0};

	put_u16(payload, 24);
	put_u16(payload + 2, 80);
	put_u32(payload + 4, OUTPUT_WINDOW_MAX);
	payload[9] = 2;
	memcpy(payload + 10, strings, sizeof(strings));
	send_frame(r, FRAME_OPEN, payload, sizeof(payload));
}

static void take_output(struct raw *r, const struct agent_piece *p)
{
	r->owed += (uint32_t)p->len;
	line_output(&r->line, p->data, p->len);
}

static void take_hello(struct raw *r, const struct agent_piece *p)
{
	if (p->len < 2 || get_u16(p->data) != PROTOCOL_VERSION)
		bench_note_failure(r->line.bench, "%s: the agent speaks another version", r->name);
	r->greeted = true;
}

static void take_piece(struct raw *r, const struct agent_piece *p)
{
	if (p->header.type == FRAME_OUTPUT)
		take_output(r, p);
	else if (p->header.type == FRAME_HELLO)
		take_hello(r, p);
	else if (p->header.type == FRAME_EXIT || p->header.type == FRAME_ERROR)
		bench_note_failure(r->line.bench, "%s: its shell has ended", r->name);
}

/* --- the stream --- */

static void on_open(void *arg)
{
	((struct raw *)arg)->attached = true;
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct agent_piece piece;
	struct raw *r = arg;
	int rc;

	while ((rc = agent_frames_next(&r->frames, &data, &len, &piece)) > 0)
		take_piece(r, &piece);
	if (rc < 0)
		bench_note_failure(r->line.bench, "%s: sends a broken frame", r->name);
}

/* Not for each key, as the server does not: what a grant sets going in the Engine and the sandbox would fall into the next sample, which is
 * another side's. */
static void on_settled(void *arg)
{
	struct raw *r = arg;
	uint8_t credit[4];

	if (r->owed < CREDIT_STEP)
		return;
	put_u32(credit, r->owed);
	r->owed = 0;
	send_frame(r, FRAME_CREDIT, credit, sizeof(credit));
}

static void on_close(void *arg, const struct err *err)
{
	struct raw *r = arg;

	r->stream = NULL;
	r->line.ended = true;
	bench_note_failure(r->line.bench, "%s: %s", r->name, err->msg);
}

static const struct stream_events events = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close, .on_settled = on_settled};

/* --- life --- */

static void check(struct raw *r, const struct err *err)
{
	if (err)
		bench_note_failure(r->line.bench, "%s: %s", r->name, err->msg);
}

static void on_created(void *arg, const char *id, const struct err *err)
{
	struct raw *r = arg;

	(void)id;
	r->call = NULL;
	check(r, err);
}

static void on_started(void *arg, const struct err *err)
{
	struct raw *r = arg;

	r->call = NULL;
	r->started = true;
	check(r, err);
}

static void create(struct raw *r)
{
	const char *const argv[] = {ENVIRONMENT_AGENT, "--lifetime", LIFETIME_SECONDS, NULL};
	const struct docker_label label = {BENCH_LABEL, r->line.bench->run};
	const struct docker_profile profile = {
		.image = environments[0].image,
		.runtime = r->line.bench->runtime,
		.home = ENVIRONMENT_HOME,
		.argv = argv,
		.labels = &label,
		.label_count = 1,
	};
	struct err err;

	r->call = docker_create(r->line.bench->docker, r->name, &profile, on_created, r, &err);
	check(r, r->call ? NULL : &err);
}

static void attach(struct raw *r)
{
	struct err err;

	r->stream = stream_open(r->line.bench->docker, r->name, &events, r, &err);
	check(r, r->stream ? NULL : &err);
}

static void attach_relayed(struct raw *r)
{
	struct bench *b = r->line.bench;
	int fd;

	r->relay = relay_start(b, &fd);
	r->relayed = tcp_stream_open(b, fd, r->name, &events, r);
}

/* The relay ends with its connection. */
static void leave(struct raw *r)
{
	stream_close(r->stream);
	tcp_stream_close(r->relayed);
	r->stream = NULL;
	r->relayed = NULL;
}

static void start(struct raw *r)
{
	struct err err;

	r->call = docker_start(r->line.bench->docker, r->name, on_started, r, &err);
	check(r, r->call ? NULL : &err);
}

static bool is_idle(void *arg)
{
	return !((struct raw *)arg)->call;
}

static bool is_attached(void *arg)
{
	return ((struct raw *)arg)->attached;
}

static bool is_up(void *arg)
{
	const struct raw *r = arg;

	return r->started && r->greeted;
}

static struct raw *begin(struct bench *b, void (*attach_to)(struct raw *r))
{
	struct raw *r = bench_allocate(1, sizeof(*r));
	char nonce[9];

	if (!random_hex(nonce, sizeof(nonce) / 2))
		abort();
	r->line.bench = b;
	r->line.send = send_input;
	snprintf(r->name, sizeof(r->name), "bench-%s-%s", b->run, nonce);
	LL_PREPEND(b->raws, r);
	create(r);
	bench_until(b, is_idle, r, "a container", BENCH_LIMIT_MS);
	attach_to(r);
	bench_until(b, is_attached, r, "an attach stream", BENCH_LIMIT_MS);
	start(r);
	bench_until(b, is_up, r, "an agent's hello", BENCH_LIMIT_MS);
	open_shell(r);
	return r;
}

struct raw *raw_start(struct bench *b)
{
	return begin(b, attach);
}

struct raw *raw_start_relayed(struct bench *b)
{
	return begin(b, attach_relayed);
}

static void on_removed(void *arg, const struct err *err)
{
	struct raw *r = arg;

	r->call = NULL;
	if (err && err->kind != ERR_BUSY)
		check(r, err);
}

void raw_end(struct raw *r)
{
	struct bench *b = r->line.bench;
	struct err err;

	leave(r);
	if (r->relay)
		child_stop(r->relay);
	r->call = docker_remove(b->docker, r->name, on_removed, r, &err);
	check(r, r->call ? NULL : &err);
	bench_until(b, is_idle, r, "the end of a container", 4 * BENCH_LIMIT_MS);
	LL_DELETE(b->raws, r);
	free(r);
}

bool raw_settle_all(struct bench *b)
{
	struct raw *r, *next;
	bool settled = true;

	LL_FOREACH_SAFE(b->raws, r, next)
	{
		leave(r);
		settled &= bench_turn(b, is_idle, r, BENCH_LIMIT_MS);
		docker_cancel(r->call);
		free(r);
	}
	b->raws = NULL;
	return settled;
}
