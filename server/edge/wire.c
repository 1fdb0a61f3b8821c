#include "edge/wire.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "edge/json_text.h"

#define INIT_TIMEOUT_DEFAULT_MS 30000
#define INIT_TIMEOUT_MAX_MS     1800000

static int take_input(const json_t *root, struct wire_message *m, struct err *err)
{
	const json_t *data = json_object_get(root, "data");

	if (!json_is_string(data))
		return err_set(err, ERR_INPUT, 0, "input needs a string named data");
	m->type = WIRE_INPUT;
	m->data = json_string_value(data);
	m->len = json_string_length(data);
	return 0;
}

/* Values out of range are clamped later; here only the type matters. */
static bool whole_number(const json_t *value, int64_t *out)
{
	if (!json_is_number(value))
		return false;
	double d = json_number_value(value);
	*out = d < -1e9 ? -1000000000 : d > 1e9 ? 1000000000 : (int64_t)d;
	return true;
}

static int take_resize(const json_t *root, struct wire_message *m, struct err *err)
{
	if (!whole_number(json_object_get(root, "rows"), &m->rows) ||
	    !whole_number(json_object_get(root, "cols"), &m->cols))
		return err_set(err, ERR_INPUT, 0, "resize needs numbers named rows and cols");
	m->type = WIRE_RESIZE;
	return 0;
}

static int take_commands(const json_t *commands, struct wire_message *m, struct err *err)
{
	if (!json_is_array(commands) || json_array_size(commands) > INIT_COMMANDS_MAX)
		return err_set(err, ERR_INPUT, 0,
			       "init needs an array of at most %d strings named commands",
			       INIT_COMMANDS_MAX);
	for (size_t i = 0; i < json_array_size(commands); i++) {
		const json_t *item = json_array_get(commands, i);
		if (!json_is_string(item) ||
		    strlen(json_string_value(item)) != json_string_length(item))
			return err_set(err, ERR_INPUT, 0,
				       "init commands must be strings without NUL");
		m->commands[m->command_count++] = json_string_value(item);
	}
	return 0;
}

static int take_init(const json_t *root, struct wire_message *m, struct err *err)
{
	const json_t *timeout = json_object_get(root, "timeout"),
		     *silent = json_object_get(root, "silent");

	m->timeout_ms = INIT_TIMEOUT_DEFAULT_MS;
	if (timeout && (!whole_number(timeout, &m->timeout_ms) || m->timeout_ms < 1 ||
			m->timeout_ms > INIT_TIMEOUT_MAX_MS))
		return err_set(err, ERR_INPUT, 0, "timeout must be milliseconds from 1 to %d",
			       INIT_TIMEOUT_MAX_MS);
	if (silent && !json_is_boolean(silent))
		return err_set(err, ERR_INPUT, 0, "silent must be true or false");
	m->silent = !silent || json_is_true(silent);
	if (take_commands(json_object_get(root, "commands"), m, err) < 0)
		return -1;
	m->type = WIRE_INIT;
	return init_run_check(m->commands, m->command_count, err);
}

static int take(const json_t *root, struct wire_message *m, struct err *err)
{
	const char *type = json_string_value(json_object_get(root, "type"));

	if (!type)
		return 0;
	if (strcmp(type, "input") == 0)
		return take_input(root, m, err);
	if (strcmp(type, "resize") == 0)
		return take_resize(root, m, err);
	if (strcmp(type, "init") == 0)
		return take_init(root, m, err);
	return 0;
}

int wire_decode(const char *text, size_t len, struct wire_message *m, struct err *err)
{
	memset(m, 0, sizeof(*m));
	m->type = WIRE_RAW;
	if (!len || text[0] != '{')
		return 0;
	json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	if (!root)
		return 0;
	m->document = root;
	if (take(root, m, err) == 0)
		return 0;
	wire_finish(m);
	return -1;
}

void wire_finish(struct wire_message *m)
{
	json_decref(m->document);
	m->document = NULL;
}

char *wire_connected(const char *session_id)
{
	return json_text(json_pack("{s:s, s:s}", "type", "connected", "sessionId", session_id));
}

char *wire_init_complete(bool success, const char *error)
{
	return json_text(json_pack("{s:s, s:b, s:s*}", "type", "initComplete", "success",
				   (int)success, "error", error));
}

static char *error_with(const char *code, const char *message, const char *name, int seconds)
{
	json_t *root =
		json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", message);

	if (root && seconds > 0)
		json_object_set_new(root, name, json_integer(seconds));
	return json_text(root);
}

char *wire_error(const char *code, const char *message, int retry_after_s)
{
	return error_with(code, message, "retryAfter", retry_after_s);
}

char *wire_warning(const char *code, const char *message, int seconds_left)
{
	return error_with(code, message, "secondsLeft", seconds_left);
}

char *wire_exit(enum exit_kind kind, unsigned value)
{
	char name[32];

	if (kind == EXIT_STATUS)
		return json_text(json_pack("{s:s, s:i}", "type", "exit", "code", (int)value));
	const char *abbreviation = sigabbrev_np((int)value);
	if (abbreviation)
		snprintf(name, sizeof(name), "SIG%s", abbreviation);
	else
		snprintf(name, sizeof(name), "%u", value);
	return json_text(json_pack("{s:s, s:s}", "type", "exit", "signal", name));
}

char *wire_output(const uint8_t *utf8, size_t len)
{
	return json_text(
		json_pack("{s:s, s:s%}", "type", "output", "data", (const char *)utf8, len));
}
