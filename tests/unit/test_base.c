#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/fifo.h"
#include "base/log.h"
#include "base/random.h"
#include "base/secret.h"
#include "suite.h"

/* --- fifo --- */

/* Random pushes and drops against a plain counter: byte number n of the stream is always n mod 251. What is written to the bytes in
 * front of the oldest changes nothing. */
START_TEST(a_queue_gives_back_what_it_was_given_in_order)
{
	struct fifo f;
	uint8_t data[300];
	size_t in = 0, out = 0;

	srand(1);
	fifo_init_outbound(&f, 2000, (size_t)_i);
	for (int step = 0; step < 5000; step++) {
		size_t n = (size_t)rand() % sizeof(data);
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)((in + i) % 251);
		bool fits = n <= 2000 - (in - out);
		ck_assert_uint_eq(fifo_room(&f), 2000 - (in - out));
		ck_assert_int_eq(fifo_push(&f, data, n), fits);
		in += fits ? n : 0;
		ck_assert_uint_eq(f.len, in - out);
		size_t drop = f.len ? (size_t)rand() % (f.len + 1) : 0;
		size_t wrong = 0;
		if (f.len)
			memset(fifo_peek(&f) - _i, 0xff, (size_t)_i);
		for (size_t i = 0; i < drop; i++)
			wrong += fifo_peek(&f)[i] != (out + i) % 251;
		ck_assert_uint_eq(wrong, 0);
		fifo_drop(&f, drop);
		out += drop;
	}
	fifo_finish(&f);
}
END_TEST

START_TEST(a_queue_takes_all_or_nothing_up_to_its_cap)
{
	struct fifo f;

	fifo_init(&f, 4);
	ck_assert(fifo_push(&f, "abc", 3));
	ck_assert(!fifo_push(&f, "de", 2));
	ck_assert_uint_eq(f.len, 3);
	ck_assert(fifo_push(&f, "d", 1));
	ck_assert_uint_eq(fifo_room(&f), 0);
	ck_assert(fifo_push(&f, NULL, 0));
	ck_assert_int_eq(memcmp(fifo_peek(&f), "abcd", 4), 0);
	fifo_finish(&f);
}
END_TEST

START_TEST(a_queue_that_was_large_gives_its_memory_back_when_empty)
{
	static uint8_t data[100000];
	struct fifo f;

	fifo_init(&f, sizeof(data));
	ck_assert(fifo_push(&f, data, sizeof(data)));
	fifo_drop(&f, sizeof(data));
	ck_assert_uint_le(f.alloc, 4096);
	ck_assert(fifo_push(&f, data, 10));
	fifo_finish(&f);
	fifo_finish(&f);
	fifo_finish(NULL);
}
END_TEST

START_TEST(a_queue_of_a_stream_keeps_its_block_until_it_needs_no_such_block_any_more)
{
	static uint8_t data[100000];
	struct fifo f;

	fifo_init_outbound(&f, sizeof(data), 16);
	ck_assert_ptr_null(fifo_peek(&f));
	ck_assert(fifo_push(&f, data, sizeof(data)));
	fifo_drop(&f, sizeof(data));
	const uint8_t *block = f.data;
	ck_assert(fifo_push(&f, data, sizeof(data)));
	ck_assert_ptr_eq(f.data, block);
	fifo_drop(&f, sizeof(data));
	ck_assert(fifo_push(&f, data, 10));
	fifo_drop(&f, 10);
	ck_assert_uint_le(f.alloc, 4096);
	ck_assert(fifo_push(&f, data, sizeof(data)));
	fifo_finish(&f);
}
END_TEST

/* --- err --- */

START_TEST(an_error_is_wrapped_with_context_in_front)
{
	struct err e;

	ck_assert_int_eq(err_set(&e, ERR_GONE, 404, "no %s", "cat"), -1);
	ck_assert_int_eq(err_wrap(&e, "house %d", 7), -1);
	ck_assert_str_eq(e.msg, "house 7: no cat");
	ck_assert_int_eq(e.kind, ERR_GONE);
	ck_assert_int_eq(e.code, 404);
	ck_assert_str_eq(err_kind_name(e.kind), "gone");
}
END_TEST

START_TEST(a_long_error_is_cut_and_keeps_its_end_mark)
{
	char text[1000];
	struct err e;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_INPUT, 0, "%s", text);
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
	err_wrap(&e, "context");
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
	ck_assert_int_eq(strncmp(e.msg, "context: xxx", 12), 0);
	err_wrap(&e, "%s", text);
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
}
END_TEST

START_TEST(nobody_has_to_want_an_error)
{
	ck_assert_int_eq(err_set(NULL, ERR_INPUT, 0, "x"), -1);
	ck_assert_int_eq(err_wrap(NULL, "x"), -1);
}
END_TEST

/* --- clock --- */

START_TEST(times_are_written_as_iso_8601_with_milliseconds)
{
	char buf[CLOCK_ISO8601_BYTES];

	ck_assert_str_eq(clock_iso8601(buf, 0), "1970-01-01T00:00:00.000Z");
	ck_assert_str_eq(clock_iso8601(buf, 951782400007), "2000-02-29T00:00:00.007Z");
}
END_TEST

