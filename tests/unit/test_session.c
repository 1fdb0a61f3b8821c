#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "session/init_run.h"
#include "suite.h"

START_TEST(a_session_starts_and_can_be_found_by_its_id_only)
{
	char id[SESSION_ID_BYTES + 1];

	start(NULL, 0);
	ck_assert_uint_eq(client.answers, 1);
	ck_assert_uint_eq(strlen(client.id), 37);
	ck_assert_int_eq(strncmp(client.id, "sess_", 5), 0);
	ck_assert_uint_eq(strspn(client.id + 5, "0123456789abcdef"), 32);
	ck_assert_str_eq(session_status(client.session), "RUNNING");
	ck_assert_ptr_eq(sessions_find(world.sessions, client.id), client.session);
	for (size_t i = 0; i < 37; i++) {
		strcpy(id, client.id);
		id[i] = id[i] == '0' ? '1' : '0';
		ck_assert_ptr_null(sessions_find(world.sessions, id));
	}
	strcpy(id, client.id);
	ck_assert_ptr_null(sessions_find(world.sessions, strcat(id, "0")));
	ck_assert_ptr_null(sessions_find(world.sessions, ""));
}
END_TEST

START_TEST(the_hard_deadline_is_told_as_it_is)
{
	start(NULL, 0);
	ck_assert_int_eq(session_expires_wall_ms(client.session) -
				 session_created_wall_ms(client.session),
			 WORLD_LIFETIME_MS);
}
END_TEST

static const struct sim_plan failing[] = {
	{.create = SIM_FAIL},         {.attach = SIM_FAIL},
	{.start = SIM_FAIL},          {.cut_at_start = true, .hello = SIM_HELLO_NONE},
	{.hello = SIM_HELLO_GARBAGE},
};

START_TEST(a_sandbox_that_fails_to_start_is_an_answer_to_try_again)
{
	ck_assert_int_eq(ask(&failing[_i], NULL, 0), 0);
	world_until(is_answered);
	ck_assert_ptr_null(client.session);
	ck_assert_int_eq(client.err.kind, ERR_BUSY);
	ck_assert(gone());
}
END_TEST

START_TEST(a_session_that_is_deleted_while_it_starts_answers_once)
{
	ck_assert_int_eq(ask(&(struct sim_plan){.create = SIM_HANG}, NULL, 0), 0);
	world_turns(50);
	session_end(client.session, END_DELETED);
	ck_assert_uint_eq(client.answers, 1);
	ck_assert_int_eq(client.err.kind, ERR_GONE);
	world_settle();
	ck_assert_uint_eq(client.answers, 1);
}
END_TEST

START_TEST(a_client_that_left_while_it_started_is_not_answered)
{
	ck_assert_int_eq(ask(&(struct sim_plan){.start = SIM_HANG}, NULL, 0), 0);
	world_turns(100);
	session_end(client.session, END_ABANDONED);
	world_settle();
	ck_assert_uint_eq(client.answers, 0);
}
END_TEST

START_TEST(no_session_starts_while_draining_or_without_an_image_or_beyond_the_capacity)
{
	static const char *const bad[INIT_COMMANDS_MAX + 1];

	ck_assert_int_eq(ask(&good, bad, INIT_COMMANDS_MAX + 1), -1);
	ck_assert_int_eq(client.err.kind, ERR_INPUT);
	world.config.max_containers = 1;
	start(NULL, 0);
	ck_assert_int_eq(ask(&good, NULL, 0), -1);
	ck_assert_int_eq(client.err.kind, ERR_BUSY);
	world.config.max_containers = 1000;
	sim_set_images(world.sim, false);
	for (int i = 0; i < 20; i++) {
		world_sweep(40000);
		world_turns(10);
	}
	ck_assert_int_eq(ask(&good, NULL, 0), -1);
	ck_assert_int_eq(client.err.kind, ERR_BUSY);
	sim_set_images(world.sim, true);
	sessions_drain(world.sessions);
	ck_assert(sessions_draining(world.sessions));
	ck_assert_int_eq(ask(&good, NULL, 0), -1);
	ck_assert_int_eq(client.err.kind, ERR_BUSY);
}
END_TEST

