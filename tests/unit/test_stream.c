#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/attach_head.h"
#include "engine/docker_internal.h"
#include "engine/stream.h"
#include "fake_engine.h"
#include "suite.h"

#define HEAD                                                                                       \
	"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"             \
	"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define HEAD_200 "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
#define HELLO    "\1\0\0\0\0\0\0\5hello"
#define OOPS     "\2\0\0\0\0\0\0\4oops"

static struct {
	unsigned opened, pieces, closed, settled;
	struct err err;
	uint8_t data[1 << 16];
	size_t len, total;
} got;

static struct stream *s;

static void up(void)
{
	memset(&got, 0, sizeof(got));
	s = NULL;
	fixture_up();
}

static void down(void)
{
	if (!got.closed)
		stream_close(s);
	fixture_down();
}

static void on_open(void *arg)
{
	ck_assert_ptr_eq(arg, &got);
	ck_assert_uint_eq(got.opened + got.closed, 0);
	got.opened++;
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	ck_assert_uint_eq(got.opened, 1);
	ck_assert_uint_eq(got.closed, 0);
	got.pieces++;
	got.total += len;
	if (got.len + len <= sizeof(got.data)) {
		memcpy(got.data + got.len, data, len);
		got.len += len;
	}
}

static void on_close(void *arg, const struct err *err)
{
	(void)arg;
	ck_assert_uint_eq(got.closed, 0);
	got.closed++;
	got.err = *err;
}

static void on_settled(void *arg)
{
	(void)arg;
	ck_assert_uint_eq(got.closed, 0);
	got.settled++;
}

static const struct stream_events events = {on_open, on_data, on_close, on_settled};

static void open_with(const struct stream_events *e)
{
	s = stream_open(fx.docker, "sandbox-1", e, &got, NULL);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(got.opened + got.closed, 0);
}

static void open_at(struct fake_reply reply)
{
	fake_reply(fx.engine, reply);
	open_with(&events);
}

static void open_stream(void)
{
	open_at((struct fake_reply){.data = HEAD});
	run_until(&got.opened, 1);
}

static void expect_close(enum err_kind kind, const char *part)
{
	run_until(&got.closed, 1);
	ck_assert_msg(got.err.kind == kind && strstr(got.err.msg, part), "%s: %s",
		      err_kind_name(got.err.kind), got.err.msg);
}

static void expect_data(const char *text)
{
	ck_assert_uint_eq(got.len, strlen(text));
	ck_assert_int_eq(memcmp(got.data, text, got.len), 0);
}

#define SEND(text) fake_send(fx.engine, text, sizeof(text) - 1)

/* --- opening --- */

START_TEST(attach_asks_for_the_three_streams_and_an_upgrade)
{
	open_stream();
	const char *request = strstr(fake_received(fx.engine, NULL), "POST ");
	ck_assert_str_eq(request,
			 "POST /v1.41/containers/sandbox-1/attach?stream=1&stdin=1&"
			 "stdout=1&stderr=1 HTTP/1.1\r\nHost: docker\r\n"
			 "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n");
}
END_TEST

static void open_in_pieces(const char *head, size_t head_len, size_t piece)
{
	char text[512];

	memcpy(text, head, head_len);
	memcpy(text + head_len, HELLO OOPS, sizeof(HELLO OOPS) - 1);
	open_at((struct fake_reply){.data = text,
				    .len = head_len + sizeof(HELLO OOPS) - 1,
				    .piece = piece,
				    .end = FAKE_CLOSE});
	run_until(&got.closed, 1);
	ck_assert_msg(got.err.kind == ERR_GONE, "%s", got.err.msg);
	expect_data("hello");
}

START_TEST(a_head_in_pieces_of_any_size_with_output_behind_it_loses_nothing)
{
	open_in_pieces(HEAD, sizeof(HEAD) - 1, (size_t)_i);
}
END_TEST

START_TEST(an_answer_of_200_opens_the_stream_too)
{
	open_in_pieces(HEAD_200, sizeof(HEAD_200) - 1, (size_t)_i);
}
END_TEST

START_TEST(an_interim_answer_before_the_real_one_is_passed_over)
{
	static const char head[] = "HTTP/1.1 100 Continue\r\n\r\n" HEAD;

	open_in_pieces(head, sizeof(head) - 1, (size_t)_i);
}
END_TEST

