#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "sandbox/demand.h"
#include "suite.h"

#define SIZE 3
#define ALL  (SIZE * ENVIRONMENT_COUNT)

static void set_up(void)
{
	world_pool_size = SIZE;
	client_set_up();
}

static void tear_down(void)
{
	pool_stop(world.pool);
	client_tear_down();
	world_pool_size = 0;
}

static struct pool_counts count(void)
{
	return pool_count(world.pool, &environments[0]);
}

static size_t count_ready(void)
{
	size_t ready = 0;

	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		ready += pool_count(world.pool, &environments[i]).ready;
	return ready;
}

static bool is_full(void)
{
	return count_ready() == ALL;
}

static bool is_emptied(void)
{
	return pool_spares(world.pool) == 0;
}

static bool is_bash_full(void)
{
	return count().ready == SIZE;
}

static uint64_t until_ms;

static bool is_time(void)
{
	return clock_monotonic_ms() >= until_ms;
}

/* Time in which something must not happen. */
static void pass(unsigned ms)
{
	until_ms = clock_monotonic_ms() + ms;
	world_until(is_time);
}

/* Without refilling from now on. */
static void fill(void)
{
	world_until(is_full);
	world.places = 1;
}

/* The agent of the n-th container, in the order of their creation. */
static struct sim_agent *agent_of(size_t n)
{
	return sim_container_agent(sim_container_at(world.sim, n));
}

static struct sim_container *container_of(const char *environment, size_t n)
{
	for (size_t i = 0; i < sim_container_count(world.sim); i++) {
		struct sim_container *c = sim_container_at(world.sim, i);
		if (strcmp(sim_container_label(c, LABEL_ENVIRONMENT), environment) == 0 && n-- == 0)
			return c;
	}
	ck_abort_msg("no such container");
}

/* Of the session, by its agent's clock, which was set. */
static const char *sandbox_of_client(void)
{
	for (size_t i = 0; i < sim_container_count(world.sim); i++) {
		struct sim_container *c = sim_container_at(world.sim, i);
		if (sim_container_agent(c) && sim_container_agent(c)->deadlines)
			return sim_container_name(c);
	}
	return "none";
}

/* --- filling --- */

START_TEST(every_environment_gets_its_spares_each_with_a_shell_at_its_prompt)
{
	world_until(is_full);
	ck_assert_uint_eq(sim_container_count(world.sim), ALL);
	for (size_t i = 0; i < ALL; i++)
		ck_assert(agent_of(i)->terminals[0].open);
	ck_assert_str_eq(sim_container_label(sim_container_at(world.sim, 0), LABEL_SESSION), "");
	pass(50);
	ck_assert_uint_eq(sim_container_count(world.sim), ALL);
}
END_TEST

START_TEST(below_the_minimum_comes_first)
{
	char order[64] = "";

	world_until(is_full);
	for (size_t i = 0; i < 6; i++)
		strncat(order,
			sim_container_label(sim_container_at(world.sim, i), LABEL_ENVIRONMENT), 1);
	/* Two of each, in turns, before the third of any. */
	ck_assert_str_eq(order, "bpnbpn");
}
END_TEST

static bool is_one_starting(void)
{
	return count().starting == 1 && sim_container_count(world.sim) == 1;
}

static bool is_one_ready(void)
{
	return count().ready == 1;
}

/* Nothing is below the minimum, and the pause after it is long. */
static void fill_one_slowly(void)
{
	world.config.pool_min = 0;
	sim_set_plan(world.sim, &(struct sim_plan){.start = SIM_HANG});
	world_until(is_one_starting);
	sim_set_plan(world.sim, &good);
	pass(300);
	sim_release(world.sim);
	world_until(is_one_ready);
}

START_TEST(a_pause_follows_a_start_but_not_below_the_minimum)
{
	fill_one_slowly();
	pass(100);
	ck_assert_uint_eq(pool_spares(world.pool), 1);
	world.config.pool_min = 2;
	pass(50);
	ck_assert_uint_gt(pool_spares(world.pool), 1);
}
END_TEST

