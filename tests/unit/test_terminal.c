#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "session/init_run.h"
#include "suite.h"

static bool is_initialised(void)
{
	return eye->inits > 0;
}

/* --- terminals --- */

START_TEST(what_is_typed_reaches_the_shell_and_its_answer_comes_back)
{
	open_shell();
	ck_assert_uint_eq(eye->inits, 1);
	ck_assert(eye->init_ok);
	type("hello\n");
	while (!strstr(eye->text, "echo:hello\r\n"))
		world_turns(1);
	ck_assert_str_eq(eye->text, "$ echo:hello\r\n");
}
END_TEST

START_TEST(input_typed_before_the_shell_is_there_waits_for_it)
{
	start(NULL, 0);
	look(eye);
	type("early\n");
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 6);
	while (!strstr(eye->text, "echo:early"))
		world_turns(1);
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 0);
}
END_TEST

START_TEST(the_exit_of_the_shell_comes_after_its_output_and_the_session_goes_on)
{
	open_shell();
	sim_agent_print(agent(), 1, "bye", 3);
	type("exit 3\n");
	world_until(is_over);
	ck_assert_str_eq(eye->text, "$ bye");
	ck_assert_uint_eq(eye->exits, 1);
	ck_assert_int_eq(eye->kind, EXIT_STATUS);
	ck_assert_uint_eq(eye->value, 3);
	ck_assert(!gone());
	type("into the void\n");
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 0);
	look(&eyes[1]);
	session_end(client.session, END_DELETED);
	ck_assert_uint_eq(eye->exits, 1);
	ck_assert_uint_eq(eye->ends, 1); /* of the session, after the exit */
}
END_TEST

static const struct {
	int64_t given_rows, given_cols;
	unsigned rows, cols;
} sizes[] = {{24, 80, 24, 80}, {0, 0, 5, 20}, {-7, INT64_MIN, 5, 20}, {INT64_MAX, 501, 200, 500}};

START_TEST(sizes_are_clamped)
{
	open_shell();
	terminal_resize(eye->terminal, sizes[_i].given_rows, sizes[_i].given_cols);
	while (shell()->rows != sizes[_i].rows || shell()->cols != sizes[_i].cols)
		world_turns(1);
}
END_TEST

START_TEST(a_session_has_room_for_so_many_terminals)
{
	struct err err;

	start(NULL, 0);
	for (int i = 0; i < AGENT_TERMINALS_MAX; i++)
		look(&eyes[i]);
	ck_assert_ptr_null(terminal_open(client.session, &anybody, 24, 80, &eye_events,
					 &eyes[AGENT_TERMINALS_MAX], &err));
	ck_assert_int_eq(err.kind, ERR_LIMIT);
	ck_assert_uint_eq(sessions_stats(world.sessions)->terminals, AGENT_TERMINALS_MAX);
	world_turns(50);
	terminal_close(eyes[4].terminal);
	eyes[4].terminal = NULL;
	ck_assert_uint_eq(sessions_stats(world.sessions)->terminals, AGENT_TERMINALS_MAX - 1);
	ck_assert(!session_has_room(client.session)); /* its shell has not ended yet */
	while (agent()->terminals[4].open)
		world_turns(1);
	world_turns(50);
	ck_assert(session_has_room(client.session));
	look(&eyes[4]);
}
END_TEST

START_TEST(a_terminal_that_cannot_be_opened_ends_and_the_session_goes_on)
{
	ck_assert_int_eq(ask(&(struct sim_plan){.open = SIM_OPEN_ERROR}, NULL, 0), 0);
	world_until(is_answered);
	look(eye);
	world_until(is_over);
	ck_assert_int_eq(eye->reason, END_NO_TERMINAL);
	ck_assert(!gone());
	ck_assert_uint_eq(sessions_stats(world.sessions)->terminals, 0);
}
END_TEST

