#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "suite.h"
#include "tests/unit/limiter_fixture.h"

#define MB         (1024 * 1024)
#define MEMORY_MAX (32 * MB)

/* Under ASan neither memory can be measured nor malloc replaced. */
#ifdef __SANITIZE_ADDRESS__
#define FLOOD 150000 /* more than are remembered */
#else
#define FLOOD 1000000
#endif

static size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Without running the loop: the reservation is made at once. */
static void use_silently(const struct client *c)
{
	limiter_cancel(ask("silent", c));
	limiter_release_session(limiter, "silent", false);
}

static void check_memory(const char *what, size_t before, double since_s)
{
	size_t used = heap_bytes() - before;

	printf("%s: %zu remembered in %.1f MB, %.2f s\n", what, counts().clients, (double)used / MB,
	       now_s() - since_s);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_uint_gt(used, 1 * MB);
	ck_assert_uint_lt(used, MEMORY_MAX);
#endif
}

static const struct limits usual = {
	.sessions_per_hour = 10, .sessions = 2, .websockets = 4, .commands_per_minute = 60};

START_TEST(a_million_addresses_of_one_network_are_one_record)
{
	struct client c = client(1);
	uint64_t retry_ms;

	start(usual);
	for (int i = 0; i < FLOOD; i++) {
		limiter_cancel(ask("a", &c));
		commands(&c, 1, &retry_ms);
	}
	ck_assert_uint_eq(counts().clients, 1);
	stop();
}
END_TEST

START_TEST(a_flood_of_clients_stays_in_bounds_and_pushes_out_nobody_at_a_limit)
{
	struct client hour = client_of_site(1, 1), sessions = client(2), websockets = client(3),
		      typist = client(4), site = client_of_site(5, 2), flood;
	uint64_t retry_ms;

	start(usual);
	for (int i = 0; i < 10; i++)
		use_silently(&hour);
	for (uint32_t i = 0; i < 80; i++) {
		flood = client_of_site(100 + i / 10, 2);
		use_silently(&flood);
	}
	ck_assert(reserved("a", &sessions) && reserved("b", &sessions));
	for (int i = 0; i < 4; i++)
		ck_assert(websocket(&websockets));
	ck_assert_uint_eq(commands(&typist, 100, &retry_ms), 60);

	size_t before = heap_bytes();
	double since_s = now_s();
	for (uint32_t i = 0; i < FLOOD; i++) {
		flood = _i ? client_of_site(1000 + i, 1000 + i / 50) : client(1000 + i);
		use_silently(&flood);
		now_ms += i % 1000 == 0; /* a second in all */
	}
	check_memory(_i ? "a flood of clients, 50 to a site" : "a flood of clients", before,
		     since_s);
	ck_assert_uint_le(counts().clients, LIMITER_CLIENTS_MAX);
	ck_assert(_i || counts().clients == LIMITER_CLIENTS_MAX);
	ck_assert_uint_eq(counts().refused_by[LIMITER_FULL], 0);

	ck_assert_int_eq(use(&hour).verdict, LIMITER_SESSIONS_PER_HOUR);
	ck_assert_int_eq(use(&site).verdict, LIMITER_SESSIONS_PER_HOUR);
	ck_assert_int_eq(reserve("c", &sessions).verdict, LIMITER_SESSIONS);
	ck_assert(!websocket(&websockets));
	ck_assert_uint_le(commands(&typist, 100, &retry_ms), FLOOD / 1000000 + 1);
	stop();
}
END_TEST