START_TEST(the_monotonic_clock_does_not_go_back)
{
	uint64_t last = clock_monotonic_ms();

	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_monotonic_ms();
		ck_assert_uint_ge(now, last);
		last = now;
	}
	ck_assert_int_gt(clock_wall_ms(), 1700000000000);
}
END_TEST

/* --- log --- */

static char line[8192];

/* Runs write() with standard error in a pipe and keeps what it wrote in `line`. */
static void capture(void (*write)(void))
{
	int fds[2], saved = dup(STDERR_FILENO);

	ck_assert_int_eq(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	write();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	ssize_t n = read(fds[0], line, sizeof(line) - 1);
	close(fds[0]);
	ck_assert_int_ge(n, 0);
	line[n] = '\0';
}

static void write_hostile(void)
{
	log_info("test.hostile", LOG_S("value", "a\nerror forged \x1b[2J\" \\ \x80\xff\x7f"),
		 LOG_S("none", NULL), LOG_I("minus", -5), LOG_U("many", UINT64_MAX));
}

START_TEST(no_value_can_break_or_forge_a_text_line)
{
	log_configure(LOG_INFO, LOG_TEXT);
	capture(write_hostile);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	ck_assert_ptr_null(strchr(line, '\x1b'));
	ck_assert_ptr_nonnull(strstr(line, " info test.hostile value=\"a\\u000aerror forged "
					   "\\u001b[2J\\\" \\\\ \\u0080\\u00ff\\u007f\" none=\"\" "
					   "minus=-5 many=18446744073709551615\n"));
}
END_TEST

START_TEST(no_value_can_break_or_forge_a_json_line)
{
	log_configure(LOG_INFO, LOG_JSON);
	capture(write_hostile);
	ck_assert_int_eq(strncmp(line, "{\"time\":\"2", 10), 0);
	ck_assert_ptr_nonnull(strstr(line, "\"level\":\"info\",\"event\":\"test.hostile\","
					   "\"value\":\"a\\u000aerror forged \\u001b[2J\\\" \\\\ "
					   "\\u0080\\u00ff\\u007f\",\"none\":\"\",\"minus\":-5,"
					   "\"many\":18446744073709551615}\n"));
}
END_TEST

static void write_long(void)
{
	static char text[20000];

	memset(text, '\n', sizeof(text) - 1);
	log_info("test.long", LOG_S("value", text), LOG_S("next", "x"));
}

START_TEST(a_long_line_is_cut_at_4_kib_and_still_ends)
{
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		log_configure(LOG_INFO, (enum log_format)format);
		capture(write_long);
		ck_assert_uint_le(strlen(line), 4096);
		ck_assert_uint_gt(strlen(line), 3900);
		ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
		if (format == LOG_JSON)
			ck_assert_int_eq(line[strlen(line) - 2], '}');
	}
}
END_TEST

static void write_debug(void)
{
	log_debug("test.debug", LOG_I("n", 1));
}

START_TEST(a_line_below_the_level_is_not_written)
{
	log_configure(LOG_INFO, LOG_TEXT);
	ck_assert(!log_enabled(LOG_DEBUG));
	capture(write_debug);
	ck_assert_str_eq(line, "");
	log_configure(LOG_DEBUG, LOG_TEXT);
	capture(write_debug);
	ck_assert_ptr_nonnull(strstr(line, "debug test.debug n=1\n"));
}
END_TEST

static void write_all_levels(void)
{
	struct stat status;
	char stream[64];

	ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_configure(LOG_DEBUG, LOG_TEXT);
	log_error("test.a", LOG_I("n", 1));
	log_warn("test.b", LOG_I("n", 2));
	log_info("test.c", LOG_I("n", 3));
	log_debug("test.d", LOG_I("n", 4));
	log_configure(LOG_INFO, LOG_JSON);
	log_error("test.e", LOG_I("n", 5));
}

START_TEST(the_journal_gets_priorities_and_no_second_time)
{
	static const char text[] = "<3>error test.a n=1\n<4>warn test.b n=2\n<6>info test.c n=3\n"
				   "<7>debug test.d n=4\n<3>{\"time\":\"2";

	capture(write_all_levels);
	ck_assert_int_eq(strncmp(line, text, strlen(text)), 0);
	log_configure(LOG_DEBUG, LOG_TEXT); /* with another standard error */
	capture(write_debug);
	ck_assert_int_eq(strncmp(line, "2", 1), 0);
}
END_TEST

