/*
 * A small server's end of the agent's link, for tests: starts the real program over pipes, keeps what each
 * terminal has said, and waits for events with poll() and one generous limit.
 */
#ifndef SANDBOX_TESTS_AGENT_CLIENT_H
#define SANDBOX_TESTS_AGENT_CLIENT_H

#include "agent/link.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENT_TERMINALS 20 /* numbers 1 to 19 */
#define CLIENT_LIMIT_MS  30000

struct client_terminal {
	uint32_t pid, input_credit;
	uint8_t *output; /* all of it, NUL-terminated */
	size_t len;
	bool grants; /* gives back output credit as it is used */
	bool opened, ended, failed;
	bool program;         /* another one than the shell is in the foreground */
	unsigned foregrounds; /* frames that said so, or the opposite */
	uint8_t kind, code;   /* of FRAME_EXIT, or code is the errno of FRAME_ERROR */
};

struct client {
	pid_t pid;
	int to, from;
	bool closed; /* the agent's standard output has ended */
	unsigned hellos, pongs;
	uint8_t pong[8];
	struct link_in in;
	struct client_terminal t[CLIENT_TERMINALS];
};

static inline void client_start(struct client *c, const char *lifetime)
{
	int in[2], out[2];

	memset(c, 0, sizeof *c);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	c->pid = fork();
	ck_assert_int_ge(c->pid, 0);
	if (c->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(AGENT_PATH, "sandbox-agent", "--lifetime", lifetime, (char *)NULL);
		_exit(126);
	}
	close(in[0]);
	close(out[1]);
	c->to = in[1];
	c->from = out[0];
}

static inline void client_send_bytes(struct client *c, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		ssize_t n = write(c->to, p, len);

		ck_assert_int_gt(n, 0);
		p += n;
		len -= (size_t)n;
	}
}

static inline void client_send(struct client *c, enum frame_type type, uint16_t terminal,
			       const void *payload, size_t len)
{
	uint8_t h[FRAME_HEADER_BYTES];

	frame_header_put(h, (struct frame_header){(uint8_t)type, terminal, (uint32_t)len});
	client_send_bytes(c, h, sizeof h);
	client_send_bytes(c, payload, len);
}

static inline void client_send_u32(struct client *c, enum frame_type type, uint16_t terminal,
				   uint32_t n)
{
	uint8_t p[4];

	put_u32(p, n);
	client_send(c, type, terminal, p, sizeof p);
}

static inline void client_deadline(struct client *c, uint32_t seconds, const char token[8])
{
	uint8_t p[12];

	put_u32(p, seconds);
	memcpy(p + 4, token, 8);
	client_send(c, FRAME_DEADLINE, 0, p, sizeof p);
}

static inline void client_signal(struct client *c, uint16_t terminal, int signal)
{
	uint8_t byte = (uint8_t)signal;

	client_send(c, FRAME_SIGNAL, terminal, &byte, 1);
}

static inline void client_resize(struct client *c, uint16_t terminal, uint16_t rows, uint16_t cols)
{
	uint8_t p[4];

	put_u16(p, rows);
	put_u16(p + 2, cols);
	client_send(c, FRAME_RESIZE, terminal, p, sizeof p);
}

/* Opens `sh -c script` with 24 rows, 80 columns and an environment of A=b. With grants, the output
 * credit is given back as it is used. */
static inline void client_open(struct client *c, uint16_t n, uint32_t credit, bool grants,
			       const char *script)
{
	uint8_t p[4096] = {0, 24, 0, 80, 0, 0, 0, 0, 3, 1};
	size_t len = 10;
	const char *strings[] = {"/", "/bin/sh", "-c", script, "A=b"};

	put_u32(p + 4, credit);
	for (size_t i = 0; i < 5; i++) {
		ck_assert_uint_lt(len + strlen(strings[i]) + 1, sizeof p);
		memcpy(p + len, strings[i], strlen(strings[i]) + 1);
		len += strlen(strings[i]) + 1;
	}
	free(c->t[n].output);
	memset(&c->t[n], 0, sizeof c->t[n]);
	c->t[n].grants = grants;
	client_send(c, FRAME_OPEN, n, p, len);
}

static inline void client_type(struct client *c, uint16_t n, const char *text)
{
	ck_assert_uint_ge(c->t[n].input_credit, strlen(text));
	c->t[n].input_credit -= (uint32_t)strlen(text);
	client_send(c, FRAME_INPUT, n, text, strlen(text));
}

static inline void client_output(struct client *c, uint16_t n, const struct frame *f)
{
	struct client_terminal *t = &c->t[n];

	ck_assert(t->opened && !t->ended);
	t->output = realloc(t->output, t->len + f->header.length + 1);
	memcpy(t->output + t->len, f->payload, f->header.length);
	t->len += f->header.length;
	t->output[t->len] = '\0';
	if (t->grants)
		client_send_u32(c, FRAME_CREDIT, n, f->header.length);
}

