#include "agent/open_request.h"

#include "agent/protocol.h"
#include <string.h>

/* rows, cols, credit, argc, envc */
#define FIXED_BYTES 10

struct cursor {
	char *next, *end;
};

static char *take_string(struct cursor *c)
{
	char *s = c->next;
	char *nul = memchr(s, '\0', (size_t)(c->end - s));

	if (!nul)
		return NULL;
	c->next = nul + 1;
	return s;
}

static int take_arguments(struct open_request *r, struct cursor *c)
{
	for (unsigned i = 0; i < r->argc; i++)
		if (!(r->argv[i] = take_string(c)))
			return -1;
	r->argv[r->argc] = NULL;
	return 0;
}

static int take_environment(struct open_request *r, struct cursor *c)
{
	for (unsigned i = 0; i < r->envc; i++) {
		r->env[i] = take_string(c);
		if (!r->env[i] || r->env[i][0] == '=' || !strchr(r->env[i], '='))
			return -1;
	}
	return 0;
}

int open_request_parse(struct open_request *r, uint8_t *payload, size_t len)
{
	if (len < FIXED_BYTES)
		return -1;
	r->rows = get_u16(payload);
	r->cols = get_u16(payload + 2);
	r->credit = get_u32(payload + 4);
	r->argc = payload[8];
	r->envc = payload[9];

	struct cursor c = {(char *)payload + FIXED_BYTES, (char *)payload + len};

	if (r->credit > OUTPUT_WINDOW_MAX || !(r->cwd = take_string(&c)))
		return -1;
	if (take_arguments(r, &c) < 0 || take_environment(r, &c) < 0)
		return -1;
	return c.next == c.end ? 0 : -1;
}
