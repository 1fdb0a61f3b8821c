/*
 * The request to open a terminal. The payload is a block of exactly its size, so that a read beyond it is
 * seen; an accepted request must be made again, byte for byte, from what was understood.
 */
#include "agent/open_request.h"
#include "agent/protocol.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static size_t put_string(uint8_t *to, size_t at, const char *s)
{
	memcpy(to + at, s, strlen(s) + 1);
	return at + strlen(s) + 1;
}

/* to holds at least the bytes of the original. */
static size_t encode(uint8_t *to, const struct open_request *r)
{
	size_t at = 10;

	put_u16(to, r->rows);
	put_u16(to + 2, r->cols);
	put_u32(to + 4, r->credit);
	to[8] = r->argc;
	to[9] = r->envc;
	at = put_string(to, at, r->cwd);
	for (unsigned i = 0; i < r->argc; i++)
		at = put_string(to, at, r->argv[i]);
	for (unsigned i = 0; i < r->envc; i++)
		at = put_string(to, at, r->env[i]);
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > FRAME_PAYLOAD_MAX)
		return 0;

	uint8_t *payload = malloc(size), *again = malloc(size);
	struct open_request r;

	memcpy(payload, data, size);
	if (open_request_parse(&r, payload, size) == 0) {
		require(r.credit <= OUTPUT_WINDOW_MAX && r.argv[r.argc] == NULL);
		require(encode(again, &r) == size && memcmp(again, data, size) == 0);
	}
	free(payload);
	free(again);
	return 0;
}