static bool is_half_full(void)
{
	return count_ready() == 4;
}

START_TEST(spares_take_at_most_half_of_the_places)
{
	world.places = 9;
	world_until(is_half_full);
	pass(50);
	ck_assert_uint_eq(pool_spares(world.pool), 4);
}
END_TEST

START_TEST(where_no_more_fit_none_is_made)
{
	size_t before = pool_spares(world.pool);
	world.places = 1;
	pass(50);
	ck_assert_uint_eq(pool_spares(world.pool), before);
	ck_assert_uint_le(before, 1);
}
END_TEST

static bool has_failed(void)
{
	return count().discarded > 0;
}

static bool others_are_full(void)
{
	return count_ready() == ALL - SIZE;
}

START_TEST(after_a_failure_an_environment_waits_and_the_others_do_not)
{
	sim_set_plan(world.sim, &(struct sim_plan){.create = SIM_FAIL});
	world_until(has_failed);
	sim_set_plan(world.sim, &good);
	world_until(others_are_full);
	ck_assert_uint_eq(count().ready + count().starting, 0);
	world_sweep(1100);
	ck_assert_uint_eq(count().starting, 1);
}
END_TEST

/* Every shell of bash, as soon as it stands at its prompt. */
static bool others_are_full_and_these_have_exited(void)
{
	for (size_t i = 0; i < sim_container_count(world.sim); i++) {
		struct sim_container *c = sim_container_at(world.sim, i);
		if (sim_container_agent(c) &&
		    strcmp(sim_container_label(c, LABEL_ENVIRONMENT), "bash") == 0)
			sim_agent_exit(sim_container_agent(c), 1, EXIT_STATUS, 1);
	}
	return others_are_full();
}

START_TEST(an_environment_whose_spares_die_young_waits_too)
{
	world_until(others_are_full_and_these_have_exited);
	ck_assert_uint_ge(count().discarded, 1);
	ck_assert_uint_le(count().discarded, 2);
}
END_TEST

START_TEST(three_failed_starts_open_the_circuit_and_no_spare_is_tried)
{
	sim_set_plan(world.sim, &(struct sim_plan){.start = SIM_FAIL});
	for (size_t i = 0; i < 6; i++) {
		pass(20);
		world_sweep(i * 5000);
	}
	ck_assert(fleet_circuit_open(world.fleet, clock_monotonic_ms()));
	size_t discarded = 0;
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		discarded += pool_count(world.pool, &environments[i]).discarded;
	ck_assert_uint_eq(discarded, FLEET_FAILED_STARTS_MAX);
}
END_TEST

START_TEST(a_shell_that_cannot_be_opened_makes_no_spare)
{
	sim_set_plan(world.sim, &(struct sim_plan){.open = SIM_OPEN_ERROR});
	world_until(has_failed);
	ck_assert_uint_eq(count_ready(), 0);
}
END_TEST

static bool is_opening(void)
{
	return sim_container_count(world.sim) && agent() && shell()->open;
}

START_TEST(a_shell_that_never_comes_to_its_prompt_makes_no_spare)
{
	sim_set_plan(world.sim, &(struct sim_plan){.open = SIM_OPEN_NEVER});
	world_until(is_opening);
	pass(20);
	ck_assert_uint_eq(pool_spares(world.pool), 1);
	ck_assert_uint_eq(count().discarded, 0);
	world_sweep(11000);
	ck_assert_uint_eq(count().discarded, 1);
}
END_TEST

/* --- claiming --- */

