#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/docker_lines.h"
#include "engine/stdcopy.h"
#include "suite.h"

/* "hello" to stdout, "oops" to stderr, an empty frame, "!" to stdout. */
static const uint8_t stream[] = "\1\0\0\0\0\0\0\5hello"
				"\2\0\0\0\0\0\0\4oops"
				"\1\0\0\0\0\0\0\0"
				"\1\0\0\0\0\0\0\1!";
#define STREAM_LEN (sizeof(stream) - 1)

struct outputs {
	char out[64], err[64];
	size_t out_len, err_len;
};

static int feed(struct stdcopy *s, const uint8_t *data, size_t len, struct outputs *o)
{
	struct stdcopy_piece piece;
	int rc;

	while ((rc = stdcopy_next(s, &data, &len, &piece)) == 1) {
		ck_assert_uint_gt(piece.len, 0);
		char *to = piece.type == STDCOPY_STDOUT ? o->out : o->err;
		size_t *n = piece.type == STDCOPY_STDOUT ? &o->out_len : &o->err_len;
		ck_assert_uint_lt(*n + piece.len, 64);
		memcpy(to + *n, piece.data, piece.len);
		*n += piece.len;
	}
	ck_assert(rc < 0 || len == 0);
	return rc;
}

/* A heap copy of exactly this size, so that the sanitizer sees every byte too far. */
static int feed_copy(struct stdcopy *s, const uint8_t *data, size_t len, struct outputs *o)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (len)
		memcpy(copy, data, len);
	int rc = feed(s, copy, len, o);
	free(copy);
	return rc;
}

START_TEST(a_stream_split_at_any_two_bytes_gives_the_same_output)
{
	for (size_t i = 0; i <= STREAM_LEN; i++)
		for (size_t j = i; j <= STREAM_LEN; j++) {
			struct stdcopy s;
			struct outputs o = {.out_len = 0};
			stdcopy_init(&s);
			ck_assert_int_eq(feed_copy(&s, stream, i, &o), 0);
			ck_assert_int_eq(feed_copy(&s, stream + i, j - i, &o), 0);
			ck_assert_int_eq(feed_copy(&s, stream + j, STREAM_LEN - j, &o), 0);
			ck_assert_str_eq(o.out, "hello!");
			ck_assert_str_eq(o.err, "oops");
			ck_assert(stdcopy_between(&s));
		}
}
END_TEST

START_TEST(a_stream_cut_inside_a_frame_is_not_between_frames)
{
	for (size_t i = 0; i <= STREAM_LEN; i++) {
		struct stdcopy s;
		struct outputs o = {.out_len = 0};
		stdcopy_init(&s);
		ck_assert_int_eq(feed_copy(&s, stream, i, &o), 0);
		bool boundary = i == 0 || i == 13 || i == 25 || i == 33 || i == STREAM_LEN;
		ck_assert_int_eq(stdcopy_between(&s), boundary);
	}
}
END_TEST

START_TEST(a_wrong_byte_in_a_header_is_an_error_at_once)
{
	for (size_t at = 0; at < 4; at++)
		for (unsigned value = at ? 1 : 4; value < 256; value++) {
			struct stdcopy s;
			struct outputs o = {.out_len = 0};
			uint8_t header[] = {1, 0, 0, 0, 0, 0, 0, 1, 'x'};
			stdcopy_init(&s);
			header[at] = (uint8_t)value;
			ck_assert_int_eq(feed(&s, header, sizeof(header), &o), -1);
			ck_assert_uint_eq(o.out_len + o.err_len, 0);
		}
}
END_TEST

START_TEST(the_greatest_length_is_streamed_without_being_held)
{
	static const uint8_t header[] = {1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
	static uint8_t block[1 << 20];
	struct stdcopy s;
	struct stdcopy_piece piece;
	const uint8_t *p = header;
	size_t len = sizeof(header);
	uint64_t total = 0;

	stdcopy_init(&s);
	ck_assert_int_eq(stdcopy_next(&s, &p, &len, &piece), 0);
	while (total < UINT32_MAX) {
		p = block;
		len = sizeof(block);
		ck_assert_int_eq(stdcopy_next(&s, &p, &len, &piece), 1);
		ck_assert_ptr_eq(piece.data, block);
		total += piece.len;
	}
	ck_assert_uint_eq(total, UINT32_MAX);
	ck_assert_uint_eq(len, 1);
	ck_assert(stdcopy_between(&s));
}
END_TEST

/* --- lines --- */

static void collect(struct docker_lines *l, char *out)
{
	const char *line;
	size_t len;

	while ((line = docker_lines_next(l, &len))) {
		strncat(out, line, len);
		strcat(out, "|");
	}
}

START_TEST(lines_split_at_any_byte_are_the_same_lines)
{
	static const char text[] = "{\"a\":1}\n\n{\"b\":2}\r\nlast\nrest";

	for (size_t i = 0; i < sizeof(text); i++) {
		struct docker_lines l;
		char out[64] = "";
		docker_lines_init(&l);
		ck_assert(docker_lines_push(&l, text, i));
		collect(&l, out);
		ck_assert(docker_lines_push(&l, text + i, sizeof(text) - 1 - i));
		collect(&l, out);
		ck_assert_str_eq(out, "{\"a\":1}|{\"b\":2}|last|");
		docker_lines_finish(&l);
	}
}
END_TEST

START_TEST(a_line_may_be_64_kib_long_and_not_one_byte_more)
{
	static char text[DOCKER_LINE_MAX];
	struct docker_lines l;
	size_t len = 0;

	memset(text, 'x', sizeof(text));
	docker_lines_init(&l);
	ck_assert(docker_lines_push(&l, text, 10));
	ck_assert(docker_lines_push(&l, text, sizeof(text) - 10));
	ck_assert(docker_lines_push(&l, "\n", 1));
	ck_assert_ptr_nonnull(docker_lines_next(&l, &len));
	ck_assert_uint_eq(len, DOCKER_LINE_MAX);
	ck_assert(docker_lines_push(&l, text, sizeof(text)));
	ck_assert(!docker_lines_push(&l, "x", 1));
	docker_lines_finish(&l);
}
END_TEST

START_TEST(lines_that_nobody_takes_are_refused_at_the_cap)
{
	struct docker_lines l;
	static char line[1024];
	size_t pushed = 0;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	docker_lines_init(&l);
	while (docker_lines_push(&l, line, sizeof(line)))
		pushed += sizeof(line);
	ck_assert_uint_eq(pushed, DOCKER_LINES_HELD_MAX);
	docker_lines_finish(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stdcopy");
	TCase *tc = tcase_create("stdcopy");

	tcase_add_test(tc, a_stream_split_at_any_two_bytes_gives_the_same_output);
	tcase_add_test(tc, a_stream_cut_inside_a_frame_is_not_between_frames);
	tcase_add_test(tc, a_wrong_byte_in_a_header_is_an_error_at_once);
	tcase_add_test(tc, the_greatest_length_is_streamed_without_being_held);
	tcase_add_test(tc, lines_split_at_any_byte_are_the_same_lines);
	tcase_add_test(tc, a_line_may_be_64_kib_long_and_not_one_byte_more);
	tcase_add_test(tc, lines_that_nobody_takes_are_refused_at_the_cap);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
