#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arguments.h"
#include "suite.h"

#define WORDS_MAX 8

static struct arguments arguments;
static struct err err;
static char line_copy[256];
static char *words[WORDS_MAX];

/* Reads a command line, cut at its spaces; "''" is an empty word. */
static int read_line(const char *line)
{
	int count = 0;

	snprintf(line_copy, sizeof(line_copy), "%s", line);
	for (char *word = strtok(line_copy, " "); word; word = strtok(NULL, " ")) {
		ck_assert_int_lt(count, WORDS_MAX - 1);
		words[count++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	words[count] = NULL;
	arguments = (struct arguments){.config_file = "untouched"};
	err = (struct err){0};
	return arguments_read(count, words, &arguments, &err);
}

START_TEST(nothing_asked_for_is_to_serve)
{
	ck_assert_int_eq(read_line("sandbox-api"), 0);
	ck_assert_int_eq(arguments.verb, VERB_SERVE);
	ck_assert(!arguments.help && !arguments.version && !arguments.print_config);
	ck_assert_ptr_null(arguments.config_file);
}
END_TEST

static const struct {
	const char *line;
	struct arguments expected;
} right[] = {
	{"s --help", {.help = true}},
	{"s -h", {.help = true}},
	{"s --version", {.version = true}},
	{"s --print-config", {.print_config = true}},
	{"s --config f", {.config_file = "f"}},
	{"s --config=f", {.config_file = "f"}},
	{"s --config=a=b", {.config_file = "a=b"}},
	{"s --config --help", {.config_file = "--help"}},
	{"s check", {.verb = VERB_CHECK}},
	{"s check --config f", {.verb = VERB_CHECK, .config_file = "f"}},
	{"s --config f check", {.verb = VERB_CHECK, .config_file = "f"}},
	{"s --config=f --print-config", {.print_config = true, .config_file = "f"}},
	{"s --help --version", {.help = true, .version = true}},
	{"s -- check", {.verb = VERB_CHECK}},
};

START_TEST(what_is_asked_for_is_understood)
{
	const struct arguments *e = &right[_i].expected;

	ck_assert_msg(read_line(right[_i].line) == 0, "%s: %s", right[_i].line, err.msg);
	ck_assert_int_eq(arguments.verb, e->verb);
	ck_assert_int_eq(arguments.help, e->help);
	ck_assert_int_eq(arguments.version, e->version);
	ck_assert_int_eq(arguments.print_config, e->print_config);
	ck_assert_pstr_eq(arguments.config_file, e->config_file);
}
END_TEST

static const char *const wrong[][2] = {
	{"s --nope", "unknown option: --nope"},
	{"s --nope=1", "unknown option: --nope=1"},
	{"s check --nope", "unknown option: --nope"},
	{"s -x", "unknown option: -x"},
	{"s -hx", "unknown option: -x"},
	{"s --help=1", "an option that takes no value: --help=1"},
	{"s --config", "--config needs the name of a file"},
	{"s check --config", "--config needs the name of a file"},
	{"s --config=", "--config needs the name of a file"},
	{"s --config ''", "--config needs the name of a file"},
	{"s --config a --config b", "a second --config: b"},
	{"s serve", "unknown verb: serve"},
	{"s ''", "unknown verb: "},
	{"s -", "unknown verb: -"},
	{"s -- --help", "unknown verb: --help"},
	{"s check check", "one argument too many: check"},
	{"s check f --version", "one argument too many: f"},
};

START_TEST(what_is_not_understood_is_said_and_changes_nothing)
{
	ck_assert_int_eq(read_line(wrong[_i][0]), -1);
	ck_assert_str_eq(err.msg, wrong[_i][1]);
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_str_eq(arguments.config_file, "untouched");
}
END_TEST

START_TEST(a_long_word_is_cut)
{
	char line[250];

	memset(line, 'x', sizeof(line));
	memcpy(line, "s ", 2);
	line[sizeof(line) - 1] = '\0';
	ck_assert_int_eq(read_line(line), -1);
	ck_assert_uint_eq(strlen(err.msg), strlen("unknown verb: ") + 100);
}
END_TEST

START_TEST(no_words_at_all_are_to_serve)
{
	ck_assert_int_eq(read_line(""), 0);
	ck_assert_int_eq(arguments.verb, VERB_SERVE);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("arguments");
	TCase *tc = tcase_create("arguments");

	tcase_add_test(tc, nothing_asked_for_is_to_serve);
	tcase_add_loop_test(tc, what_is_asked_for_is_understood, 0, COUNT(right));
	tcase_add_loop_test(tc, what_is_not_understood_is_said_and_changes_nothing, 0,
			    COUNT(wrong));
	tcase_add_test(tc, a_long_word_is_cut);
	tcase_add_test(tc, no_words_at_all_are_to_serve);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
