#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "suite.h"
#include "world.h"

/* The owner of one sandbox, and of one PTY in it. */
static struct owner {
	struct sandbox *sandbox;
	unsigned ready, ended, lost;
	char foregrounds[8]; /* 's' for the shell, 'p' for a program */
	enum sandbox_end end;
	struct err err;
} owner;

static void on_ready(void *arg)
{
	((struct owner *)arg)->ready++;
}

static void on_end(void *arg, enum sandbox_end end, const struct err *err)
{
	struct owner *o = arg;

	o->ended++;
	o->end = end;
	o->err = *err;
	o->sandbox = NULL;
}

static const struct sandbox_events events = {.on_ready = on_ready, .on_end = on_end};

/* How long it may wait for a session. */
static int64_t spare_ms;

static void make(const struct sim_plan *plan)
{
	struct err err = {.msg = ""};

	memset(&owner, 0, sizeof(owner));
	sim_set_plan(world.sim, plan);
	const struct sandbox_order order = {.environment = &environments[0],
					    .session_id = "sess_1",
					    .lifetime_ms = WORLD_LIFETIME_MS,
					    .spare_ms = spare_ms};
	owner.sandbox = sandbox_new(world.fleet, &order, &events, &owner, &err);
	ck_assert_msg(owner.sandbox != NULL, "%s", err.msg);
}

static bool is_ready(void)
{
	return owner.ready > 0;
}

static bool is_ended(void)
{
	return owner.ended > 0;
}

static void make_ready(void)
{
	make(&(struct sim_plan){.create = SIM_OK});
	world_until(is_ready);
}

static struct sim_container *container(void)
{
	return sim_container_at(world.sim, 0);
}

static void finish(void)
{
	sandbox_free(owner.sandbox);
	world_settle();
	ck_assert_uint_le(owner.ended, 1);
}

START_TEST(a_sandbox_is_created_attached_started_and_greeted)
{
	make_ready();
	ck_assert_uint_eq(fleet_count(world.fleet), 1);
	ck_assert_uint_eq(sim_container_count(world.sim), 1);
	ck_assert_str_eq(sim_container_name(container()), sandbox_name(owner.sandbox));
	ck_assert_int_eq(strncmp(sandbox_name(owner.sandbox), "sandbox-bash-", 13), 0);
	finish();
	ck_assert_uint_eq(owner.ended, 0);
}
END_TEST

START_TEST(who_frees_it_has_its_container_removed_at_once)
{
	char name[DOCKER_NAME_MAX];

	make_ready();
	strcpy(name, sandbox_name(owner.sandbox));
	sandbox_free(owner.sandbox);
	ck_assert_uint_eq(fleet_count(world.fleet), 0);
	ck_assert(reaper_knows(world.reaper, name));
	world_settle();
	ck_assert_uint_eq(sim_remove_requests(world.sim), 1);
}
END_TEST

START_TEST(its_container_says_whose_it_is_and_until_when)
{
	make_ready();
	struct sim_container *c = container();
	ck_assert_str_eq(sim_container_label(c, LABEL_OWNER), LABEL_OWNER_VALUE);
	ck_assert_str_eq(sim_container_label(c, LABEL_WORKER), WORLD_WORKER);
	ck_assert_str_eq(sim_container_label(c, LABEL_INSTANCE), "instance");
	ck_assert_str_eq(sim_container_label(c, LABEL_SESSION), "sess_1");
	ck_assert_str_eq(sim_container_label(c, LABEL_ENVIRONMENT), "bash");
	long long left = atoll(sim_container_label(c, LABEL_DEADLINE)) - time(NULL);
	ck_assert_int_ge(left, WORLD_LIFETIME_MS / 1000 + SANDBOX_GRACE_SECONDS - 2);
	ck_assert_int_le(left, WORLD_LIFETIME_MS / 1000 + SANDBOX_GRACE_SECONDS);
	finish();
}
END_TEST

START_TEST(the_hello_may_come_before_the_answer_to_start)
{
	make(&(struct sim_plan){.hello_first = true});
	world_until(is_ready);
	finish();
}
END_TEST

/* --- starts that fail --- */

static const struct sim_plan failing[] = {
	{.create = SIM_FAIL},
	{.attach = SIM_FAIL},
	{.start = SIM_FAIL},
	{.hello = SIM_HELLO_WRONG_VERSION},
	{.hello = SIM_HELLO_WRONG_VERSION, .hello_first = true},
	{.hello = SIM_HELLO_GARBAGE},
	{.hello = SIM_HELLO_NONE, .cut_at_start = true},
	{.create = SIM_FAIL, .remove = SIM_FAIL},
	{.start = SIM_FAIL, .remove = SIM_FAIL},
	{.start = SIM_FAIL, .remove = SIM_HANG},
};
#define FAILING_COUNT (sizeof(failing) / sizeof(failing[0]))

