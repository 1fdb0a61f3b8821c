#include "bench/line.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 64

void line_output(struct line *l, const uint8_t *data, size_t len)
{
	if (!l->first_ns)
		l->first_ns = uv_hrtime();
	if (l->take)
		l->take(l, data, len);
}

void line_type(struct line *l, const char *text)
{
	l->send(l, text, strlen(text));
}

static bool has_first(void *arg)
{
	return ((struct line *)arg)->first_ns != 0;
}

void line_await_first(struct line *l)
{
	bench_until(l->bench, has_first, l, "the first output", BENCH_LIMIT_MS);
}

/* What is looked for, and the end of the output so far, since a text may come in pieces. */
struct search {
	const char *text;
	char tail[2 * TEXT_MAX];
	size_t tail_len;
	bool found;
};

static void on_searched(struct line *l, const uint8_t *data, size_t len)
{
	struct search *s = l->arg;
	size_t want = strlen(s->text), head = len < want ? len : want;

	memcpy(s->tail + s->tail_len, data, head);
	s->found |= memmem(s->tail, s->tail_len + head, s->text, want) != NULL;
	s->found |= memmem(data, len, s->text, want) != NULL;
	/* Of all that has come, the last bytes: of this piece, or of the one before and it. */
	size_t all = len < want ? s->tail_len + len : len;
	const char *from = len < want ? s->tail : (const char *)data;
	s->tail_len = all < want ? all : want - 1;
	memmove(s->tail, from + all - s->tail_len, s->tail_len);
}

static bool is_found(void *arg)
{
	return ((struct search *)arg)->found;
}

void line_await_text(struct line *l, const char *text)
{
	struct search s = {.text = text};
	char what[TEXT_MAX + 16];

	snprintf(what, sizeof(what), "%s on a terminal", text);
	l->take = on_searched;
	l->arg = &s;
	bench_until(l->bench, is_found, &s, what, 2 * BENCH_LIMIT_MS);
	l->take = NULL;
}

void line_run(struct line *l, const char *command)
{
	line_type(l, command);
	line_type(l, "\r");
	line_await_text(l, LINE_READY);
}

void line_start_cat(struct line *l)
{
	line_run(l, "stty raw -echo; " LINE_SAY "; exec cat");
}
