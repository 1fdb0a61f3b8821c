#include "engine/docker_lines.h"

#include <string.h>

void docker_lines_init(struct docker_lines *l)
{
	*l = (struct docker_lines){0};
	fifo_init(&l->held, DOCKER_LINES_HELD_MAX);
}

void docker_lines_finish(struct docker_lines *l)
{
	fifo_finish(&l->held);
}

bool docker_lines_push(struct docker_lines *l, const char *data, size_t len)
{
	const char *p = data, *end = data + len;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t piece = (size_t)((newline ? newline : end) - p);
		bool fits = l->partial + piece <= DOCKER_LINE_MAX;

		if (!fits || !fifo_push(&l->held, p, piece + (newline != NULL)))
			return false;
		l->partial = newline ? 0 : l->partial + piece;
		p += piece + (newline != NULL);
	}
	return true;
}

static const char *take(struct docker_lines *l, size_t *len)
{
	fifo_drop(&l->held, l->taken);
	l->taken = 0;
	const char *line = l->held.len ? (const char *)fifo_peek(&l->held) : NULL;
	const char *newline = line ? memchr(line, '\n', l->held.len) : NULL;
	if (!newline)
		return NULL;
	*len = (size_t)(newline - line);
	l->taken = *len + 1;
	if (*len && line[*len - 1] == '\r')
		--*len;
	return line;
}

const char *docker_lines_next(struct docker_lines *l, size_t *len)
{
	const char *line;

	do
		line = take(l, len);
	while (line && !*len);
	return line;
}