START_TEST(no_terminal_opens_on_a_session_that_still_starts)
{
	struct err err;

	ck_assert_int_eq(ask(&(struct sim_plan){.create = SIM_HANG}, NULL, 0), 0);
	ck_assert_ptr_null(terminal_open(client.session, &anybody, 24, 80, &eye_events, eye, &err));
	ck_assert_int_eq(err.kind, ERR_GONE);
}
END_TEST

START_TEST(a_reader_that_stops_stops_the_shell_and_loses_nothing)
{
	static char flood[3 * PTY_OUTPUT_WINDOW];
	size_t len, total = 0;

	open_shell();
	eye->lazy = true;
	sim_agent_print(agent(), 1, flood, sizeof(flood));
	world_turns(300);
	terminal_output(eye->terminal, &len);
	ck_assert_uint_le(len, PTY_OUTPUT_WINDOW);
	ck_assert_uint_eq(shell()->output_credit, 0);
	while (total < sizeof(flood)) {
		terminal_output(eye->terminal, &len);
		terminal_output_done(eye->terminal, len);
		total += len;
		world_turns(1);
	}
	ck_assert_uint_eq(total, sizeof(flood));
	/* What the window keeps back is less than a quarter of it. */
	ck_assert_uint_ge(shell()->output_credit, PTY_OUTPUT_WINDOW * 3 / 4);
}
END_TEST

START_TEST(a_shell_that_does_not_read_makes_input_wait_up_to_a_bound)
{
	static char text[65536];
	size_t taken = 0;

	open_shell();
	shell()->mute = true;
	while (terminal_input(eye->terminal, text, sizeof(text)))
		taken += sizeof(text);
	ck_assert_uint_ge(taken, TERMINAL_INPUT_HIGH);
	ck_assert_uint_le(taken, AGENT_INPUT_WINDOW + TERMINAL_INPUT_HIGH + 2 * 65536);
	ck_assert_uint_gt(terminal_input_waiting(eye->terminal), TERMINAL_INPUT_HIGH);
	terminal_resize(eye->terminal, 99, 99);
	while (shell()->rows != 99)
		world_turns(1);
}
END_TEST

START_TEST(a_large_paste_arrives_whole_and_in_order)
{
	static char piece[32768];
	uint64_t sent = 0;

	memset(piece, 'p', sizeof(piece));
	piece[sizeof(piece) - 1] = '\n';
	open_shell();
	eye->lazy = false;
	while (sent < 1 << 20) {
		if (terminal_input_waiting(eye->terminal) < TERMINAL_INPUT_HIGH) {
			ck_assert(terminal_input(eye->terminal, piece, sizeof(piece)));
			sent += sizeof(piece);
		}
		world_turns(1);
	}
	while (shell()->input_bytes < sent)
		world_turns(1);
	ck_assert_uint_ge(eye->rooms, 1);
}
END_TEST

/* --- init commands --- */

START_TEST(the_sessions_init_commands_run_unseen_before_the_user)
{
	static const char *const init[] = {"one", "two"};

	start(init, 2);
	look(eye);
	type("mine\n");
	world_until(is_initialised);
	ck_assert(eye->init_ok);
	ck_assert_str_eq(eye->init_error, "");
	while (!strstr(eye->text, "echo:mine"))
		world_turns(1);
	ck_assert_ptr_null(strstr(eye->text, "ran"));
	ck_assert_ptr_null(strstr(eye->text, "7337"));
	ck_assert_uint_eq(eye->inits, 1);
}
END_TEST

START_TEST(an_init_command_that_fails_is_named_with_its_status)
{
	static const char *const init[] = {"one", "false", "three"};

	start(init, 3);
	look(eye);
	world_until(is_initialised);
	ck_assert(!eye->init_ok);
	ck_assert_str_eq(eye->init_error, "Init command 2 failed with status 1");
}
END_TEST