START_TEST(a_session_gets_the_oldest_without_a_call_to_the_engine)
{
	fill();
	struct sim_agent *oldest = agent_of(0);
	start(NULL, 0);
	ck_assert_uint_eq(sim_container_count(world.sim), ALL);
	ck_assert_uint_eq(oldest->deadlines, 1);
	ck_assert_uint_eq(oldest->lifetime_s, WORLD_LIFETIME_MS / 1000 + SANDBOX_GRACE_SECONDS);
	struct pool_counts n = count();
	ck_assert_uint_eq(n.hits, 1);
	ck_assert_uint_eq(n.misses, 0);
	ck_assert_uint_eq(n.ready, SIZE - 1);
}
END_TEST

START_TEST(its_first_terminal_is_at_the_prompt_at_once)
{
	fill();
	start(NULL, 0);
	look(eye);
	ck_assert(sees_prompt());
	ck_assert_uint_eq(eye->inits, 1);
	ck_assert(eye->init_ok);
	ck_assert(!agent_of(0)->terminals[1].open);
	/* The second one gets a shell of its own. */
	look(&eyes[1]);
	world_turns(20);
	ck_assert(agent_of(0)->terminals[1].open);
	ck_assert_uint_eq(eyes[1].inits, 1);
}
END_TEST

static bool sees_echo(void)
{
	return strstr(eye->text, "echo:hello") != NULL;
}

START_TEST(its_shell_takes_what_is_typed)
{
	fill();
	start(NULL, 0);
	look(eye);
	type("hello\n");
	world_until(sees_echo);
}
END_TEST

START_TEST(its_terminal_is_told_its_size)
{
	struct err err;

	fill();
	start(NULL, 0);
	eye->terminal = terminal_open(client.session, &anybody, 40, 132, &eye_events, eye, &err);
	terminal_begin(eye->terminal);
	world_turns(10);
	ck_assert_uint_eq(agent_of(0)->terminals[0].rows, 40);
	ck_assert_uint_eq(agent_of(0)->terminals[0].cols, 132);
}
END_TEST

static bool is_initialised(void)
{
	return eye->inits > 0;
}

START_TEST(init_commands_run_in_its_shell)
{
	static const char *const init[] = {"true"};

	fill();
	start(init, 1);
	look(eye);
	ck_assert_uint_eq(eye->inits, 0);
	world_until(is_initialised);
	ck_assert(eye->init_ok);
	ck_assert(sees_prompt());
	ck_assert(!agent_of(0)->terminals[1].open);
}
END_TEST

START_TEST(a_shell_that_ends_before_its_terminal_comes_is_replaced)
{
	fill();
	start(NULL, 0);
	sim_agent_exit(agent_of(0), 1, EXIT_STATUS, 0);
	world_turns(20);
	look(eye);
	world_until(sees_prompt);
	ck_assert_uint_eq(eye->exits, 0);
}
END_TEST

START_TEST(one_that_has_died_is_not_handed_out)
{
	fill();
	char dead[DOCKER_NAME_MAX];
	strcpy(dead, sim_container_name(container_of("bash", 0)));
	sim_cut(container_of("bash", 0));
	start(NULL, 0);
	look(eye);
	ck_assert(sees_prompt());
	ck_assert_str_ne(sandbox_of_client(), dead);
	ck_assert_uint_eq(count().hits, 1);
}
END_TEST

START_TEST(one_whose_agent_does_not_answer_is_passed_over)
{
	fill();
	sim_container_agent(container_of("bash", 0))->deaf = true;
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	pass(20);
	ck_assert(!is_answered());
	world_sweep(POOL_CLAIM_LIMIT_MS + 100);
	/* The sweep is ahead of the clock: what it asked next was late at once, too. */
	world_until(is_answered);
	ck_assert_ptr_nonnull(client.session);
}
END_TEST

START_TEST(who_has_waited_for_one_that_is_silent_waits_for_no_other)
{
	fill();
	for (size_t i = 0; i < SIZE; i++)
		sim_container_agent(container_of("bash", i))->deaf = true;
	uint64_t began_ms = clock_monotonic_ms();
	start(NULL, 0);
	ck_assert_uint_ge(clock_monotonic_ms() - began_ms, POOL_CLAIM_LIMIT_MS);
	ck_assert_uint_eq(count().discarded, 1);
	ck_assert_uint_eq(count().misses, 1);
}
END_TEST