START_TEST(lines_that_a_full_pipe_cannot_take_are_dropped_and_counted)
{
	int fds[2], saved = dup(STDERR_FILENO);
	static char drain[1 << 20];

	log_configure(LOG_INFO, LOG_TEXT);
	ck_assert_int_eq(pipe(fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], drain, 4096) > 0)
		;
	dup2(fds[1], STDERR_FILENO);
	log_info("test.lost", LOG_I("n", 1));
	log_info("test.lost", LOG_I("n", 2));
	ck_assert_int_gt(read(fds[0], drain, sizeof(drain)), 4096);
	log_info("test.kept", LOG_I("n", 3));
	log_info("test.kept", LOG_I("n", 4));
	dup2(saved, STDERR_FILENO);
	ssize_t n = read(fds[0], line, sizeof(line) - 1);
	ck_assert_int_gt(n, 0);
	line[n] = '\0';
	ck_assert_ptr_null(strstr(line, "test.lost"));
	ck_assert_ptr_nonnull(strstr(line, "n=3 log_lines_dropped=2\n"));
	ck_assert_ptr_nonnull(strstr(line, "n=4\n"));
	close(saved);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(random_names_are_hex_of_the_length_asked_and_differ)
{
	char a[2 * RANDOM_HEX_MAX + 1], b[sizeof(a)];

	ck_assert(random_hex(a, 16) && random_hex(b, 16));
	ck_assert_uint_eq(strlen(a), 32);
	ck_assert_uint_eq(strspn(a, "0123456789abcdef"), 32);
	ck_assert_str_ne(a, b);
	ck_assert(random_hex(a, RANDOM_HEX_MAX));
	ck_assert_uint_eq(strlen(a), 2 * RANDOM_HEX_MAX);
	ck_assert(!random_hex(a, RANDOM_HEX_MAX + 1));
}
END_TEST

/* --- secret --- */

static const struct {
	const char *known, *given;
	bool same;
} secrets[] = {
	{"secret", "secret", true},
	{"", "", true},
	{"secret", "secreT", false},
	{"secret", "Secret", false},
	{"secret", "", false},
	{"", "secret", false},
	{"secret", "secre", false},
	{"secret", "secretsecret", false},
	{"secretsecret", "secret", false},
};

START_TEST(secrets_are_the_same_when_length_and_every_byte_are)
{
	const char *known = secrets[_i].known, *given = secrets[_i].given;

	ck_assert_int_eq(secret_equal(known, strlen(known), given, strlen(given)),
			 secrets[_i].same);
	ck_assert(secret_equal("a\0b", 3, "a\0b", 3));
	ck_assert(!secret_equal("a\0b", 3, "a\0c", 3));
}
END_TEST

/* --- digest --- */

static bool same_digest(const struct digest *a, const char *text, const struct digest *b,
			const char *other)
{
	uint8_t first[DIGEST_BYTES], second[DIGEST_BYTES];

	digest_of(a, text, strlen(text), first);
	digest_of(b, other, strlen(other), second);
	return memcmp(first, second, sizeof(first)) == 0;
}

START_TEST(a_digest_is_of_its_bytes_and_of_its_key)
{
	struct digest *d = digest_new(NULL), *other = digest_new(NULL);
	static const uint8_t zeros[DIGEST_BYTES];
	uint8_t out[DIGEST_BYTES];

	ck_assert(d && other);
	ck_assert(same_digest(d, "ada", d, "ada"));
	ck_assert(same_digest(d, "", d, ""));
	ck_assert(!same_digest(d, "ada", d, "adb"));
	ck_assert(!same_digest(d, "ada", d, "ada "));
	ck_assert(!same_digest(d, "ada", d, ""));
	ck_assert(!same_digest(d, "ada", other, "ada"));
	digest_of(d, "ada", 3, out);
	ck_assert_int_ne(memcmp(out, zeros, sizeof(out)), 0);
	digest_free(d);
	digest_free(other);
	digest_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tc = tcase_create("base");

	tcase_add_loop_test(tc, a_queue_gives_back_what_it_was_given_in_order, 0, 17);
	tcase_add_test(tc, a_queue_takes_all_or_nothing_up_to_its_cap);
	tcase_add_test(tc, a_queue_that_was_large_gives_its_memory_back_when_empty);
	tcase_add_test(tc,
		       a_queue_of_a_stream_keeps_its_block_until_it_needs_no_such_block_any_more);
	tcase_add_test(tc, an_error_is_wrapped_with_context_in_front);
	tcase_add_test(tc, a_long_error_is_cut_and_keeps_its_end_mark);
	tcase_add_test(tc, nobody_has_to_want_an_error);
	tcase_add_test(tc, times_are_written_as_iso_8601_with_milliseconds);
	tcase_add_test(tc, the_monotonic_clock_does_not_go_back);
	tcase_add_test(tc, no_value_can_break_or_forge_a_text_line);
	tcase_add_test(tc, no_value_can_break_or_forge_a_json_line);
	tcase_add_test(tc, a_long_line_is_cut_at_4_kib_and_still_ends);
	tcase_add_test(tc, a_line_below_the_level_is_not_written);
	tcase_add_test(tc, the_journal_gets_priorities_and_no_second_time);
	tcase_add_test(tc, lines_that_a_full_pipe_cannot_take_are_dropped_and_counted);
	tcase_add_test(tc, random_names_are_hex_of_the_length_asked_and_differ);
	tcase_add_loop_test(tc, secrets_are_the_same_when_length_and_every_byte_are, 0,
			    sizeof(secrets) / sizeof(secrets[0]));
	tcase_add_test(tc, a_digest_is_of_its_bytes_and_of_its_key);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
