#include "bench/ws_frames.h"

#include <string.h>

#define FINAL      0x80
#define RESERVED   0x70
#define OPCODE     0x0f
#define MASKED     0x80
#define LENGTH_16  126
#define LENGTH_64  127
#define HEAD_BYTES 2

static size_t head_bytes(const struct ws_frames *f)
{
	unsigned length = f->head[1];

	if (f->have < HEAD_BYTES)
		return HEAD_BYTES;
	return HEAD_BYTES + (length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0);
}

static uint64_t read_length(const struct ws_frames *f)
{
	uint64_t length = 0;

	if (f->have == HEAD_BYTES)
		return f->head[1];
	for (size_t i = HEAD_BYTES; i < f->have; i++)
		length = length << 8 | f->head[i];
	return length;
}

static bool is_known(unsigned opcode)
{
	return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

static bool is_allowed(const struct ws_frames *f)
{
	return !(f->head[0] & RESERVED) && is_known(f->head[0] & OPCODE) &&
	       (f->have < HEAD_BYTES || !(f->head[1] & MASKED));
}

/* False: the frame breaks the rules. */
static bool take_head(struct ws_frames *f, const uint8_t **data, size_t *len)
{
	while (*len && f->have < head_bytes(f)) {
		f->head[f->have++] = *(*data)++;
		(*len)--;
		if (!is_allowed(f))
			return false;
	}
	if (f->have < head_bytes(f))
		return true;
	f->inside = true;
	f->begun = false;
	f->left = read_length(f);
	return true;
}

static void take_payload(struct ws_frames *f, const uint8_t **data, size_t *len,
			 struct ws_piece *piece)
{
	size_t n = f->left < *len ? (size_t)f->left : *len;

	f->left -= n;
	*piece = (struct ws_piece){.opcode = f->head[0] & OPCODE,
				   .first = !f->begun,
				   .last = !f->left,
				   .final = f->head[0] & FINAL,
				   .data = *data,
				   .len = n};
	*data += n;
	*len -= n;
	f->begun = true;
	if (f->left)
		return;
	f->inside = false;
	f->have = 0;
}

int ws_frames_next(struct ws_frames *f, const uint8_t **data, size_t *len, struct ws_piece *piece)
{
	if (!f->inside && !take_head(f, data, len))
		return -1;
	if (!f->inside || (f->left && !*len))
		return 0;
	take_payload(f, data, len, piece);
	return 1;
}

size_t ws_frame_make(uint8_t *out, enum ws_opcode opcode, uint32_t mask, const void *payload,
		     size_t len)
{
	const uint8_t *from = payload;
	size_t at = HEAD_BYTES;
	uint8_t key[4];

	memcpy(key, &mask, sizeof(key));
	out[0] = (uint8_t)(FINAL | opcode);
	out[1] = (uint8_t)(MASKED | (len < LENGTH_16 ? len : LENGTH_16));
	if (len >= LENGTH_16) {
		out[at++] = (uint8_t)(len >> 8);
		out[at++] = (uint8_t)len;
	}
	memcpy(out + at, key, sizeof(key));
	at += sizeof(key);
	for (size_t i = 0; i < len; i++)
		out[at + i] = from[i] ^ key[i % 4];
	return at + len;
}
