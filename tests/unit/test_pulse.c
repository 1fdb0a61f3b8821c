#include "edge/pulse.h"

#include <check.h>
#include <stdlib.h>

#include "suite.h"

#define MANY    10000
#define TICK_MS 100

struct peer {
	struct pulse pulse;
	bool gone, waits; /* waits: its input has to */
	unsigned pings;
	uint64_t gone_ms;
};

static struct pulses all;
static struct peer peers[MANY];
static uint64_t now_ms;
static unsigned calls;

static void on_quiet(struct pulse *p)
{
	((struct peer *)p)->pings++;
	calls++;
}

static bool on_silent(struct pulse *p)
{
	struct peer *peer = (struct peer *)p;

	calls++;
	if (peer->waits)
		return false;
	pulse_end(&all, p);
	peer->gone = true;
	peer->gone_ms = now_ms;
	return true;
}

static const struct pulse_events events = {.on_quiet = on_quiet, .on_silent = on_silent};

static void set_up(void)
{
	all = (struct pulses){0};
	now_ms = 1000000;
	calls = 0;
	for (size_t i = 0; i < MANY; i++)
		peers[i] = (struct peer){0};
}

static void pass(uint64_t ms)
{
	for (uint64_t end_ms = now_ms + ms; now_ms < end_ms;) {
		now_ms += TICK_MS;
		pulse_sweep(&all, &events, now_ms);
	}
}

START_TEST(who_says_something_is_left_alone)
{
	pulse_begin(&all, &peers[0].pulse, now_ms);
	for (int i = 0; i < 100; i++) {
		pass(PULSE_PING_AFTER_MS - TICK_MS);
		peers[0].pulse.heard_ms = now_ms;
	}
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(who_is_quiet_and_answers_is_pinged_again_and_again)
{
	pulse_begin(&all, &peers[0].pulse, now_ms);
	for (unsigned i = 1; i <= 100; i++) {
		pass(PULSE_PING_AFTER_MS - TICK_MS);
		ck_assert_uint_eq(peers[0].pings, i - 1);
		pass(PULSE_LOOK_MS + TICK_MS);
		ck_assert_uint_eq(peers[0].pings, i);
		peers[0].pulse.heard_ms = now_ms;
	}
	ck_assert(!peers[0].gone);
}
END_TEST

START_TEST(who_is_silent_is_pinged_once_and_given_up)
{
	uint64_t begun_ms = now_ms;

	pulse_begin(&all, &peers[0].pulse, now_ms);
	pass(60000);
	ck_assert(peers[0].gone && !all.first);
	ck_assert_uint_eq(peers[0].pings, 1);
	ck_assert_uint_gt(peers[0].gone_ms, begun_ms + PULSE_SILENCE_MAX_MS);
	ck_assert_uint_le(peers[0].gone_ms, begun_ms + PULSE_SILENCE_MAX_MS + PULSE_LOOK_MS);
}
END_TEST

START_TEST(whose_input_waits_is_pinged_and_not_given_up)
{
	peers[0].waits = true;
	pulse_begin(&all, &peers[0].pulse, now_ms);
	pass(600000);
	ck_assert(!peers[0].gone);
	ck_assert_uint_ge(peers[0].pings, 600000 / (PULSE_PING_AFTER_MS + PULSE_LOOK_MS));
	peers[0].waits = false;
	pass(PULSE_LOOK_MS);
	ck_assert(peers[0].gone);
}
END_TEST

START_TEST(a_sign_of_life_that_is_later_than_the_sweep_is_no_silence)
{
	pulse_begin(&all, &peers[0].pulse, now_ms);
	for (int i = 0; i < 100; i++) {
		peers[0].pulse.heard_ms = now_ms + TICK_MS + 7;
		pass(TICK_MS);
	}
	ck_assert_uint_eq(calls, 0);
}
END_TEST

/* A sweep that looked at everybody would do so a hundred times in the time in which each is looked at once. */
START_TEST(of_many_each_is_looked_at_in_its_turn)
{
	for (size_t i = 0; i < MANY; i++) {
		now_ms += i % 10 == 0;
		pulse_begin(&all, &peers[i].pulse, now_ms);
	}
	uint64_t begun_ms = now_ms;
	pass(PULSE_LOOK_MS - 1000);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_uint_le(peers[i].pulse.looked_ms, begun_ms);
	pass(1000);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_uint_gt(peers[i].pulse.looked_ms, begun_ms);
	ck_assert(peers[0].pulse.looked_ms < peers[MANY - 1].pulse.looked_ms);
	pass(PULSE_SILENCE_MAX_MS + PULSE_LOOK_MS);
	for (size_t i = 0; i < MANY; i++)
		ck_assert(peers[i].gone && peers[i].pings == 1);
	ck_assert_ptr_null(all.first);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pulse");
	TCase *tc = tcase_create("pulse");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, who_says_something_is_left_alone);
	tcase_add_test(tc, who_is_quiet_and_answers_is_pinged_again_and_again);
	tcase_add_test(tc, who_is_silent_is_pinged_once_and_given_up);
	tcase_add_test(tc, whose_input_waits_is_pinged_and_not_given_up);
	tcase_add_test(tc, a_sign_of_life_that_is_later_than_the_sweep_is_no_silence);
	tcase_add_test(tc, of_many_each_is_looked_at_in_its_turn);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