START_TEST(what_was_read_at_once_is_told_to_have_settled_behind_its_last_piece)
{
	open_stream();
	unsigned before = got.settled;
	SEND(HELLO OOPS HELLO HELLO);
	run_until(&got.settled, before + 1);
	ck_assert_uint_eq(got.pieces, 3);
	run_some();
	ck_assert_uint_eq(got.settled, before + 1);
}
END_TEST

START_TEST(what_is_behind_the_head_at_any_split_is_the_stream)
{
	static const char text[] = HEAD HELLO;

	for (size_t i = 0; i <= sizeof(HEAD) - 1; i++) {
		struct attach_head h;
		size_t first, second = 0, more = sizeof(text) - 1 - i;
		attach_head_init(&h);
		enum attach_state state = attach_head_feed(&h, (const uint8_t *)text, i, &first);
		if (state == ATTACH_WAITING)
			state = attach_head_feed(&h, (const uint8_t *)text + i, more, &second);
		ck_assert_int_eq(state, ATTACH_OPEN);
		ck_assert_uint_eq(first + second, sizeof(HEAD) - 1);
	}
}
END_TEST

static const struct {
	const char *answer;
	enum err_kind kind;
	const char *part;
} refusals[] = {
	{"HTTP/1.1 404 Not Found\r\nContent-Length: 31\r\n\r\n{\"message\":\"No such container\"}",
	 ERR_GONE, "attach: status 404: No such container"},
	{"HTTP/1.1 409 Conflict\r\nContent-Length: 23\r\n\r\n{\"message\":\"is paused\"}", ERR_BUSY,
	 "409: is paused"},
	{"HTTP/1.1 400 Bad\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n11\r\n{\"message\":\"bad\"}\r\n0\r\n\r\n",
	 ERR_INPUT, "400: bad"},
	{"HTTP/1.1 500 Oh\r\n\r\n{\"message\":\"oh\"}", ERR_UPSTREAM, "500: oh"},
	{"HTTP/1.1 500 Oh\r\nContent-Length: 99\r\n\r\n{\"mess", ERR_UPSTREAM, "500"},
	{"HTTP/1.1 204 No Content\r\n\r\n", ERR_UPSTREAM, "204"},
	{"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", ERR_UPSTREAM, "301"},
	{"HTTP/1.1 101 UPGRADED\r\nUpgrade: t", ERR_UPSTREAM, "unreadable answer"},
	{"HTTP/1.1 100 Continue\r\n\r\n", ERR_UPSTREAM, "unreadable answer"},
	{"\1\0\0\0\0\0\0\5hello", ERR_UPSTREAM, "unreadable answer"},
	{"GET / HTTP/1.1\r\n\r\n", ERR_UPSTREAM, "unreadable answer"},
	{NULL, ERR_UPSTREAM, "unreadable answer"},
};

START_TEST(a_refusal_is_told_with_its_reason_instead_of_opening)
{
	open_at((struct fake_reply){.data = refusals[_i].answer, .end = FAKE_CLOSE});
	expect_close(refusals[_i].kind, refusals[_i].part);
	ck_assert_uint_eq(got.opened, 0);
}
END_TEST

START_TEST(a_refusal_is_known_without_waiting_for_the_end_of_the_connection)
{
	open_at((struct fake_reply){.data = refusals[0].answer, .piece = 3});
	expect_close(ERR_GONE, "No such container");
}
END_TEST

START_TEST(a_head_of_more_than_16_kib_is_given_up)
{
	char *text = malloc(100000);

	strcpy(text, "HTTP/1.1 101 UPGRADED\r\nX: ");
	memset(text + strlen(text), 'x', 90000);
	text[90000] = '\0';
	open_at((struct fake_reply){.data = text, .len = 90000});
	expect_close(ERR_UPSTREAM, "unreadable answer");
	run_some();
	free(text);
}
END_TEST

START_TEST(an_engine_that_does_not_answer_runs_into_the_limit)
{
	fx.docker->limit_per_mille = 2;
	open_at((struct fake_reply){.data = _i ? "HTTP/1.1 101 UPGR" : NULL});
	expect_close(ERR_UPSTREAM, "no answer in time");
}
END_TEST

START_TEST(an_open_stream_has_no_limit)
{
	fx.docker->limit_per_mille = 2;
	open_stream();
	run_for_ms(40); /* twice the limit */
	ck_assert_uint_eq(got.closed, 0);
	SEND(HELLO);
	run_until(&got.pieces, 1);
}
END_TEST

