#include "edge/output_text.h"

#include <stdlib.h>
#include <string.h>

#include "edge/utf8.h"
#include "edge/wire.h"

/* A JSON message may be six times as long as what it carries. */
#define WRAPPED_MAX_BYTES (OUTPUT_TEXT_MAX / 8)

static size_t at_most(size_t len, size_t limit)
{
	return len < limit ? len : limit;
}

/* No program in the sandbox may forge a control message: output that looks like one is wrapped. */
static size_t wrap(uint8_t *text, size_t len)
{
	char *json = wire_output(text, len);
	size_t wrapped = json ? strlen(json) : 0;

	memcpy(text, json ? json : "", wrapped);
	free(json);
	return wrapped;
}

static size_t rewrite(struct output_text *o, const uint8_t *data, size_t len)
{
	size_t max = data[0] == '{' ? WRAPPED_MAX_BYTES : OUTPUT_TEXT_MAX;
	size_t part = at_most(len, max / UTF8_EXPANSION);
	size_t used = utf8_take(data, part, o->last && part == len, o->scratch, &o->len);

	o->text = o->scratch;
	if (used && o->text[0] == '{')
		o->len = wrap(o->text, o->len);
	return used;
}

/* Behind valid bytes the beginning of a sequence may stay for the next frame; where more is left, it is not valid. */
size_t output_text_make(struct output_text *o, uint8_t *data, size_t len)
{
	size_t part = at_most(len, OUTPUT_TEXT_MAX);
	size_t valid = data[0] == '{' ? 0 : utf8_valid(data, part);

	if (!valid || part - valid > 3)
		return rewrite(o, data, len);
	o->text = data;
	o->len = valid;
	return valid;
}
