#include <stdio.h>
#include <stdlib.h>

#include "suite.h"
#include "tests/unit/limiter_fixture.h"
#include "tests/unit/limiter_model.h"

/* --- sessions --- */

START_TEST(of_a_hundred_reservations_in_one_turn_exactly_two_get_through)
{
	struct client c = client(1);
	char id[16];

	start((struct limits){.sessions = 2});
	memset(&answers, 0, sizeof(answers));
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		ck_assert_ptr_nonnull(ask(id, &c));
	}
	ck_assert_uint_eq(answers.count, 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	printf("of 100 reservations in one turn at limit 2: %zu got through, %zu refused\n",
	       answers.by[LIMITER_OK], answers.by[LIMITER_SESSIONS]);
	ck_assert_uint_eq(answers.by[LIMITER_OK], 2);
	ck_assert_uint_eq(answers.by[LIMITER_SESSIONS], 98);
	ck_assert_uint_eq(counts().refused_by[LIMITER_SESSIONS], 98);
	ck_assert_uint_eq(counts().sessions, 2);
	stop();
}
END_TEST

START_TEST(a_slot_comes_back_once_although_released_thrice)
{
	struct client c = client(1);

	start((struct limits){.sessions = 2});
	ck_assert(reserved("a", &c) && reserved("b", &c) && !reserved("c", &c));
	for (int i = 0; i < 3; i++)
		limiter_release_session(limiter, "a", i == 1);
	limiter_release_session(limiter, "never heard of", true);
	ck_assert_uint_eq(counts().sessions, 1);
	ck_assert(reserved("c", &c) && !reserved("d", &c));
	stop();
}
END_TEST

START_TEST(reserving_a_reserved_session_again_costs_nothing)
{
	struct client c = client(1), other = client(2);

	start((struct limits){.sessions = 1, .sessions_per_hour = 2});
	for (int i = 0; i < 5; i++)
		ck_assert(reserved("a", &c));
	ck_assert(reserved("a", &other));
	ck_assert_uint_eq(counts().sessions, 1);
	ck_assert_uint_eq(counts().clients, 1);
	limiter_release_session(limiter, "a", false);
	ck_assert(reserved("b", &c));
	ck_assert_int_eq(reserve("c", &c).verdict, LIMITER_SESSIONS);
	stop();
}
END_TEST

START_TEST(a_refusal_says_to_the_millisecond_when_the_hour_has_room)
{
	struct client c = client(1);

	start((struct limits){.sessions_per_hour = 3});
	for (int i = 0; i < 3; i++, now_ms += 1234)
		ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	struct limiter_answer a = use(&c);
	ck_assert_int_eq(a.verdict, LIMITER_SESSIONS_PER_HOUR);
	ck_assert_uint_eq(a.retry_after_ms, HOUR_MS - 3 * 1234);
	now_ms += a.retry_after_ms - 1;
	ck_assert_uint_eq(use(&c).retry_after_ms, 1);
	now_ms++;
	ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	ck_assert_uint_eq(use(&c).retry_after_ms, 1234);
	stop();
}
END_TEST

/* A start has room when fewer than `limit` others lie within the hour before it: the whole law. */
static bool naive_has_room(const uint64_t *starts, size_t count, size_t limit)
{
	size_t within = 0;

	for (size_t i = 0; i < count; i++)
		within += now_ms - starts[i] < HOUR_MS;
	return within < limit;
}

static void check_hours(const uint64_t *starts, size_t count, size_t limit)
{
	for (size_t i = 0; i + limit < count; i++)
		ck_assert_uint_ge(starts[i + limit] - starts[i], HOUR_MS);
}

/* Returns how many of the arrivals got in. */
static size_t arrive(size_t arrivals, uint64_t (*pause_ms)(void))
{
	static uint64_t starts[100000];
	struct client c = client(1);
	size_t count = 0, limit = 10;

	start((struct limits){.sessions_per_hour = (int64_t)limit});
	for (size_t i = 0; i < arrivals; i++, now_ms += pause_ms()) {
		bool room = naive_has_room(starts, count, limit);
		ck_assert_int_eq(use(&c).verdict, room ? LIMITER_OK : LIMITER_SESSIONS_PER_HOUR);
		if (room)
			starts[count++] = now_ms;
	}
	check_hours(starts, count, limit);
	stop();
	return count;
}

static uint64_t one_minute(void)
{
	return MINUTE_MS;
}

static unsigned seed;

static uint64_t any_time(void)
{
	return rand_r(&seed) % 50 == 0 ? (uint64_t)rand_r(&seed) % (2 * HOUR_MS)
				       : (uint64_t)rand_r(&seed) % 600000;
}

