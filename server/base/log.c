#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* A pipe that polls writable takes PIPE_BUF (4096) bytes without blocking. */
#define LINE_MAX_BYTES 4096

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

static struct {
	enum log_level level;
	enum log_format format;
	bool journal;     /* standard error is systemd's journal */
	uint64_t dropped; /* lines since the last one that was written */
} state = {.level = LOG_INFO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Of syslog(3): what the journal filters by (journalctl -p). */
static const int priorities[] = {3, 4, 6, 7};

/* Standard error may have been sent elsewhere since the service manager said what it is. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[48];

	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

void log_configure(enum log_level level, enum log_format format)
{
	state.level = level;
	state.format = format;
	state.journal = is_journal();
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

/* Leaves room for the closing brace and the newline. */
__attribute__((format(printf, 2, 3))) static void append(struct line *l, const char *format, ...)
{
	size_t room = sizeof(l->text) - 2 - l->len;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(l->text + l->len, room, format, args);
	va_end(args);
	if (n > 0)
		l->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Quotes for both formats: what JSON wants escaped, and every byte that a terminal might obey. Bytes from 0x80 up
 * are written as \u00XX, since a value may hold anything. */
static void append_quoted(struct line *l, const char *s)
{
	append(l, "\"");
	for (const unsigned char *p = (const unsigned char *)(s ? s : ""); *p; p++) {
		if (*p == '"' || *p == '\\')
			append(l, "\\%c", *p);
		else if (*p < 0x20 || *p >= 0x7f)
			append(l, "\\u%04x", *p);
		else
			append(l, "%c", *p);
		if (l->len > sizeof(l->text) - 64)
			break;
	}
	append(l, "\"");
}

static bool is_plain(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_.:/@+,";

	return s && *s && s[strspn(s, plain)] == '\0';
}

static void append_value(struct line *l, const struct log_field *f)
{
	if (f->type == LOG_FIELD_INT)
		append(l, "%lld", (long long)f->i);
	else if (f->type == LOG_FIELD_UINT)
		append(l, "%llu", (unsigned long long)f->u);
	else if (state.format == LOG_TEXT && is_plain(f->s))
		append(l, "%s", f->s);
	else
		append_quoted(l, f->s);
}

static void append_field(struct line *l, const struct log_field *f)
{
	append(l, state.format == LOG_JSON ? ",\"%s\":" : " %s=", f->name);
	append_value(l, f);
}

static void emit(struct line *l)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (state.format == LOG_JSON)
		l->text[l->len++] = '}';
	l->text[l->len++] = '\n';
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) &&
	    write(STDERR_FILENO, l->text, l->len) == (ssize_t)l->len)
		state.dropped = 0;
	else
		state.dropped++;
}

/* The journal has a time of its own, so that a text needs none. */
static void append_head(struct line *l, enum log_level level, const char *event)
{
	char now[CLOCK_ISO8601_BYTES];

	clock_iso8601(now, clock_wall_ms());
	if (state.journal)
		append(l, "<%d>", priorities[level]);
	if (state.format == LOG_JSON)
		append(l, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", now,
		       level_names[level], event);
	else
		append(l, "%s%s%s %s", state.journal ? "" : now, state.journal ? "" : " ",
		       level_names[level], event);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
	       size_t count)
{
	struct line l = {.len = 0};

	if (!log_enabled(level))
		return;
	append_head(&l, level, event);
	for (size_t i = 0; i < count; i++)
		append_field(&l, &fields[i]);
	if (state.dropped)
		append_field(&l, &LOG_U("log_lines_dropped", state.dropped));
	emit(&l);
}
