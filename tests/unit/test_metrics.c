/* base/: histograms, the text of metrics, the lag of a loop, and what the kernel says of this process. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop_lag.h"
#include "base/metrics.h"
#include "base/process.h"
#include "suite.h"

#define MAX_BYTES 1000000

static char *text;
static size_t text_len;

static void write_table(const struct metric *table, size_t count, const void *source)
{
	free(text);
	text = metrics_write(table, count, source, MAX_BYTES, &text_len);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), text_len);
}

static void finish(void)
{
	free(text);
	text = NULL;
}

/* --- histograms --- */

static const struct histogram_bounds bounds = {3, {1000000, 20000000, 1500000000}};

START_TEST(a_duration_at_a_bound_is_within_it)
{
	struct histogram h;

	histogram_init(&h, &bounds);
	histogram_note(&h, 0);
	histogram_note(&h, 1000000);
	histogram_note(&h, 1000001);
	histogram_note(&h, 1500000000);
	histogram_note(&h, 1500000001);
	histogram_note(&h, 90000000000);
	ck_assert_uint_eq(h.counts[0], 2);
	ck_assert_uint_eq(h.counts[1], 1);
	ck_assert_uint_eq(h.counts[2], 1);
	ck_assert_uint_eq(h.counts[3], 2);
	ck_assert_uint_eq(histogram_count(&h), 6);
	ck_assert_uint_eq(h.sum_ns, 1000000 + 1000001 + 1500000000ULL + 1500000001 + 90000000000);
}
END_TEST

static const struct histogram_bounds *const scales[] = {&histogram_short, &histogram_long};

START_TEST(bounds_ascend_and_fit)
{
	const struct histogram_bounds *b = scales[_i];

	ck_assert_uint_le(b->count, HISTOGRAM_BOUNDS_MAX);
	ck_assert_uint_gt(b->upper_ns[0], 0);
	for (size_t i = 1; i < b->count; i++)
		ck_assert_uint_gt(b->upper_ns[i], b->upper_ns[i - 1]);
	for (size_t i = b->count; i < HISTOGRAM_BOUNDS_MAX; i++)
		ck_assert_uint_eq(b->upper_ns[i], 0);
}
END_TEST

/* Against a plain count of random durations. */
START_TEST(buckets_hold_what_was_noted)
{
	const struct histogram_bounds *b = scales[_i];
	uint64_t within[HISTOGRAM_BOUNDS_MAX] = {0}, sum = 0, cumulated = 0;
	struct histogram h;

	srand(1);
	histogram_init(&h, b);
	for (int n = 0; n < 20000; n++) {
		uint64_t ns = (uint64_t)exp((double)rand() / RAND_MAX * 28);
		histogram_note(&h, ns);
		sum += ns;
		for (size_t i = 0; i < b->count; i++)
			within[i] += ns <= b->upper_ns[i];
	}
	for (size_t i = 0; i < b->count; i++) {
		cumulated += h.counts[i];
		ck_assert_uint_eq(cumulated, within[i]);
	}
	ck_assert_uint_eq(histogram_count(&h), 20000);
	ck_assert_uint_eq(h.sum_ns, sum);
}
END_TEST

/* --- the text --- */

static const char *verb(size_t i)
{
	return i ? "stop" : "start";
}

static const char *strange(size_t i)
{
	static const char *const values[] = {"a\"b\\c\nd", "", "Grüße {x=\"y\"}"};

	return values[i];
}

static double product(const void *source, const size_t *at)
{
	return *(const double *)source * (double)(10 * at[0] + at[1] + 1);
}

static double number(const void *source, const size_t *at)
{
	(void)at;
	return *(const double *)source;
}

static const struct histogram *histogram(const void *source, const size_t *at)
{
	return (const struct histogram *)source + at[0];
}

START_TEST(a_row_is_its_help_its_type_and_every_combination_of_its_labels)
{
	static const struct metric table[] = {
		{.name = "calls_total",
		 .type = METRIC_COUNTER,
		 .help = "Calls, \\ and\nwhat \"not\".",
		 .number = product,
		 .labels = {{"verb", 2, verb}, {"who", 3, strange}}},
		{.name = "depth", .type = METRIC_GAUGE, .help = "Depth.", .number = number},
	};
	double one = 1;

	write_table(table, 2, &one);
	ck_assert_str_eq(text, "# HELP calls_total Calls, \\\\ and\\nwhat \"not\".\n"
			       "# TYPE calls_total counter\n"
			       "calls_total{verb=\"start\",who=\"a\\\"b\\\\c\\nd\"} 1\n"
			       "calls_total{verb=\"start\",who=\"\"} 2\n"
			       "calls_total{verb=\"start\",who=\"Grüße {x=\\\"y\\\"}\"} 3\n"
			       "calls_total{verb=\"stop\",who=\"a\\\"b\\\\c\\nd\"} 11\n"
			       "calls_total{verb=\"stop\",who=\"\"} 12\n"
			       "calls_total{verb=\"stop\",who=\"Grüße {x=\\\"y\\\"}\"} 13\n"
			       "# HELP depth Depth.\n"
			       "# TYPE depth gauge\n"
			       "depth 1\n");
}
END_TEST