START_TEST(a_missing_socket_is_named_after_the_start_has_returned)
{
	unlink(fx.docker->path);
	open_with(&events);
	expect_close(ERR_UPSTREAM, fx.docker->path);
	ck_assert_ptr_nonnull(strstr(got.err.msg, "no such file"));
}
END_TEST

START_TEST(a_wrong_name_or_no_version_refuses_at_once)
{
	struct err err;

	ck_assert_ptr_null(stream_open(fx.docker, "../x", &events, &got, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	fx.docker->api[0] = '\0';
	ck_assert_ptr_null(stream_open(fx.docker, "x", &events, &got, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
}
END_TEST

/* --- reading --- */

START_TEST(standard_output_arrives_and_standard_error_is_counted)
{
	open_stream();
	SEND(HELLO OOPS HELLO);
	run_until(&got.pieces, 2);
	expect_data("hellohello");
	ck_assert_uint_eq(stream_stderr_bytes(s), 4);
}
END_TEST

START_TEST(a_container_that_ends_closes_the_stream_after_its_last_output)
{
	open_stream();
	SEND(HELLO);
	run_until(&got.pieces, 1);
	fake_close_connections(fx.engine);
	expect_close(ERR_GONE, "end of the stream");
	expect_data("hello");
}
END_TEST

START_TEST(an_end_in_the_middle_of_a_frame_is_an_error)
{
	static char text[sizeof(HEAD HELLO)] = HEAD HELLO;
	size_t frame = (size_t)_i;

	open_at((struct fake_reply){
		.data = text, .len = sizeof(HEAD) - 1 + frame, .end = FAKE_CLOSE});
	expect_close(ERR_UPSTREAM, "in the middle of a frame");
	ck_assert_uint_eq(got.opened, 1);
	ck_assert_uint_eq(got.len, frame > 8 ? frame - 8 : 0);
}
END_TEST

START_TEST(a_broken_header_ends_the_stream_after_the_good_frames)
{
	open_stream();
	SEND(HELLO "\1\0\1\0\0\0\0\5hello");
	expect_close(ERR_UPSTREAM, "broken header");
	expect_data("hello");
}
END_TEST

START_TEST(an_error_that_the_engine_puts_on_the_stream_ends_it)
{
	open_stream();
	SEND("\3\0\0\0\0\0\0\5daemon");
	expect_close(ERR_UPSTREAM, "reports an error");
}
END_TEST

START_TEST(a_reset_connection_is_an_error)
{
	open_stream();
	fake_stop_reading(fx.engine);
	ck_assert(stream_send(s, "x", 1, NULL, 0));
	fake_close_connections(fx.engine);
	expect_close(ERR_UPSTREAM, "connection reset");
}
END_TEST

START_TEST(a_paused_stream_leaves_the_bytes_with_the_engine)
{
	size_t len = 8 << 20;
	char *flood = calloc(1, len + 8);
	const uint32_t n = (uint32_t)len;

	memcpy(flood, (uint8_t[]){1, 0, 0, 0, n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255}, 8);
	open_stream();
	stream_pause(s, true);
	fake_send(fx.engine, flood, len + 8);
	run_some();
	ck_assert_uint_eq(got.total, 0);
	stream_pause(s, false);
	run_until(&got.pieces, 1);
	stream_pause(s, true);
	size_t before = got.total;
	run_some();
	ck_assert_uint_le(got.total - before, DOCKER_READ_BYTES);
	ck_assert_uint_lt(got.total, len);
	stream_pause(s, false);
	while (got.total < len)
		uv_run(&fx.loop, UV_RUN_ONCE);
	ck_assert_uint_eq(got.total, len);
	free(flood);
}
END_TEST

/* --- writing --- */

static size_t received_at_open;

static void send_numbers(size_t count, unsigned *sent)
{
	uint8_t body[1000];

	for (size_t i = 0; i < count; i++) {
		memset(body, (int)(*sent % 251), sizeof(body));
		if (!stream_send(s, "HEAD", 4, body, sizeof(body)))
			return;
		++*sent;
	}
}

static void check_numbers(unsigned sent)
{
	size_t len;
	const char *data;

	for (int i = 0; i < 100000; i++) {
		data = fake_received(fx.engine, &len) + received_at_open;
		if (len - received_at_open >= (size_t)sent * 1004)
			break;
		uv_run(&fx.loop, UV_RUN_NOWAIT);
	}
	ck_assert_uint_eq(len - received_at_open, (size_t)sent * 1004);
	for (unsigned i = 0; i < sent; i++, data += 1004) {
		ck_assert_int_eq(memcmp(data, "HEAD", 4), 0);
		ck_assert_uint_eq((uint8_t)data[4], i % 251);
		ck_assert_int_eq(memcmp(data + 4, data + 5, 999), 0);
	}
}

START_TEST(what_the_engine_does_not_take_is_queued_in_order_up_to_the_limit)
{
	unsigned sent = 0;

	open_stream();
	fake_received(fx.engine, &received_at_open);
	fake_stop_reading(fx.engine);
	for (int turn = 0; turn < 60; turn++) {
		send_numbers(100, &sent);
		run_some();
	}
	ck_assert_uint_gt(sent, STREAM_QUEUE_MAX / 1004);
	ck_assert_uint_lt(sent, 6000);
	fake_start_reading(fx.engine);
	check_numbers(sent);
	unsigned before = sent;
	send_numbers(10, &sent);
	ck_assert_uint_eq(sent, before + 10);
	check_numbers(sent);
}
END_TEST

START_TEST(more_than_the_queue_at_once_is_refused_whole)
{
	static uint8_t body[STREAM_QUEUE_MAX];
	size_t len;

	open_stream();
	fake_received(fx.engine, &received_at_open);
	ck_assert(!stream_send(s, "x", 1, body, sizeof(body)));
	run_some();
	fake_received(fx.engine, &len);
	ck_assert_uint_eq(len, received_at_open);
	ck_assert(stream_send(s, NULL, 0, body, sizeof(body)));
	ck_assert(!stream_send(s, body, sizeof(body), NULL, 0));
}
END_TEST

START_TEST(nothing_can_be_sent_before_the_stream_is_open)
{
	open_at((struct fake_reply){.data = HEAD});
	ck_assert(!stream_send(s, "x", 1, NULL, 0));
	stream_pause(s, true);
	run_until(&got.opened, 1);
	ck_assert(stream_send(s, "x", 1, NULL, 0));
}
END_TEST

START_TEST(sending_to_an_engine_that_has_gone_is_refused_or_ends_the_stream)
{
	open_stream();
	fake_close_connections(fx.engine);
	while (!got.closed && stream_send(s, "x", 1, NULL, 0))
		uv_run(&fx.loop, UV_RUN_NOWAIT);
	if (!got.closed)
		ck_assert(!stream_send(s, "x", 1, NULL, 0));
}
END_TEST

/* --- closing --- */

START_TEST(a_stream_closed_after_any_number_of_turns_is_silent)
{
	open_at((struct fake_reply){.data = HEAD, .piece = 9, .delay_ms = 1});
	for (int i = 0; i < _i; i++)
		uv_run(&fx.loop, UV_RUN_NOWAIT);
	struct err before = got.err;
	unsigned opened = got.opened;
	stream_close(s);
	s = NULL;
	run_some();
	ck_assert_uint_eq(got.closed, 0);
	ck_assert_uint_eq(got.opened, opened);
	ck_assert_int_eq(memcmp(&before, &got.err, sizeof(before)), 0);
}
END_TEST

START_TEST(a_stream_closed_with_writes_under_way_frees_them)
{
	static uint8_t body[STREAM_QUEUE_MAX];

	open_stream();
	fake_stop_reading(fx.engine);
	ck_assert(stream_send(s, NULL, 0, body, sizeof(body)));
	stream_close(s);
	s = NULL;
	stream_close(NULL);
	run_some();
	ck_assert_uint_eq(got.closed, 0);
}
END_TEST

/* Closes the stream and frees the client, inside whichever callback. */
static void free_all(void)
{
	if (!got.closed)
		stream_close(s);
	s = NULL;
	docker_free(fx.docker);
	fx.docker = NULL;
}

static void on_open_free(void *arg)
{
	on_open(arg);
	free_all();
}

static void on_data_free(void *arg, const uint8_t *data, size_t len)
{
	on_data(arg, data, len);
	free_all();
}

static void on_close_free(void *arg, const struct err *err)
{
	on_close(arg, err);
	free_all();
}

static void on_settled_free(void *arg)
{
	on_settled(arg);
	free_all();
}

static const struct stream_events freeing[] = {
	{on_open_free, on_data, on_close, NULL},
	{on_open, on_data_free, on_close, NULL},
	{on_open, on_data, on_close_free, NULL},
	{on_open, on_data, on_close, on_settled_free},
};

START_TEST(the_owner_may_free_everything_in_any_callback)
{
	static const char text[] = HEAD HELLO HELLO "x";

	fake_reply(fx.engine, (struct fake_reply){.data = text,
						  .len = sizeof(text) - 1,
						  .end = _i == 2 ? FAKE_CLOSE : FAKE_KEEP});
	open_with(&freeing[_i]);
	const unsigned *const counts[] = {&got.opened, &got.pieces, &got.closed, &got.settled};
	run_until(counts[_i], 1);
	run_some();
	ck_assert_uint_eq(got.pieces, _i == 0 ? 0 : _i == 1 ? 1 : 2);
	ck_assert_uint_eq(got.closed, _i == 2);
}
END_TEST

static void on_data_pause(void *arg, const uint8_t *data, size_t len)
{
	on_data(arg, data, len);
	stream_pause(s, true);
	stream_pause(s, false);
	stream_pause(s, true);
}

START_TEST(a_pause_inside_a_callback_holds_after_what_has_been_read)
{
	static const struct stream_events pausing = {on_open, on_data_pause, on_close, NULL};
	static const char text[] = HEAD HELLO HELLO;

	fake_reply(fx.engine, (struct fake_reply){.data = text, .len = sizeof(text) - 1});
	open_with(&pausing);
	run_until(&got.pieces, 2);
	SEND(HELLO);
	run_some();
	ck_assert_uint_eq(got.pieces, 2);
	stream_pause(s, false);
	run_until(&got.pieces, 3);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static void add_opening(TCase *tc)
{
	tcase_add_test(tc, attach_asks_for_the_three_streams_and_an_upgrade);
	tcase_add_loop_test(tc, a_head_in_pieces_of_any_size_with_output_behind_it_loses_nothing, 0,
			    30);
	tcase_add_loop_test(tc, an_answer_of_200_opens_the_stream_too, 0, 3);
	tcase_add_loop_test(tc, an_interim_answer_before_the_real_one_is_passed_over, 0, 3);
	tcase_add_test(tc, what_was_read_at_once_is_told_to_have_settled_behind_its_last_piece);
	tcase_add_test(tc, what_is_behind_the_head_at_any_split_is_the_stream);
	tcase_add_loop_test(tc, a_refusal_is_told_with_its_reason_instead_of_opening, 0,
			    COUNT(refusals));
	tcase_add_test(tc, a_refusal_is_known_without_waiting_for_the_end_of_the_connection);
	tcase_add_test(tc, a_head_of_more_than_16_kib_is_given_up);
	tcase_add_loop_test(tc, an_engine_that_does_not_answer_runs_into_the_limit, 0, 2);
	tcase_add_test(tc, an_open_stream_has_no_limit);
	tcase_add_test(tc, a_missing_socket_is_named_after_the_start_has_returned);
	tcase_add_test(tc, a_wrong_name_or_no_version_refuses_at_once);
}

static void add_data(TCase *tc)
{
	tcase_add_test(tc, standard_output_arrives_and_standard_error_is_counted);
	tcase_add_test(tc, a_container_that_ends_closes_the_stream_after_its_last_output);
	tcase_add_loop_test(tc, an_end_in_the_middle_of_a_frame_is_an_error, 1, 13);
	tcase_add_test(tc, a_broken_header_ends_the_stream_after_the_good_frames);
	tcase_add_test(tc, an_error_that_the_engine_puts_on_the_stream_ends_it);
	tcase_add_test(tc, a_reset_connection_is_an_error);
	tcase_add_test(tc, a_paused_stream_leaves_the_bytes_with_the_engine);
	tcase_add_test(tc, what_the_engine_does_not_take_is_queued_in_order_up_to_the_limit);
	tcase_add_test(tc, more_than_the_queue_at_once_is_refused_whole);
	tcase_add_test(tc, nothing_can_be_sent_before_the_stream_is_open);
	tcase_add_test(tc, sending_to_an_engine_that_has_gone_is_refused_or_ends_the_stream);
}

int main(void)
{
	Suite *suite = suite_create("stream");
	TCase *tc = tcase_create("stream");

	tcase_add_checked_fixture(tc, up, down);
	add_opening(tc);
	add_data(tc);
	tcase_add_loop_test(tc, a_stream_closed_after_any_number_of_turns_is_silent, 0, 25);
	tcase_add_test(tc, a_stream_closed_with_writes_under_way_frees_them);
	tcase_add_loop_test(tc, the_owner_may_free_everything_in_any_callback, 0, COUNT(freeing));
	tcase_add_test(tc, a_pause_inside_a_callback_holds_after_what_has_been_read);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
