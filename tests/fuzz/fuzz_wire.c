/*
 * Control messages of WebSocket clients: whatever is accepted is within the bounds that terminals rely on, and output that was
 * typed back wrapped says the same.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "edge/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_input(const struct wire_message *m)
{
	char *text = wire_output((const uint8_t *)m->data, m->len);
	json_t *root = json_loads(text, JSON_ALLOW_NUL, NULL);
	const json_t *value = json_object_get(root, "data");

	require(json_string_length(value) == m->len);
	require(memcmp(json_string_value(value), m->data, m->len) == 0);
	require(strcmp(json_string_value(json_object_get(root, "type")), "output") == 0);
	json_decref(root);
	free(text);
}

static void check_init(const struct wire_message *m)
{
	require(m->command_count <= INIT_COMMANDS_MAX);
	require(m->timeout_ms >= 1 && m->timeout_ms <= 1800000);
	for (size_t i = 0; i < m->command_count; i++)
		require(strlen(m->commands[i]) < INIT_COMMAND_MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m;
	struct err err = {.kind = ERR_INTERNAL, .msg = ""};

	if (wire_decode((const char *)data, size, &m, &err) < 0) {
		require(err.kind == ERR_INPUT && err.msg[0] && !m.document);
		return 0;
	}
	require(m.type == WIRE_RAW || (size && data[0] == '{' && m.document));
	if (m.type == WIRE_INPUT)
		check_input(&m);
	else if (m.type == WIRE_INIT)
		check_init(&m);
	else if (m.type == WIRE_RESIZE)
		require(llabs(m.rows) <= 1000000000 && llabs(m.cols) <= 1000000000);
	wire_finish(&m);
	return 0;
}
