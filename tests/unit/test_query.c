#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "edge/query.h"
#include "suite.h"

static struct request_facts facts;

static void set_up(void)
{
	memset(&facts, 0, sizeof(facts));
}

static const struct {
	const char *text;
	int64_t number;
} numbers[] = {{"80", 80},
	       {"0", 0},
	       {"-7", -7},
	       {"99999999999999999999", INT64_MAX},
	       {"-99999999999999999999", INT64_MIN},
	       {"", 24},
	       {" ", 24},
	       {"x", 24},
	       {"80x", 24},
	       {"0x50", 24},
	       {"8e1", 24},
	       {"80.5", 24},
	       {"--8", 24}};

START_TEST(a_number_is_whole_and_decimal_or_the_fallback)
{
	ck_assert_int_eq(query_number(numbers[_i].text, 24), numbers[_i].number);
}
END_TEST

START_TEST(a_value_that_does_not_fit_is_a_wrong_one_and_never_a_shorter_one)
{
	char field[16];

	query_keep(field, sizeof(field), "fifteen letters");
	ck_assert_str_eq(field, "fifteen letters");
	query_keep(field, sizeof(field), "sixteen letters!");
	ck_assert_str_eq(field, "(too long)");
}
END_TEST

static const struct {
	const char *value, *key, *token;
} bearers[] = {
	{"Bearer secret", "secret", ""},
	{"bearer   secret", "secret", ""},
	{"BEARER eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"},
	{"Bearer eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn", "", "eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn"},
	{"Bearer eyJ.a", "eyJ.a", ""},
	{"Bearer a.b.c", "", "a.b.c"},
	{"Bearer ..", "", ".."},
	{"Bearer a.b.c.d", "a.b.c.d", ""},
	{"Bearer", "", ""},
	{"Bearer ", "", ""},
	{"Basic c2VjcmV0", "", ""},
	{"", "", ""},
};

START_TEST(a_bearer_is_a_token_or_a_key)
{
	query_read_authorization(bearers[_i].value, &facts);
	ck_assert_str_eq(facts.key, bearers[_i].key);
	ck_assert_str_eq(facts.token, bearers[_i].token);
}
END_TEST

START_TEST(a_key_that_is_there_is_not_replaced_and_a_token_comes_beside_it)
{
	strcpy(facts.key, "first");
	query_read_authorization("Bearer second", &facts);
	ck_assert_str_eq(facts.key, "first");
	query_read_authorization("Bearer eyJ.e30.c2ln", &facts);
	ck_assert_str_eq(facts.key, "first");
	ck_assert_str_eq(facts.token, "eyJ.e30.c2ln");
}
END_TEST

START_TEST(a_long_list_of_forwarders_loses_its_left_and_no_part_of_an_address)
{
	char list[3 * FORWARDED_MAX_BYTES] = "1.2.3.4";

	query_read_forwarded_for(list, &facts);
	ck_assert_str_eq(facts.forwarded_for, "1.2.3.4");
	while (strlen(list) < 2 * FORWARDED_MAX_BYTES)
		strcat(list, ", 2001:db8::1");
	query_read_forwarded_for(list, &facts);
	size_t len = strlen(facts.forwarded_for);
	ck_assert_uint_lt(len, FORWARDED_MAX_BYTES);
	ck_assert_uint_gt(len, FORWARDED_MAX_BYTES - 20);
	ck_assert_int_eq(strncmp(facts.forwarded_for, ", 2001:db8::1, ", 15), 0);
	ck_assert_str_eq(facts.forwarded_for, list + strlen(list) - len);
	memset(list, 'x', sizeof(list) - 1);
	query_read_forwarded_for(list, &facts);
	ck_assert_str_eq(facts.forwarded_for, "");
}
END_TEST

static const struct {
	const char *value, *ticket, *key;
} tickets[] = {{"0123.worker", "0123.worker", ""},
	       {"0123.worker?api_key=secret", "0123.worker", "secret"},
	       {"0123.worker?cols=80", "0123.worker", ""},
	       {"?api_key=secret", "", "secret"},
	       {"", "", ""}};

START_TEST(a_key_behind_a_ticket_is_a_key)
{
	query_read_ticket(tickets[_i].value, &facts);
	ck_assert_str_eq(facts.ticket, tickets[_i].ticket);
	ck_assert_str_eq(facts.key, tickets[_i].key);
}
END_TEST

START_TEST(a_ticket_that_is_too_long_is_none)
{
	char value[2 * TICKET_BYTES] = "";

	memset(value, 'a', TICKET_BYTES - 1);
	query_read_ticket(value, &facts);
	ck_assert_str_eq(facts.ticket, value);
	memset(value, 'a', TICKET_BYTES);
	query_read_ticket(value, &facts);
	ck_assert_str_eq(facts.ticket, "(too long)");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("query");
	TCase *tc = tcase_create("query");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_loop_test(tc, a_number_is_whole_and_decimal_or_the_fallback, 0,
			    sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(tc, a_value_that_does_not_fit_is_a_wrong_one_and_never_a_shorter_one);
	tcase_add_loop_test(tc, a_bearer_is_a_token_or_a_key, 0,
			    sizeof(bearers) / sizeof(bearers[0]));
	tcase_add_test(tc, a_key_that_is_there_is_not_replaced_and_a_token_comes_beside_it);
	tcase_add_test(tc, a_long_list_of_forwarders_loses_its_left_and_no_part_of_an_address);
	tcase_add_loop_test(tc, a_key_behind_a_ticket_is_a_key, 0,
			    sizeof(tickets) / sizeof(tickets[0]));
	tcase_add_test(tc, a_ticket_that_is_too_long_is_none);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
