/* What sessions and terminals make of the limits of their client; the limiter itself is tested in test_limiter.c. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "suite.h"

/* A burst of that many, then ten a second. */
#define COMMANDS 600

#define ASKED 100

static const struct sim_plan hangs = {.create = SIM_HANG}, fails = {.create = SIM_FAIL};

/* --- sessions --- */

static struct {
	unsigned answers, started, limited;
	struct session *sessions[ASKED];
} crowd;

static void on_crowd_started(void *arg, struct session *session, const struct err *err)
{
	(void)arg;
	crowd.answers++;
	if (session)
		crowd.sessions[crowd.started++] = session;
	else
		crowd.limited += err->kind == ERR_LIMIT;
}

static bool all_answered(void)
{
	return crowd.answers == ASKED;
}

static void crowd_asks(void)
{
	struct session_request r = {.client = &anybody,
				    .tool_pair = "pair",
				    .environment = &environments[0],
				    .init_timeout_ms = 60000};

	memset(&crowd, 0, sizeof(crowd));
	for (int i = 0; i < ASKED; i++)
		ck_assert_ptr_nonnull(
			session_start(world.sessions, &r, on_crowd_started, NULL, NULL));
	ck_assert_uint_eq(crowd.answers, 0);
	world_until(all_answered);
}

START_TEST(of_a_hundred_at_once_exactly_as_many_get_through_as_the_limit_says)
{
	crowd_asks();
	printf("%u of %d admitted at limit 2\n", crowd.started, ASKED);
	ck_assert_uint_eq(crowd.started, 2);
	ck_assert_uint_eq(crowd.limited, ASKED - 2);
	ck_assert_uint_eq(sim_container_count(world.sim), 2);
	session_end(crowd.sessions[0], END_DELETED);
	session_end(crowd.sessions[1], END_DELETED);
	crowd_asks();
	ck_assert_uint_eq(crowd.started, 2);
}
END_TEST

static void refused_for_its_limit(void)
{
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	world_until(is_answered);
	ck_assert_ptr_null(client.session);
	ck_assert_int_eq(client.err.kind, ERR_LIMIT);
	ck_assert(gone());
}

START_TEST(the_hours_limit_says_when_to_come_back)
{
	for (int i = 0; i < 5; i++) {
		start(NULL, 0);
		session_end(client.session, END_DELETED);
	}
	refused_for_its_limit();
	ck_assert_int_ge(client.err.code, 3590);
	ck_assert_int_le(client.err.code, 3600);
	ck_assert_uint_eq(limiter_count(world.limiter).sessions, 0);
}
END_TEST

START_TEST(a_sandbox_that_failed_to_start_costs_its_client_nothing)
{
	world.config.max_containers = 0; /* the circuit is not what is tested */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(ask(&fails, NULL, 0), 0);
		world_until(is_answered);
		ck_assert_int_eq(client.err.kind, ERR_BUSY);
	}
	for (int i = 0; i < 5; i++) {
		start(NULL, 0);
		session_end(client.session, END_DELETED);
	}
	refused_for_its_limit();
}
END_TEST

START_TEST(a_slot_comes_back_whenever_its_client_leaves)
{
	for (int turns = 0; turns < 4; turns++) {
		ck_assert_int_eq(ask(&hangs, NULL, 0), 0);
		ck_assert_uint_eq(limiter_count(world.limiter).sessions, 1);
		world_turns(turns * 20);
		session_end(client.session, END_ABANDONED);
		ck_assert_uint_eq(limiter_count(world.limiter).sessions, 0);
		world_settle();
		ck_assert_uint_eq(client.answers, 0);
	}
}
END_TEST

START_TEST(a_session_that_is_deleted_while_it_asks_answers_once)
{
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	ck_assert_str_eq(session_status(client.session), "STARTING");
	session_end(client.session, END_DELETED);
	ck_assert_uint_eq(client.answers, 1);
	world_settle();
	ck_assert_uint_eq(client.answers, 1);
	ck_assert_uint_eq(limiter_count(world.limiter).sessions, 0);
}
END_TEST