START_TEST(an_init_command_that_hangs_is_interrupted_at_its_time_limit)
{
	static const char *const init[] = {"hang"};

	start(init, 1);
	look(eye);
	world_turns(300);
	ck_assert_uint_eq(eye->inits, 0);
	uint64_t before = shell()->input_bytes;
	sessions_sweep(world.sessions, clock_monotonic_ms() + 60001);
	ck_assert_uint_eq(eye->inits, 1);
	ck_assert(!eye->init_ok);
	ck_assert_str_eq(eye->init_error, "Init commands timed out after 60000ms");
	type("\nagain\n");
	while (!strstr(eye->text, "echo:again"))
		world_turns(1);
	ck_assert_uint_eq(shell()->input_bytes, before + 1 + 7);
}
END_TEST

START_TEST(a_shell_that_ends_in_its_init_commands_is_told_as_such)
{
	static const char *const init[] = {"exit"};

	start(init, 1);
	look(eye);
	world_until(is_over);
	ck_assert_uint_eq(eye->inits, 1);
	ck_assert(!eye->init_ok);
	ck_assert_uint_eq(eye->exits, 1);
}
END_TEST

START_TEST(later_init_commands_show_their_output_while_they_run)
{
	static const char *const commands[] = {"hang"};
	struct err err;

	open_shell();
	eye->outputs = 0;
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 1, 1000, false, &err), 0);
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 1, 1000, false, &err), -1);
	ck_assert_int_eq(err.kind, ERR_BUSY);
	world_turns(50);
	sim_agent_print(agent(), 1, "progress\r\n", 10);
	while (!strstr(eye->text, "progress"))
		world_turns(1);
	ck_assert_str_eq(eye->text, "$ hang\r\nprogress\r\n");
	ck_assert_uint_eq(eye->inits, 1); /* the first, of the opening */
}
END_TEST

/* What the window keeps back is less than a quarter of it. */
static bool has_credit_again(void)
{
	return shell()->output_credit >= PTY_OUTPUT_WINDOW * 3 / 4;
}

/* Output that is held back, dropped or shown during a run earns its credit exactly once: the simulated agent
 * fails the test when more is granted than it has sent. */
START_TEST(credit_is_exact_whatever_an_init_run_does_with_the_output)
{
	static const char *const commands[] = {"hang"};
	static const char almost[] = "\033]7337;";
	size_t printed = 0;

	open_shell();
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 1, 60000, _i, NULL), 0);
	world_turns(50);
	for (int i = 0; printed < PTY_OUTPUT_WINDOW; i++) {
		sim_agent_print(agent(), 1, almost, sizeof(almost) - 1);
		sim_agent_print(agent(), 1, "x", 1);
		printed += sizeof(almost);
		if (i % 8 == 0)
			world_turns(4);
	}
	world_turns(300);
	sessions_sweep(world.sessions, clock_monotonic_ms() + 60001);
	ck_assert_uint_eq(eye->inits, 2);
	world_until(has_credit_again);
	world_turns(100);
	ck_assert_uint_le(shell()->output_credit, PTY_OUTPUT_WINDOW);
}
END_TEST

START_TEST(bytes_that_might_have_been_a_mark_are_shown_when_the_run_is_cut_short)
{
	static const char *const commands[] = {"hang"};

	open_shell();
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 1, 60000, false, NULL), 0);
	world_turns(50);
	sim_agent_print(agent(), 1, "end\033]7337;", 10);
	world_turns(50);
	sessions_sweep(world.sessions, clock_monotonic_ms() + 60001);
	fetch(eye);
	ck_assert_str_eq(eye->text, "$ hang\r\nend\033]7337;");
}
END_TEST

