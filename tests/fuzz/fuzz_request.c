/*
 * Bodies of the REST API: whatever is accepted is within the bounds that sessions rely on.
 */
#include <stdlib.h>
#include <string.h>

#include "edge/json_api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check(const struct session_request *r)
{
	size_t index = (size_t)(r->environment - environments);

	require(r->tool_pair[0] && strlen(r->tool_pair) < TOOL_PAIR_MAX);
	require(index < ENVIRONMENT_COUNT);
	require(r->init_timeout_ms >= 1 && r->init_timeout_ms <= 1800000);
	require(r->init_count <= INIT_COMMANDS_MAX);
	for (size_t i = 0; i < r->init_count; i++)
		require(strlen(r->init[i]) < INIT_COMMAND_MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *init[INIT_COMMANDS_MAX];
	char key[CONFIG_TEXT_BYTES];
	struct session_request request;
	struct err err = {.kind = ERR_INTERNAL, .msg = ""};
	void *document = NULL;

	if (json_read_session_request((const char *)data, size, &request, init, &document, &err) ==
	    0) {
		check(&request);
		json_document_free(document);
	} else {
		require(err.kind == ERR_INPUT && err.msg[0] && !document);
	}
	memset(key, 0x5a, sizeof(key));
	json_read_api_key((const char *)data, size, key);
	require(memchr(key, '\0', sizeof(key)) != NULL);
	return 0;
}
