/* The pure parts of the agent: frames in and out, commands, the request to open a terminal. */
#include "agent/command.h"
#include "agent/link.h"
#include "suite.h"
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct link_in in;
static struct link_out out;

static size_t put_frame(uint8_t *p, uint8_t type, uint16_t terminal, const void *payload,
			size_t len)
{
	frame_header_put(p, (struct frame_header){type, terminal, (uint32_t)len});
	if (len > 0)
		memcpy(p + FRAME_HEADER_BYTES, payload, len);
	return FRAME_HEADER_BYTES + len;
}

static void feed(const uint8_t *bytes, size_t len)
{
	size_t room;
	uint8_t *to = link_in_space(&in, &room);

	ck_assert_uint_le(len, room);
	memcpy(to, bytes, len);
	link_in_filled(&in, len);
}

START_TEST(a_frame_that_arrives_byte_by_byte_is_seen_when_it_is_whole)
{
	uint8_t bytes[64];
	size_t len = put_frame(bytes, FRAME_INPUT, 7, "hello", 5);
	struct frame f;

	for (size_t i = 0; i < len; i++) {
		ck_assert_int_eq(link_in_peek(&in, &f), LINK_MORE);
		feed(bytes + i, 1);
	}
	ck_assert_int_eq(link_in_peek(&in, &f), LINK_FRAME);
	ck_assert_uint_eq(f.header.terminal, 7);
	ck_assert_mem_eq(f.payload, "hello", 5);
	link_in_take(&in, &f);
	ck_assert_int_eq(link_in_peek(&in, &f), LINK_MORE);
}
END_TEST

START_TEST(two_frames_of_the_greatest_length_fit_at_once)
{
	uint8_t *bytes = calloc(1, LINK_FRAME_MAX);
	struct frame f;
	size_t room;

	put_frame(bytes, FRAME_INPUT, 1, NULL, 0);
	put_u32(bytes + 4, FRAME_PAYLOAD_MAX);
	feed(bytes, LINK_FRAME_MAX);
	feed(bytes, LINK_FRAME_MAX);
	link_in_space(&in, &room);
	ck_assert_uint_eq(room, 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(link_in_peek(&in, &f), LINK_FRAME);
		link_in_take(&in, &f);
	}
	link_in_space(&in, &room);
	ck_assert_uint_eq(room, sizeof in.buf);
	free(bytes);
}
END_TEST

START_TEST(a_header_with_a_reserved_byte_or_a_long_payload_is_bad)
{
	uint8_t reserved[8] = {FRAME_INPUT, 1, 0, 1, 0, 0, 0, 0};
	uint8_t too_long[8] = {FRAME_INPUT, 0, 0, 1, 0, 1, 0, 1};
	struct frame f;

	feed(reserved, 8);
	ck_assert_int_eq(link_in_peek(&in, &f), LINK_BAD);
	memset(&in, 0, sizeof in);
	feed(too_long, 8);
	ck_assert_int_eq(link_in_peek(&in, &f), LINK_BAD);
}
END_TEST

START_TEST(data_leaves_room_for_control_frames)
{
	size_t room;
	uint8_t *to;
	int frames = 0;

	while ((to = link_out_data(&out, &room))) {
		memset(to, 'x', room);
		link_out_data_done(&out, 1, room);
		ck_assert_int_lt(++frames, 10);
	}
	for (int i = 0; i < 50; i++)
		ck_assert(link_out_control(&out, FRAME_PONG, 0, (const uint8_t *)"12345678", 8));
}
END_TEST

START_TEST(a_control_frame_that_does_not_fit_leaves_nothing_behind)
{
	uint8_t payload[LINK_CONTROL_MAX] = {0};
	size_t before;

	while (link_out_control(&out, FRAME_ERROR, 1, payload, sizeof payload))
		;
	before = out.end;
	ck_assert(!link_out_ready(&out));
	ck_assert(!link_out_control(&out, FRAME_ERROR, 1, payload, sizeof payload));
	ck_assert_uint_eq(out.end, before);
}
END_TEST