START_TEST(no_hour_at_any_offset_holds_more_than_the_limit_and_none_holds_less_than_it_could)
{
	size_t count = arrive(300, one_minute);

	printf("every minute for 5 hours at limit 10: %zu sessions\n", count);
	ck_assert_uint_eq(count, 50);
	for (seed = 1; seed <= 10; seed++)
		ck_assert_uint_gt(arrive(3000, any_time), 1000);
}
END_TEST

START_TEST(a_client_that_comes_back_after_months_has_its_hour)
{
	struct client c = client(1);

	start((struct limits){.sessions_per_hour = 2});
	ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	now_ms += UINT64_C(1) << 32; /* 49.7 days */
	ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	ck_assert_uint_eq(use(&c).retry_after_ms, HOUR_MS);
	stop();
}
END_TEST

START_TEST(an_unused_session_gives_its_hour_back)
{
	struct client c = client_of_site(1, 1);

	start_sized((struct limits){.sessions_per_hour = 1}, 1, 100);
	for (int i = 0; i < 20; i++, now_ms += 100) {
		ck_assert(reserved("a", &c));
		limiter_release_session(limiter, "a", true);
	}
	ck_assert(reserved("a", &c));
	limiter_release_session(limiter, "a", false);
	ck_assert(!reserved("a", &c));
	stop();
}
END_TEST

START_TEST(an_unused_session_takes_back_its_own_start_and_no_other)
{
	struct client c = client(1);

	start((struct limits){.sessions_per_hour = 3});
	ck_assert(reserved("first", &c));
	now_ms += 1000;
	ck_assert(reserved("second", &c));
	now_ms += 1000;
	ck_assert(reserved("third", &c));
	limiter_release_session(limiter, "second", true);
	ck_assert(reserved("fourth", &c));
	ck_assert_uint_eq(reserve("fifth", &c).retry_after_ms, HOUR_MS - 2000);
	limiter_release_session(limiter, "first", true);
	ck_assert(reserved("fifth", &c));
	ck_assert_uint_eq(reserve("sixth", &c).retry_after_ms, HOUR_MS);
	stop();
}
END_TEST

START_TEST(a_cancelled_call_is_silent_and_its_session_stays_until_released)
{
	struct client c = client(1);

	start((struct limits){.sessions = 1});
	memset(&answers, 0, sizeof(answers));
	limiter_cancel(ask("a", &c));
	limiter_cancel(NULL);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_NOWAIT), 0);
	ck_assert_uint_eq(answers.count, 0);
	ck_assert_int_eq(reserve("b", &c).verdict, LIMITER_SESSIONS);
	limiter_release_session(limiter, "a", false);
	ck_assert(reserved("b", &c));
	stop();
}
END_TEST

/* Cancels the next, asks anew, gives back: all from a callback. */
static struct {
	struct limiter_call *victim;
	size_t turns;
} nested;

static void on_nested_answer(void *arg, const struct limiter_answer *answer)
{
	struct client c = client(1);

	(void)arg;
	ck_assert_int_eq(answer->verdict, LIMITER_OK);
	limiter_cancel(nested.victim);
	nested.victim = NULL;
	limiter_release_session(limiter, "nested", false);
	if (nested.turns++ < 3)
		ck_assert_ptr_nonnull(limiter_reserve_session(limiter, "nested", &c, now_ms,
							      on_nested_answer, NULL));
}

START_TEST(a_callback_may_cancel_others_and_ask_for_the_next_turn)
{
	struct client c = client(1), other = client(2);

	start((struct limits){.sessions = 1});
	memset(&answers, 0, sizeof(answers));
	limiter_reserve_session(limiter, "nested", &c, now_ms, on_nested_answer, NULL);
	nested.victim = ask("victim", &other);
	ask("bystander", &other);
	for (size_t turn = 1; turn <= 4; turn++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		ck_assert_uint_eq(nested.turns, turn);
	}
	ck_assert_uint_eq(answers.count, 1);
	ck_assert_int_eq(answers.last.verdict, LIMITER_SESSIONS);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_NOWAIT), 0);
	stop();
}
END_TEST

static void on_answer_free(void *arg, const struct limiter_answer *answer)
{
	on_answer(arg, answer);
	limiter_free(limiter);
}

START_TEST(a_callback_may_free_the_limiter_and_nobody_else_is_answered)
{
	struct client c = client(1);

	start((struct limits){0});
	memset(&answers, 0, sizeof(answers));
	limiter_reserve_session(limiter, "a", &c, now_ms, on_answer_free, NULL);
	ask("b", &c);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(answers.count, 1);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	limiter_free(NULL);
}
END_TEST

