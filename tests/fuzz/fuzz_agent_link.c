/*
 * The agent's end of the link: any bytes, in any pieces.
 *
 * The first byte chooses the pieces. Whatever they are, the decoder must give the same frames and
 * the same verdict as with all bytes at once, and every command must keep to its frame.
 */
#include "agent/command.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	uint64_t frames, digest;
	enum link_result end;
	bool refused;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void digest(struct result *r, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		r->digest = (r->digest ^ bytes[i]) * 1099511628211u;
}

static bool within(const struct frame *f, const void *p)
{
	const uint8_t *byte = p;

	return byte >= f->payload && byte <= f->payload + f->header.length;
}

static void check_command(const struct command *c, const struct frame *f)
{
	switch (c->type) {
	case FRAME_OPEN:
		require(within(f, c->open.cwd) && c->open.argv[c->open.argc] == NULL);
		for (unsigned i = 0; i < c->open.argc; i++)
			require(within(f, c->open.argv[i] + strlen(c->open.argv[i])));
		break;
	case FRAME_INPUT:
		require(c->input.len == f->header.length && within(f, c->input.bytes));
		break;
	case FRAME_SIGNAL:
		require(c->signal > 0 && c->signal < 32);
		break;
	case FRAME_PING:
	case FRAME_DEADLINE:
		require(c->terminal == 0 && within(f, c->ping.token + PING_BYTES));
		break;
	default:
		break;
	}
}

static void take_frames(struct link_in *in, struct result *r)
{
	const char *why = NULL;
	struct command c;
	struct frame f;

	while (!r->refused && (r->end = link_in_peek(in, &f)) == LINK_FRAME) {
		require(f.header.length <= FRAME_PAYLOAD_MAX);
		digest(r, f.payload, f.header.length);
		digest(r, &f.header.type, 1);
		r->refused = command_parse(&c, &f, &why) < 0;
		require(r->refused == (why != NULL));
		if (!r->refused)
			check_command(&c, &f);
		r->frames++;
		link_in_take(in, &f);
	}
}

static struct result run(const uint8_t *data, size_t size, size_t piece)
{
	struct link_in *in = calloc(1, sizeof *in);
	struct result r = {.digest = 14695981039346656037u, .end = LINK_MORE};
	size_t room;

	while (size > 0 && !r.refused && r.end == LINK_MORE) {
		uint8_t *to = link_in_space(in, &room);
		size_t n = size < piece ? size : piece;

		require(room > 0);
		n = n < room ? n : room;
		memcpy(to, data, n);
		link_in_filled(in, n);
		data += n;
		size -= n;
		take_frames(in, &r);
	}
	free(in);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;

	struct result whole = run(data + 1, size - 1, SIZE_MAX);
	struct result split = run(data + 1, size - 1, 1 + (size_t)data[0] * data[0]);

	require(whole.frames == split.frames && whole.digest == split.digest);
	require(whole.end == split.end && whole.refused == split.refused);
	return 0;
}