START_TEST(a_slot_of_the_host_is_free_only_when_the_container_is_gone)
{
	world.config.max_containers = 1;
	ck_assert_int_eq(ask(&(struct sim_plan){.remove = SIM_HANG}, NULL, 0), 0);
	world_until(is_answered);
	session_end(client.session, END_DELETED);
	world_turns(50);
	ck_assert_uint_eq(fleet_count(world.fleet), 0);
	ck_assert_uint_eq(fleet_containers(world.fleet), 1);
	ck_assert_int_eq(ask(&good, NULL, 0), -1);
	world_settle();
	start(NULL, 0);
}
END_TEST

START_TEST(a_session_without_input_ends_after_the_idle_time)
{
	open_shell();
	sessions_sweep(world.sessions, clock_monotonic_ms() + WORLD_IDLE_MS - 2000);
	ck_assert(!gone());
	sessions_sweep(world.sessions, clock_monotonic_ms() + WORLD_IDLE_MS + 1);
	ck_assert(gone());
	ck_assert_uint_eq(eye->ends, 1);
	ck_assert_int_eq(eye->reason, END_IDLE);
}
END_TEST

START_TEST(the_idle_time_begins_when_the_session_runs)
{
	ck_assert_int_eq(ask(&(struct sim_plan){.create = SIM_HANG}, NULL, 0), 0);
	world_turns(20);
	uint64_t asked_ms = clock_monotonic_ms();
	while (clock_monotonic_ms() < asked_ms + 50)
		world_turns(1);
	sim_release(world.sim);
	world_until(is_answered);
	ck_assert_ptr_nonnull(client.session);
	sessions_sweep(world.sessions, asked_ms + WORLD_IDLE_MS + 20);
	ck_assert(!gone());
}
END_TEST

START_TEST(a_session_ends_after_its_lifetime_whatever_happens)
{
	open_shell();
	sessions_sweep(world.sessions, clock_monotonic_ms() + WORLD_LIFETIME_MS + 1);
	ck_assert(gone());
	ck_assert_int_eq(eye->reason, END_LIFETIME);
}
END_TEST

START_TEST(deleting_a_session_tells_every_terminal_once)
{
	open_shell();
	look(&eyes[1]);
	session_end(client.session, END_DELETED);
	ck_assert(gone());
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(eyes[i].ends, 1);
		ck_assert_int_eq(eyes[i].reason, END_DELETED);
		ck_assert(terminal_input(eyes[i].terminal, "x", 1));
		terminal_resize(eyes[i].terminal, 1, 1);
	}
	world_settle();
	ck_assert_uint_eq(eyes[0].ends + eyes[0].exits, 1);
}
END_TEST

static void kill_die(void)
{
	sim_event(world.sim, sim_container_at(world.sim, 0), "die");
	sim_cut(sim_container_at(world.sim, 0));
}

static void kill_asked(void)
{
	sim_event(world.sim, sim_container_at(world.sim, 0), "kill");
	kill_die();
}

static void kill_oom(void)
{
	sim_event(world.sim, sim_container_at(world.sim, 0), "oom");
	kill_die();
}

static void kill_engine(void)
{
	sim_drop_connections(world.sim);
}

static void kill_violation(void)
{
	sim_agent_frame(agent(), 200, 0, "", 0);
}

static const struct {
	void (*kill)(void);
	enum end_reason reason;
} deaths[] = {{kill_die, END_KILLED},
	      {kill_asked, END_SANDBOX_DIED},
	      {kill_oom, END_OUT_OF_MEMORY},
	      {kill_engine, END_ENGINE_LOST},
	      {kill_violation, END_SANDBOX_DIED}};

START_TEST(a_dead_sandbox_ends_its_session_with_the_reason)
{
	open_shell();
	deaths[_i].kill();
	world_until(is_over);
	ck_assert(gone());
	ck_assert_uint_eq(eye->ends, 1);
	ck_assert_int_eq(eye->reason, deaths[_i].reason);
}
END_TEST

START_TEST(output_before_a_death_is_not_lost)
{
	open_shell();
	sim_agent_print(agent(), 1, "last words", 10);
	kill_die();
	world_until(is_over);
	ck_assert_str_eq(eye->text, "$ last words");
}
END_TEST

START_TEST(draining_ends_every_session)
{
	open_shell();
	sessions_drain(world.sessions);
	ck_assert_int_eq(eye->reason, END_SHUTDOWN);
	ck_assert(gone());
}
END_TEST

