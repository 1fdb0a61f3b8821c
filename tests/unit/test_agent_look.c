/* When the agent looks who is in a terminal's foreground. */
#include "agent/look.h"
#include "suite.h"
#include <check.h>
#include <string.h>

static struct look l;
static uint64_t now;

static void start(void)
{
	now = 1000000;
	look_init(&l);
}

static void type(const char *text)
{
	look_typed(&l, (const uint8_t *)text, strlen(text), now);
}

static void take(bool shell)
{
	look_taken(&l, now);
	look_answered(&l, shell, now);
}

/* Looks as they fall due until `until_ms`, each with that answer; returns how many. */
static unsigned run(uint64_t until_ms, bool shell)
{
	unsigned looks = 0;

	for (; l.due_ms <= until_ms; looks++) {
		ck_assert_uint_ge(l.due_ms, now);
		now = l.due_ms;
		take(shell);
	}
	now = until_ms;
	return looks;
}

static void enter_program(void)
{
	type("vim\r");
	run(now + 2000, false);
	ck_assert(!l.shell);
	ck_assert_uint_eq(l.due_ms, UINT64_MAX);
}

START_TEST(there_is_nothing_to_look_for_at_first)
{
	look_output(&l, now);
	ck_assert(l.shell);
	ck_assert_uint_eq(l.due_ms, UINT64_MAX);
}
END_TEST

START_TEST(typing_at_the_prompt_is_no_reason_to_look)
{
	type("\r");
	run(now + 5000, true);
	for (int i = 0; i < 1000; i++) {
		now += 100;
		type("x");
		look_output(&l, now); /* its echo */
		type("\003");
		type("\177\033[A");
		ck_assert_uint_eq(l.due_ms, UINT64_MAX);
	}
}
END_TEST

START_TEST(an_enter_is_followed_by_four_looks)
{
	static const uint64_t after[] = {15, 60, 250, 1000};
	uint64_t start_ms = now;

	type("ls -l\r");
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(l.due_ms, start_ms + after[i]);
		now = l.due_ms;
		take(true);
	}
	ck_assert_uint_eq(l.due_ms, UINT64_MAX);
}
END_TEST

START_TEST(what_the_shell_says_at_once_does_not_hasten_the_look)
{
	type("ls -l\r");
	look_output(&l, now);
	ck_assert_uint_eq(l.due_ms, now + 15);
}
END_TEST

START_TEST(an_enter_counts_wherever_it_is_in_what_was_typed)
{
	type("ls\nmore");
	ck_assert_uint_eq(l.due_ms, now + 15);
	ck_assert(!l.expectant);
	type("\n");
	ck_assert(l.expectant);
}
END_TEST

START_TEST(more_enters_do_not_put_off_the_look)
{
	uint64_t first = now + 15;

	for (int i = 0; i < 15; i++, now++)
		type("line\r");
	ck_assert_uint_eq(l.due_ms, first);
}
END_TEST

START_TEST(a_pasted_script_causes_at_most_so_many_looks)
{
	unsigned looks = 0;

	for (int i = 0; i < 10000; i++) {
		type("line\r");
		look_output(&l, now);
		looks += run(now + 1, true);
	}
	ck_assert_uint_le(looks, 10000 / LOOK_GAP_MS + 1);
	ck_assert_uint_ge(looks, 10000 / LOOK_GAP_MS / 2);
}
END_TEST

/* x=$(sleep 5); vim */
START_TEST(output_after_an_enter_is_a_reason_however_late)
{
	type("slow\r");
	run(now + 60000, true);
	ck_assert_uint_eq(l.due_ms, UINT64_MAX);
	look_output(&l, now);
	ck_assert_uint_eq(l.due_ms, now);
}
END_TEST

START_TEST(a_program_is_not_looked_at_while_it_is_silent)
{
	enter_program();
	ck_assert_uint_eq(run(now + 600000, false), 0);
}
END_TEST

START_TEST(a_prompt_after_silence_is_looked_at_at_once)
{
	enter_program();
	run(now + 10000, false);
	look_output(&l, now);
	ck_assert_uint_eq(l.due_ms, now);
	take(true);
	ck_assert(l.shell);
}
END_TEST

START_TEST(a_prompt_right_after_other_output_is_looked_at_in_time)
{
	enter_program();
	look_output(&l, now);
	take(false);
	now += 1;
	look_output(&l, now);
	ck_assert_uint_le(l.due_ms, now + LOOK_GAP_MS);
}
END_TEST

START_TEST(a_program_that_floods_causes_at_most_so_many_looks)
{
	unsigned looks = 0;

	enter_program();
	for (int i = 0; i < 10000; i++) {
		look_output(&l, now);
		type("x");
		looks += run(now + 1, false);
	}
	ck_assert_uint_le(looks, 10000 / LOOK_GAP_MS + 1);
}
END_TEST

START_TEST(a_key_for_a_program_is_a_reason)
{
	enter_program();
	type("q");
	ck_assert_uint_eq(l.due_ms, now + 15);
}
END_TEST

/* sleep 1; echo between; vim */
START_TEST(the_shells_return_is_looked_at_again)
{
	enter_program();
	run(now + 10000, false);
	look_output(&l, now);
	take(true);
	ck_assert_uint_le(l.due_ms, now + LOOK_GAP_MS);
	ck_assert_uint_le(run(now + 600000, true), 4);
	type("x");
	look_output(&l, now);
	ck_assert_uint_eq(l.due_ms, UINT64_MAX);
}
END_TEST

START_TEST(an_answer_that_comes_late_or_never_changes_no_schedule)
{
	type("vim\r");
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_ne(l.due_ms, UINT64_MAX);
		now = l.due_ms;
		look_taken(&l, now);
	}
	ck_assert_uint_eq(l.due_ms, UINT64_MAX);
	ck_assert(l.shell);
	look_answered(&l, false, now + 5000);
	ck_assert(!l.shell);
	ck_assert_uint_eq(l.due_ms, UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent_look");
	TCase *t = tcase_create("pure");

	tcase_add_checked_fixture(t, start, NULL);
	tcase_add_test(t, there_is_nothing_to_look_for_at_first);
	tcase_add_test(t, typing_at_the_prompt_is_no_reason_to_look);
	tcase_add_test(t, an_enter_is_followed_by_four_looks);
	tcase_add_test(t, what_the_shell_says_at_once_does_not_hasten_the_look);
	tcase_add_test(t, an_enter_counts_wherever_it_is_in_what_was_typed);
	tcase_add_test(t, more_enters_do_not_put_off_the_look);
	tcase_add_test(t, a_pasted_script_causes_at_most_so_many_looks);
	tcase_add_test(t, output_after_an_enter_is_a_reason_however_late);
	tcase_add_test(t, a_program_is_not_looked_at_while_it_is_silent);
	tcase_add_test(t, a_prompt_after_silence_is_looked_at_at_once);
	tcase_add_test(t, a_prompt_right_after_other_output_is_looked_at_in_time);
	tcase_add_test(t, a_program_that_floods_causes_at_most_so_many_looks);
	tcase_add_test(t, a_key_for_a_program_is_a_reason);
	tcase_add_test(t, the_shells_return_is_looked_at_again);
	tcase_add_test(t, an_answer_that_comes_late_or_never_changes_no_schedule);
	suite_add_tcase(suite, t);

	return run_suite(suite);
}