START_TEST(when_all_have_died_the_session_starts_one)
{
	fill();
	for (size_t i = 0; i < SIZE; i++)
		sim_cut(container_of("bash", i));
	start(NULL, 0);
	struct pool_counts n = count();
	ck_assert_uint_eq(n.hits, 0);
	ck_assert_uint_eq(n.misses, 1);
	look(eye);
	world_until(sees_prompt);
}
END_TEST

/* Its stream has ended, and the Engine has not said why yet. */
START_TEST(one_that_is_dying_is_not_waited_for)
{
	fill();
	sim_cut(container_of("bash", 0));
	world_turns(20);
	ck_assert_uint_eq(count().ready, SIZE - 1);
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	pass(100);
	ck_assert(is_answered());
	ck_assert_uint_eq(count().hits, 1);
}
END_TEST

static bool has_lost_one(void)
{
	return count().discarded == 1;
}

START_TEST(one_that_answers_what_nobody_asked_goes)
{
	fill();
	sim_agent_frame(agent_of(0), FRAME_PONG, 0, "12345678", 8);
	world_until(has_lost_one);
	ck_assert_uint_eq(count().ready, SIZE - 1);
}
END_TEST

START_TEST(one_that_says_more_than_a_prompt_goes)
{
	static const char noise[16385];

	fill();
	sim_agent_print(agent_of(0), 1, noise, sizeof(noise) - 2 - strlen("$ "));
	pass(20);
	ck_assert_uint_eq(count().ready, SIZE);
	sim_agent_print(agent_of(0), 1, noise, 3);
	world_until(has_lost_one);
	ck_assert_uint_eq(count().ready, SIZE - 1);
}
END_TEST

START_TEST(a_shell_that_says_too_much_before_its_terminal_comes_is_replaced)
{
	static const char noise[20000];

	fill();
	struct sim_agent *oldest = agent_of(0);
	start(NULL, 0);
	sim_agent_print(oldest, 1, noise, sizeof(noise));
	pass(20);
	ck_assert(!oldest->terminals[0].open);
	look(eye);
	world_until(sees_prompt);
	ck_assert_str_eq(eye->text, "$ ");
}
END_TEST

static bool is_claimed(void)
{
	return count().ready < SIZE;
}

START_TEST(a_session_may_end_while_its_spare_is_asked)
{
	fill();
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	world_until(is_claimed);
	session_end(client.session, END_ABANDONED);
	pass(20);
	ck_assert_uint_eq(client.answers, 0);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - 1);
	ck_assert_uint_eq(fleet_count(world.fleet), ALL - 1);
}
END_TEST

static bool is_removed(void)
{
	return sim_container_count(world.sim) == ALL - 1;
}

START_TEST(a_session_of_its_own_ends_with_its_container)
{
	fill();
	start(NULL, 0);
	session_end(client.session, END_DELETED);
	world_until(is_removed);
}
END_TEST

START_TEST(what_was_taken_is_replaced)
{
	world_until(is_full);
	start(NULL, 0);
	world_until(is_full);
	ck_assert_uint_eq(sim_container_count(world.sim), ALL + 1);
}
END_TEST

/* --- what makes one worthless --- */

static bool is_replaced(void)
{
	watch_sweep(world.watch, clock_monotonic_ms() + 31000);
	return count().discarded >= SIZE && is_bash_full();
}

START_TEST(a_rebuilt_image_replaces_the_pool)
{
	world_until(is_full);
	sim_rebuild_images(world.sim);
	world_until(is_replaced);
}
END_TEST

static bool is_watched_again(void)
{
	return watch_health(world.watch)->events_open;
}

