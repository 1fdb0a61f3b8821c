#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "session/meter.h"
#include "suite.h"

#define QUEUE_MAX 70000

/* A terminal's queue in front of a PTY that takes what the test lets it. */
static struct meter meter;
static uint8_t queue[QUEUE_MAX];
static size_t queued;
static uint64_t now_ms;

/* The limiter: leaves that are left, and what it was asked. */
static struct {
	size_t left, given, calls;
	uint64_t retry_ms;
} leave;

static size_t take(void *arg, size_t count, uint64_t *retry_after_ms)
{
	size_t given = count < leave.left ? count : leave.left;

	ck_assert_ptr_eq(arg, &leave);
	ck_assert_uint_gt(count, 0);
	leave.calls++;
	leave.left -= given;
	leave.given += given;
	if (given < count)
		*retry_after_ms = leave.retry_ms;
	return given;
}

static void start(size_t leaves)
{
	memset(&meter, 0, sizeof(meter));
	memset(&leave, 0, sizeof(leave));
	leave.left = leaves;
	leave.retry_ms = 1000;
	queued = 0;
	now_ms = 1000;
}

static void arrive_bytes(const uint8_t *data, size_t len, bool shell)
{
	ck_assert_uint_le(queued + len, QUEUE_MAX);
	memcpy(queue + queued, data, len);
	queued += len;
	meter_arrived(&meter, data, len, shell, now_ms);
}

static void arrive(const char *text, bool shell)
{
	arrive_bytes((const uint8_t *)text, strlen(text), shell);
}

static size_t allowed(void)
{
	size_t n = meter_allowed(&meter, queue, now_ms, take, &leave);

	ck_assert_uint_le(n, queued);
	return n;
}

static void pass(size_t n)
{
	meter_passed(&meter, n);
	memmove(queue, queue + n, queued - n);
	queued -= n;
}

/* The PTY takes all that may go; was it this? */
static bool passes(const char *text)
{
	size_t n = allowed();
	bool same = n == strlen(text) && memcmp(queue, text, n) == 0;

	pass(n);
	return same;
}

static bool waits(void)
{
	uint64_t since_ms, ask_ms;

	return meter_waits(&meter, &since_ms, &ask_ms);
}

static void wait_for_leave(size_t leaves)
{
	uint64_t since_ms, ask_ms;

	ck_assert(meter_waits(&meter, &since_ms, &ask_ms));
	now_ms = ask_ms;
	leave.left += leaves;
}

START_TEST(typing_echoes_at_once_and_an_enter_takes_one_leave)
{
	start(1);
	arrive("l", true);
	ck_assert(passes("l"));
	arrive("s", true);
	ck_assert(passes("s"));
	ck_assert_uint_eq(leave.calls, 0);
	arrive("\r", true);
	ck_assert(passes("\r") && !waits());
	ck_assert_uint_eq(leave.given, 1);
	arrive("pw", true);
	ck_assert(passes("pw"));
}
END_TEST

START_TEST(lines_for_another_program_are_free)
{
	start(0);
	arrive("i1\r2\r3\n\r:wq\r", false);
	ck_assert(passes("i1\r2\r3\n\r:wq\r") && !waits());
	ck_assert_uint_eq(leave.calls, 0);
}
END_TEST

START_TEST(a_pasted_script_goes_on_line_by_line_as_leave_comes)
{
	start(2);
	arrive("a\rb\rc\rd\re", true);
	ck_assert(passes("a\rb\r") && waits());
	ck_assert(passes(""));
	wait_for_leave(1);
	ck_assert(passes("c\r") && waits());
	wait_for_leave(5);
	ck_assert(passes("d\re") && !waits());
	ck_assert_uint_eq(leave.given, 4);
}
END_TEST

START_TEST(nobody_is_asked_again_before_the_time_that_was_named)
{
	uint64_t since_ms, ask_ms;

	start(0);
	arrive("a\r", true);
	for (int i = 0; i < 999; i++, now_ms++) {
		ck_assert(passes(""));
		arrive("x", true);
	}
	ck_assert_uint_eq(leave.calls, 1);
	ck_assert(meter_waits(&meter, &since_ms, &ask_ms));
	ck_assert_uint_eq(since_ms, 1000);
	ck_assert_uint_eq(ask_ms, 2000);
	now_ms = ask_ms;
	ck_assert(passes("") && leave.calls == 2);
	ck_assert(meter_waits(&meter, &since_ms, &ask_ms) && since_ms == 1000 && ask_ms == 3000);
}
END_TEST

START_TEST(leave_is_remembered_while_the_pty_is_slow)
{
	start(3);
	arrive("a\rb\rc\r", true);
	for (size_t left = 6; left; left--) {
		ck_assert_uint_eq(allowed(), left);
		pass(1);
	}
	ck_assert_uint_eq(leave.calls, 1);
	ck_assert_uint_eq(leave.given, 3);
}
END_TEST

