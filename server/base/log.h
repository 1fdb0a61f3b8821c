/*
 * The log: one line per event on standard error, text or JSON, with named fields.
 *
 *      log_info("session.created", LOG_S("session", id), LOG_U("create_ms", ms));
 *
 * Only main, the functions that change a state, and the edge log. Values are escaped, so that no byte from
 * outside can break or forge a line. A line that standard error cannot take at once is dropped and
 * counted, never waited for; the next one that fits says how many are missing.
 *
 * Where standard error is systemd's journal (JOURNAL_STREAM), each line carries its priority, and a text no time.
 */
#ifndef SANDBOX_BASE_LOG_H
#define SANDBOX_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

enum log_field_type { LOG_FIELD_STRING, LOG_FIELD_INT, LOG_FIELD_UINT };

struct log_field {
	const char *name;
	enum log_field_type type;
	union {
		const char *s; /* NULL is written as an empty string */
		int64_t i;
		uint64_t u;
	};
};

#define LOG_S(n, v) ((struct log_field){.name = (n), .type = LOG_FIELD_STRING, .s = (v)})
#define LOG_I(n, v) ((struct log_field){.name = (n), .type = LOG_FIELD_INT, .i = (v)})
#define LOG_U(n, v) ((struct log_field){.name = (n), .type = LOG_FIELD_UINT, .u = (v)})

/* Sets what is written from now on. Before the first call: LOG_INFO, LOG_TEXT. */
void log_configure(enum log_level level, enum log_format format);

/* Whether a line of this level would be written. */
bool log_enabled(enum log_level level);

/* Writes one line. event is a dotted name; at most 4 KiB of the line are written. */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
	       size_t count);

#define LOG_FIELDS(...)                                                                            \
	(const struct log_field[]){__VA_ARGS__},                                                   \
		sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)

#define log_error(event, ...) log_write(LOG_ERROR, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...)  log_write(LOG_WARN, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...)  log_write(LOG_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_debug(event, ...) log_write(LOG_DEBUG, event, LOG_FIELDS(__VA_ARGS__))

#endif