START_TEST(another_engine_replaces_the_pool)
{
	fill();
	unsigned epoch = watch_health(world.watch)->epoch;
	sim_drop_events(world.sim);
	while (watch_health(world.watch)->epoch == epoch)
		world_turns(1);
	world_until(is_emptied);
	world.places = 1000;
	world_until(is_watched_again);
	world_until(is_full);
}
END_TEST

START_TEST(an_old_one_is_replaced_before_it_goes)
{
	fill();
	world.places = 1000;
	pool_sweep(world.pool, 1000, clock_monotonic_ms() + POOL_SPARE_MS - 30000);
	ck_assert_uint_eq(count().ready, SIZE);
	ck_assert_uint_eq(pool_spares(world.pool), ALL + 1);
	world.places = 1;
	world_sweep(POOL_SPARE_MS + 1000);
	ck_assert_uint_eq(pool_spares(world.pool), 0);
}
END_TEST

START_TEST(its_agent_ends_it_soon_after_it_is_too_old_and_its_label_says_the_latest_end)
{
	world_until(is_full);
	struct sim_container *c = sim_container_at(world.sim, 0);
	long long left = atoll(sim_container_label(c, LABEL_DEADLINE)) - clock_wall_ms() / 1000;
	int64_t expected = (WORLD_LIFETIME_MS + POOL_SPARE_MS) / 1000 + SANDBOX_GRACE_SECONDS;
	ck_assert_int_le(left, expected);
	ck_assert_int_ge(left, expected - 10);
}
END_TEST

/* --- room for sessions --- */

START_TEST(spares_do_not_count_against_sessions)
{
	world_until(is_full);
	ck_assert_uint_eq(fleet_containers(world.fleet), ALL);
	ck_assert_uint_eq(sessions_containers(world.sessions), 0);
}
END_TEST

START_TEST(one_that_is_claimed_counts_as_the_sessions)
{
	fill();
	sim_container_agent(container_of("bash", 0))->deaf = true;
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	pass(20);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - 1);
	ck_assert_uint_eq(sessions_containers(world.sessions), 1);
}
END_TEST

static bool is_bash_empty(void)
{
	return pool_spares(world.pool) == ALL - SIZE && !reaper_count(world.reaper);
}

START_TEST(a_spare_gives_way_where_the_host_is_full)
{
	fill();
	world.config.max_containers = ALL - SIZE;
	for (size_t i = 0; i < SIZE; i++)
		sim_cut(container_of("bash", i));
	world_until(is_bash_empty);
	start(NULL, 0);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - SIZE - 1);
}
END_TEST

static bool is_alone(void)
{
	return fleet_containers(world.fleet) == 1;
}

START_TEST(one_that_is_not_ready_gives_way_too)
{
	sim_set_plan(world.sim, &(struct sim_plan){.start = SIM_HANG});
	world_until(is_one_starting);
	world.config.max_containers = 1;
	world.places = 1;
	start(NULL, 0);
	sim_release(world.sim);
	world_until(is_alone);
}
END_TEST

static bool has_one_bash(void)
{
	return pool_spares(world.pool) == ALL - SIZE + 1 && !reaper_count(world.reaper);
}

START_TEST(a_spare_gives_way_when_the_one_that_was_claimed_is_found_dead)
{
	fill();
	sim_cut(container_of("bash", 1));
	sim_cut(container_of("bash", 2));
	world_until(has_one_bash);
	world.config.max_containers = (int64_t)fleet_containers(world.fleet);
	sim_container_agent(container_of("bash", 0))->deaf = true;
	ck_assert_int_eq(ask(&good, NULL, 0), 0);
	pass(20);
	sim_cut(container_of("bash", 0));
	pass(20);
	/* In the middle of this sweep it goes, and the next one of the fleet with it. */
	fleet_sweep(world.fleet, clock_monotonic_ms() + 2000);
	world_until(is_answered);
	ck_assert_ptr_nonnull(client.session);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - SIZE - 1);
}
END_TEST

