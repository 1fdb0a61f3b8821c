#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/canary_probe.h"
#include "sandbox/guard.h"
#include "suite.h"
#include "world.h"

#define GOOD                                                                                       \
	"\r\n<canary>\r\nkernel=[    0.000000] Starting gVisor...\r\nuser=1000\r\n"                \
	"capabilities=0000000000000000\r\nroot=ro\r\nwritten=\r\ninterfaces=lo \r\n"               \
	"memory=131072\r\n</canary>\r\n"
#define BAD "\r\n<canary>\r\nuser=0\r\n</canary>\r\n"

static struct guard *guard;
static const struct environment *environment;
static unsigned epoch;
static uint64_t now_ms;

static void set_up(void)
{
	world_up();
	guard = guard_new(&world.config, world.fleet);
	ck_assert_ptr_nonnull(guard);
	environment = &environments[0];
	epoch = 1;
	now_ms = clock_monotonic_ms();
}

static void tear_down(void)
{
	guard_free(guard);
	world_settle();
	world_down();
}

static void sweep(void)
{
	guard_sweep(guard, environment, epoch, now_ms);
}

static struct sim_agent *probing(void)
{
	for (size_t i = 0; i < sim_container_count(world.sim); i++) {
		struct sim_agent *a = sim_container_agent(sim_container_at(world.sim, i));
		if (a && a->terminals[0].open)
			return a;
	}
	return NULL;
}

static bool is_probing(void)
{
	sweep();
	return probing() != NULL;
}

static bool is_ok(void)
{
	sweep();
	return guard_ok(guard, epoch);
}

static bool is_empty(void)
{
	sweep();
	return sim_container_count(world.sim) == 0;
}

static const char *awaited;

static bool has_problem(void)
{
	sweep();
	return strstr(guard_problem(guard), awaited) != NULL;
}

static void await_problem(const char *part)
{
	awaited = part;
	world_until(has_problem);
	ck_assert(!guard_ok(guard, epoch));
}

static void answer(const char *report)
{
	world_until(is_probing);
	sim_agent_print(probing(), 1, report, strlen(report));
}

static void pass(void)
{
	answer(GOOD);
	world_until(is_ok);
	ck_assert_str_eq(guard_problem(guard), "");
}

/* The container is removed after the report has been read. */
static void fail_once(void)
{
	answer(BAD);
	world_until(is_empty);
	sweep();
	ck_assert(!guard_ok(guard, epoch));
	ck_assert_ptr_nonnull(strstr(guard_problem(guard), "in a sandbox"));
}

/* Nothing is started, however long the loop runs. */
static void expect_quiet(void)
{
	for (int i = 0; i < 30; i++) {
		sweep();
		world_turns(1);
		ck_assert_uint_eq(fleet_count(world.fleet), 0);
	}
}

START_TEST(nothing_is_allowed_before_a_canary_has_passed)
{
	ck_assert(!guard_ok(guard, epoch));
	ck_assert_str_ne(guard_problem(guard), "");
	world_until(is_probing);
	ck_assert(!guard_ok(guard, epoch));
	pass();
	expect_quiet();
	ck_assert(guard_ok(guard, epoch));
	ck_assert_int_eq(guard_kind(guard), CANARY_KIND_GVISOR);
}
END_TEST

START_TEST(no_canary_runs_while_no_sandbox_could_be_started)
{
	environment = NULL;
	expect_quiet();
	ck_assert(!guard_ok(guard, epoch));
	environment = &environments[1];
	world_until(is_probing);
	ck_assert_str_eq(sim_container_label(sim_container_at(world.sim, 0), LABEL_ENVIRONMENT),
			 environments[1].name);
	pass();
}
END_TEST

START_TEST(another_epoch_takes_the_permission_back_until_another_canary_has_passed)
{
	pass();
	epoch++;
	sweep();
	ck_assert(!guard_ok(guard, epoch));
	ck_assert_str_ne(guard_problem(guard), "");
	expect_quiet(); /* not twice in a row at full speed */
	now_ms += GUARD_PAUSE_MIN_MS;
	pass();
}
END_TEST

START_TEST(an_engine_that_is_away_for_a_moment_needs_no_new_canary)
{
	pass();
	environment = NULL;
	expect_quiet();
	environment = &environments[0];
	now_ms += GUARD_PAUSE_MAX_MS;
	expect_quiet();
	ck_assert(guard_ok(guard, epoch));
}
END_TEST