START_TEST(the_hosts_last_place_goes_to_one_of_many_that_ask_at_once)
{
	world.config.max_containers = 1;
	crowd_asks();
	ck_assert_uint_eq(crowd.started, 1);
	ck_assert_uint_eq(sim_container_count(world.sim), 1);
}
END_TEST

/* --- commands --- */

static void type_lines(int count)
{
	for (int i = 0; i < count; i++)
		type("\r");
}

static bool nothing_waits(void)
{
	return terminal_input_waiting(eye->terminal) == 0;
}

static bool has_arrived(void)
{
	return shell()->input_bytes == COMMANDS + 10;
}

START_TEST(lines_beyond_the_limit_wait_and_are_not_lost)
{
	open_shell();
	type_lines(COMMANDS);
	ck_assert_uint_eq(eye->limits, 0);
	world_until(nothing_waits);
	uint64_t since_ms = clock_monotonic_ms();
	type("echo late\r");
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 10);
	ck_assert_uint_eq(eye->limits, 1);
	ck_assert_uint_ge(eye->retry_after_ms, 1);
	ck_assert_uint_le(eye->retry_after_ms, 60000 / COMMANDS);
	world_until(has_arrived);
	printf("line %d waited %d ms at %d a minute\n", COMMANDS + 1,
	       (int)(clock_monotonic_ms() - since_ms), COMMANDS);
	ck_assert_uint_eq(limiter_count(world.limiter).commands_delayed, 1);
}
END_TEST

START_TEST(enter_in_another_program_is_no_command)
{
	open_shell();
	sim_agent_foreground(agent(), 1, false);
	world_turns(20);
	type_lines(2 * COMMANDS);
	ck_assert_uint_eq(eye->limits, 0);
	sim_agent_foreground(agent(), 1, true);
	world_turns(20);
	type_lines(COMMANDS);
	ck_assert_uint_eq(eye->limits, 0);
	type_lines(1);
	ck_assert_uint_eq(eye->limits, 1);
}
END_TEST

START_TEST(all_terminals_of_a_client_count_together)
{
	open_shell();
	look(&eyes[1]);
	while (eyes[1].inits == 0)
		world_turns(1);
	type_lines(COMMANDS);
	terminal_input(eyes[1].terminal, "\r", 1);
	ck_assert_uint_eq(eyes[0].limits, 0);
	ck_assert_uint_eq(eyes[1].limits, 1);
}
END_TEST

static const char *const sleeper[] = {"one", "hang"};

START_TEST(what_is_typed_while_init_commands_run_is_counted)
{
	start(sleeper, 2);
	look(eye);
	sim_agent_foreground(agent(), 1, false);
	world_turns(50);
	type_lines(COMMANDS + 5);
	sessions_sweep(world.sessions, clock_monotonic_ms() + 61000); /* their time limit */
	ck_assert_uint_eq(eye->inits, 1);
	world_turns(20);
	ck_assert_uint_eq(eye->limits, 1);
	ck_assert_uint_gt(terminal_input_waiting(eye->terminal), 0);
}
END_TEST

static bool is_initialised(void)
{
	return eye->inits > 1;
}

START_TEST(commands_that_a_peer_has_run_count_like_lines)
{
	static const char *const commands[] = {"one", "two"};

	open_shell();
	type_lines(COMMANDS);
	world_until(nothing_waits);
	ck_assert_int_eq(terminal_run_init(eye->terminal, commands, 2, 30000, true, NULL), 0);
	ck_assert_uint_eq(eye->limits, 1);
	ck_assert_uint_eq(eye->inits, 1);
	world_until(is_initialised);
	ck_assert(eye->init_ok);
	ck_assert_uint_ge(limiter_count(world.limiter).commands_delayed, 2);
}
END_TEST