START_TEST(a_stopped_pool_has_none_and_makes_none)
{
	fill();
	world.places = 1000;
	pool_stop(world.pool);
	ck_assert(is_emptied());
	pass(50);
	ck_assert(is_emptied());
	start(NULL, 0);
	ck_assert_uint_eq(count().hits, 0);
}
END_TEST

/* --- demand --- */

static void on_claimed_never(void *arg, struct sandbox *sandbox, struct parked *shell_of_it)
{
	(void)arg;
	(void)sandbox;
	(void)shell_of_it;
	ck_abort_msg("it was given up");
}

START_TEST(a_rush_makes_the_pool_grow)
{
	fill();
	for (int i = 0; i < 12; i++)
		pool_cancel(pool_claim(world.pool, &environments[0], on_claimed_never, NULL));
	world.places = 1000;
	pass(20);
	ck_assert_uint_gt(count().target, SIZE);
}
END_TEST

START_TEST(in_a_rush_there_are_no_pauses)
{
	fill_one_slowly();
	pass(50);
	ck_assert_uint_eq(pool_spares(world.pool), 1);
	for (int i = 0; i < 12; i++)
		pool_cancel(pool_claim(world.pool, &environments[0], on_claimed_never, NULL));
	pass(50);
	ck_assert_uint_gt(pool_spares(world.pool), 1);
}
END_TEST

START_TEST(when_memory_is_short_one_after_the_other_goes_and_none_is_made_for_a_while)
{
	uint64_t now_ms;

	world_until(is_full);
	now_ms = clock_monotonic_ms();
	pool_sweep(world.pool, 0, now_ms);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - 1);
	pool_sweep(world.pool, 0, now_ms + 1999);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - 1);
	pool_sweep(world.pool, 0, now_ms + 2000);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - 2);
	pool_sweep(world.pool, 1000, now_ms + 61999);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - 2);
	pool_sweep(world.pool, 1000, now_ms + 62000);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - 1);
}
END_TEST

START_TEST(what_is_too_many_goes)
{
	fill();
	world.config.pool_size = SIZE - 1;
	world_sweep(DEMAND_SHRINK_MS + 1000);
	ck_assert_uint_eq(pool_spares(world.pool), ALL - ENVIRONMENT_COUNT);
}
END_TEST

START_TEST(demand_follows_a_rush_at_once_and_is_given_up_step_by_step)
{
	struct demand d;
	uint64_t now_ms = 1000;

	demand_init(&d, 5, now_ms);
	ck_assert_uint_eq(demand_target(&d, 5, 20, now_ms), 5);
	/* 2 a second for a minute. */
	for (int i = 0; i < 120; i++)
		demand_arrival(&d, now_ms += 500);
	size_t high = demand_target(&d, 5, 20, now_ms);
	ck_assert_uint_ge(high, 10);
	ck_assert_uint_lt(high, 20);
	ck_assert_uint_eq(demand_target(&d, 5, 20, now_ms += DEMAND_SHRINK_MS - 1), high);
	ck_assert_uint_eq(demand_target(&d, 5, 20, now_ms += 1), high - 1);
	ck_assert_uint_eq(demand_target(&d, 5, 20, now_ms += 1), high - 1);
	for (int i = 0; i < 60; i++)
		demand_target(&d, 5, 20, now_ms += DEMAND_SHRINK_MS);
	ck_assert_uint_eq(demand_target(&d, 5, 20, now_ms), 5);
}
END_TEST