START_TEST(a_canary_of_the_epoch_before_proves_nothing)
{
	world_until(is_probing);
	epoch++;
	sweep();
	world_until(is_empty);
	ck_assert(!guard_ok(guard, epoch));
	now_ms += GUARD_PAUSE_MIN_MS;
	fail_once();
}
END_TEST

START_TEST(after_failures_it_is_tried_again_with_growing_pauses)
{
	uint64_t pause_ms = GUARD_PAUSE_MIN_MS;

	for (int i = 0; i < 8; i++) {
		fail_once();
		now_ms += pause_ms - 1;
		expect_quiet();
		now_ms += 1;
		pause_ms = pause_ms * 2 < GUARD_PAUSE_MAX_MS ? pause_ms * 2 : GUARD_PAUSE_MAX_MS;
	}
	pass();
}
END_TEST

START_TEST(another_epoch_is_not_kept_waiting_by_failures_in_the_one_before)
{
	for (int i = 0; i < 5; i++) {
		fail_once();
		now_ms += GUARD_PAUSE_MAX_MS;
	}
	fail_once();
	epoch++;
	now_ms += GUARD_PAUSE_MIN_MS;
	pass();
}
END_TEST

START_TEST(no_canary_runs_while_the_circuit_is_open)
{
	sim_set_plan(world.sim, &(struct sim_plan){.start = SIM_FAIL});
	for (int i = 0; i < FLEET_FAILED_STARTS_MAX; i++) {
		ck_assert(!fleet_circuit_open(world.fleet, clock_monotonic_ms()));
		epoch++;
		now_ms += GUARD_PAUSE_MIN_MS;
		await_problem("does not start");
	}
	sim_set_plan(world.sim, &(struct sim_plan){.start = SIM_OK});
	ck_assert(fleet_circuit_open(world.fleet, clock_monotonic_ms()));
	world_until(is_empty);
	epoch++;
	now_ms = clock_monotonic_ms() + FLEET_FAILED_STARTS_WINDOW / 2;
	expect_quiet();
	now_ms += FLEET_FAILED_STARTS_WINDOW;
	pass();
}
END_TEST

START_TEST(when_it_is_stopped_nothing_runs_any_more)
{
	world_until(is_probing);
	guard_stop(guard);
	world_until(is_empty);
	epoch++;
	now_ms += GUARD_PAUSE_MAX_MS;
	expect_quiet();
	guard_stop(guard);
}
END_TEST

START_TEST(where_gvisor_is_not_asked_for_it_is_not_demanded)
{
	world.config.use_gvisor = false;
	answer("\r\n<canary>\r\nkernel=\r\nuser=1000\r\ncapabilities=0000000000000000\r\nroot=ro\r"
	       "\nwritten=\r\ninterfaces=lo \r\n</canary>\r\n");
	world_until(is_ok);
	ck_assert_int_eq(guard_kind(guard), CANARY_KIND_HOST);
}
END_TEST

/* --- the epoch, which watch gives --- */

static bool has_stream(void)
{
	return sim_event_streams(world.sim) == 1 && watch_health(world.watch)->epoch != epoch;
}

START_TEST(an_engine_that_was_restarted_is_another_epoch)
{
	epoch = watch_health(world.watch)->epoch;
	ck_assert_uint_gt(epoch, 0);
	sim_drop_connections(world.sim);
	world_sweep(60000);
	world_until(has_stream);
	epoch = watch_health(world.watch)->epoch;
	world_sweep(WATCH_INTERVAL_MS);
	world_turns(20);
	world_sweep(60000); /* asks for everything again */
	world_turns(40);
	ck_assert_uint_eq(watch_health(world.watch)->epoch, epoch);
}
END_TEST

static bool is_another_epoch(void)
{
	world_sweep(60000); /* asks for everything again */
	return watch_health(world.watch)->epoch != epoch;
}

static bool knows_runtime(void)
{
	return watch_health(world.watch)->runtime_epoch == watch_health(world.watch)->epoch;
}

START_TEST(another_runtime_of_the_same_engine_is_another_epoch_and_asked_for_its_version)
{
	const struct engine_health *health = watch_health(world.watch);
	char path[] = "/tmp/sandbox-runtime-XXXXXX";
	FILE *program = fdopen(mkstemp(path), "w");

	ck_assert_ptr_nonnull(program);
	fprintf(program, "#!/bin/sh\necho runsc version 7.5\n");
	ck_assert(fchmod(fileno(program), 0755) == 0 && fclose(program) == 0);
	ck_assert_str_eq(health->runtime_version, ""); /* of a runtime without a path */
	epoch = health->epoch;
	sim_set_runtime(world.sim, path);
	world_until(is_another_epoch);
	ck_assert_uint_eq(health->epoch, epoch + 1);
	world_until(knows_runtime);
	ck_assert_str_eq(health->runtime_version, "7.5");
	sim_set_runtime(world.sim, "io.containerd.runsc.v1");
	epoch++;
	world_until(is_another_epoch);
	world_until(knows_runtime);
	ck_assert_str_eq(health->runtime_version, "");
	unlink(path);
}
END_TEST

