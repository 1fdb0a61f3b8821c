#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "suite.h"
#include "world.h"

static bool empty(void)
{
	return reaper_count(world.reaper) == 0;
}

static void add(const char *name, const struct sim_plan *plan)
{
	sim_set_plan(world.sim, plan);
	sim_add_container(world.sim, name, NULL);
	reaper_add(world.reaper, name);
}

START_TEST(a_container_is_removed_and_then_forgotten)
{
	add("one", &(struct sim_plan){.remove = SIM_OK});
	ck_assert(reaper_knows(world.reaper, "one"));
	ck_assert_uint_eq(reaper_count(world.reaper), 1);
	world_until(empty);
	ck_assert(!reaper_knows(world.reaper, "one"));
	ck_assert_uint_eq(sim_container_count(world.sim), 0);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 1);
}
END_TEST

START_TEST(asking_twice_is_the_same_as_once)
{
	add("one", &(struct sim_plan){.remove = SIM_OK});
	reaper_add(world.reaper, "one");
	ck_assert_uint_eq(reaper_count(world.reaper), 1);
	world_until(empty);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 1);
}
END_TEST

START_TEST(a_container_that_is_gone_already_is_confirmed_gone)
{
	reaper_add(world.reaper, "never-was");
	world_until(empty);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 1);
}
END_TEST

START_TEST(only_four_removals_run_at_once_and_all_come_to_their_turn)
{
	char name[16];

	for (int i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "box-%d", i);
		add(name, &(struct sim_plan){.remove = SIM_HANG});
	}
	for (int round = 1; sim_container_count(world.sim); round++) {
		world_turns(30);
		ck_assert_uint_le(sim_remove_requests(world.sim), 4u * (unsigned)round);
		sim_release(world.sim);
	}
	world_until(empty);
	ck_assert_uint_eq(sim_removing_max(world.sim), REAPER_PARALLEL);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 25);
}
END_TEST

START_TEST(a_removal_that_fails_is_tried_again_but_not_at_once)
{
	add("one", &(struct sim_plan){.remove = SIM_FAIL});
	while (!sim_remove_requests(world.sim))
		world_turns(1);
	world_turns(50);
	ck_assert_uint_eq(reaper_count(world.reaper), 1);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 1);
	reaper_sweep(world.reaper, clock_monotonic_ms() + 200);
	world_until(empty);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 2);
	ck_assert_uint_eq(sim_container_count(world.sim), 0);
}
END_TEST

START_TEST(an_engine_that_goes_away_is_asked_again_when_it_is_back)
{
	add("one", &(struct sim_plan){.remove = SIM_HANG});
	world_turns(50);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 1);
	sim_drop_connections(world.sim);
	world_turns(50);
	ck_assert(reaper_knows(world.reaper, "one"));
	world_settle();
	ck_assert_uint_ge(sim_remove_requests(world.sim), 2);
}
END_TEST

START_TEST(it_may_be_freed_while_removals_run)
{
	for (int i = 0; i < 6; i++)
		reaper_add(world.reaper, (const char *[]){"a", "b", "c", "d", "e", "f"}[i]);
	world_turns(1);
	ck_assert_uint_eq(reaper_count(world.reaper), 6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reaper");
	TCase *tc = tcase_create("reaper");

	tcase_add_checked_fixture(tc, world_up, world_down);
	tcase_add_test(tc, a_container_is_removed_and_then_forgotten);
	tcase_add_test(tc, asking_twice_is_the_same_as_once);
	tcase_add_test(tc, a_container_that_is_gone_already_is_confirmed_gone);
	tcase_add_test(tc, only_four_removals_run_at_once_and_all_come_to_their_turn);
	tcase_add_test(tc, a_removal_that_fails_is_tried_again_but_not_at_once);
	tcase_add_test(tc, an_engine_that_goes_away_is_asked_again_when_it_is_back);
	tcase_add_test(tc, it_may_be_freed_while_removals_run);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