START_TEST(all_at_their_limits_fit_into_memory_and_the_next_is_refused_until_one_has_room)
{
	struct client c;
	double since_s = now_s();

	start(usual);
	size_t before = heap_bytes();
	for (uint32_t i = 0; i < LIMITER_CLIENTS_MAX; i++) {
		c = client(i);
		for (int k = 0; k < 10; k++)
			use_silently(&c);
		now_ms += i == 0;
	}
	check_memory("everybody at the limit", before, since_s);
	since_s = now_s();
	c = client(LIMITER_CLIENTS_MAX);
	ck_assert_int_eq(use(&c).verdict, LIMITER_FULL);
	printf("looking at all of them: %.1f ms\n", (now_s() - since_s) * 1000);
	since_s = now_s();
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(use(&c).verdict, LIMITER_FULL);
	printf("a thousand more refusals: %.1f ms\n", (now_s() - since_s) * 1000);
	now_ms += HOUR_MS - 1; /* only the very first is over its hour */
	ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	c = client(LIMITER_CLIENTS_MAX - 1);
	ck_assert_int_eq(use(&c).verdict, LIMITER_SESSIONS_PER_HOUR);
	stop();
}
END_TEST

/* A thousand starts of each of a hundred clients would be 400 KB; there is room for 64. */
START_TEST(starts_have_a_memory_of_their_own_and_it_is_bounded)
{
	size_t through = 0, full = 0;
	struct client c;

	start_sized((struct limits){.sessions_per_hour = 1000}, 1, 100);
	size_t before = heap_bytes();
	for (uint32_t i = 0; i < 100 * 1000; i++) {
		c = client(i / 1000);
		enum limiter_verdict v = use(&c).verdict;
		through += v == LIMITER_OK;
		full += v == LIMITER_FULL;
	}
#ifndef __SANITIZE_ADDRESS__
	ck_assert_uint_lt(heap_bytes() - before, 100000);
#endif
	(void)before;
	c = client(0); /* at its limit before the memory was used up */
	ck_assert_int_eq(use(&c).verdict, LIMITER_SESSIONS_PER_HOUR);
	ck_assert_uint_gt(through, 64 * 1024 / sizeof(uint32_t) / 2);
	ck_assert_uint_gt(full, 1000);
	now_ms += HOUR_MS;
	c = client(200);
	ck_assert_int_eq(use(&c).verdict, LIMITER_OK);
	stop();
}
END_TEST

START_TEST(a_table_full_of_holders_refuses_the_next_until_one_lets_go)
{
	struct client c, next = client(100);
	uint64_t retry_ms;
	char id[16];

	start_sized(usual, 8, 10);
	for (uint32_t i = 0; i < 10; i++) {
		c = client(i);
		snprintf(id, sizeof(id), "s%u", i);
		ck_assert(i % 2 ? websocket(&c) : reserved(id, &c));
	}
	ck_assert_int_eq(reserve("next", &next).verdict, LIMITER_FULL);
	ck_assert_int_eq(limiter_take_websocket(limiter, &next, now_ms).verdict, LIMITER_FULL);
	ck_assert_uint_eq(commands(&next, 3, &retry_ms), 0);
	ck_assert_uint_gt(retry_ms, 0);
	ck_assert_uint_eq(counts().refused_by[LIMITER_FULL], 3);
	c = client(1);
	ck_assert(websocket(&c));
	limiter_give_websocket(limiter, &c);
	ck_assert(!websocket(&next));
	limiter_give_websocket(limiter, &c);
	ck_assert(websocket(&next));
	ck_assert_uint_eq(counts().clients, 10);
	stop();
}
END_TEST

START_TEST(who_makes_no_difference_goes_first_then_who_is_furthest_from_the_limits)
{
	struct client c[4] = {client(0), client(1), client(2), client(3)}, next = client(9);

	start_sized(usual, 8, 4);
	ck_assert(websocket(&c[3])); /* and gives it back: nothing is left of it */
	limiter_give_websocket(limiter, &c[3]);
	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t k = 0; k < 9 - 4 * i; k++) /* 9, 5 and 1 of 10 */
			ck_assert_int_eq(use(&c[i]).verdict, LIMITER_OK);
	ck_assert(websocket(&next));
	next = client(10);
	ck_assert(websocket(&next));
	/* Nothing of the first two has been forgotten. */
	ck_assert_int_eq(use(&c[0]).verdict, LIMITER_OK);
	ck_assert_int_eq(use(&c[0]).verdict, LIMITER_SESSIONS_PER_HOUR);
	for (int k = 0; k < 5; k++)
		ck_assert_int_eq(use(&c[1]).verdict, LIMITER_OK);
	ck_assert_int_eq(use(&c[1]).verdict, LIMITER_SESSIONS_PER_HOUR);
	ck_assert_int_eq(use(&c[2]).verdict, LIMITER_FULL);
	stop();
}
END_TEST