START_TEST(one_terminal_that_waits_does_not_starve_another)
{
	char lines[100];

	open_shell();
	look(&eyes[1]);
	while (eyes[1].inits == 0)
		world_turns(1);
	memset(lines, '\r', sizeof(lines));
	type_lines(COMMANDS);
	ck_assert(terminal_input(eyes[0].terminal, lines, sizeof(lines)));
	ck_assert(terminal_input(eyes[1].terminal, "\r", 1));
	while (terminal_input_waiting(eyes[1].terminal))
		world_turns(1);
	printf("%zu of 100 lines went before the other terminal's one\n",
	       100 - terminal_input_waiting(eyes[0].terminal));
	ck_assert_uint_ge(terminal_input_waiting(eyes[0].terminal), 95);
}
END_TEST

START_TEST(a_session_whose_input_waits_for_us_is_not_idle)
{
	open_shell();
	type_lines(COMMANDS);
	type("\r\r\r");
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 3);
	sessions_sweep(world.sessions, clock_monotonic_ms());
	uint64_t typed_ms = clock_monotonic_ms();
	while (terminal_input_waiting(eye->terminal) == 3)
		world_turns(1);
	world.config.idle_timeout_ms = (int64_t)(clock_monotonic_ms() - typed_ms);
	world_turns(2);
	ck_assert(!gone());
}
END_TEST

START_TEST(an_interrupt_throws_away_what_waits_for_the_limit)
{
	open_shell();
	type_lines(COMMANDS);
	type("one\rtwo\rthree\r");
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 14);
	uint64_t before = shell()->input_bytes;
	type("four\r\003");
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 0);
	while (shell()->input_bytes == before)
		world_turns(1);
	type("x");
	ck_assert_uint_eq(terminal_input_waiting(eye->terminal), 0);
}
END_TEST

static void fill_queue(void)
{
	static char lines[TERMINAL_INPUT_HIGH];

	memset(lines, '\r', sizeof(lines));
	type_lines(COMMANDS);
	ck_assert(terminal_input(eye->terminal, lines, sizeof(lines)));
	ck_assert_uint_ge(terminal_input_waiting(eye->terminal), TERMINAL_INPUT_HIGH - 100);
	ck_assert(terminal_input(eye->terminal, lines, sizeof(lines)));
}

START_TEST(who_pushes_for_three_minutes_loses_the_terminal_and_not_the_session)
{
	open_shell();
	fill_queue();
	sessions_sweep(world.sessions, clock_monotonic_ms());
	sessions_sweep(world.sessions, clock_monotonic_ms() + 170000);
	ck_assert_uint_eq(eye->ends, 0);
	sessions_sweep(world.sessions, clock_monotonic_ms() + 180100);
	ck_assert_uint_eq(eye->ends, 1);
	ck_assert_int_eq(eye->reason, END_RATE_LIMITED);
	ck_assert_uint_eq(ending(eye->reason)->close_code, 4029);
	ck_assert(!gone());
	ck_assert_uint_eq(sessions_stats(world.sessions)->terminals, 0);
}
END_TEST

START_TEST(a_terminal_can_be_closed_while_its_input_waits)
{
	open_shell();
	fill_queue();
	terminal_close(eye->terminal);
	eye->terminal = NULL;
	world_turns(20);
	ck_assert_uint_eq(sessions_stats(world.sessions)->terminals, 0);
}
END_TEST

/* --- warnings --- */

static void sweep_at(uint64_t since_ms, uint64_t after_ms)
{
	sessions_sweep(world.sessions, since_ms + after_ms);
}

START_TEST(the_idle_end_is_announced_a_minute_before_and_again_after_input)
{
	open_shell();
	uint64_t now_ms = clock_monotonic_ms();
	sweep_at(now_ms, WORLD_IDLE_MS - TERMINAL_WARNING_MS - 2000);
	ck_assert_uint_eq(eye->warnings, 0);
	sweep_at(now_ms, WORLD_IDLE_MS - TERMINAL_WARNING_MS);
	sweep_at(now_ms, WORLD_IDLE_MS - 2000);
	ck_assert_uint_eq(eye->warnings, 1);
	ck_assert_int_eq(eye->warned_of, END_IDLE);
	ck_assert_int_ge(eye->seconds_left, 58);
	ck_assert_int_le(eye->seconds_left, 60);
	while (clock_monotonic_ms() == now_ms)
		world_turns(1);
	type("x");
	now_ms = clock_monotonic_ms();
	sweep_at(now_ms, WORLD_IDLE_MS - TERMINAL_WARNING_MS);
	ck_assert_uint_eq(eye->warnings, 2);
	ck_assert(!gone());
}
END_TEST

