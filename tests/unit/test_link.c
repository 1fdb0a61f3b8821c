#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/agent_link.h"
#include "suite.h"

/* What the link said, as text: one word per event, output gathered. */
static char told[4096];
static struct agent_link *doomed; /* finished and freed at the next event */

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	va_list args;
	size_t len = strlen(told);

	va_start(args, format);
	vsnprintf(told + len, sizeof(told) - len, format, args);
	va_end(args);
	if (!doomed)
		return;
	agent_link_finish(doomed);
	free(doomed);
	doomed = NULL;
}

static void on_hello(void *arg, unsigned version, unsigned terminals_max)
{
	ck_assert_ptr_eq(arg, told);
	tell("hello %u %u;", version, terminals_max);
}

static void on_opened(void *arg, uint16_t terminal, uint32_t credit)
{
	(void)arg;
	tell("opened %u %u;", terminal, credit);
}

static uint16_t
	last_output; /* terminal of the output that was told last, so that pieces are told as one */

static void on_output(void *arg, uint16_t terminal, const uint8_t *data, size_t len)
{
	(void)arg;
	if (last_output != terminal)
		tell("output %u ", terminal);
	last_output = terminal;
	tell("%.*s", (int)len, (const char *)data);
}

static void on_credit(void *arg, uint16_t terminal, uint32_t bytes)
{
	(void)arg;
	tell("credit %u %u;", terminal, bytes);
}

static void on_exit_event(void *arg, uint16_t terminal, enum exit_kind kind, unsigned value)
{
	(void)arg;
	tell("exit %u %d %u;", terminal, kind, value);
}

static void on_error(void *arg, uint16_t terminal, unsigned error_number, const char *text)
{
	(void)arg;
	tell("error %u %u %s;", terminal, error_number, text);
}

static void on_pong(void *arg, const uint8_t token[8])
{
	(void)arg;
	tell("pong %.8s;", (const char *)token);
}

static void on_foreground(void *arg, uint16_t terminal, unsigned value)
{
	(void)arg;
	tell("foreground %u %u;", terminal, value);
}

static const struct agent_link_events events = {on_hello,      on_opened, on_output, on_credit,
						on_exit_event, on_error,  on_pong,   on_foreground};

static uint8_t stream[FRAME_PAYLOAD_MAX * 2];
static size_t stream_len;

static void add(uint8_t type, uint16_t terminal, const void *payload, size_t len)
{
	struct frame_header h = {type, terminal, (uint32_t)len};

	frame_header_put(stream + stream_len, h);
	memcpy(stream + stream_len + FRAME_HEADER_BYTES, payload, len);
	stream_len += FRAME_HEADER_BYTES + len;
}

static void add_hello(void)
{
	add(FRAME_HELLO, 0, "\0\1\0\20", 4);
}

static void reset(void)
{
	told[0] = '\0';
	stream_len = last_output = 0;
}

/* Feeds the stream in pieces of that size. */
static int feed(size_t piece, struct err *err)
{
	struct agent_link link;
	int rc = 0;

	agent_link_init(&link, &events, told);
	for (size_t i = 0; i < stream_len && rc == 0; i += piece)
		rc = agent_link_feed(&link, stream + i,
				     piece < stream_len - i ? piece : stream_len - i, err);
	return rc;
}

START_TEST(frames_arrive_whole_however_they_are_cut)
{
	for (size_t piece = 1; piece < 80; piece++) {
		reset();
		add_hello();
		add(FRAME_OPENED, 3, "\0\1\0\0\0\0\0\7", 8);
		add(FRAME_OUTPUT, 3, "some output", 11);
		add(FRAME_CREDIT, 3, "\0\0\2\0", 4);
		add(FRAME_PONG, 0, "12345678", 8);
		add(FRAME_FOREGROUND, 3, "\0", 1);
		add(FRAME_ERROR, 9, "\x0cno memory", 10);
		add(FRAME_EXIT, 3, "\0\3", 2);
		add(FRAME_EXIT, 4, "\1\x09", 2);
		ck_assert_int_eq(feed(piece, NULL), 0);
		ck_assert_str_eq(
			told,
			"hello 1 16;opened 3 65536;output 3 some outputcredit 3 512;"
			"pong 12345678;foreground 3 0;error 9 12 no memory;exit 3 0 3;exit 4 1 9;");
	}
}
END_TEST

START_TEST(an_exit_of_an_unknown_kind_is_a_status)
{
	reset();
	add_hello();
	add(FRAME_EXIT, 1, "\7\5", 2);
	ck_assert_int_eq(feed(1, NULL), 0);
	ck_assert_str_eq(told, "hello 1 16;exit 1 0 5;");
}
END_TEST

static char long_text[AGENT_CONTROL_MAX + 1];