static struct sessions *guarded;
static unsigned answers;
static struct err answer_err;

static void on_started(void *arg, struct session *session, const struct err *err)
{
	(void)arg;
	answers++;
	answer_err = err ? *err : (struct err){.msg = ""};
	if (session)
		session_end(session, END_DELETED);
}

static struct session *ask_guarded(struct err *err)
{
	struct session_request r = {.client = &anybody,
				    .tool_pair = "pair",
				    .environment = &environments[0],
				    .init_timeout_ms = 60000};

	return session_start(guarded, &r, on_started, NULL, err);
}

static bool is_answered(void)
{
	return answers > 0;
}

static bool epoch_is_over(void)
{
	return watch_health(world.watch)->epoch != epoch;
}

static void set_up_guarded(void)
{
	set_up();
	answers = 0;
	guarded = sessions_new(&(struct sessions_parts){.config = &world.config,
							.fleet = world.fleet,
							.watch = world.watch,
							.guard = guard,
							.capacity = world.capacity,
							.limiter = world.limiter});
	epoch = watch_health(world.watch)->epoch;
}

static void tear_down_guarded(void)
{
	sessions_free(guarded);
	tear_down();
}

START_TEST(no_session_starts_before_a_canary_has_passed_in_the_engines_epoch)
{
	struct err err;

	ck_assert_ptr_null(ask_guarded(&err));
	ck_assert_int_eq(err.kind, ERR_BUSY);
	pass();
	ck_assert_ptr_nonnull(ask_guarded(&err));
	world_until(is_answered);
	ck_assert_str_eq(answer_err.msg, "");
	/* The guard has not been told of what the watch knows already. */
	sim_drop_events(world.sim);
	world_until(epoch_is_over);
	ck_assert(guard_ok(guard, epoch));
	ck_assert_ptr_null(ask_guarded(&err));
	ck_assert_int_eq(err.kind, ERR_BUSY);
}
END_TEST

START_TEST(a_sandbox_that_another_engine_may_have_made_is_not_given_to_anybody)
{
	struct err err;

	pass();
	sim_set_plan(world.sim, &(struct sim_plan){.start = SIM_HANG});
	ck_assert_ptr_nonnull(ask_guarded(&err));
	world_turns(100);
	sim_drop_events(world.sim);
	world_until(epoch_is_over);
	sim_release(world.sim);
	world_until(is_answered);
	ck_assert_int_eq(answer_err.kind, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(answer_err.msg, "Engine changed"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guard");
	TCase *tc = tcase_create("guard");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, nothing_is_allowed_before_a_canary_has_passed);
	tcase_add_test(tc, no_canary_runs_while_no_sandbox_could_be_started);
	tcase_add_test(tc, another_epoch_takes_the_permission_back_until_another_canary_has_passed);
	tcase_add_test(tc, an_engine_that_is_away_for_a_moment_needs_no_new_canary);
	tcase_add_test(tc, a_canary_of_the_epoch_before_proves_nothing);
	tcase_add_test(tc, after_failures_it_is_tried_again_with_growing_pauses);
	tcase_add_test(tc, another_epoch_is_not_kept_waiting_by_failures_in_the_one_before);
	tcase_add_test(tc, no_canary_runs_while_the_circuit_is_open);
	tcase_add_test(tc, when_it_is_stopped_nothing_runs_any_more);
	tcase_add_test(tc, where_gvisor_is_not_asked_for_it_is_not_demanded);
	tcase_add_test(tc, an_engine_that_was_restarted_is_another_epoch);
	tcase_add_test(
		tc, another_runtime_of_the_same_engine_is_another_epoch_and_asked_for_its_version);
	TCase *of_sessions = tcase_create("sessions");
	tcase_add_checked_fixture(of_sessions, set_up_guarded, tear_down_guarded);
	tcase_add_test(of_sessions,
		       no_session_starts_before_a_canary_has_passed_in_the_engines_epoch);
	tcase_add_test(of_sessions,
		       a_sandbox_that_another_engine_may_have_made_is_not_given_to_anybody);
	suite_add_tcase(suite, of_sessions);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
