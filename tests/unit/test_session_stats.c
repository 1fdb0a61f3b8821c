/* What is counted of sessions and terminals: it moves with their lives, and what says how many there are returns to zero. */
#include <check.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "edge/stats.h"
#include "suite.h"

static const struct session_stats *stats(void)
{
	return sessions_stats(world.sessions);
}

static uint64_t created(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		sum += stats()->created[i];
	return sum;
}

static uint64_t ended(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < END_REASONS; i++)
		sum += stats()->ended[i];
	return sum;
}

/* Nothing else is there than one in that state; SESSION_STATES: nothing at all. */
static void expect_only(enum session_state state)
{
	for (enum session_state i = 0; i < SESSION_STATES; i++)
		ck_assert_uint_eq(stats()->by_state[i], i == state);
}

START_TEST(a_session_is_counted_in_each_state_and_once_at_each_end)
{
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	expect_only(SESSION_RESERVING);
	ck_assert_uint_eq(created(), 0);
	world_turns(2);
	expect_only(SESSION_STARTING);
	ck_assert_uint_eq(stats()->created[0], 1);
	world_until(is_answered);
	expect_only(SESSION_RUNNING);
	look(eye);
	ck_assert_uint_eq(stats()->terminals, 1);
	session_end(client.session, END_DELETED);
	expect_only(SESSION_STATES);
	ck_assert_uint_eq(stats()->terminals, 0);
	ck_assert_uint_eq(stats()->ended[END_DELETED], 1);
	ck_assert_uint_eq(created(), 1);
	ck_assert_uint_eq(ended(), 1);
}
END_TEST

START_TEST(each_end_has_its_reason)
{
	start(NULL, 0);
	world_sweep(WORLD_IDLE_MS + 1000);
	ck_assert_uint_eq(stats()->ended[END_IDLE], 1);
	start(NULL, 0);
	world_sweep(WORLD_LIFETIME_MS + 1000);
	ck_assert_uint_eq(stats()->ended[END_LIFETIME], 1);
	ck_assert_int_eq(ask(&(struct sim_plan){.start = SIM_FAIL}, NULL, 0), 0);
	world_until(is_answered);
	ck_assert_uint_eq(stats()->ended[END_START_FAILED], 1);
	start(NULL, 0);
	sessions_drain(world.sessions);
	ck_assert_uint_eq(stats()->ended[END_SHUTDOWN], 1);
	ck_assert_uint_eq(created(), 4);
	ck_assert_uint_eq(ended(), 4);
	ck_assert_uint_eq(stats()->refused, 0);
	expect_only(SESSION_STATES);
}
END_TEST

START_TEST(one_that_was_never_created_does_not_end_either)
{
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	session_end(client.session, END_ABANDONED);
	expect_only(SESSION_STATES);
	ck_assert_uint_eq(created() + ended(), 0);
	world.config.max_containers = 1;
	start(NULL, 0);
	ck_assert_int_eq(ask(&good, NULL, 0), -1);
	ck_assert_uint_eq(stats()->refused, 1);
	ck_assert(!sessions_open(world.sessions));
	world.config.max_containers = 2;
	ck_assert(sessions_open(world.sessions));
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	world.config.max_containers = 1; /* taken while the limiter thought about it */
	world_until(is_answered);
	ck_assert_uint_eq(stats()->refused, 2);
	ck_assert_uint_eq(created(), 1);
	ck_assert_uint_eq(ended(), 0);
	expect_only(SESSION_RUNNING);
}
END_TEST

START_TEST(a_draining_server_is_not_open)
{
	ck_assert(sessions_open(world.sessions));
	sessions_drain(world.sessions);
	ck_assert(!sessions_open(world.sessions));
}
END_TEST