/* Writes frames through a pipe that takes them in irregular pieces, and decodes them again. */
START_TEST(what_goes_out_in_pieces_comes_in_again_in_order)
{
	int fds[2];
	unsigned sent = 0, got = 0;
	struct frame f;
	size_t room;

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	while (got < 2000) {
		uint8_t *to = link_out_data(&out, &room);

		if (to && sent < 2000) {
			size_t len = 1 + sent * 7919 % room;

			memset(to, (int)(sent & 0xff), len);
			link_out_data_done(&out, (uint16_t)(sent++ + 1), len);
		}
		ck_assert_int_eq(link_out_flush(&out, fds[1]), 0);
		to = link_in_space(&in, &room);

		ssize_t n = read(fds[0], to, room < 50021 ? room : 50021);

		if (n > 0)
			link_in_filled(&in, (size_t)n);
		while (link_in_peek(&in, &f) == LINK_FRAME) {
			ck_assert_uint_eq(f.header.terminal, got + 1);
			ck_assert_uint_eq(f.payload[f.header.length - 1], got & 0xff);
			link_in_take(&in, &f);
			got++;
		}
	}
	ck_assert(!link_out_pending(&out));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(writing_to_a_peer_that_has_gone_is_an_error)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	ck_assert(link_out_control(&out, FRAME_PONG, 0, (const uint8_t *)"12345678", 8));
	ck_assert_int_eq(link_out_flush(&out, fds[1]), -1);
	close(fds[1]);
}
END_TEST

static const char *refused(uint8_t type, uint16_t terminal, const void *payload, size_t len)
{
	static uint8_t copy[256];
	struct frame f = {{type, terminal, (uint32_t)len}, copy};
	struct command c;
	const char *why = NULL;

	memcpy(copy, payload, len);
	return command_parse(&c, &f, &why) < 0 ? why : NULL;
}

START_TEST(frames_of_unknown_types_and_of_the_agents_own_are_refused)
{
	static const uint8_t types[] = {0, 8, 15, 17, 31, 32, 33, 34, 35, 36, 37, 38, 255};

	for (size_t i = 0; i < sizeof types; i++)
		ck_assert_ptr_nonnull(refused(types[i], 1, "", 0));
}
END_TEST

START_TEST(payloads_of_the_wrong_length_are_refused)
{
	ck_assert_ptr_nonnull(refused(FRAME_RESIZE, 1, "123", 3));
	ck_assert_ptr_nonnull(refused(FRAME_RESIZE, 1, "12345", 5));
	ck_assert_ptr_nonnull(refused(FRAME_CLOSE, 1, "1", 1));
	ck_assert_ptr_nonnull(refused(FRAME_PING, 0, "1234567", 7));
	ck_assert_ptr_nonnull(refused(FRAME_DEADLINE, 0, "1234", 4));
	ck_assert_ptr_nonnull(refused(FRAME_CREDIT, 1, "", 0));
	ck_assert_ptr_null(refused(FRAME_RESIZE, 1, "1234", 4));
	ck_assert_ptr_null(refused(FRAME_INPUT, 1, "", 0));
	ck_assert_ptr_null(refused(FRAME_CLOSE, 1, "", 0));
}
END_TEST

START_TEST(a_frame_to_the_wrong_kind_of_number_is_refused)
{
	ck_assert_ptr_nonnull(refused(FRAME_PING, 1, "12345678", 8));
	ck_assert_ptr_nonnull(refused(FRAME_INPUT, 0, "x", 1));
	ck_assert_ptr_null(refused(FRAME_DEADLINE, 0, "123412345678", 12));
}
END_TEST

