#include "session/init_run.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define MARK_PREFIX_BYTES 40

struct init_run {
	const struct init_run_sink *sink;
	void *arg;
	bool silent, begun, hidden; /* hidden: output is dropped at the moment */
	size_t count, current;
	size_t failed;
	int failed_status;
	char prefix[MARK_PREFIX_BYTES]; /* ESC ] 7337 ; nonce ; */
	size_t matched;                 /* bytes of the prefix seen */
	char value[8];                  /* of the mark: "s" for start, or the status */
	size_t value_len;
	char *commands[INIT_COMMANDS_MAX];
};

int init_run_check(const char *const *commands, size_t count, struct err *err)
{
	if (count > INIT_COMMANDS_MAX)
		return err_set(err, ERR_INPUT, 0, "at most %d init commands are accepted",
			       INIT_COMMANDS_MAX);
	for (size_t i = 0; i < count; i++)
		if (strlen(commands[i]) >= INIT_COMMAND_MAX_BYTES)
			return err_set(err, ERR_INPUT, 0, "an init command is longer than %d bytes",
				       INIT_COMMAND_MAX_BYTES - 1);
	return 0;
}

static bool make_prefix(struct init_run *run)
{
	char nonce[17];

	if (!random_hex(nonce, sizeof(nonce) / 2))
		return false;
	snprintf(run->prefix, sizeof(run->prefix), "\033]7337;%s;", nonce);
	return true;
}

struct init_run *init_run_new(const char *const *commands, size_t count, bool silent,
			      const struct init_run_sink *sink, void *arg)
{
	struct init_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->sink = sink;
	run->arg = arg;
	run->silent = run->hidden = silent;
	for (; run->count < count && run->count < INIT_COMMANDS_MAX; run->count++)
		if (!(run->commands[run->count] = strdup(commands[run->count])))
			break;
	if (run->count == count && make_prefix(run))
		return run;
	init_run_free(run);
	return NULL;
}

void init_run_free(struct init_run *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->count; i++)
		free(run->commands[i]);
	free(run);
}

/* Writes the command for use between $' and ': only harmless characters as they are, the rest as \ooo, so that
 * neither readline nor history expansion nor the line discipline sees anything to act on. */
static size_t quote(char *out, const char *command)
{
	char *p = out;

	for (; *command; command++) {
		unsigned char c = (unsigned char)*command;
		if (isalnum(c) || strchr(" _./-=,:+@", c))
			*p++ = (char)c;
		else
			p += sprintf(p, "\\%03o", c);
	}
	return (size_t)(p - out);
}

static void type_command(struct init_run *run, const char *command)
{
	const char *nonce = run->prefix + 2; /* 7337;nonce; */
	size_t size = strlen(command) * 4 + 160;
	char *line = malloc(size);

	if (!line)
		return; /* the run's time limit ends it */
	int n = snprintf(line, size, " printf '\\033]%ss\\007'; eval $'", nonce);
	n += (int)quote(line + n, command);
	n += snprintf(line + n, size - (size_t)n, "'; printf '\\033]%s%%d\\007' \"$?\"\n", nonce);
	run->sink->type(run->arg, line, (size_t)n);
	free(line);
}

/* In place of the typed line, which is hidden, the user sees the command. */
static void show_command(struct init_run *run, const char *command)
{
	run->sink->show(run->arg, (const uint8_t *)command, strlen(command), true);
	run->sink->show(run->arg, (const uint8_t *)"\r\n", 2, true);
}

void init_run_begin(struct init_run *run)
{
	run->begun = true;
	if (!run->silent)
		show_command(run, run->commands[run->current]);
	run->hidden = true;
	type_command(run, run->commands[run->current]);
}

bool init_run_begun(const struct init_run *run)
{
	return run->begun;
}

bool init_run_done(const struct init_run *run)
{
	return run->current == run->count;
}

static void end_command(struct init_run *run, int status)
{
	run->current++;
	if (status && !run->failed) {
		run->failed = run->current;
		run->failed_status = status;
	}
	run->hidden = run->silent;
	if (!init_run_done(run))
		init_run_begin(run);
}

static void take_mark(struct init_run *run)
{
	run->value[run->value_len] = '\0';
	if (strcmp(run->value, "s") == 0)
		run->hidden = run->silent;
	else if (isdigit((unsigned char)run->value[0]))
		end_command(run, atoi(run->value));
}

static void show(struct init_run *run, const void *data, size_t len)
{
	if (!run->hidden && len)
		run->sink->show(run->arg, data, len, false);
}

/* It only looked like a mark: the bytes held back are output after all. */
static void release_held(struct init_run *run)
{
	show(run, run->prefix, run->matched);
	show(run, run->value, run->value_len);
	run->matched = run->value_len = 0;
}

size_t init_run_held(const struct init_run *run)
{
	return run->matched + run->value_len;
}

void init_run_flush(struct init_run *run)
{
	release_held(run);
}

/* Returns true when the byte belongs to a mark, maybe. */
static bool match(struct init_run *run, uint8_t byte)
{
	if (run->prefix[run->matched]) {
		if (byte != (uint8_t)run->prefix[run->matched])
			return false;
		run->matched++;
		return true;
	}
	if (byte == '\a') {
		run->matched = 0;
		take_mark(run);
		run->value_len = 0;
		return true;
	}
	if (!isalnum(byte) || run->value_len == sizeof(run->value) - 1)
		return false;
	run->value[run->value_len++] = (char)byte;
	return true;
}

size_t init_run_output(struct init_run *run, const uint8_t *data, size_t len)
{
	size_t plain = 0; /* start of the bytes not yet shown */

	for (size_t i = 0; i < len; i++) {
		size_t held = init_run_held(run);
		if (held == 0 && data[i] != '\033')
			continue;
		if (held == 0)
			show(run, data + plain, i - plain);
		if (match(run, data[i])) {
			plain = i + 1;
			if (init_run_done(run))
				return i + 1;
			continue;
		}
		release_held(run);
		plain = i;
		if (data[i] == '\033')
			i--; /* may begin a mark itself */
	}
	show(run, data + plain, len - plain);
	return len;
}

size_t init_run_failed(const struct init_run *run, int *status)
{
	*status = run->failed_status;
	return run->failed;
}