START_TEST(a_start_is_cold_and_takes_its_time)
{
	uint64_t before_ns = clock_monotonic_ns();

	start(NULL, 0);
	ck_assert_uint_eq(histogram_count(&stats()->start[START_COLD]), 1);
	ck_assert_uint_eq(histogram_count(&stats()->start[START_WARM]), 0);
	ck_assert_uint_gt(stats()->start[START_COLD].sum_ns, 0);
	ck_assert_uint_le(stats()->start[START_COLD].sum_ns, clock_monotonic_ns() - before_ns);
	look(eye);
	ck_assert_int_eq(terminal_start_kind(eye->terminal), START_COLD);
}
END_TEST

START_TEST(a_terminal_knows_of_the_init_commands_that_come_first)
{
	static const char *const init[] = {"true"};

	start(init, 1);
	look(eye);
	ck_assert_int_eq(terminal_start_kind(eye->terminal), START_KINDS);
}
END_TEST

/* --- with a pool --- */

static bool has_spare(void)
{
	return pool_count(world.pool, &environments[0]).ready > 0;
}

static void set_up_pool(void)
{
	world_pool_size = 1;
	client_set_up();
	world_until(has_spare);
}

static void tear_down_pool(void)
{
	pool_stop(world.pool);
	client_tear_down();
	world_pool_size = 0;
}

START_TEST(a_start_from_the_pool_is_warm_and_so_is_its_first_terminal_only)
{
	static struct eye second;
	struct err err;

	start(NULL, 0);
	ck_assert_uint_eq(histogram_count(&stats()->start[START_WARM]), 1);
	ck_assert_uint_eq(histogram_count(&stats()->start[START_COLD]), 0);
	struct terminal *first =
		terminal_open(client.session, &anybody, 24, 80, &eye_events, eye, &err);
	struct terminal *other =
		terminal_open(client.session, &anybody, 24, 80, &eye_events, &second, &err);
	ck_assert_int_eq(terminal_start_kind(first), START_WARM);
	ck_assert_int_eq(terminal_start_kind(other), START_COLD);
	ck_assert_uint_eq(stats()->terminals, 2);
	terminal_close(first);
	terminal_close(other);
	ck_assert_uint_eq(stats()->terminals, 0);
}
END_TEST

/* --- at the edge --- */

static struct edge_stats edge;
static struct stopwatch watch;

static void set_up_edge(void)
{
	edge_stats_init(&edge);
	stopwatch_start(&watch, START_WARM);
}

START_TEST(the_first_output_is_the_prompt_and_the_next_after_input_an_echo)
{
	stopwatch_input(&watch, &edge, 3); /* typed ahead: it waits for the shell */
	watch.opened_ns -= 7000000;
	stopwatch_output(&watch, &edge, 20);
	ck_assert_uint_eq(histogram_count(&edge.prompt[START_WARM]), 1);
	ck_assert_uint_ge(edge.prompt[START_WARM].sum_ns, 7000000);
	ck_assert_uint_eq(histogram_count(&edge.prompt[START_COLD]), 0);
	stopwatch_output(&watch, &edge, 20);
	ck_assert_uint_eq(histogram_count(&edge.prompt[START_WARM]), 1);
	ck_assert_uint_eq(histogram_count(&edge.echo), 0);
	stopwatch_input(&watch, &edge, 1);
	watch.typed_ns -= 3000000;
	stopwatch_input(&watch, &edge, 1); /* the first one that waits counts */
	stopwatch_output(&watch, &edge, 2);
	stopwatch_output(&watch, &edge, 2);
	ck_assert_uint_eq(histogram_count(&edge.echo), 1);
	ck_assert_uint_ge(edge.echo.sum_ns, 3000000);
	ck_assert_uint_eq(edge.terminal_bytes[DIRECTION_IN], 5);
	ck_assert_uint_eq(edge.terminal_bytes[DIRECTION_OUT], 44);
}
END_TEST