START_TEST(a_start_that_fails_is_told_once_and_leaves_nothing)
{
	make(&failing[_i]);
	world_until(is_ended);
	ck_assert_uint_eq(owner.ready, 0);
	ck_assert_int_eq(owner.end, SANDBOX_END_START_FAILED);
	ck_assert_str_ne(owner.err.msg, "");
	finish();
}
END_TEST

static const struct sim_plan hanging[] = {
	{.create = SIM_HANG},      {.attach = SIM_HANG},
	{.start = SIM_HANG},       {.start = SIM_HANG, .hello_first = true},
	{.hello = SIM_HELLO_NONE},
};
#define HANGING_COUNT (sizeof(hanging) / sizeof(hanging[0]))

START_TEST(a_start_that_hangs_is_given_up_at_its_deadline)
{
	make(&hanging[_i]);
	world_turns(200);
	ck_assert_uint_eq(owner.ended, 0);
	fleet_sweep(world.fleet, clock_monotonic_ms() + 16000);
	ck_assert_uint_eq(owner.ended, 1);
	ck_assert_int_eq(owner.end, SANDBOX_END_START_FAILED);
	ck_assert_ptr_nonnull(strstr(owner.err.msg, "took too long"));
	finish();
}
END_TEST

START_TEST(a_container_that_comes_into_being_after_all_is_found_and_removed)
{
	make(&(struct sim_plan){.create = SIM_HANG});
	world_turns(200);
	fleet_sweep(world.fleet, clock_monotonic_ms() + 16000);
	world_turns(200);
	ck_assert_uint_eq(sim_container_count(world.sim), 0);
	ck_assert_uint_eq(reaper_count(world.reaper), 0);
	sim_release(world.sim);
	ck_assert_uint_eq(sim_container_count(world.sim), 1);
	world_settle();
}
END_TEST

START_TEST(an_owner_may_leave_at_any_moment_and_hears_no_more)
{
	make(&(struct sim_plan){.hello_first = _i % 2});
	world_turns(_i);
	unsigned ready = owner.ready;
	sandbox_free(owner.sandbox);
	world_settle();
	ck_assert_uint_eq(owner.ready, ready);
	ck_assert_uint_eq(owner.ended, 0);
}
END_TEST

START_TEST(who_leaves_while_the_engine_creates_has_it_removed_after_the_answer)
{
	make(&(struct sim_plan){.create = SIM_HANG});
	world_turns(100);
	sandbox_free(owner.sandbox);
	world_turns(100);
	ck_assert_uint_eq(fleet_count(world.fleet), 1);
	ck_assert_uint_eq(sim_remove_requests(world.sim), 0);
	sim_release(world.sim);
	world_settle();
	ck_assert_uint_eq(sim_remove_requests(world.sim), 1);
	ck_assert_uint_eq(owner.ended, 0);
}
END_TEST

/* --- deaths --- */

START_TEST(a_sandbox_that_the_engine_was_asked_to_kill_has_died)
{
	make_ready();
	sim_event(world.sim, container(), "kill");
	sim_event(world.sim, container(), "die");
	sim_cut(container());
	world_until(is_ended);
	ck_assert_int_eq(owner.end, SANDBOX_END_DIED);
	finish();
}
END_TEST

START_TEST(a_sandbox_that_dies_of_sigkill_unasked_has_been_killed)
{
	make_ready();
	sim_event(world.sim, container(), "die");
	sim_cut(container());
	world_until(is_ended);
	ck_assert_int_eq(owner.end, SANDBOX_END_KILLED);
	ck_assert_ptr_nonnull(strstr(owner.err.msg, "137"));
	finish();
}
END_TEST

START_TEST(the_end_of_the_stream_before_the_event_waits_for_the_reason)
{
	make_ready();
	sim_cut(container());
	world_turns(100);
	ck_assert_uint_eq(owner.ended, 0);
	sim_event(world.sim, container(), "oom");
	sim_event(world.sim, container(), "die");
	world_until(is_ended);
	ck_assert_int_eq(owner.end, SANDBOX_END_OUT_OF_MEMORY);
	finish();
}
END_TEST

