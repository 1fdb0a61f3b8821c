/* An answer of the Engine, whole and in pieces: the same comes out, within the bounds. The first byte says whether lines are wanted, the
 * second how long the pieces are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/docker_answer.h"
#include "engine/docker_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void read_answer(struct docker_answer *a, const uint8_t *data, size_t len, size_t piece)
{
	for (size_t at = 0; at < len; at += piece)
		docker_answer_feed(a, (const char *)data + at, piece < len - at ? piece : len - at);
	require(!a->reusable || (a->complete && !a->flaw));
	docker_answer_end(a);
	require(a->complete || a->flaw);
	require(a->body.len <= HTTP_BODY_MAX && a->lines.held.len <= DOCKER_LINES_HELD_MAX);
}

static void compare_lines(struct docker_lines *a, struct docker_lines *b)
{
	const char *one, *other;
	size_t len, other_len;

	do {
		one = docker_lines_next(a, &len);
		other = docker_lines_next(b, &other_len);
		require(!one == !other);
		require(!one || (len == other_len && memcmp(one, other, len) == 0));
	} while (one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docker_answer whole, cut;

	if (size < 3)
		return 0;
	docker_answer_init(&whole, data[0] & 1);
	docker_answer_init(&cut, data[0] & 1);
	read_answer(&whole, data + 2, size - 2, size);
	read_answer(&cut, data + 2, size - 2, (size_t)data[1] + 1);
	require(whole.complete == cut.complete);
	require(!whole.complete || (whole.status == cut.status && whole.body.len == cut.body.len));
	if (whole.complete && whole.body.len)
		require(memcmp(fifo_peek(&whole.body), fifo_peek(&cut.body), whole.body.len) == 0);
	if (whole.complete)
		compare_lines(&whole.lines, &cut.lines);
	docker_answer_finish(&whole);
	docker_answer_finish(&cut);
	return 0;
}