static const struct {
	uint8_t type;
	uint16_t terminal;
	const char *payload;
	size_t len;
} wrong[] = {
	{FRAME_HELLO, 0, "\0\1\0\20", 4}, /* a second one */
	{FRAME_OPENED, 0, "\0\0\0\0\0\0\0\0", 8},
	{FRAME_OPENED, 1, "\0\0\0\0\0\0\0", 7},
	{FRAME_OPENED, 1, "\0\0\0\0\0\0\0\0\0", 9},
	{FRAME_OUTPUT, 0, "x", 1},
	{FRAME_OUTPUT, 1, "", 0},
	{FRAME_CREDIT, 0, "\0\0\0\1", 4},
	{FRAME_CREDIT, 1, "\0\0\1", 3},
	{FRAME_EXIT, 1, "\0", 1},
	{FRAME_EXIT, 1, "\0\0\0", 3},
	{FRAME_ERROR, 1, "", 0},
	{FRAME_ERROR, 1, long_text, sizeof(long_text)},
	{FRAME_PONG, 0, "1234567", 7},
	{FRAME_PONG, 1, "12345678", 8},
	{FRAME_FOREGROUND, 0, "\1", 1},
	{FRAME_FOREGROUND, 1, "", 0},
	{FRAME_FOREGROUND, 1, "\1\1", 2},
	{FRAME_OPEN, 1, "x", 1},
	{0, 0, "", 0},
	{255, 1, "", 0},
};
#define WRONG_COUNT (sizeof(wrong) / sizeof(wrong[0]))

START_TEST(a_frame_that_breaks_the_rules_is_a_violation)
{
	for (size_t piece = 1; piece < 20; piece++) {
		struct err err = {.kind = ERR_INPUT};
		reset();
		add_hello();
		add(wrong[_i].type, wrong[_i].terminal, wrong[_i].payload, wrong[_i].len);
		ck_assert_int_eq(feed(piece, &err), -1);
		ck_assert_int_eq(err.kind, ERR_UPSTREAM);
		ck_assert_str_eq(told, "hello 1 16;");
	}
}
END_TEST

START_TEST(nothing_comes_before_the_hello)
{
	reset();
	add(FRAME_PONG, 0, "12345678", 8);
	ck_assert_int_eq(feed(5, NULL), -1);
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(a_header_with_a_reserved_byte_or_a_huge_length_is_a_violation)
{
	static const uint8_t reserved[8] = {FRAME_HELLO, 1, 0, 0, 0, 0, 0, 4};
	static const uint8_t huge[8] = {FRAME_OUTPUT, 0, 0, 1, 0, 1, 0, 1};

	reset();
	memcpy(stream, reserved, 8);
	stream_len = 8;
	ck_assert_int_eq(feed(8, NULL), -1);
	reset();
	add_hello();
	memcpy(stream + stream_len, huge, 8);
	stream_len += 8;
	ck_assert_int_eq(feed(64, NULL), -1);
}
END_TEST

START_TEST(output_is_passed_on_before_its_frame_is_complete)
{
	struct agent_link link;

	reset();
	add_hello();
	add(FRAME_OUTPUT, 1, "abcdef", 6);
	agent_link_init(&link, &events, told);
	ck_assert_int_eq(agent_link_feed(&link, stream, stream_len - 4, NULL), 0);
	ck_assert_str_eq(told, "hello 1 16;output 1 ab");
}
END_TEST

START_TEST(the_longest_frames_fit)
{
	static char big[FRAME_PAYLOAD_MAX];
	struct err err;

	reset();
	memset(long_text, 'e', sizeof(long_text));
	add_hello();
	add(FRAME_ERROR, 1, long_text, AGENT_CONTROL_MAX);
	add(FRAME_OUTPUT, 2, big, sizeof(big));
	ck_assert_int_eq(feed(1000, &err), 0);
	ck_assert_uint_eq(strlen(told),
			  strlen("hello 1 16;error 1 101 ;output 2 ") + AGENT_CONTROL_MAX - 1);
}
END_TEST

/* Run with the address sanitizer, this also shows that freed memory is not touched. */
START_TEST(the_link_may_be_freed_in_every_event)
{
	static const char *const payloads[] = {"\0\1\0\0\0\0\0\7", "some out", "\0\0\2\0", "\0\3",
					       "\x0cno",           "12345678", "\0"};
	static const uint8_t types[] = {FRAME_OPENED, FRAME_OUTPUT, FRAME_CREDIT,    FRAME_EXIT,
					FRAME_ERROR,  FRAME_PONG,   FRAME_FOREGROUND};
	static const size_t lens[] = {8, 8, 4, 2, 3, 8, 1};

	for (size_t i = 0; i < sizeof(types); i++) {
		struct agent_link *link = malloc(sizeof(*link));
		reset();
		agent_link_init(link, &events, told);
		add_hello();
		ck_assert_int_eq(agent_link_feed(link, stream, stream_len, NULL), 0);
		reset();
		add(types[i], types[i] == FRAME_PONG ? 0 : 1, payloads[i], lens[i]);
		add(FRAME_EXIT, 2, "\0\0", 2);
		doomed = link;
		ck_assert_int_eq(agent_link_feed(link, stream, stream_len, NULL), 0);
		ck_assert_ptr_null(doomed);
		ck_assert_ptr_null(strstr(told, "exit 2"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tc = tcase_create("link");

	tcase_add_test(tc, frames_arrive_whole_however_they_are_cut);
	tcase_add_test(tc, an_exit_of_an_unknown_kind_is_a_status);
	tcase_add_loop_test(tc, a_frame_that_breaks_the_rules_is_a_violation, 0, WRONG_COUNT);
	tcase_add_test(tc, nothing_comes_before_the_hello);
	tcase_add_test(tc, a_header_with_a_reserved_byte_or_a_huge_length_is_a_violation);
	tcase_add_test(tc, output_is_passed_on_before_its_frame_is_complete);
	tcase_add_test(tc, the_longest_frames_fit);
	tcase_add_test(tc, the_link_may_be_freed_in_every_event);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