START_TEST(only_ten_signals_may_be_sent)
{
	int allowed = 0;

	for (int s = 0; s < 256; s++) {
		uint8_t byte = (uint8_t)s;

		allowed += refused(FRAME_SIGNAL, 1, &byte, 1) == NULL;
	}
	ck_assert_int_eq(allowed, 10);
	ck_assert_ptr_nonnull(refused(FRAME_SIGNAL, 1, "\023", 1)); /* SIGSTOP */
}
END_TEST

#define FIXED "\0\030\0\120\0\0\020\0" /* 24 rows, 80 columns, credit 4096 */

static int parse(struct open_request *r, const void *bytes, size_t len)
{
	static uint8_t copy[256];

	memcpy(copy, bytes, len);
	return open_request_parse(r, copy, len);
}

START_TEST(a_request_to_open_is_taken_apart)
{
	static const char bytes[] = FIXED "\002\001/tmp\0ls\0-l\0A=b";
	struct open_request r;

	ck_assert_int_eq(parse(&r, bytes, sizeof bytes), 0);
	ck_assert_uint_eq(r.rows, 24);
	ck_assert_uint_eq(r.cols, 80);
	ck_assert_uint_eq(r.credit, 4096);
	ck_assert_str_eq(r.cwd, "/tmp");
	ck_assert_str_eq(r.argv[1], "-l");
	ck_assert_ptr_null(r.argv[2]);
	ck_assert_str_eq(r.env[0], "A=b");
}
END_TEST

START_TEST(a_request_that_is_cut_anywhere_is_refused)
{
	static const char bytes[] = FIXED "\002\001/tmp\0ls\0-l\0A=b";
	struct open_request r;

	for (size_t len = 0; len < sizeof bytes; len++)
		ck_assert_int_eq(parse(&r, bytes, len), -1);
}
END_TEST

START_TEST(a_request_with_bytes_left_over_or_a_bad_variable_is_refused)
{
	static const char longer[] = FIXED "\0\0\0x";
	static const char nameless[] = FIXED "\0\001\0=b";
	static const char valueless[] = FIXED "\0\001\0A";
	static const char greedy[] = "\0\030\0\120\0\020\0\001\0\0";
	struct open_request r;

	ck_assert_int_eq(parse(&r, longer, sizeof longer), -1);
	ck_assert_int_eq(parse(&r, nameless, sizeof nameless), -1);
	ck_assert_int_eq(parse(&r, valueless, sizeof valueless), -1);
	ck_assert_int_eq(parse(&r, greedy, sizeof greedy), -1);
}
END_TEST

static void forget(void)
{
	memset(&in, 0, sizeof in);
	memset(&out, 0, sizeof out);
}

int main(void)
{
	Suite *suite = suite_create("agent_link");
	TCase *t = tcase_create("pure");

	tcase_add_checked_fixture(t, forget, NULL);
	tcase_add_test(t, a_frame_that_arrives_byte_by_byte_is_seen_when_it_is_whole);
	tcase_add_test(t, two_frames_of_the_greatest_length_fit_at_once);
	tcase_add_test(t, a_header_with_a_reserved_byte_or_a_long_payload_is_bad);
	tcase_add_test(t, data_leaves_room_for_control_frames);
	tcase_add_test(t, a_control_frame_that_does_not_fit_leaves_nothing_behind);
	tcase_add_test(t, what_goes_out_in_pieces_comes_in_again_in_order);
	tcase_add_test(t, writing_to_a_peer_that_has_gone_is_an_error);
	tcase_add_test(t, frames_of_unknown_types_and_of_the_agents_own_are_refused);
	tcase_add_test(t, payloads_of_the_wrong_length_are_refused);
	tcase_add_test(t, a_frame_to_the_wrong_kind_of_number_is_refused);
	tcase_add_test(t, only_ten_signals_may_be_sent);
	tcase_add_test(t, a_request_to_open_is_taken_apart);
	tcase_add_test(t, a_request_that_is_cut_anywhere_is_refused);
	tcase_add_test(t, a_request_with_bytes_left_over_or_a_bad_variable_is_refused);
	suite_add_tcase(suite, t);

	return run_suite(suite);
}
