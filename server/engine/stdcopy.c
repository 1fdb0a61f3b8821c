#include "engine/stdcopy.h"

#include <string.h>

#define HEADER_BYTES sizeof(((struct stdcopy *)0)->header)

void stdcopy_init(struct stdcopy *s)
{
	*s = (struct stdcopy){.have = 0};
}

bool stdcopy_between(const struct stdcopy *s)
{
	return s->have == 0;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool header_valid(const uint8_t *h)
{
	return h[0] <= STDCOPY_SYSTEM && !h[1] && !h[2] && !h[3];
}

static uint32_t header_length(const uint8_t *h)
{
	return (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
}

/* Returns false on a bad header. An empty payload ends its frame at once. */
static bool take_header(struct stdcopy *s, const uint8_t **data, size_t *len)
{
	size_t n = least(HEADER_BYTES - s->have, *len);

	memcpy(s->header + s->have, *data, n);
	s->have += (uint8_t)n;
	*data += n;
	*len -= n;
	if (s->have < HEADER_BYTES)
		return true;
	s->left = header_length(s->header);
	if (!s->left)
		s->have = 0;
	return header_valid(s->header);
}

int stdcopy_next(struct stdcopy *s, const uint8_t **data, size_t *len, struct stdcopy_piece *piece)
{
	while (*len && s->have < HEADER_BYTES)
		if (!take_header(s, data, len))
			return -1;
	if (!*len)
		return 0;
	*piece = (struct stdcopy_piece){
		.type = (enum stdcopy_type)s->header[0],
		.data = *data,
		.len = least(s->left, *len),
	};
	*data += piece->len;
	*len -= piece->len;
	s->left -= (uint32_t)piece->len;
	if (!s->left)
		s->have = 0;
	return 1;
}