START_TEST(the_last_end_is_announced_once_to_every_terminal)
{
	open_shell();
	uint64_t now_ms = clock_monotonic_ms();
	world.config.idle_timeout_ms = 2 * WORLD_LIFETIME_MS;
	sweep_at(now_ms, WORLD_LIFETIME_MS - TERMINAL_WARNING_MS - 5000);
	ck_assert_uint_eq(eye->warnings, 0);
	sweep_at(now_ms, WORLD_LIFETIME_MS - TERMINAL_WARNING_MS);
	sweep_at(now_ms, WORLD_LIFETIME_MS - TERMINAL_WARNING_MS / 2);
	ck_assert_uint_eq(eye->warnings, 1);
	ck_assert_int_eq(eye->warned_of, END_LIFETIME);
	look(&eyes[1]);
	sweep_at(now_ms, WORLD_LIFETIME_MS - TERMINAL_WARNING_MS / 2);
	ck_assert_uint_eq(eyes[1].warnings, 1);
	ck_assert_uint_eq(eye->warnings, 1);
}
END_TEST

static void limits_set_up(void)
{
	world_limits = (struct limits){.sessions_per_hour = 5, .sessions = 2};
	client_set_up();
}

static void crowd_set_up(void)
{
	world_limits = (struct limits){.sessions = 2};
	client_set_up();
}

static void commands_set_up(void)
{
	world_limits = (struct limits){.commands_per_minute = COMMANDS};
	client_set_up();
}

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *of_crowd = tcase_create("crowd"), *of_sessions = tcase_create("sessions"),
	      *of_commands = tcase_create("commands");

	tcase_add_checked_fixture(of_crowd, crowd_set_up, client_tear_down);
	tcase_add_test(of_crowd,
		       of_a_hundred_at_once_exactly_as_many_get_through_as_the_limit_says);
	tcase_add_test(of_crowd, a_slot_comes_back_whenever_its_client_leaves);
	tcase_add_test(of_crowd, a_session_that_is_deleted_while_it_asks_answers_once);
	tcase_add_test(of_crowd, the_hosts_last_place_goes_to_one_of_many_that_ask_at_once);
	tcase_add_checked_fixture(of_sessions, limits_set_up, client_tear_down);
	tcase_add_test(of_sessions, the_hours_limit_says_when_to_come_back);
	tcase_add_test(of_sessions, a_sandbox_that_failed_to_start_costs_its_client_nothing);
	tcase_add_checked_fixture(of_commands, commands_set_up, client_tear_down);
	tcase_add_test(of_commands, lines_beyond_the_limit_wait_and_are_not_lost);
	tcase_add_test(of_commands, enter_in_another_program_is_no_command);
	tcase_add_test(of_commands, all_terminals_of_a_client_count_together);
	tcase_add_test(of_commands, what_is_typed_while_init_commands_run_is_counted);
	tcase_add_test(of_commands, commands_that_a_peer_has_run_count_like_lines);
	tcase_add_test(of_commands, one_terminal_that_waits_does_not_starve_another);
	tcase_add_test(of_commands, a_session_whose_input_waits_for_us_is_not_idle);
	tcase_add_test(of_commands, an_interrupt_throws_away_what_waits_for_the_limit);
	tcase_add_test(of_commands,
		       who_pushes_for_three_minutes_loses_the_terminal_and_not_the_session);
	tcase_add_test(of_commands, a_terminal_can_be_closed_while_its_input_waits);
	tcase_add_test(of_commands,
		       the_idle_end_is_announced_a_minute_before_and_again_after_input);
	tcase_add_test(of_commands, the_last_end_is_announced_once_to_every_terminal);
	suite_add_tcase(suite, of_crowd);
	suite_add_tcase(suite, of_sessions);
	suite_add_tcase(suite, of_commands);
	return run_suite(suite);
}
