/*
 * Writes the table of settings as documentation: `settings markdown` for docs/configuration.md, `settings man` for
 * docs/sandbox-api.8. scripts/write-docs puts it in its place; no part of the product.
 */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/settings.h"

struct form {
	void (*begin)(const char *title);
	void (*write)(const struct setting *s, const char *accepted);
	void (*end)(void);
};

/* --- Markdown --- */

static void markdown_begin(const char *title)
{
	printf("### %s\n\n", title);
	puts("| variable | in the file | default | accepted | |\n|---|---|---|---|---|");
}

static void markdown_write(const struct setting *s, const char *accepted)
{
	char name[SETTING_NAME_BYTES];
	const char *tick = *s->fallback ? "`" : "";

	setting_json_name(s, name);
	printf("| `%s` | `%s` | %s%s%s | %s | %s |\n", s->name, name, tick, s->fallback, tick,
	       accepted, s->meaning);
}

static void markdown_end(void)
{
	puts("");
}

/* --- mdoc(7) --- */

/* The length that mandoc -Tlint likes. */
#define MAN_COLUMNS 80

/* Lines of text are joined again when they are shown. */
static void man_text(const char *text)
{
	size_t column = 0;

	for (size_t len; *text; text += len + (text[len] == ' ')) {
		len = strcspn(text, " ");
		if (column && column + 1 + len > MAN_COLUMNS)
			column = 0, putchar('\n');
		column += (size_t)printf("%s%.*s", column ? " " : "", (int)len, text);
	}
	putchar('\n');
}

static void man_begin(const char *title)
{
	printf(".Ss %s\n.Bl -tag -width Ds\n", title);
}

static void man_write(const struct setting *s, const char *accepted)
{
	char text[2 * CONFIG_TEXT_BYTES];

	printf(".It Ev %s", s->name);
	if (*s->fallback)
		printf(" Pq Ql %s", s->fallback);
	putchar('\n');
	snprintf(text, sizeof(text), "%s.", s->meaning);
	man_text(text);
	snprintf(text, sizeof(text), "Accepted: %s.", accepted);
	man_text(text);
}

static void man_end(void)
{
	puts(".El");
}

static const struct form markdown = {markdown_begin, markdown_write, markdown_end};
static const struct form man = {man_begin, man_write, man_end};

/* Every reader says what it accepts, whatever it is given. */
static void write_group(const struct form *form, enum setting_group group)
{
	static struct config ignored;
	char accepted[CONFIG_TEXT_BYTES];

	form->begin(setting_group_title(group));
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];
		if (s->group != group)
			continue;
		s->parse(s, "", (char *)&ignored + s->offset, accepted, sizeof(accepted));
		form->write(s, accepted);
	}
	form->end();
}

int main(int argc, char **argv)
{
	const struct form *form = NULL;

	if (argc == 2 && strcmp(argv[1], "markdown") == 0)
		form = &markdown;
	else if (argc == 2 && strcmp(argv[1], "man") == 0)
		form = &man;
	if (!form) {
		fputs("usage: settings markdown|man\n", stderr);
		return 2;
	}
	for (int group = 0; group < GROUP_COUNT; group++)
		write_group(form, (enum setting_group)group);
	return fflush(stdout) == 0 ? 0 : 1;
}