/* --- tables --- */

START_TEST(every_ending_has_a_name_a_legal_code_and_a_text_that_fits_a_close_frame)
{
	for (int r = 0; r <= END_INTERNAL; r++) {
		const struct ending *e = ending((enum end_reason)r);
		ck_assert_ptr_nonnull(e->name);
		ck_assert_uint_gt(strlen(e->text), 0);
		ck_assert_uint_le(strlen(e->text), 123);
		ck_assert_msg(e->close_code == 1000 || e->close_code == 1001 ||
				      e->close_code == 1009 || e->close_code == 1011 ||
				      (e->close_code >= 4000 && e->close_code <= 4999),
			      "%u", e->close_code);
	}
}
END_TEST

START_TEST(the_hosts_memory_is_read_from_meminfo)
{
	int64_t total = 1, available = 1;

	ck_assert(capacity_parse_meminfo("MemTotal:       1000 kB\nMemFree: 1 kB\n"
					 "MemAvailable:    400 kB\n",
					 &total, &available));
	ck_assert_int_eq(total, 1000);
	ck_assert_int_eq(available, 400);
	ck_assert(!capacity_parse_meminfo("MemTotal: 1000 kB\n", &total, &available));
	ck_assert(!capacity_parse_meminfo("MemTotal: 1\nMemAvailable: 2\n", &total, &available));
	ck_assert(!capacity_parse_meminfo("", &total, &available));
	ck_assert_int_eq(total, 1000);
	world.config.max_containers = 3;
	ck_assert_str_eq(capacity_report(world.capacity, 2).reason, "");
	ck_assert_str_ne(capacity_report(world.capacity, 3).reason, "");
}
END_TEST

START_TEST(the_host_carries_as_many_full_sandboxes_as_the_scarcer_of_memory_and_process_numbers)
{
	struct capacity_host host = capacity_host(world.capacity);

	ck_assert_uint_eq(capacity_by_memory(0), 1);
	ck_assert_uint_eq(capacity_by_memory(1024 * 1024), 5);
	ck_assert_uint_eq(capacity_by_pids(1), 1);
	ck_assert_uint_eq(capacity_by_pids(32768), 14);
	ck_assert_uint_eq(capacity_by_pids(4194304), 2046);
	ck_assert(host.memory_kib > 0 && host.pid_max > 0);
	world.config.max_containers = 0;
	ck_assert_uint_eq(capacity_report(world.capacity, 0).max_containers,
			  host.by_memory < host.by_pids ? host.by_memory : host.by_pids);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_add_checked_fixture(tc, client_set_up, client_tear_down);
	tcase_add_test(tc, a_session_starts_and_can_be_found_by_its_id_only);
	tcase_add_test(tc, the_hard_deadline_is_told_as_it_is);
	tcase_add_loop_test(tc, a_sandbox_that_fails_to_start_is_an_answer_to_try_again, 0,
			    sizeof(failing) / sizeof(failing[0]));
	tcase_add_test(tc, a_session_that_is_deleted_while_it_starts_answers_once);
	tcase_add_test(tc, a_client_that_left_while_it_started_is_not_answered);
	tcase_add_test(tc,
		       no_session_starts_while_draining_or_without_an_image_or_beyond_the_capacity);
	tcase_add_test(tc, a_slot_of_the_host_is_free_only_when_the_container_is_gone);
	tcase_add_test(tc, a_session_without_input_ends_after_the_idle_time);
	tcase_add_test(tc, the_idle_time_begins_when_the_session_runs);
	tcase_add_test(tc, a_session_ends_after_its_lifetime_whatever_happens);
	tcase_add_test(tc, deleting_a_session_tells_every_terminal_once);
	tcase_add_loop_test(tc, a_dead_sandbox_ends_its_session_with_the_reason, 0,
			    sizeof(deaths) / sizeof(deaths[0]));
	tcase_add_test(tc, output_before_a_death_is_not_lost);
	tcase_add_test(tc, draining_ends_every_session);
	tcase_add_test(tc, every_ending_has_a_name_a_legal_code_and_a_text_that_fits_a_close_frame);
	tcase_add_test(tc, the_hosts_memory_is_read_from_meminfo);
	tcase_add_test(
		tc,
		the_host_carries_as_many_full_sandboxes_as_the_scarcer_of_memory_and_process_numbers);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