/* --- WebSockets, commands, tiers, sites --- */

START_TEST(websockets_are_counted_at_once_and_come_back)
{
	struct client c = client(1);

	start((struct limits){.websockets = 4});
	for (int i = 0; i < 4; i++)
		ck_assert(websocket(&c));
	struct limiter_answer a = limiter_take_websocket(limiter, &c, now_ms);
	ck_assert_int_eq(a.verdict, LIMITER_WEBSOCKETS);
	ck_assert_uint_eq(a.retry_after_ms, 0);
	limiter_give_websocket(limiter, &c);
	ck_assert_uint_eq(counts().websockets, 3);
	ck_assert(websocket(&c) && !websocket(&c));
	stop();
}
END_TEST

START_TEST(sixty_commands_pass_at_once_and_then_one_each_second)
{
	struct client c = client(1);
	uint64_t retry_ms;

	start((struct limits){.commands_per_minute = 60});
	ck_assert_uint_eq(commands(&c, 60, &retry_ms), 60);
	ck_assert_uint_eq(retry_ms, 0);
	ck_assert_uint_eq(commands(&c, 1, &retry_ms), 0);
	ck_assert_uint_eq(retry_ms, 1000);
	for (int i = 0; i < 200; i++) {
		now_ms += 999;
		ck_assert_uint_eq(commands(&c, 1, &retry_ms), 0);
		ck_assert_uint_eq(retry_ms, 1);
		now_ms++;
		ck_assert_uint_eq(commands(&c, 1, &retry_ms), 1);
	}
	now_ms += 10000;
	ck_assert_uint_eq(commands(&c, 200, &retry_ms), 10);
	ck_assert_uint_eq(retry_ms, 1000);
	now_ms += MINUTE_MS;
	ck_assert_uint_eq(commands(&c, 200, &retry_ms), 60);
	ck_assert_uint_eq(counts().commands_delayed, 203);
	stop();
}
END_TEST

/* Limits that do not divide a minute: the burst is the limit, and what the wait promises is kept. */
START_TEST(any_limit_of_commands_is_exact_in_burst_and_wait)
{
	struct client c = client(1);
	uint64_t retry_ms;

	start((struct limits){.commands_per_minute = _i});
	for (int minute = 0; minute < 3; minute++, now_ms += MINUTE_MS + 1) {
		ck_assert_uint_eq(commands(&c, 200000, &retry_ms), _i);
		now_ms += retry_ms - 1;
		ck_assert(retry_ms == 1 || commands(&c, 1, &retry_ms) == 0);
		now_ms++;
		ck_assert_uint_ge(commands(&c, 1, &retry_ms), 1);
	}
	stop();
}
END_TEST

START_TEST(no_limit_is_no_limit_and_is_still_counted)
{
	struct client c = client_of_site(1, 1);
	uint64_t retry_ms;
	char id[16];

	start((struct limits){0});
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		ck_assert(reserved(id, &c) && websocket(&c));
	}
	ck_assert_uint_eq(commands(&c, 1000000, &retry_ms), 1000000);
	ck_assert_uint_eq(counts().sessions, 500);
	ck_assert_uint_eq(counts().websockets, 500);
	stop();
}
END_TEST

START_TEST(the_limits_are_those_of_the_tier_that_calls)
{
	struct client anonymous = client(1), user = client(1);
	uint64_t retry_ms;

	user.tier = TIER_LOGGED_IN;
	start((struct limits){.sessions_per_hour = 2, .commands_per_minute = 6});
	ck_assert(use(&anonymous).verdict == LIMITER_OK && use(&anonymous).verdict == LIMITER_OK);
	now_ms += 1000;
	ck_assert_int_eq(use(&user).verdict, LIMITER_OK);
	ck_assert_int_eq(use(&user).verdict, LIMITER_OK);
	ck_assert_uint_eq(use(&user).retry_after_ms, HOUR_MS - 1000);
	/* Three of four must be over before there is one of two. */
	ck_assert_uint_eq(use(&anonymous).retry_after_ms, HOUR_MS);
	ck_assert_uint_eq(commands(&user, 100, &retry_ms), 12);
	ck_assert_uint_eq(retry_ms, 5000);
	ck_assert_uint_eq(commands(&anonymous, 100, &retry_ms), 0);
	ck_assert_uint_eq(retry_ms, 10000);
	stop();
}
END_TEST