START_TEST(init_commands_that_nobody_can_run_are_refused)
{
	static const char *const commands[] = {"x"};
	static const char *many[INIT_COMMANDS_MAX + 1];
	struct err err;

	start(NULL, 0);
	look(eye);
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 1, 1000, true, &err), -1);
	ck_assert_int_eq(err.kind, ERR_BUSY);
	world_until(sees_prompt);
	ck_assert_int_eq(
		terminal_run_init(eye->terminal, many, INIT_COMMANDS_MAX + 1, 1000, true, &err),
		-1);
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 0, 1000, true, &err), 0);
	ck_assert_uint_eq(eye->inits, 2);
	type("exit 0\n");
	world_until(is_over);
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 1, 1000, true, &err), -1);
	ck_assert_int_eq(err.kind, ERR_GONE);
}
END_TEST

/* 64 commands of 16 KiB, shown as if typed, to a reader that has stopped: they may be cut, the shell's output never. */
START_TEST(what_we_show_by_ourselves_does_not_take_the_place_of_output)
{
	static char text[INIT_COMMAND_MAX_BYTES], flood[PTY_OUTPUT_WINDOW];
	static const char *commands[INIT_COMMANDS_MAX];
	size_t len, shown = 0;

	memset(text, 'c', sizeof(text) - 1);
	memset(flood, 'F', sizeof(flood));
	for (size_t i = 0; i < INIT_COMMANDS_MAX; i++)
		commands[i] = i == INIT_COMMANDS_MAX - 1 ? "hang" : text;
	open_shell();
	eye->lazy = true;
	ck_assert_int_eq(
		terminal_run_init(eye->terminal, commands, INIT_COMMANDS_MAX, 60000, false, NULL),
		0);
	world_turns(1500);
	sim_agent_print(agent(), 1, flood, sizeof(flood));
	for (int i = 0; i < 600; i++) {
		world_turns(1);
		const uint8_t *data = terminal_output(eye->terminal, &len);
		for (size_t at = 0; i >= 300 && at < len; at++)
			shown += data[at] == 'F';
		if (i >= 300)
			terminal_output_done(eye->terminal, len);
	}
	ck_assert(!gone());
	ck_assert_uint_eq(shown, sizeof(flood));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("terminal");
	TCase *tc = tcase_create("terminal");

	tcase_add_checked_fixture(tc, client_set_up, client_tear_down);
	tcase_add_test(tc, what_is_typed_reaches_the_shell_and_its_answer_comes_back);
	tcase_add_test(tc, input_typed_before_the_shell_is_there_waits_for_it);
	tcase_add_test(tc, the_exit_of_the_shell_comes_after_its_output_and_the_session_goes_on);
	tcase_add_loop_test(tc, sizes_are_clamped, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, a_session_has_room_for_so_many_terminals);
	tcase_add_test(tc, a_terminal_that_cannot_be_opened_ends_and_the_session_goes_on);
	tcase_add_test(tc, no_terminal_opens_on_a_session_that_still_starts);
	tcase_add_test(tc, a_reader_that_stops_stops_the_shell_and_loses_nothing);
	tcase_add_test(tc, a_shell_that_does_not_read_makes_input_wait_up_to_a_bound);
	tcase_add_test(tc, a_large_paste_arrives_whole_and_in_order);
	tcase_add_test(tc, the_sessions_init_commands_run_unseen_before_the_user);
	tcase_add_test(tc, an_init_command_that_fails_is_named_with_its_status);
	tcase_add_test(tc, an_init_command_that_hangs_is_interrupted_at_its_time_limit);
	tcase_add_test(tc, a_shell_that_ends_in_its_init_commands_is_told_as_such);
	tcase_add_test(tc, later_init_commands_show_their_output_while_they_run);
	tcase_add_loop_test(tc, credit_is_exact_whatever_an_init_run_does_with_the_output, 0, 2);
	tcase_add_test(tc, bytes_that_might_have_been_a_mark_are_shown_when_the_run_is_cut_short);
	tcase_add_test(tc, init_commands_that_nobody_can_run_are_refused);
	tcase_add_test(tc, what_we_show_by_ourselves_does_not_take_the_place_of_output);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
