#include "check/report.h"

#include <stdarg.h>

#define COLOUR_RESET "\033[0m"

static const struct {
	const char *word, *colour;
} verdicts[] = {
	[VERDICT_OK] = {"ok", "\033[32m"},
	[VERDICT_WARN] = {"warn", "\033[33m"},
	[VERDICT_FAIL] = {"FAIL", "\033[1;31m"},
	[VERDICT_SKIP] = {"skip", "\033[2m"},
};

void report_init(struct report *r, FILE *out, bool colours)
{
	*r = (struct report){.out = out, .colours = colours};
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f || (unsigned char)*text >= 0x80)
			*text = '?';
}

void report_line(struct report *r, enum verdict verdict, const char *format, ...)
{
	char text[1024];
	va_list args;

	r->problems += verdict == VERDICT_FAIL;
	r->warnings += verdict == VERDICT_WARN;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_printable(text);
	fprintf(r->out, "%s%-4s%s  %s\n", r->colours ? verdicts[verdict].colour : "",
		verdicts[verdict].word, r->colours ? COLOUR_RESET : "", text);
	fflush(r->out);
}

static void print_count(struct report *r, unsigned count, const char *what)
{
	fprintf(r->out, "%u %s%s", count, what, count == 1 ? "" : "s");
}

int report_finish(struct report *r)
{
	if (r->problems)
		print_count(r, r->problems, "problem");
	else
		fputs("all well", r->out);
	if (r->warnings) {
		fputs(", ", r->out);
		print_count(r, r->warnings, "warning");
	}
	fputs("\n", r->out);
	fflush(r->out);
	return r->problems != 0;
}
