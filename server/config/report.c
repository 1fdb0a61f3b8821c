#include "config/report.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

/* So much of a wrong value is repeated: one that is too long must not crowd the other mistakes out. */
#define SHOWN_BYTES 100

__attribute__((format(printf, 2, 0))) static void append(struct report *r, const char *format,
							 va_list args)
{
	size_t room = r->size - r->len;
	int n = vsnprintf(r->text + r->len, room, format, args);

	if (n > 0)
		r->len += (size_t)n < room ? (size_t)n : room - 1;
}

void report_add(struct report *r, const char *format, ...)
{
	va_list args;

	r->count++;
	va_start(args, format);
	append(r, format, args);
	va_end(args);
	if (!report_is_full(r)) {
		r->text[r->len++] = '\n';
		r->text[r->len] = '\0';
	}
}

bool report_is_full(const struct report *r)
{
	return r->len + 1 >= r->size;
}

const char *report_show(char out[REPORT_SHOWN_BYTES], const char *quote, const char *text)
{
	size_t size = REPORT_SHOWN_BYTES;
	size_t len = (size_t)snprintf(out, size, "%s", quote);
	size_t i = 0;

	for (; text[i] && i < SHOWN_BYTES; i++) {
		unsigned char c = (unsigned char)text[i];
		len += (size_t)(isprint(c) ? snprintf(out + len, size - len, "%c", c)
					   : snprintf(out + len, size - len, "\\x%02x", c));
	}
	snprintf(out + len, size - len, "%s%s", quote, text[i] ? " and so on" : "");
	return out;
}
