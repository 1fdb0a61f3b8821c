/* The pure parts of the load generator: percentiles, what follows from figures, and the two parsers. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bench/agent_frames.h"
#include "bench/report.h"
#include "bench/stats.h"
#include "bench/ws_frames.h"
#include "suite.h"

/* --- samples --- */

static struct summary summarize_down_from(int count, bool higher_is_better)
{
	struct samples s = {0};

	for (int i = count; i > 0; i--)
		samples_add(&s, i);
	struct summary sum = samples_summarize(&s, higher_is_better);
	samples_finish(&s);
	ck_assert_uint_eq(sum.count, (size_t)count);
	return sum;
}

START_TEST(so_many_of_a_hundred_samples_are_as_good_as_a_percentile)
{
	struct summary s = summarize_down_from(100, false);

	ck_assert_double_eq(s.p50, 50);
	ck_assert_double_eq(s.p90, 90);
	ck_assert_double_eq(s.p99, 99);
}
END_TEST

START_TEST(of_rates_the_good_ones_are_the_high_ones)
{
	struct summary s = summarize_down_from(100, true);

	ck_assert_double_eq(s.p50, 51);
	ck_assert_double_eq(s.p90, 11);
	ck_assert_double_eq(s.p99, 2);
}
END_TEST

START_TEST(percentiles_of_few_samples_are_samples)
{
	struct summary one = summarize_down_from(1, false), seven = summarize_down_from(7, false);

	ck_assert_double_eq(one.p50, 1);
	ck_assert_double_eq(one.p99, 1);
	ck_assert_double_eq(seven.p50, 4);
	ck_assert_double_eq(seven.p90, 7);
	ck_assert_double_eq(summarize_down_from(3000, false).p99, 2970);
}
END_TEST

START_TEST(of_no_samples_nothing_is_said)
{
	struct samples none = {0};

	ck_assert_uint_eq(samples_summarize(&none, false).count, 0);
}
END_TEST

/* --- figures --- */

START_TEST(a_goal_is_met_below_it_and_for_rates_above_it)
{
	struct figure f = {.ours = {.p50 = 2, .p99 = 9},
			   .reference = {.p50 = 1, .p99 = 2},
			   .ratio = RATIO_P50,
			   .ratio_goal = 2.5};

	ck_assert_str_eq(figure_verdict(&f), "met");
	f.is_rate = true;
	ck_assert_str_eq(figure_verdict(&f), "missed");
	f.is_rate = false;
	f.ratio = RATIO_P99;
	ck_assert_double_eq(figure_ratio(&f), 4.5);
	ck_assert_str_eq(figure_verdict(&f), "missed");
}
END_TEST

START_TEST(a_bound_of_the_tail_is_met_or_missed_by_itself)
{
	struct figure f = {.ours = {.p50 = 2, .p99 = 21},
			   .reference = {.p50 = 2},
			   .ratio = RATIO_P50,
			   .ratio_goal = 2,
			   .p99_goal = 20};

	ck_assert_str_eq(figure_verdict(&f), "missed");
	f.ours.p99 = 19;
	ck_assert_str_eq(figure_verdict(&f), "met");
	f.ratio_goal = f.p99_goal = 0;
	ck_assert_str_eq(figure_verdict(&f), "");
}
END_TEST

START_TEST(numbers_have_three_digits_and_no_exponent)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0, "0"},       {0.00042, "0.0004"}, {0.5114, "0.511"}, {12.345, "12.3"},
		     {303.4, "303"}, {123456, "123456"},  {-2.5, "-2.50"}};
	char text[ROUNDED_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(report_round(text, cases[i].value), cases[i].text);
}
END_TEST

/* --- WebSocket frames --- */

/* "hi", a ping without payload, a text of 126 bytes in two frames, one of 65536. */
static uint8_t *make_stream(size_t *len)
{
	uint8_t *s = malloc(70000), *p = s;

	memcpy(p, "\x81\x02hi\x89\x00\x01\x7e\x00\x7e", 10);
	p += 10;
	memset(p, 'a', 126);
	p += 126;
	memcpy(p, "\x80\x01z\x82\x7f\0\0\0\0\0\1\0\0", 13);
	p += 13;
	memset(p, 'b', 65536);
	*len = (size_t)(p + 65536 - s);
	return s;
}

struct seen {
	size_t firsts, lasts, finals, bytes[16];
};

