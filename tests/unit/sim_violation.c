#include "tests/fakes/sim_rules.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>

void sim_violation(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ck_abort_msg("%s", text);
}