START_TEST(a_death_without_an_end_of_the_stream_ends_it_soon)
{
	make_ready();
	sim_event(world.sim, container(), "oom");
	sim_event(world.sim, container(), "die");
	world_turns(100);
	ck_assert_uint_eq(owner.ended, 0);
	fleet_sweep(world.fleet, clock_monotonic_ms() + 3000);
	ck_assert_uint_eq(owner.ended, 1);
	ck_assert_int_eq(owner.end, SANDBOX_END_OUT_OF_MEMORY);
	finish();
}
END_TEST

START_TEST(a_stream_that_ends_without_a_reason_is_a_death_in_the_end)
{
	make_ready();
	sim_cut(container());
	world_turns(100);
	fleet_sweep(world.fleet, clock_monotonic_ms() + 3000);
	ck_assert_uint_eq(owner.ended, 1);
	ck_assert_int_eq(owner.end, SANDBOX_END_DIED);
	finish();
}
END_TEST

START_TEST(an_engine_that_drops_all_its_connections_is_lost)
{
	make_ready();
	sim_drop_connections(world.sim);
	world_until(is_ended);
	ck_assert_int_eq(owner.end, SANDBOX_END_ENGINE_LOST);
	finish();
}
END_TEST

static bool events_are_lost(void)
{
	return sim_event_streams(world.sim) == 0;
}

START_TEST(an_engine_whose_events_end_before_the_stream_is_lost_too)
{
	make_ready();
	sim_drop_events(world.sim);
	sim_refuse(world.sim, true); /* or the events would be back at once */
	world_until(events_are_lost);
	world_turns(50);
	sim_cut(container());
	world_turns(50);
	fleet_sweep(world.fleet, clock_monotonic_ms() + 3000);
	ck_assert_uint_eq(owner.ended, 1);
	ck_assert_int_eq(owner.end, SANDBOX_END_ENGINE_LOST);
	sim_refuse(world.sim, false);
	finish();
}
END_TEST

/* Frames that an honest agent never sends, after the hello. */
static const struct {
	uint8_t type;
	uint16_t terminal;
	const char *payload;
	size_t len;
} violations[] = {
	{FRAME_OUTPUT, 1, "x", 1},        {FRAME_HELLO, 0, "\0\1\0\20", 4},
	{FRAME_EXIT, 9, "\0\0", 2},       {FRAME_EXIT, 1000, "\0\0", 2},
	{FRAME_CREDIT, 1, "\0\0\0\1", 4}, {FRAME_OPENED, 2, "\0\0\0\1\0\0\0\1", 8},
	{FRAME_INPUT, 1, "x", 1},         {99, 0, "", 0},
	{FRAME_FOREGROUND, 1, "\0", 1},
};
#define VIOLATION_COUNT (sizeof(violations) / sizeof(violations[0]))

START_TEST(an_agent_that_breaks_the_protocol_ends_its_sandbox)
{
	make_ready();
	sim_agent_frame(sim_container_agent(container()), violations[_i].type,
			violations[_i].terminal, violations[_i].payload, violations[_i].len);
	world_until(is_ended);
	ck_assert_int_eq(owner.end, SANDBOX_END_VIOLATION);
	ck_assert_ptr_nonnull(strstr(owner.err.msg, "agent"));
	finish();
}
END_TEST

static void on_lost(void *arg, const struct err *err)
{
	struct owner *o = arg;

	(void)err;
	ck_assert_uint_eq(o->ended, 0);
	o->lost++;
	sandbox_free(o->sandbox);
	o->sandbox = NULL;
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	(void)arg;
	ck_abort_msg("an exit of kind %d with %u", kind, value);
}