static void feed(struct ws_frames *f, const uint8_t *data, size_t len, struct seen *seen)
{
	struct ws_piece p;
	int rc;

	while ((rc = ws_frames_next(f, &data, &len, &p)) > 0) {
		seen->firsts += p.first;
		seen->lasts += p.last;
		seen->finals += p.last && p.final;
		seen->bytes[p.opcode] += p.len;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(len, 0);
}

static void check_seen(const struct seen *s)
{
	ck_assert_uint_eq(s->firsts, 5);
	ck_assert_uint_eq(s->lasts, 5);
	ck_assert_uint_eq(s->finals, 4);
	ck_assert_uint_eq(s->bytes[WS_TEXT], 2 + 126);
	ck_assert_uint_eq(s->bytes[WS_CONTINUATION], 1);
	ck_assert_uint_eq(s->bytes[WS_BINARY], 65536);
	ck_assert_uint_eq(s->bytes[WS_PING], 0);
}

START_TEST(frames_in_pieces_are_the_same_frames)
{
	size_t len;
	uint8_t *stream = make_stream(&len);

	/* The text of two frames begins with a first one that is not final. */
	stream[6] = 0x01;
	for (size_t step = 1; step < 200; step++) {
		struct ws_frames f = {0};
		struct seen seen = {0};
		for (size_t at = 0; at < len; at += step)
			feed(&f, stream + at, at + step < len ? step : len - at, &seen);
		check_seen(&seen);
	}
	free(stream);
}
END_TEST

START_TEST(what_a_server_may_not_send_is_no_frame)
{
	static const uint8_t wrong[][2] = {{0x81, 0x81}, {0xc1, 0x01}, {0x83, 0x01}, {0x8b, 0x00}};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const uint8_t *data = wrong[i];
		struct ws_frames f = {0};
		struct ws_piece p;
		size_t len = 2;
		ck_assert_int_eq(ws_frames_next(&f, &data, &len, &p), -1);
	}
}
END_TEST

START_TEST(a_clients_frame_is_masked_and_says_its_length)
{
	static const size_t lengths[] = {0, 1, 125, 126, 1000};
	uint8_t payload[1000], out[WS_CLIENT_HEAD_MAX + 1000];

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i], head = len < 126 ? 2 : 4;
		ck_assert_uint_eq(ws_frame_make(out, WS_BINARY, 0x12345678, payload, len),
				  head + 4 + len);
		ck_assert_uint_eq(out[0], 0x82);
		ck_assert_uint_eq(out[1], 0x80 | (len < 126 ? len : 126));
		if (head == 4)
			ck_assert_uint_eq((size_t)out[2] << 8 | out[3], len);
		for (size_t k = 0; k < len; k++)
			ck_assert_uint_eq(out[head + 4 + k] ^ out[head + k % 4], payload[k]);
	}
}
END_TEST

/* --- the agent's frames --- */

/* Hello, "output" for terminal 1, a grant of 512 bytes. */
static const uint8_t agent_stream[] = "\x20\0\0\0\0\0\0\4\0\3\0\x10"
				      "\x22\0\0\1\0\0\0\6output"
				      "\x10\0\0\1\0\0\0\4\0\0\2\0";

static void feed_agent(struct agent_frames *f, const uint8_t *data, size_t len, char *output)
{
	struct agent_piece p;
	int rc;

	while ((rc = agent_frames_next(f, &data, &len, &p)) > 0) {
		if (p.header.type == FRAME_OUTPUT) {
			ck_assert_uint_eq(p.header.terminal, 1);
			strncat(output, (const char *)p.data, p.len);
		} else if (p.header.type == FRAME_HELLO) {
			ck_assert_uint_eq(get_u16(p.data), 3);
			strcat(output, "<");
		} else {
			ck_assert_uint_eq(get_u32(p.data), 512);
			strcat(output, ">");
		}
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(len, 0);
}

START_TEST(an_agents_frames_in_pieces_are_the_same_frames)
{
	for (size_t cut = 0; cut < sizeof(agent_stream); cut++) {
		struct agent_frames f = {0};
		char output[32] = "";
		feed_agent(&f, agent_stream, cut, output);
		feed_agent(&f, agent_stream + cut, sizeof(agent_stream) - 1 - cut, output);
		ck_assert_str_eq(output, "<output>");
	}
}
END_TEST

START_TEST(what_no_agent_sends_is_no_frame)
{
	static const uint8_t wrong[][8] = {{0x22, 1, 0, 1, 0, 0, 0, 1},
					   {0x22, 0, 0, 1, 0, 0, 0, 0},
					   {0x22, 0, 0, 1, 0, 1, 0, 1},
					   {0x20, 0, 0, 0, 0, 0, 1, 1}};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const uint8_t *data = wrong[i];
		struct agent_frames f = {0};
		struct agent_piece p;
		size_t len = 8;
		ck_assert_int_eq(agent_frames_next(&f, &data, &len, &p), -1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bench");
	TCase *tc = tcase_create("bench");

	tcase_add_test(tc, so_many_of_a_hundred_samples_are_as_good_as_a_percentile);
	tcase_add_test(tc, of_rates_the_good_ones_are_the_high_ones);
	tcase_add_test(tc, percentiles_of_few_samples_are_samples);
	tcase_add_test(tc, of_no_samples_nothing_is_said);
	tcase_add_test(tc, a_goal_is_met_below_it_and_for_rates_above_it);
	tcase_add_test(tc, a_bound_of_the_tail_is_met_or_missed_by_itself);
	tcase_add_test(tc, numbers_have_three_digits_and_no_exponent);
	tcase_add_test(tc, frames_in_pieces_are_the_same_frames);
	tcase_add_test(tc, what_a_server_may_not_send_is_no_frame);
	tcase_add_test(tc, a_clients_frame_is_masked_and_says_its_length);
	tcase_add_test(tc, an_agents_frames_in_pieces_are_the_same_frames);
	tcase_add_test(tc, what_no_agent_sends_is_no_frame);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
