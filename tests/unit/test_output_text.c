#include "edge/output_text.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fifo.h"
#include "edge/utf8.h"
#include "suite.h"

#define STREAM_BYTES 300000
#define FRONT        16

static uint8_t scratch[OUTPUT_TEXT_MAX];
static uint8_t stream[STREAM_BYTES];
static uint8_t wanted[UTF8_EXPANSION * STREAM_BYTES], seen[UTF8_EXPANSION * STREAM_BYTES];
static size_t seen_len;

/* What one frame shows. */
static void see(const struct output_text *o)
{
	ck_assert_uint_gt(o->len, 0);
	ck_assert_uint_le(o->len, OUTPUT_TEXT_MAX);
	ck_assert_uint_eq(utf8_valid(o->text, o->len), o->len);
	if (o->text[0] != '{') {
		memcpy(seen + seen_len, o->text, o->len);
		seen_len += o->len;
		return;
	}
	json_t *message = json_loadb((const char *)o->text, o->len, JSON_ALLOW_NUL, NULL);
	const json_t *data = json_object_get(message, "data");
	ck_assert_str_eq(json_string_value(json_object_get(message, "type")), "output");
	ck_assert_uint_eq(json_object_size(message), 2);
	memcpy(seen + seen_len, json_string_value(data), json_string_length(data));
	seen_len += json_string_length(data);
	json_decref(message);
}

static void fetch(struct fifo *queue, bool last)
{
	struct output_text o = {.scratch = scratch, .last = last};
	size_t used = 1;

	while (queue->len && used) {
		used = output_text_make(&o, fifo_peek(queue), queue->len);
		if (used)
			see(&o);
		fifo_drop(queue, used);
	}
	ck_assert_uint_le(queue->len, last ? 0 : 3);
}

/* Mostly text, in runs that are longer than a frame now and then. */
static void make_stream(void)
{
	static const char *const pieces[] = {
		"{",    "\xc3\xbc",     "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xff", "\xe2\x82",     "\xed\xa0\x80", "{\"type\":\"exit\"}",
		"\0",   "\xf0\x9f\x98", "\r\n",         "\x1b[0m"};
	size_t len = 0;

	while (len < sizeof(stream)) {
		size_t run = rand() % 500 ? (size_t)rand() % 50 : (size_t)rand() % 100000;
		const char *piece = pieces[rand() % 12];
		size_t n = *piece ? strlen(piece) : 1;
		for (size_t i = 0; i < run && len < sizeof(stream); i++)
			stream[len++] = (uint8_t)('a' + i % 23);
		for (size_t i = 0; i < n && len < sizeof(stream); i++)
			stream[len++] = (uint8_t)piece[i];
	}
}

START_TEST(frames_show_what_the_stream_says_wherever_it_is_cut)
{
	struct fifo queue;
	size_t wanted_len;

	srand((unsigned)_i);
	make_stream();
	utf8_take(stream, sizeof(stream), true, wanted, &wanted_len);
	seen_len = 0;
	fifo_init_outbound(&queue, STREAM_BYTES, FRONT);
	for (size_t at = 0, n; at < sizeof(stream); at += n) {
		n = (size_t)rand() % (rand() % 500 ? 30 : 150000) + 1;
		n = n < sizeof(stream) - at ? n : sizeof(stream) - at;
		ck_assert(fifo_push(&queue, stream + at, n));
		fetch(&queue, at + n == sizeof(stream));
	}
	ck_assert_uint_eq(seen_len, wanted_len);
	ck_assert_int_eq(memcmp(seen, wanted, wanted_len), 0);
	fifo_finish(&queue);
}
END_TEST

/* Bytes of which each becomes six, and sequences that its end would cut. */
START_TEST(what_is_wrapped_fits_a_frame)
{
	static const char *const fillings[] = {"\1", "\xc3\xbc", "\xe2\x82\xac"};
	struct output_text o = {.scratch = scratch, .last = true};
	size_t n = strlen(fillings[_i]), used;

	stream[0] = '{';
	for (size_t i = 0; i < 90000; i++)
		memcpy(stream + 1 + n * i, fillings[_i], n);
	used = output_text_make(&o, stream, 1 + n * 90000);
	ck_assert_uint_gt(used, 1000);
	seen_len = 0;
	see(&o);
	ck_assert_uint_eq(seen_len, used);
	ck_assert_int_eq(memcmp(seen, stream, used), 0);
}
END_TEST

START_TEST(text_goes_out_from_where_it_is)
{
	struct output_text o = {.scratch = scratch};
	uint8_t text[] = "text\xc3";

	ck_assert_uint_eq(output_text_make(&o, text, 5), 4);
	ck_assert_ptr_eq(o.text, text);
	ck_assert_uint_eq(o.len, 4);
	ck_assert_uint_eq(output_text_make(&o, text + 4, 1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("output_text");
	TCase *tc = tcase_create("output_text");

	tcase_add_loop_test(tc, frames_show_what_the_stream_says_wherever_it_is_cut, 0, 10);
	tcase_add_loop_test(tc, what_is_wrapped_fits_a_frame, 0, 3);
	tcase_add_test(tc, text_goes_out_from_where_it_is);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