START_TEST(demand_stays_within_its_bounds)
{
	struct demand d;

	demand_init(&d, 5, 0);
	for (int i = 0; i < 100000; i++)
		demand_arrival(&d, 1);
	ck_assert_uint_eq(demand_target(&d, 5, 20, 1), 20);
	demand_init(&d, 0, 0);
	for (int i = 0; i < 100; i++)
		demand_arrival(&d, 1);
	ck_assert_uint_eq(demand_target(&d, 0, 20, 1), 0);
	/* Less at most than at least: as much as at least, in a rush, too. */
	demand_init(&d, 5, 0);
	for (int i = 0; i < 100; i++)
		demand_arrival(&d, 1);
	ck_assert_uint_eq(demand_target(&d, 5, 2, DEMAND_SHRINK_MS), 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, every_environment_gets_its_spares_each_with_a_shell_at_its_prompt);
	tcase_add_test(tc, below_the_minimum_comes_first);
	tcase_add_test(tc, a_pause_follows_a_start_but_not_below_the_minimum);
	tcase_add_test(tc, spares_take_at_most_half_of_the_places);
	tcase_add_test(tc, where_no_more_fit_none_is_made);
	tcase_add_test(tc, after_a_failure_an_environment_waits_and_the_others_do_not);
	tcase_add_test(tc, an_environment_whose_spares_die_young_waits_too);
	tcase_add_test(tc, three_failed_starts_open_the_circuit_and_no_spare_is_tried);
	tcase_add_test(tc, a_shell_that_cannot_be_opened_makes_no_spare);
	tcase_add_test(tc, a_shell_that_never_comes_to_its_prompt_makes_no_spare);
	tcase_add_test(tc, a_session_gets_the_oldest_without_a_call_to_the_engine);
	tcase_add_test(tc, its_first_terminal_is_at_the_prompt_at_once);
	tcase_add_test(tc, its_shell_takes_what_is_typed);
	tcase_add_test(tc, its_terminal_is_told_its_size);
	tcase_add_test(tc, init_commands_run_in_its_shell);
	tcase_add_test(tc, a_shell_that_ends_before_its_terminal_comes_is_replaced);
	tcase_add_test(tc, one_that_has_died_is_not_handed_out);
	tcase_add_test(tc, one_that_is_dying_is_not_waited_for);
	tcase_add_test(tc, one_whose_agent_does_not_answer_is_passed_over);
	tcase_add_test(tc, one_that_answers_what_nobody_asked_goes);
	tcase_add_test(tc, one_that_says_more_than_a_prompt_goes);
	tcase_add_test(tc, a_shell_that_says_too_much_before_its_terminal_comes_is_replaced);
	tcase_add_test(tc, who_has_waited_for_one_that_is_silent_waits_for_no_other);
	tcase_add_test(tc, when_all_have_died_the_session_starts_one);
	tcase_add_test(tc, a_session_may_end_while_its_spare_is_asked);
	tcase_add_test(tc, a_session_of_its_own_ends_with_its_container);
	tcase_add_test(tc, what_was_taken_is_replaced);
	tcase_add_test(tc, a_rebuilt_image_replaces_the_pool);
	tcase_add_test(tc, another_engine_replaces_the_pool);
	tcase_add_test(tc, an_old_one_is_replaced_before_it_goes);
	tcase_add_test(
		tc, its_agent_ends_it_soon_after_it_is_too_old_and_its_label_says_the_latest_end);
	tcase_add_test(tc, spares_do_not_count_against_sessions);
	tcase_add_test(tc, one_that_is_claimed_counts_as_the_sessions);
	tcase_add_test(tc, a_spare_gives_way_where_the_host_is_full);
	tcase_add_test(tc, one_that_is_not_ready_gives_way_too);
	tcase_add_test(tc, a_spare_gives_way_when_the_one_that_was_claimed_is_found_dead);
	tcase_add_test(tc, a_stopped_pool_has_none_and_makes_none);
	suite_add_tcase(suite, tc);

	tc = tcase_create("demand");
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_rush_makes_the_pool_grow);
	tcase_add_test(tc, in_a_rush_there_are_no_pauses);
	tcase_add_test(tc,
		       when_memory_is_short_one_after_the_other_goes_and_none_is_made_for_a_while);
	tcase_add_test(tc, what_is_too_many_goes);
	tcase_add_test(tc, demand_follows_a_rush_at_once_and_is_given_up_step_by_step);
	tcase_add_test(tc, demand_stays_within_its_bounds);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