/* --- every allocation fails once --- */

#ifndef __SANITIZE_ADDRESS__
/* Stand in front of the C library's. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

static long fail_in; /* the allocation of that number from now on fails; 0: none does */

static bool fails(void)
{
	return fail_in && --fail_in == 0;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

/* Whether no allocation failed; if one did, nothing was charged. */
static bool everything_goes_well(long nth, uint32_t n, const char *id)
{
	struct client c = client_of_site(n, n), other = client_of_site(~n, n);
	struct limiter_counts before = counts();
	uint64_t retry_ms;

	fail_in = nth;
	limiter_cancel(ask(id, &c));
	bool reserved_one = counts().sessions > before.sessions;
	bool took_one = websocket(&other);
	size_t given = commands(&other, 3, &retry_ms);
	bool well = fail_in > 0;
	fail_in = 0;

	ck_assert(!well || (reserved_one && took_one && given == 3));
	ck_assert_uint_eq(counts().websockets, before.websockets + took_one);
	if (took_one)
		limiter_give_websocket(limiter, &other);
	limiter_release_session(limiter, id, true);
	ck_assert_uint_eq(counts().sessions, before.sessions);
	now_ms += MINUTE_MS;
	return well;
}

#define ROUNDS 2000

/* Returns how many allocations failed. */
static size_t let_each_fail(void)
{
	size_t failures = 0;
	char id[16];

	start((struct limits){
		.sessions_per_hour = 1, .sessions = 1, .websockets = 1, .commands_per_minute = 3});
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		long nth = 1;
		snprintf(id, sizeof(id), "s%u", n);
		while (!everything_goes_well(nth, n * 1000 + (uint32_t)nth, id))
			nth++;
		failures += (size_t)nth - 1;
		ck_assert_int_ge(
			nth, 8); /* the call, three records, two windows, the claim; then none */
	}
	stop();
	return failures;
}

START_TEST(when_memory_runs_out_at_any_point_nothing_is_charged_and_later_all_is_well)
{
	printf("allocations that failed: %zu\n", let_each_fail());
	size_t before = heap_bytes();
	let_each_fail();
	/* malloc keeps a few blocks; one lost in each round would be more. */
	ck_assert_uint_lt(heap_bytes(), before + ROUNDS * 16);
}
END_TEST
#endif

static void add_tests(TCase *tc)
{
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(tc,
		       when_memory_runs_out_at_any_point_nothing_is_charged_and_later_all_is_well);
#endif
	tcase_add_test(tc, a_million_addresses_of_one_network_are_one_record);
	tcase_add_loop_test(tc, a_flood_of_clients_stays_in_bounds_and_pushes_out_nobody_at_a_limit,
			    0, 2);
	tcase_add_test(
		tc, all_at_their_limits_fit_into_memory_and_the_next_is_refused_until_one_has_room);
	tcase_add_test(tc, starts_have_a_memory_of_their_own_and_it_is_bounded);
	tcase_add_test(tc, a_table_full_of_holders_refuses_the_next_until_one_lets_go);
	tcase_add_test(tc, who_makes_no_difference_goes_first_then_who_is_furthest_from_the_limits);
}

int main(void)
{
	Suite *suite = suite_create("limiter_memory");
	TCase *tc = tcase_create("limiter_memory");

	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
