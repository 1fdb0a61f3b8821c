#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/init_run.h"
#include "suite.h"

static char typed[70000], shown[4096];
static size_t shown_len, ours_bytes;
static struct init_run *run;

static void on_show(void *arg, const uint8_t *data, size_t len, bool ours)
{
	ck_assert_ptr_eq(arg, typed);
	ck_assert_uint_lt(shown_len + len, sizeof(shown));
	memcpy(shown + shown_len, data, len);
	shown_len += len;
	shown[shown_len] = '\0';
	ours_bytes += ours ? len : 0;
}

static void on_type(void *arg, const char *text, size_t len)
{
	(void)arg;
	ck_assert_uint_lt(len, sizeof(typed));
	memcpy(typed, text, len);
	typed[len] = '\0';
}

static const struct init_run_sink sink = {on_show, on_type};

static void start(const char *const *commands, size_t count, bool silent)
{
	shown_len = ours_bytes = 0;
	shown[0] = typed[0] = '\0';
	run = init_run_new(commands, count, silent, &sink, typed);
	ck_assert_ptr_nonnull(run);
}

static size_t output(const char *text)
{
	return init_run_output(run, (const uint8_t *)text, strlen(text));
}

static void stop(void)
{
	init_run_free(run);
	run = NULL;
}

/* The mark with that value, with the nonce of the line typed last. */
static const char *mark(const char *value)
{
	static char text[80];
	const char *nonce = strstr(typed, "7337;");

	ck_assert_ptr_nonnull(nonce);
	snprintf(text, sizeof(text), "\033]%.22s%s\a", nonce, value);
	ck_assert_int_eq(text[23], ';');
	return text;
}

START_TEST(a_silent_run_shows_nothing_until_its_end_and_then_everything)
{
	static const char *const commands[] = {"make"};

	start(commands, 1, true);
	ck_assert_uint_eq(output("$ "), 2);
	init_run_begin(run);
	output("printf blah\r\n");
	output(mark("s"));
	output("built\r\n");
	ck_assert(!init_run_done(run));
	output(mark("0"));
	ck_assert(init_run_done(run));
	ck_assert_str_eq(shown, "");
	stop();
}
END_TEST

START_TEST(a_loud_run_shows_the_commands_and_their_output_but_not_the_typed_line)
{
	static const char *const commands[] = {"make", "ls"};

	start(commands, 2, false);
	output("$ ");
	init_run_begin(run);
	output("printf blah\r\n");
	output(mark("s"));
	output("built\r\n");
	output(mark("0"));
	output("$ printf more\r\n");
	output(mark("s"));
	output("a b\r\n");
	output(mark("0"));
	ck_assert_str_eq(shown, "$ make\r\nbuilt\r\nls\r\na b\r\n");
	ck_assert_uint_eq(ours_bytes, strlen("make\r\nls\r\n"));
	stop();
}
END_TEST

START_TEST(what_follows_the_last_mark_is_left_to_the_user)
{
	static const char *const commands[] = {"true"};
	char text[200];

	start(commands, 1, true);
	init_run_begin(run);
	output(mark("s"));
	size_t mark_len = strlen(mark("0"));
	snprintf(text, sizeof(text), "%s$ rest", mark("0"));
	ck_assert_uint_eq(output(text), mark_len);
	ck_assert(init_run_done(run));
	stop();
}
END_TEST

START_TEST(the_first_failure_is_remembered_and_the_others_run_all_the_same)
{
	static const char *const commands[] = {"true", "false", "exit 7"};
	int status;

	start(commands, 3, true);
	init_run_begin(run);
	output(mark("0"));
	output(mark("1"));
	ck_assert(!init_run_done(run));
	output(mark("130"));
	ck_assert(init_run_done(run));
	ck_assert_uint_eq(init_run_failed(run, &status), 2);
	ck_assert_int_eq(status, 1);
	stop();
}
END_TEST

/* Everything that looks like a mark and is none must come out unchanged, wherever the pieces are cut. */
START_TEST(output_that_only_looks_like_a_mark_is_shown_unchanged)
{
	static const char *const commands[] = {"true"};
	static const char *const texts[] = {"\033",
					    "\033[31mred\033[0m",
					    "\033]7337;",
					    "\033]7337;0000000000000000;0\a",
					    "\033\033]\033]7\033]7337;zz\a",
					    "\033]0;title\a$ "};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t piece = 1; piece < 8; piece++) {
			start(commands, 1, false);
			for (size_t at = 0; at < strlen(texts[i]); at += piece)
				init_run_output(run, (const uint8_t *)texts[i] + at,
						strnlen(texts[i] + at, piece));
			init_run_flush(run);
			ck_assert_str_eq(shown, texts[i]);
			ck_assert_uint_eq(init_run_held(run), 0);
			stop();
		}
}
END_TEST

START_TEST(a_mark_with_too_long_a_value_is_output)
{
	static const char *const commands[] = {"true"};

	start(commands, 1, false);
	init_run_begin(run);
	output(mark("s"));
	shown_len = 0;
	output(mark("12345678"));
	ck_assert(!init_run_done(run));
	ck_assert_str_eq(shown, mark("12345678"));
	stop();
}
END_TEST