START_TEST(what_arrives_behind_metered_bytes_is_metered_and_does_not_overtake)
{
	start(1);
	arrive("free\r", false);
	arrive("a\rb\r", true);
	arrive("c\r", false);
	ck_assert(passes("free\ra\r"));
	wait_for_leave(2);
	ck_assert(passes("b\rc\r"));
	ck_assert_uint_eq(leave.given, 3);
	arrive("d\r", false);
	ck_assert(passes("d\r"));
	ck_assert_uint_eq(leave.given, 3);
}
END_TEST

START_TEST(carriage_return_and_line_feed_count_once_wherever_they_are_cut)
{
	start(100);
	arrive("a\r\nb\n\nc\r\r\n", true); /* \r\n \n \n \r \r\n */
	ck_assert(passes("a\r\nb\n\nc\r\r\n"));
	ck_assert_uint_eq(leave.given, 5);
	arrive("d\r", true);
	arrive("\n", true);
	ck_assert(passes("d\r\n"));
	ck_assert_uint_eq(leave.given, 6);
	arrive("e\r", true);
	ck_assert(passes("e\r"));
	arrive("\n\n", true);
	ck_assert(passes("\n\n"));
	ck_assert_uint_eq(leave.given, 8);
	arrive("vim\r", false);
	arrive("\n", true);
	ck_assert(passes("vim\r\n"));
	ck_assert_uint_eq(leave.given, 8);
}
END_TEST

START_TEST(a_line_feed_goes_with_its_carriage_return)
{
	start(1);
	arrive("a\r\nb\r\nc\r\n", true);
	ck_assert(passes("a\r\n"));
	wait_for_leave(1);
	ck_assert(passes("b\r\n"));
	wait_for_leave(1);
	ck_assert(passes("c\r\n"));
	ck_assert_uint_eq(leave.given, 3);
	arrive("vim\r", false);
	ck_assert(passes("vim\r"));
	arrive("\nd\r", true);
	ck_assert(passes("\n") && waits());
}
END_TEST

START_TEST(what_is_dropped_is_forgotten)
{
	start(1);
	arrive("free", false);
	arrive("a\rb\rc\r", true);
	ck_assert_uint_eq(allowed(), 6);
	meter_dropped(&meter);
	queued = 0;
	ck_assert(!waits());
	arrive("free\r", false);
	arrive("x", true);
	ck_assert(passes("free\rx") && !waits());
}
END_TEST

/* --- pushing --- */

START_TEST(a_long_paste_that_only_waits_is_no_pushing)
{
	start(0);
	for (int i = 0; i < 1000; i++)
		arrive("make\r", true);
	for (int i = 0; i < 1000; i++) {
		now_ms += 1000;
		ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), 0);
		leave.left = 1;
		size_t n = allowed();
		ck_assert_uint_eq(n, 5);
		pass(n);
	}
	ck_assert_uint_eq(queued, 0);
}
END_TEST

START_TEST(who_keeps_sending_enters_is_out_of_patience_after_three_minutes)
{
	start(0);
	arrive("a\r", true);
	allowed();
	for (int s = 0; s < 180; s++) {
		arrive("a\r", true);
		ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), s * 1000);
		ck_assert_uint_lt(meter_pushing_ms(&meter, now_ms), METER_PATIENCE_MS);
		now_ms += 1000;
		leave.left = s % 3 == 0; /* that some pass changes nothing */
		pass(allowed());
	}
	arrive("a\r", true);
	ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), METER_PATIENCE_MS);
}
END_TEST

START_TEST(a_pause_ends_pushing_and_so_does_leave_for_all)
{
	start(0);
	arrive("a\r", true);
	allowed();
	for (int s = 0; s < 170; s++, now_ms += 1000)
		arrive("a\r", true);
	now_ms += METER_PAUSE_MS - 1001;
	arrive("letters are no Enter", true);
	ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), 169000);
	now_ms++;
	ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), 0);
	arrive("a\r", true);
	ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), 0);
	now_ms += 20000;
	arrive("a\r", true);
	ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), 20000);
	leave.left = 1000;
	allowed();
	ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), 0);
	arrive("a\r", true);
	ck_assert_uint_eq(meter_pushing_ms(&meter, now_ms), 0);
}
END_TEST

/* --- against a model that marks each byte --- */

static struct {
	uint8_t byte;
	bool metered, enter;
} model[QUEUE_MAX]; /* all bytes that ever arrived */
static size_t model_in, model_out, model_frontier,
	model_paid; /* Enters before model_out that had leave */

