#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, enum err_kind kind, int code, const char *format, ...)
{
	va_list args;

	if (!e)
		return -1;
	e->kind = kind;
	e->code = code;
	va_start(args, format);
	vsnprintf(e->msg, sizeof(e->msg), format, args);
	va_end(args);
	return -1;
}

int err_wrap(struct err *e, const char *format, ...)
{
	char context[sizeof(e->msg)], inner[sizeof(e->msg)];
	va_list args;

	if (!e)
		return -1;
	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	memcpy(inner, e->msg, sizeof(inner));
	int n = snprintf(e->msg, sizeof(e->msg), "%s", context);
	if (n < (int)sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s", inner);
	return -1;
}

const char *err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_INPUT] = "input", [ERR_BUSY] = "busy",         [ERR_LIMIT] = "limit",
		[ERR_GONE] = "gone",   [ERR_UPSTREAM] = "upstream", [ERR_INTERNAL] = "internal",
	};

	return names[kind];
}
