/*
 * The JSON of our WebSocket: control messages in, control messages out. docs/protocol.md describes them.
 */
#ifndef SANDBOX_EDGE_WIRE_H
#define SANDBOX_EDGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/protocol.h"
#include "base/err.h"
#include "session/init_run.h"

enum wire_type { WIRE_RAW, WIRE_INPUT, WIRE_RESIZE, WIRE_INIT };

struct wire_message {
	enum wire_type type;
	const char *data; /* INPUT */
	size_t len;
	int64_t rows, cols;                      /* RESIZE */
	const char *commands[INIT_COMMANDS_MAX]; /* INIT */
	size_t command_count;
	int64_t timeout_ms;
	bool silent;
	void *document; /* what the pointers live in */
};

/*
 * Reads a text message. WIRE_RAW: it is no known message and means itself, as typed input. -1 with *err (ERR_INPUT, its message is
 * fit for the client) for a known type with wrong fields. After 0: wire_finish().
 */
int wire_decode(const char *text, size_t len, struct wire_message *message, struct err *err);
void wire_finish(struct wire_message *message);

/* The encoders return a text to free(), or NULL when memory is out. */
char *wire_connected(const char *session_id);
char *wire_init_complete(bool success, const char *error); /* error: NULL for none */
char *wire_error(const char *code, const char *message, int retry_after_s); /* 0: left out */
char *wire_warning(const char *code, const char *message, int seconds_left);
char *wire_exit(enum exit_kind kind, unsigned value);
char *wire_output(const uint8_t *utf8, size_t len);

#endif