/* Bytes are shown, dropped, part of a mark or held, and at every cut the sum is right. */
START_TEST(no_byte_is_lost_or_doubled_at_any_cut)
{
	static const char *const commands[] = {"true"};

	for (size_t cut = 1; cut < 60; cut++) {
		char text[200], start_mark[80], end_mark[80];
		start(commands, 1, false);
		init_run_begin(run);
		strcpy(start_mark, mark("s"));
		strcpy(end_mark, mark("0"));
		int n = snprintf(text, sizeof(text), "%sab\033]7337;c\033%s", start_mark, end_mark);
		shown_len = 0;
		size_t first = cut < (size_t)n ? cut : (size_t)n;
		ck_assert_uint_eq(init_run_output(run, (const uint8_t *)text, first), first);
		ck_assert_uint_le(init_run_held(run), first);
		output(text + first);
		ck_assert(init_run_done(run));
		ck_assert_str_eq(shown, "ab\033]7337;c\033");
		stop();
	}
}
END_TEST

/* The line, run by a real shell: does the command arrive as it was, whatever it is made of? */
static int run_by_bash(const char *line, char *out, size_t size)
{
	char path[] = "/tmp/init-run-XXXXXX", command[64];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	fputs(line, file);
	fclose(file);
	snprintf(command, sizeof(command), "bash --norc %s", path);
	FILE *bash = popen(command, "r");
	size_t n = fread(out, 1, size - 1, bash);
	out[n] = '\0';
	int status = pclose(bash);
	remove(path);
	return status;
}

static const char *const commands_for_bash[][2] = {
	{"echo \"it's\" '$HOME' \\\\ !! `echo x`", "it's $HOME \\ !! x\n"},
	{"printf 'a\\tb\\n'", "a\tb\n"},
	{"echo one\necho two", "one\ntwo\n"},
	{"x=1\nif [ $x = 1 ]; then\n\techo yes # it is\nfi", "yes\n"},
	{"echo \xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac\n"},
	{"cat <<E\nhere\nE", "here\n"},
	{"echo $'\\e]7337;'", "\033]7337;\n"},
};

START_TEST(a_command_reaches_the_shell_as_it_was_written)
{
	char out[512], expected[512];

	start(&commands_for_bash[_i][0], 1, true);
	init_run_begin(run);
	ck_assert_ptr_eq(strchr(typed, '\n'), typed + strlen(typed) - 1);
	for (const char *p = typed; *p != '\n'; p++)
		ck_assert_msg(*p >= ' ' && *p <= '~' && *p != '!' && *p != '\t', "typed %d", *p);
	ck_assert_int_eq(run_by_bash(typed, out, sizeof(out)), 0);
	size_t len = strlen(strcpy(expected, mark("s")));
	len += strlen(strcpy(expected + len, commands_for_bash[_i][1]));
	strcpy(expected + len, mark("0"));
	ck_assert_str_eq(out, expected);
	stop();
}
END_TEST

START_TEST(the_longest_command_is_typed_whole)
{
	static char text[INIT_COMMAND_MAX_BYTES];
	const char *command = text;

	memset(text, '\n', sizeof(text) - 1);
	ck_assert_int_eq(init_run_check(&command, 1, NULL), 0);
	start(&command, 1, true);
	init_run_begin(run);
	ck_assert_uint_gt(strlen(typed), 4 * (sizeof(text) - 1));
	stop();
}
END_TEST

START_TEST(commands_out_of_bounds_are_refused)
{
	static char text[INIT_COMMAND_MAX_BYTES + 1];
	static const char *many[INIT_COMMANDS_MAX + 1];
	struct err err;

	memset(text, 'x', INIT_COMMAND_MAX_BYTES);
	for (size_t i = 0; i <= INIT_COMMANDS_MAX; i++)
		many[i] = "true";
	ck_assert_int_eq(init_run_check(many, INIT_COMMANDS_MAX, &err), 0);
	ck_assert_int_eq(init_run_check(many, INIT_COMMANDS_MAX + 1, &err), -1);
	ck_assert_int_eq(err.kind, ERR_INPUT);
	many[3] = text;
	ck_assert_int_eq(init_run_check(many, 4, &err), -1);
	init_run_free(NULL);
}
END_TEST

START_TEST(every_run_has_marks_of_its_own)
{
	static const char *const commands[] = {"true"};
	char first[80];

	start(commands, 1, true);
	init_run_begin(run);
	strcpy(first, mark("0"));
	stop();
	start(commands, 1, true);
	init_run_begin(run);
	output(first);
	ck_assert(!init_run_done(run));
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("init_run");
	TCase *tc = tcase_create("init_run");

	tcase_add_test(tc, a_silent_run_shows_nothing_until_its_end_and_then_everything);
	tcase_add_test(tc, a_loud_run_shows_the_commands_and_their_output_but_not_the_typed_line);
	tcase_add_test(tc, what_follows_the_last_mark_is_left_to_the_user);
	tcase_add_test(tc, the_first_failure_is_remembered_and_the_others_run_all_the_same);
	tcase_add_test(tc, output_that_only_looks_like_a_mark_is_shown_unchanged);
	tcase_add_test(tc, a_mark_with_too_long_a_value_is_output);
	tcase_add_test(tc, no_byte_is_lost_or_doubled_at_any_cut);
	tcase_add_loop_test(tc, a_command_reaches_the_shell_as_it_was_written, 0,
			    sizeof(commands_for_bash) / sizeof(commands_for_bash[0]));
	tcase_add_test(tc, the_longest_command_is_typed_whole);
	tcase_add_test(tc, commands_out_of_bounds_are_refused);
	tcase_add_test(tc, every_run_has_marks_of_its_own);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
