#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "edge/utf8.h"
#include "suite.h"

#define BAD "\xef\xbf\xbd"

/* Takes all of `in` in two pieces cut at `cut`, as the edge does: what stays behind goes in front of the next. */
static size_t take_all(const uint8_t *in, size_t len, size_t cut, uint8_t *out)
{
	size_t made, total, used = utf8_take(in, cut, false, out, &made);

	ck_assert_uint_le(cut - used, 3);
	total = made;
	ck_assert_uint_eq(utf8_take(in + used, len - used, true, out + total, &made), len - used);
	return total + made;
}

/* Input and text, after the Unicode standard's own examples (tables 3-8 to 3-11) and the corners of table 3-7. */
static const struct {
	const char *in, *text;
} samples[] = {
	{"", ""},
	{"plain", "plain"},
	{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
	{"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A"},
	{"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A"},
	{"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", BAD BAD BAD BAD BAD "A" BAD BAD "B"},
	{"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", BAD BAD BAD BAD "A"},
	{"\xc2", BAD},
	{"\xe2\x82", BAD},
	{"\xf0\x9f\x98", BAD},
	{"\xf0\x9f\x98\xf0\x9f\x98\x80", BAD "\xf0\x9f\x98\x80"},
	{"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
	{"\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	 "\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	{"\xf4\x90\x80\x80", BAD BAD BAD BAD},
	{"\xf5\xf8\xfe", BAD BAD BAD},
	{"\x80", BAD},
};

START_TEST(invalid_bytes_are_replaced_as_unicode_recommends_at_any_cut)
{
	const uint8_t *in = (const uint8_t *)samples[_i].in;
	size_t len = strlen(samples[_i].in);
	uint8_t out[200];

	for (size_t cut = 0; cut <= len; cut++) {
		size_t made = take_all(in, len, cut, out);
		ck_assert_uint_eq(made, strlen(samples[_i].text));
		ck_assert_int_eq(memcmp(out, samples[_i].text, made), 0);
	}
}
END_TEST

START_TEST(a_sequence_that_is_cut_off_stays_behind)
{
	uint8_t out[30];
	size_t made;

	ck_assert_uint_eq(utf8_take((const uint8_t *)"ab\xf0\x9f\x98", 5, false, out, &made), 2);
	ck_assert_uint_eq(made, 2);
	ck_assert_uint_eq(utf8_take((const uint8_t *)"\xe2", 1, false, out, &made), 0);
	ck_assert_uint_eq(made, 0);
	ck_assert_uint_eq(utf8_take((const uint8_t *)"\xe2\x28", 2, false, out, &made), 2);
	ck_assert_uint_eq(made, 4);
}
END_TEST

START_TEST(every_code_point_comes_through_and_nothing_else)
{
	uint8_t in[4], out[12];
	size_t made, valid = 0;

	for (uint32_t c = 0x800; c < 0x120000; c++) {
		size_t len = c < 0x10000 ? 3 : 4;
		in[0] = (uint8_t)(len == 3 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
		if (len == 4)
			in[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		in[len - 2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		in[len - 1] = (uint8_t)(0x80 | (c & 0x3f));
		utf8_take(in, len, true, out, &made);
		valid += made == len && memcmp(in, out, len) == 0;
	}
	ck_assert_uint_eq(valid, 0x110000 - 0x800 - 0x800);
}
END_TEST

START_TEST(nothing_but_bad_bytes_fits_the_expansion)
{
	uint8_t in[1000], *out = malloc(UTF8_EXPANSION * sizeof(in));
	size_t made;

	memset(in, 0xff, sizeof(in));
	ck_assert_uint_eq(utf8_take(in, sizeof(in), false, out, &made), sizeof(in));
	ck_assert_uint_eq(made, UTF8_EXPANSION * sizeof(in));
	free(out);
}
END_TEST

/* The bytes that are looked at eight at a time, and those around them. */
START_TEST(text_is_valid_up_to_the_first_byte_that_is_not)
{
	static const char *const ends[] = {"\xff", "\xe2\x82", "\x80", "\xed\xa0\x80"};
	uint8_t in[100];

	for (size_t at = 0; at < 40; at++) {
		const char *end = ends[at % 4];
		memset(in, 'x', sizeof(in));
		ck_assert_uint_eq(utf8_valid(in, at), at);
		memcpy(in + at, end, strlen(end));
		ck_assert_uint_eq(utf8_valid(in, at + strlen(end)), at);
		memcpy(in + at, "\xf0\x9f\x98\x80", 4);
		ck_assert_uint_eq(utf8_valid(in, sizeof(in)), sizeof(in));
		ck_assert_uint_eq(utf8_valid(in, at + 3), at);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tc = tcase_create("utf8");

	tcase_add_loop_test(tc, invalid_bytes_are_replaced_as_unicode_recommends_at_any_cut, 0,
			    sizeof(samples) / sizeof(samples[0]));
	tcase_add_test(tc, a_sequence_that_is_cut_off_stays_behind);
	tcase_add_test(tc, every_code_point_comes_through_and_nothing_else);
	tcase_add_test(tc, text_is_valid_up_to_the_first_byte_that_is_not);
	tcase_add_test(tc, nothing_but_bad_bytes_fits_the_expansion);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