START_TEST(a_histogram_is_cumulated_with_its_infinity_sum_and_count)
{
	static const struct metric table[] = {{.name = "wait_seconds",
					       .type = METRIC_HISTOGRAM,
					       .help = "Waits.",
					       .histogram = histogram,
					       .labels = {{"verb", 2, verb}}}};
	struct histogram h[2];

	histogram_init(&h[0], &bounds);
	histogram_init(&h[1], &bounds);
	histogram_note(&h[0], 900000);
	histogram_note(&h[0], 30000000);
	histogram_note(&h[0], 3000000000);
	write_table(table, 1, h);
	ck_assert_str_eq(text, "# HELP wait_seconds Waits.\n"
			       "# TYPE wait_seconds histogram\n"
			       "wait_seconds_bucket{verb=\"start\",le=\"0.001\"} 1\n"
			       "wait_seconds_bucket{verb=\"start\",le=\"0.02\"} 1\n"
			       "wait_seconds_bucket{verb=\"start\",le=\"1.5\"} 2\n"
			       "wait_seconds_bucket{verb=\"start\",le=\"+Inf\"} 3\n"
			       "wait_seconds_sum{verb=\"start\"} 3.0309\n"
			       "wait_seconds_count{verb=\"start\"} 3\n"
			       "wait_seconds_bucket{verb=\"stop\",le=\"0.001\"} 0\n"
			       "wait_seconds_bucket{verb=\"stop\",le=\"0.02\"} 0\n"
			       "wait_seconds_bucket{verb=\"stop\",le=\"1.5\"} 0\n"
			       "wait_seconds_bucket{verb=\"stop\",le=\"+Inf\"} 0\n"
			       "wait_seconds_sum{verb=\"stop\"} 0\n"
			       "wait_seconds_count{verb=\"stop\"} 0\n");
}
END_TEST

START_TEST(a_histogram_may_have_no_labels)
{
	static const struct metric table[] = {{.name = "lag_seconds",
					       .type = METRIC_HISTOGRAM,
					       .help = "Lag.",
					       .histogram = histogram}};
	static const struct histogram_bounds one = {1, {5}};
	struct histogram h;

	histogram_init(&h, &one);
	histogram_note(&h, 6);
	write_table(table, 1, &h);
	ck_assert_str_eq(text, "# HELP lag_seconds Lag.\n"
			       "# TYPE lag_seconds histogram\n"
			       "lag_seconds_bucket{le=\"0.000000005\"} 0\n"
			       "lag_seconds_bucket{le=\"+Inf\"} 1\n"
			       "lag_seconds_sum 0.000000006\n"
			       "lag_seconds_count 1\n");
}
END_TEST

static const struct {
	double value;
	const char *text;
} numbers[] = {
	{0, "0"},
	{-0.0, "0"},
	{1, "1"},
	{-3, "-3"},
	{0.25, "0.25"},
	{1700000000.12, "1700000000.12"},
	{9007199254740991, "9007199254740991"},
	{1e300, "1e+300"},
	{INFINITY, "+Inf"},
	{-INFINITY, "-Inf"},
	{NAN, "NaN"},
};

START_TEST(numbers_are_written_as_prometheus_reads_them)
{
	static const struct metric table[] = {
		{.name = "n", .type = METRIC_GAUGE, .help = "N.", .number = number}};
	char wanted[64];

	write_table(table, 1, &numbers[_i].value);
	snprintf(wanted, sizeof(wanted), "n %s\n", numbers[_i].text);
	ck_assert_str_eq(strstr(text, "\nn ") + 1, wanted);
}
END_TEST

START_TEST(there_is_all_of_the_text_or_none)
{
	static const struct metric row = {
		.name = "some_total", .type = METRIC_COUNTER, .help = "Some.", .number = number};
	enum { ROWS = 600 };
	static struct metric table[ROWS];
	double one = 1;

	for (size_t i = 0; i < ROWS; i++)
		table[i] = row;
	write_table(table, ROWS, &one);
	ck_assert_uint_gt(text_len, 32768); /* the memory had to grow twice */
	size_t exact = text_len;
	free(text);
	text = metrics_write(table, ROWS, &one, exact, &text_len);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(text_len, exact);
	for (size_t max = exact - 1; max; max /= 3)
		ck_assert_ptr_null(metrics_write(table, ROWS, &one, max, &text_len));
	ck_assert_ptr_null(metrics_write(table, ROWS, &one, 0, &text_len));
	write_table(table, 0, &one);
	ck_assert_str_eq(text, "");
}
END_TEST

/* --- the lag of a loop --- */