static inline void client_ended(struct client_terminal *t, const struct frame *f)
{
	ck_assert(!t->ended);
	t->ended = true;
	t->failed = f->header.type == FRAME_ERROR;
	t->kind = f->payload[0];
	t->code = f->payload[t->failed ? 0 : 1];
}

static inline void client_foreground(struct client_terminal *t, const struct frame *f)
{
	ck_assert(t->opened && !t->ended);
	ck_assert_uint_eq(f->header.length, 1);
	ck_assert_uint_eq(f->payload[0], t->program); /* never the same twice */
	t->program = !t->program;
	t->foregrounds++;
}

static inline void client_frame(struct client *c, const struct frame *f)
{
	struct client_terminal *t = &c->t[f->header.terminal];

	ck_assert_uint_lt(f->header.terminal, CLIENT_TERMINALS);
	switch (f->header.type) {
	case FRAME_HELLO:
		ck_assert_uint_eq(get_u16(f->payload), PROTOCOL_VERSION);
		ck_assert_uint_eq(get_u16(f->payload + 2), AGENT_TERMINALS_MAX);
		c->hellos++;
		break;
	case FRAME_PONG:
		memcpy(c->pong, f->payload, sizeof c->pong);
		c->pongs++;
		break;
	case FRAME_OPENED:
		t->opened = true;
		t->input_credit = get_u32(f->payload);
		t->pid = get_u32(f->payload + 4);
		break;
	case FRAME_CREDIT:
		t->input_credit += get_u32(f->payload);
		ck_assert_uint_le(t->input_credit, AGENT_INPUT_WINDOW);
		break;
	case FRAME_OUTPUT:
		client_output(c, f->header.terminal, f);
		break;
	case FRAME_FOREGROUND:
		client_foreground(t, f);
		break;
	case FRAME_EXIT:
	case FRAME_ERROR:
		client_ended(t, f);
		break;
	default:
		ck_abort_msg("frame of type %d from the agent", f->header.type);
	}
}

static inline int64_t client_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits up to wait_ms for something from the agent and takes it. False when nothing came. */
static inline bool client_step(struct client *c, int wait_ms)
{
	struct pollfd p = {.fd = c->from, .events = POLLIN};
	struct frame f;
	size_t room;
	uint8_t *to;
	ssize_t n;

	if (c->closed || poll(&p, 1, wait_ms) != 1)
		return false;
	to = link_in_space(&c->in, &room);
	n = read(c->from, to, room);
	c->closed = n <= 0;
	if (n > 0)
		link_in_filled(&c->in, (size_t)n);
	while (link_in_peek(&c->in, &f) == LINK_FRAME) {
		client_frame(c, &f);
		link_in_take(&c->in, &f);
	}
	return true;
}

/* Takes what comes until the condition holds; fails the test when it does not in time. */
#define client_wait(c, condition)                                                                  \
	do {                                                                                       \
		int64_t until_ = client_now_ms() + CLIENT_LIMIT_MS;                                \
                                                                                                   \
		while (!(condition)) {                                                             \
			ck_assert_msg(!(c)->closed, "the agent has gone before: %s", #condition);  \
			ck_assert_msg(client_now_ms() < until_, "not in time: %s", #condition);    \
			client_step(c, 1000);                                                      \
		}                                                                                  \
	} while (0)

static inline bool client_says(const struct client *c, uint16_t n, const char *text)
{
	return c->t[n].output && memmem(c->t[n].output, c->t[n].len, text, strlen(text));
}

/* Answers a ping: everything sent before has been obeyed, what was due at once has come. */
static inline void client_round_trip(struct client *c)
{
	unsigned before = c->pongs;

	client_send(c, FRAME_PING, 0, "pingpong", 8);
	client_wait(c, c->pongs > before);
}

/* Waits for the agent's end; returns its exit status. */
static inline int client_finish(struct client *c)
{
	int status;

	for (int64_t until = client_now_ms() + CLIENT_LIMIT_MS; !c->closed;) {
		ck_assert_msg(client_now_ms() < until, "the agent does not end");
		client_step(c, 1000);
	}
	ck_assert_int_eq(waitpid(c->pid, &status, 0), c->pid);
	ck_assert(WIFEXITED(status));
	close(c->to);
	close(c->from);
	for (int i = 0; i < CLIENT_TERMINALS; i++)
		free(c->t[i].output);
	return WEXITSTATUS(status);
}

static inline int client_hang_up(struct client *c)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, c->to); /* the pipe's only writing end goes */
	close(null);
	return client_finish(c);
}

#endif