static void model_arrive(const uint8_t *data, size_t len, bool shell)
{
	bool waiting = false;

	for (size_t i = model_out; i < model_in; i++)
		waiting = waiting || model[i].metered;
	for (size_t i = 0; i < len; i++, model_in++) {
		bool after_cr = model_in && model[model_in - 1].byte == '\r';
		model[model_in].byte = data[i];
		model[model_in].metered = shell || waiting;
		model[model_in].enter = data[i] == '\r' || (data[i] == '\n' && !after_cr);
	}
}

static size_t model_enters(size_t from, size_t to)
{
	size_t count = 0;

	for (size_t i = from; i < to; i++)
		count += model[i].metered && model[i].enter;
	return count;
}

/* Up to the last Enter with leave; a "\n" belongs to the "\r" before it. What may go once may always go. */
static size_t model_allowed(size_t leaves)
{
	size_t end = model_out;

	for (size_t i = model_out; i < model_in && (leaves || !model[i].metered); i++) {
		leaves -= model[i].metered && model[i].enter;
		end = i + 1;
	}
	end = end > model_frontier ? end : model_frontier;
	if (model_enters(end, model_in) == 0)
		end = model_in;
	if (end && end < model_in && model[end - 1].byte == '\r' && model[end].byte == '\n')
		end++;
	model_frontier = end;
	return end - model_out;
}

static unsigned seed;

static size_t below(size_t n)
{
	return (size_t)rand_r(&seed) / 16 % n;
}

static void random_arrival(void)
{
	static const char bytes[] = "aaab\r\r\n\n";
	uint8_t data[40];
	size_t len = below(below(4) ? 6 : sizeof(data));
	bool shell = below(3) != 0;

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)bytes[below(sizeof(bytes) - 1)];
	model_arrive(data, len, shell);
	arrive_bytes(data, len, shell);
}

/* What the PTY takes must be the oldest bytes, and no metered Enter among them without its leave. */
static void random_passing(size_t most)
{
	size_t may = allowed(), n = most < may ? most : may;

	ck_assert_uint_eq(may, model_allowed(leave.given - model_paid));
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(queue[i], model[model_out + i].byte);
	model_paid += model_enters(model_out, model_out + n);
	ck_assert_uint_le(model_paid, leave.given);
	model_out += n;
	pass(n);
}

START_TEST(random_splits_agree_with_a_model_that_marks_each_byte)
{
	size_t held = 0;

	start(0);
	seed = 7 + (unsigned)_i;
	model_in = model_out = model_frontier = model_paid = 0;
	while (model_in < QUEUE_MAX / 2) {
		random_arrival();
		leave.left = below(4) ? below(2) : below(9);
		leave.retry_ms = below(3) ? 0 : below(20);
		now_ms += below(10);
		random_passing(below(8) ? below(12) : SIZE_MAX);
		held += waits();
		if (queued > 300) { /* so that the queue runs empty now and then */
			leave.left = SIZE_MAX;
			now_ms += 20;
			random_passing(SIZE_MAX);
			ck_assert_uint_eq(queued, 0);
		}
	}
	leave.left = SIZE_MAX;
	now_ms += 20;
	random_passing(SIZE_MAX);
	ck_assert_uint_eq(model_out, model_in);
	ck_assert_uint_eq(leave.given, model_enters(0, model_in));
	ck_assert_uint_gt(leave.given, 1000);
	ck_assert_uint_gt(held, 500);
	ck_assert_uint_eq(meter.free_bytes + meter.metered_bytes + meter.leave_bytes, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("meter");
	TCase *tc = tcase_create("meter");

	tcase_add_test(tc, typing_echoes_at_once_and_an_enter_takes_one_leave);
	tcase_add_test(tc, lines_for_another_program_are_free);
	tcase_add_test(tc, a_pasted_script_goes_on_line_by_line_as_leave_comes);
	tcase_add_test(tc, nobody_is_asked_again_before_the_time_that_was_named);
	tcase_add_test(tc, leave_is_remembered_while_the_pty_is_slow);
	tcase_add_test(tc, what_arrives_behind_metered_bytes_is_metered_and_does_not_overtake);
	tcase_add_test(tc, carriage_return_and_line_feed_count_once_wherever_they_are_cut);
	tcase_add_test(tc, a_line_feed_goes_with_its_carriage_return);
	tcase_add_test(tc, what_is_dropped_is_forgotten);
	tcase_add_test(tc, a_long_paste_that_only_waits_is_no_pushing);
	tcase_add_test(tc, who_keeps_sending_enters_is_out_of_patience_after_three_minutes);
	tcase_add_test(tc, a_pause_ends_pushing_and_so_does_leave_for_all);
	tcase_add_loop_test(tc, random_splits_agree_with_a_model_that_marks_each_byte, 0, 20);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
