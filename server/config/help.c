#include "config/help.h"

#include <string.h>

/* Where the second column begins. */
#define MEANING_COLUMN 31

/* A value longer than this pushes its line's third column out rather than everybody's. */
#define VALUE_COLUMNS_MAX 40

static const char introduction[] =
	"Usage: sandbox-api [OPTION]...\n"
	"       sandbox-api check [OPTION]...\n"
	"\n"
	"Serves Linux terminals in gVisor sandboxes to browsers, until SIGTERM or SIGINT.\n"
	"\n"
	"Verbs:\n"
	"  check                        finds out whether this host can serve sandboxes, and ends\n"
	"\n"
	"Options:\n"
	"  --config FILE                read settings from a JSON file; the environment goes "
	"before it\n"
	"  --print-config               show every setting, its value and where that comes from\n"
	"  --version                    show the version\n"
	"  -h, --help                   show this\n"
	"\n"
	"Settings are variables of the environment, where an empty one counts as not set, or keys "
	"of the\n"
	"file, where the same names are in lower camel case: MAX_LIFETIME is maxLifetime. Defaults "
	"are in\n"
	"brackets. A mistake in any of them stops the start, and all mistakes are listed.\n";

static const char conclusion[] =
	"\n"
	"Example:\n"
	"  SANDBOX_API_KEY=$(openssl rand -hex 32) sandbox-api --config /etc/sandbox-api.json\n"
	"with, in that file:\n"
	"  {\"port\": 8080, \"sandboxAllowedOrigins\": [\"https://example.org\"], \"idleTimeout\": "
	"\"10m\"}\n"
	"\n"
	"Exit codes:\n"
	"  0  ended as asked\n"
	"  1  could not start, or could not end in order; with check: this host cannot serve\n"
	"  2  a mistake on the command line or in the configuration\n";

/* Writes words from column `at` on, and goes on at column `indent` of the next line where one does not fit. */
static size_t wrap(FILE *out, const char *text, size_t at, size_t indent)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		if (at > indent && at + 1 + len > HELP_COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			putc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)len, text);
		at += len;
		text += len;
		text += *text == ' ';
	}
	return at;
}

static void describe(FILE *out, const struct setting *s)
{
	char fallback[CONFIG_TEXT_BYTES];

	fprintf(out, "  %-*s", MEANING_COLUMN - 2, s->name);
	size_t at = wrap(out, s->meaning, MEANING_COLUMN, MEANING_COLUMN);
	if (*s->fallback) {
		snprintf(fallback, sizeof(fallback), "[%s]", s->fallback);
		wrap(out, fallback, at, MEANING_COLUMN);
	}
	putc('\n', out);
}

void help_write(FILE *out)
{
	fputs(introduction, out);
	for (int group = 0; group < GROUP_COUNT; group++) {
		fprintf(out, "\n%s:\n", setting_group_title((enum setting_group)group));
		for (size_t i = 0; i < settings_count; i++)
			if (settings[i].group == (enum setting_group)group)
				describe(out, &settings[i]);
	}
	fputs(conclusion, out);
}

/* --- --print-config --- */

/* The one value that is decided from others where it is not set. */
static bool is_decided(const struct setting *s, const struct config_origin *origin)
{
	return s->offset == offsetof(struct config, worker_id) && !(origin->text && *origin->text);
}

static const char *show_value(const struct config *config, const struct setting *s,
			      const struct config_origin *origin)
{
	const char *text = origin->text ? origin->text : "";

	if (s->flags & SETTING_SECRET)
		return *text ? "(set)" : "(not set)";
	if (is_decided(s, origin))
		return config->worker_id;
	return *text ? text : "(empty)";
}

static void write_source(FILE *out, const struct setting *s, const struct config_origin *origin)
{
	switch (origin->source) {
	case CONFIG_FROM_ENVIRONMENT:
		fputs("environment", out);
		break;
	case CONFIG_FROM_FILE:
		fprintf(out, "file, line %u", origin->line);
		break;
	default:
		fputs("default", out);
	}
	fputs(is_decided(s, origin) ? ", from HOSTNAME and PORT\n" : "\n", out);
}

static size_t value_columns(const struct config *config, const struct config_trace *trace)
{
	size_t columns = 0;

	for (size_t i = 0; i < settings_count; i++) {
		size_t len = strlen(show_value(config, &settings[i], &trace->origins[i]));
		if (len > columns && len <= VALUE_COLUMNS_MAX)
			columns = len;
	}
	return columns;
}

void help_write_config(FILE *out, const struct config *config, const struct config_trace *trace)
{
	int columns = (int)value_columns(config, trace);

	for (size_t i = 0; i < settings_count; i++) {
		const struct config_origin *origin = &trace->origins[i];
		fprintf(out, "%-*s  %-*s  ", MEANING_COLUMN - 4, settings[i].name, columns,
			show_value(config, &settings[i], origin));
		write_source(out, &settings[i], origin);
	}
}