START_TEST(the_clients_of_a_site_share_its_limits_and_a_refusal_charges_neither)
{
	uint64_t retry_ms;
	char id[16];

	start_sized((struct limits){.sessions_per_hour = 4,
				    .sessions = 2,
				    .websockets = 2,
				    .commands_per_minute = 6},
		    2, 100);
	struct client a = client_of_site(1, 7), b = client_of_site(2, 7), c = client_of_site(3, 7);
	for (int i = 0; i < 4; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		ck_assert(reserved(id, i % 2 ? &a : &b) && websocket(i % 2 ? &a : &b));
	}
	ck_assert_uint_eq(commands(&a, 9, &retry_ms) + commands(&b, 9, &retry_ms), 12);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(reserve("c", &c).verdict, LIMITER_SESSIONS);
		ck_assert(!websocket(&c));
		ck_assert_uint_eq(commands(&c, 1, &retry_ms), 0);
		ck_assert_uint_eq(retry_ms, 5000);
	}
	ck_assert_uint_eq(counts().clients, 3); /* a, b and the site */
	for (int i = 0; i < 4; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		limiter_release_session(limiter, id, false);
		limiter_give_websocket(limiter, i % 2 ? &a : &b);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	ck_assert_int_eq(use(&b).verdict, LIMITER_SESSIONS_PER_HOUR);
	ck_assert_uint_eq(use(&b).retry_after_ms, HOUR_MS);
	struct client elsewhere = client(2);
	elsewhere.key = b.site; /* a client is never taken for a site of the same key */
	ck_assert_int_eq(use(&elsewhere).verdict, LIMITER_OK);
	stop();
}
END_TEST

/* --- random operations --- */

START_TEST(random_operations_agree_with_a_slow_exact_model)
{
	size_t clients_max = _i % 2 ? GAME_RECORDS : 2 + (size_t)_i;
	struct game *g = game_new(clients_max);
	unsigned random = 42 + (unsigned)_i;

	for (int i = 0; i < 100000; i++)
		game_step(g, (unsigned)rand_r(&random) >> 4, (unsigned)rand_r(&random) >> 4,
			  (unsigned)rand_r(&random) >> 4, (unsigned)rand_r(&random) >> 4);
	struct game_seen seen = game_end(g);
	/* It has been everywhere. */
	ck_assert_uint_gt(seen.verdicts[LIMITER_OK], 1000);
	if (clients_max == GAME_RECORDS)
		for (int v = 0; v < LIMITER_FULL; v++)
			ck_assert_uint_gt(seen.verdicts[v], 100);
	else
		ck_assert_uint_gt(seen.verdicts[LIMITER_FULL], 100);
	ck_assert(seen.cancelled > 100 && seen.given_back > 100);
	ck_assert(seen.commands > 1000 && seen.held_up > 100);
	ck_assert_uint_eq(seen.clients_max, clients_max);
}
END_TEST

static void add_sessions(TCase *tc)
{
	tcase_add_test(tc, of_a_hundred_reservations_in_one_turn_exactly_two_get_through);
	tcase_add_test(tc, a_slot_comes_back_once_although_released_thrice);
	tcase_add_test(tc, reserving_a_reserved_session_again_costs_nothing);
	tcase_add_test(tc, a_refusal_says_to_the_millisecond_when_the_hour_has_room);
	tcase_add_test(
		tc,
		no_hour_at_any_offset_holds_more_than_the_limit_and_none_holds_less_than_it_could);
	tcase_add_test(tc, a_client_that_comes_back_after_months_has_its_hour);
	tcase_add_test(tc, an_unused_session_gives_its_hour_back);
	tcase_add_test(tc, an_unused_session_takes_back_its_own_start_and_no_other);
	tcase_add_test(tc, a_cancelled_call_is_silent_and_its_session_stays_until_released);
	tcase_add_test(tc, a_callback_may_cancel_others_and_ask_for_the_next_turn);
	tcase_add_test(tc, a_callback_may_free_the_limiter_and_nobody_else_is_answered);
}

static void add_others(TCase *tc)
{
	tcase_add_test(tc, websockets_are_counted_at_once_and_come_back);
	tcase_add_test(tc, sixty_commands_pass_at_once_and_then_one_each_second);
	tcase_add_loop_test(tc, any_limit_of_commands_is_exact_in_burst_and_wait, 1, 150);
	tcase_add_test(tc, no_limit_is_no_limit_and_is_still_counted);
	tcase_add_test(tc, the_limits_are_those_of_the_tier_that_calls);
	tcase_add_test(tc, the_clients_of_a_site_share_its_limits_and_a_refusal_charges_neither);
	tcase_add_loop_test(tc, random_operations_agree_with_a_slow_exact_model, 0, 6);
}

int main(void)
{
	Suite *suite = suite_create("limiter");
	TCase *tc = tcase_create("limiter");

	tcase_set_timeout(tc, 60);
	add_sessions(tc);
	add_others(tc);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