static void on_output(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void on_room(void *arg)
{
	(void)arg;
}

static void on_foreground(void *arg, bool shell)
{
	struct owner *o = arg;

	o->foregrounds[strlen(o->foregrounds)] = shell ? 's' : 'p';
}

static const struct pty_events leaving = {on_output, on_room,       on_exit_event,
					  on_lost,   on_foreground, NULL};

static bool is_lost(void)
{
	return owner.lost > 0;
}

START_TEST(the_owner_may_free_it_when_it_learns_that_its_pty_is_lost)
{
	make_ready();
	ck_assert_ptr_nonnull(
		pty_open(sandbox_ptys(owner.sandbox), NULL, 24, 80, &leaving, &owner, NULL));
	world_turns(50);
	sim_agent_frame(sim_container_agent(container()), 99, 0, "", 0);
	world_until(is_lost);
	finish();
	ck_assert_uint_eq(owner.ended, 0);
	ck_assert_uint_eq(owner.lost, 1);
}
END_TEST

static bool is_back(void)
{
	return strcmp(owner.foregrounds, "psps") == 0;
}

START_TEST(who_is_in_the_foreground_is_told_to_who_opened_the_pty)
{
	make_ready();
	ck_assert_ptr_nonnull(
		pty_open(sandbox_ptys(owner.sandbox), NULL, 24, 80, &leaving, &owner, NULL));
	world_turns(50);
	for (int i = 0; i < 4; i++)
		sim_agent_foreground(sim_container_agent(container()), 1, i % 2);
	world_until(is_back);
	sim_agent_foreground(sim_container_agent(container()), 1, true);
	world_until(is_lost);
	finish();
	ck_assert_str_eq(owner.foregrounds, "psps");
}
END_TEST

/* A frame that cannot be sent would be missed for ever: an agent that takes none any more is given up. */
START_TEST(an_agent_that_stops_reading_loses_its_sandbox)
{
	struct pty *pty;

	make_ready();
	sim_stop_reading(container());
	pty = pty_open(sandbox_ptys(owner.sandbox), NULL, 24, 80, &leaving, &owner, NULL);
	ck_assert_ptr_nonnull(pty);
	for (int i = 0; i < 200000 && !owner.lost; i++) {
		pty_resize(pty, 24, 80);
		if (i % 1000 == 0)
			world_turns(1);
	}
	world_until(is_lost);
	finish();
}
END_TEST

/* --- reconciliation --- */

START_TEST(what_a_predecessor_left_is_removed_and_what_is_not_ours_stays)
{
	make_ready();
	sim_add_container(world.sim, "sandbox-bash-left-behind", WORLD_WORKER);
	sim_add_container(world.sim, "sandbox-of-another-worker", "other");
	sim_add_container(world.sim, "database", NULL);
	unsigned before = sim_remove_requests(world.sim);
	for (int i = 0; i < 50; i++) {
		world_sweep(4000);
		world_turns(20);
	}
	ck_assert_uint_eq(sim_remove_requests(world.sim), before + 1);
	ck_assert_uint_eq(sim_container_count(world.sim), 3);
	ck_assert_str_eq(sim_container_name(sim_container_at(world.sim, 0)),
			 sandbox_name(owner.sandbox));
	ck_assert_str_eq(sim_container_name(sim_container_at(world.sim, 1)),
			 "sandbox-of-another-worker");
	ck_assert_str_eq(sim_container_name(sim_container_at(world.sim, 2)), "database");
	sandbox_free(owner.sandbox);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");

	tcase_add_checked_fixture(tc, world_up, world_down);
	tcase_add_test(tc, a_sandbox_is_created_attached_started_and_greeted);
	tcase_add_test(tc, who_frees_it_has_its_container_removed_at_once);
	tcase_add_test(tc, its_container_says_whose_it_is_and_until_when);
	tcase_add_test(tc, the_hello_may_come_before_the_answer_to_start);
	tcase_add_loop_test(tc, a_start_that_fails_is_told_once_and_leaves_nothing, 0,
			    FAILING_COUNT);
	tcase_add_loop_test(tc, a_start_that_hangs_is_given_up_at_its_deadline, 0, HANGING_COUNT);
	tcase_add_test(tc, a_container_that_comes_into_being_after_all_is_found_and_removed);
	tcase_add_loop_test(tc, an_owner_may_leave_at_any_moment_and_hears_no_more, 0, 24);
	tcase_add_test(tc, who_leaves_while_the_engine_creates_has_it_removed_after_the_answer);
	tcase_add_test(tc, a_sandbox_that_the_engine_was_asked_to_kill_has_died);
	tcase_add_test(tc, a_sandbox_that_dies_of_sigkill_unasked_has_been_killed);
	tcase_add_test(tc, the_end_of_the_stream_before_the_event_waits_for_the_reason);
	tcase_add_test(tc, a_death_without_an_end_of_the_stream_ends_it_soon);
	tcase_add_test(tc, a_stream_that_ends_without_a_reason_is_a_death_in_the_end);
	tcase_add_test(tc, an_engine_that_drops_all_its_connections_is_lost);
	tcase_add_test(tc, an_engine_whose_events_end_before_the_stream_is_lost_too);
	tcase_add_loop_test(tc, an_agent_that_breaks_the_protocol_ends_its_sandbox, 0,
			    VIOLATION_COUNT);
	tcase_add_test(tc, the_owner_may_free_it_when_it_learns_that_its_pty_is_lost);
	tcase_add_test(tc, who_is_in_the_foreground_is_told_to_who_opened_the_pty);
	tcase_add_test(tc, an_agent_that_stops_reading_loses_its_sandbox);
	tcase_add_test(tc, what_a_predecessor_left_is_removed_and_what_is_not_ours_stays);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