START_TEST(the_first_output_of_a_start_of_no_kind_is_neither_prompt_nor_echo)
{
	stopwatch_start(&watch, START_KINDS);
	stopwatch_input(&watch, &edge, 1);
	stopwatch_output(&watch, &edge, 20);
	for (size_t i = 0; i < START_KINDS; i++)
		ck_assert_uint_eq(histogram_count(&edge.prompt[i]), 0);
	ck_assert_uint_eq(histogram_count(&edge.echo), 0);
	stopwatch_input(&watch, &edge, 1);
	stopwatch_output(&watch, &edge, 1);
	ck_assert_uint_eq(histogram_count(&edge.echo), 1);
}
END_TEST

START_TEST(input_without_an_echo_is_forgotten)
{
	stopwatch_output(&watch, &edge, 1);
	stopwatch_input(&watch, &edge, 1);
	watch.typed_ns -= ECHO_LIMIT_NS + 1;
	stopwatch_output(&watch, &edge, 1); /* not by this key */
	ck_assert_uint_eq(histogram_count(&edge.echo), 0);
	stopwatch_input(&watch, &edge, 1);
	watch.typed_ns -= ECHO_LIMIT_NS + 1;
	stopwatch_input(&watch, &edge, 1); /* takes its place */
	stopwatch_output(&watch, &edge, 1);
	ck_assert_uint_eq(histogram_count(&edge.echo), 1);
	ck_assert_uint_lt(edge.echo.sum_ns, ECHO_LIMIT_NS);
	stopwatch_input(&watch, &edge, 0);
	stopwatch_output(&watch, &edge, 1);
	ck_assert_uint_eq(histogram_count(&edge.echo), 1);
}
END_TEST

START_TEST(every_status_is_counted_under_its_name_or_as_another)
{
	static const unsigned statuses[] = {101, 200, 404, 503, 404, 418, 0, 999};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		edge_stats_response(&edge, statuses[i]);
	for (size_t i = 0; i < STATUS_CODES; i++) {
		const char *name = status_code_name(i);
		uint64_t wanted = strcmp(name, "other") == 0 ? 3
				  : strcmp(name, "404") == 0 ? 2
				  : strcmp(name, "101") == 0 || strcmp(name, "200") == 0 ||
						  strcmp(name, "503") == 0
					  ? 1
					  : 0;
		ck_assert_msg(edge.responses[i] == wanted, "%s", name);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(name, status_code_name(j));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session_stats");
	TCase *sessions = tcase_create("sessions"), *pool = tcase_create("pool"),
	      *at_edge = tcase_create("edge");

	tcase_add_checked_fixture(sessions, client_set_up, client_tear_down);
	tcase_add_test(sessions, a_session_is_counted_in_each_state_and_once_at_each_end);
	tcase_add_test(sessions, each_end_has_its_reason);
	tcase_add_test(sessions, one_that_was_never_created_does_not_end_either);
	tcase_add_test(sessions, a_draining_server_is_not_open);
	tcase_add_test(sessions, a_start_is_cold_and_takes_its_time);
	tcase_add_test(sessions, a_terminal_knows_of_the_init_commands_that_come_first);
	suite_add_tcase(suite, sessions);
	tcase_add_checked_fixture(pool, set_up_pool, tear_down_pool);
	tcase_add_test(pool, a_start_from_the_pool_is_warm_and_so_is_its_first_terminal_only);
	suite_add_tcase(suite, pool);
	tcase_add_checked_fixture(at_edge, set_up_edge, NULL);
	tcase_add_test(at_edge, the_first_output_is_the_prompt_and_the_next_after_input_an_echo);
	tcase_add_test(at_edge, the_first_output_of_a_start_of_no_kind_is_neither_prompt_nor_echo);
	tcase_add_test(at_edge, input_without_an_echo_is_forgotten);
	tcase_add_test(at_edge, every_status_is_counted_under_its_name_or_as_another);
	suite_add_tcase(suite, at_edge);
	return run_suite(suite);
}