START_TEST(lag_is_the_time_after_the_call_was_due)
{
	struct loop_lag l;

	loop_lag_init(&l);
	loop_lag_note(&l, 1000, 100, 1000400000);
	ck_assert_uint_eq(histogram_count(&l.late), 0); /* nothing was due yet */
	loop_lag_note(&l, 1100, 100, 1100300000);
	ck_assert_uint_eq(l.late.sum_ns, 300000);
	loop_lag_note(&l, 1500, 100, 1500000000);
	ck_assert_uint_eq(l.late.sum_ns, 300300000);
	loop_lag_note(&l, 1600, 100, 1599999999);
	ck_assert_uint_eq(l.late.sum_ns, 300300000); /* never less than none */
	ck_assert_uint_eq(histogram_count(&l.late), 3);
}
END_TEST

#define TICK_MS 10

static struct loop_lag lag;
static unsigned ticks;

static void on_tick(uv_timer_t *timer)
{
	loop_lag_note(&lag, uv_now(timer->loop), TICK_MS, clock_monotonic_ns());
	if (++ticks == 3)
		usleep(80000);
	if (ticks == 6)
		uv_close((uv_handle_t *)timer, NULL);
}

START_TEST(a_loop_that_was_held_up_is_late_by_that)
{
	uv_loop_t loop;
	uv_timer_t timer;

	loop_lag_init(&lag);
	ticks = 0;
	uv_loop_init(&loop);
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_tick, 0, TICK_MS);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	ck_assert_uint_eq(histogram_count(&lag.late), 5);
	ck_assert_uint_ge(lag.late.sum_ns, 60000000);
}
END_TEST

/* --- the process --- */

static uint64_t open_descriptors(struct process *p)
{
	struct process_stats stats;

	process_read(p, &stats);
	return stats.open_descriptors;
}

/* fdinfo has the same names, and no kernel counts them by itself: they have to be listed. */
static const char *const folders[] = {PROCESS_DESCRIPTORS, "/proc/self/fdinfo"};

START_TEST(descriptors_are_counted)
{
	uv_loop_t loop;
	int more[20];

	uv_loop_init(&loop);
	struct process *p = process_new(&loop, folders[_i]);
	open_descriptors(p); /* the thread pool has descriptors of its own */
	uv_run(&loop, UV_RUN_DEFAULT);
	open_descriptors(p);
	uv_run(&loop, UV_RUN_DEFAULT);
	uint64_t before = open_descriptors(p);
	ck_assert_uint_gt(before, 2);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < 20; i++)
		more[i] = dup(0);
	open_descriptors(p);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(open_descriptors(p), before + 20);
	for (size_t i = 0; i < 20; i++)
		close(more[i]);
	process_free(p); /* while a list is being made */
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

START_TEST(time_and_memory_are_those_of_this_process)
{
	enum { BYTES = 50000000 };
	struct process_stats before, after;
	uv_loop_t loop;

	uv_loop_init(&loop);
	struct process *p = process_new(&loop, PROCESS_DESCRIPTORS);
	process_read(p, &before);
	char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ck_assert(memory != MAP_FAILED);
	for (uint64_t end = clock_monotonic_ns() + 50000000; clock_monotonic_ns() < end;)
		memory[0]++;
	process_read(p, &after);
	munmap(memory, BYTES);
	ck_assert_uint_ge(after.resident_bytes, before.resident_bytes + BYTES / 2);
	ck_assert_uint_ge(after.virtual_bytes, before.virtual_bytes + BYTES);
	ck_assert_uint_ge(after.virtual_bytes, after.resident_bytes);
	ck_assert(after.cpu_seconds > before.cpu_seconds);
	ck_assert(after.start_seconds <= (double)clock_wall_ms() / 1000 + 0.1);
	ck_assert(after.start_seconds > (double)clock_wall_ms() / 1000 - 600);
	ck_assert(after.max_descriptors >= 20);
	process_free(p);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, NULL, finish);
	tcase_add_test(tc, a_duration_at_a_bound_is_within_it);
	tcase_add_loop_test(tc, bounds_ascend_and_fit, 0, 2);
	tcase_add_loop_test(tc, buckets_hold_what_was_noted, 0, 2);
	tcase_add_test(tc, a_row_is_its_help_its_type_and_every_combination_of_its_labels);
	tcase_add_test(tc, a_histogram_is_cumulated_with_its_infinity_sum_and_count);
	tcase_add_test(tc, a_histogram_may_have_no_labels);
	tcase_add_loop_test(tc, numbers_are_written_as_prometheus_reads_them, 0,
			    sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(tc, there_is_all_of_the_text_or_none);
	tcase_add_test(tc, lag_is_the_time_after_the_call_was_due);
	tcase_add_test(tc, a_loop_that_was_held_up_is_late_by_that);
	tcase_add_loop_test(tc, descriptors_are_counted, 0, 2);
	tcase_add_test(tc, time_and_memory_are_those_of_this_process);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
