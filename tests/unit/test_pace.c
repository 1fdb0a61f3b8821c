#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/pace.h"
#include "suite.h"

#define RATE  1000000 /* bytes a second: 1,000 a millisecond */
#define BURST (RATE / 10)
#define PIECE 10000

struct waiter {
	struct pace_wait wait; /* the first member */
	unsigned turns;
};

static uv_loop_t loop;
static struct pace *pace;
static struct waiter a, b;
static unsigned order[64], turns;

static uint32_t on_turn(struct pace_wait *w)
{
	struct waiter *waiter = (struct waiter *)w;

	waiter->turns++;
	if (turns < 64)
		order[turns] = waiter == &b;
	turns++;
	return PIECE;
}

static void set_up(void)
{
	uv_loop_init(&loop);
	pace = pace_new(&loop, RATE, on_turn);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	turns = 0;
}

static void tear_down(void)
{
	pace_free(pace);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* Until the bucket is empty. */
static unsigned drain(void)
{
	unsigned pieces = 0;

	while (pace_take(pace, &a.wait, PIECE))
		pieces++;
	return pieces;
}

START_TEST(a_bucket_holds_a_tenth_of_a_second)
{
	ck_assert_uint_eq(drain(), BURST / PIECE);
	ck_assert(a.wait.waits);
	pace_forget(pace, &a.wait);
	ck_assert(!a.wait.waits);
}
END_TEST

START_TEST(who_finds_it_empty_gets_a_turn_when_it_has_filled)
{
	drain();
	uint64_t began_ms = uv_now(&loop);
	while (!a.turns)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert(!a.wait.waits);
	ck_assert_uint_ge(uv_now(&loop), began_ms + 1);
	ck_assert_uint_eq(a.turns, 1);
}
END_TEST

START_TEST(those_who_wait_take_turns_at_the_rate)
{
	drain();
	ck_assert(!pace_take(pace, &b.wait, PIECE));
	uint64_t began_ms = uv_now(&loop);
	while (turns < 20) {
		uv_run(&loop, UV_RUN_ONCE);
		/* Each asks again as soon as it has had its turn. */
		if (!a.wait.waits)
			pace_take(pace, &a.wait, PIECE);
		if (!b.wait.waits)
			pace_take(pace, &b.wait, PIECE);
	}
	/* 20 pieces at the rate take 200 ms; the first goes when the bucket holds anything. */
	ck_assert_uint_ge(uv_now(&loop) - began_ms, 19 * PIECE / (RATE / 1000) - 10);
	ck_assert_int_le(abs((int)a.turns - (int)b.turns), 2);
	pace_forget(pace, &a.wait);
	pace_forget(pace, &b.wait);
}
END_TEST

START_TEST(nobody_goes_before_those_who_wait)
{
	drain();
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert(!pace_take(pace, &b.wait, 1));
	while (turns < 2)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(order[0], 0);
	ck_assert_uint_eq(order[1], 1);
}
END_TEST

START_TEST(who_is_forgotten_has_no_turn)
{
	drain();
	ck_assert(!pace_take(pace, &b.wait, PIECE));
	pace_forget(pace, &a.wait);
	while (!b.turns)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(a.turns, 0);
	/* With nobody in the queue the clock stands: the loop has nothing to do. */
	ck_assert_int_eq(uv_run(&loop, UV_RUN_NOWAIT), 0);
}
END_TEST

START_TEST(the_slowest_rate_is_a_rate)
{
	pace_free(pace);
	pace = pace_new(&loop, 1, on_turn);
	ck_assert(pace_take(pace, &a.wait, 0));
	ck_assert(pace_take(pace, &a.wait, 1));
	ck_assert(!pace_take(pace, &a.wait, 1));
	uint64_t began_ms = uv_now(&loop);
	while (!a.turns)
		uv_run(&loop, UV_RUN_ONCE);
	/* A byte was owed but for a tenth. */
	ck_assert_uint_ge(uv_now(&loop) - began_ms, 900);
}
END_TEST

START_TEST(the_highest_rate_overflows_nothing)
{
	pace_free(pace);
	pace = pace_new(&loop, UINT64_C(100000000000), on_turn);
	loop.time += UINT64_C(400) * 24 * 3600 * 1000;
	for (int i = 0; i < 1000; i++)
		ck_assert(pace_take(pace, &a.wait, 1000000));
}
END_TEST

START_TEST(waits_are_counted)
{
	ck_assert_uint_eq(pace_waits(NULL), 0);
	ck_assert_uint_eq(pace_waits(pace), 0);
	drain();
	ck_assert_uint_eq(pace_waits(pace), 1);
	pace_forget(pace, &a.wait);
	pace_take(pace, &b.wait, 1);
	ck_assert_uint_eq(pace_waits(pace), 2);
	pace_forget(pace, &b.wait);
}
END_TEST

START_TEST(without_a_pace_nobody_waits)
{
	for (int i = 0; i < 1000; i++)
		ck_assert(pace_take(NULL, &a.wait, PIECE));
	pace_forget(NULL, &a.wait);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pace");
	TCase *tc = tcase_create("pace");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_bucket_holds_a_tenth_of_a_second);
	tcase_add_test(tc, who_finds_it_empty_gets_a_turn_when_it_has_filled);
	tcase_add_test(tc, those_who_wait_take_turns_at_the_rate);
	tcase_add_test(tc, nobody_goes_before_those_who_wait);
	tcase_add_test(tc, who_is_forgotten_has_no_turn);
	tcase_add_test(tc, the_slowest_rate_is_a_rate);
	tcase_add_test(tc, the_highest_rate_overflows_nothing);
	tcase_add_test(tc, waits_are_counted);
	tcase_add_test(tc, without_a_pace_nobody_waits);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
