#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "session/ticket.h"
#include "suite.h"

static struct ticket_book book;
static char ticket[TICKET_BYTES];

static void issue(void)
{
	memset(&book, 0, sizeof(book));
	ck_assert(ticket_issue(&book, "worker-1", 1000, ticket));
}

START_TEST(a_ticket_is_128_random_bits_and_the_worker)
{
	char other[TICKET_BYTES];

	issue();
	ck_assert_uint_eq(strspn(ticket, "0123456789abcdef"), 32);
	ck_assert_str_eq(ticket + 32, ".worker-1");
	ck_assert(ticket_issue(&book, "worker-1", 1000, other));
	ck_assert_str_ne(ticket, other);
}
END_TEST

START_TEST(a_ticket_is_good_once)
{
	issue();
	ck_assert(ticket_is_valid(&book, ticket, 1000));
	ck_assert(ticket_redeem(&book, ticket, 1000));
	ck_assert(!ticket_is_valid(&book, ticket, 1000));
	ck_assert(!ticket_redeem(&book, ticket, 1000));
}
END_TEST

START_TEST(a_ticket_is_good_for_a_minute)
{
	issue();
	ck_assert(ticket_is_valid(&book, ticket, 1000 + TICKET_VALID_MS - 1));
	ck_assert(!ticket_redeem(&book, ticket, 1000 + TICKET_VALID_MS));
}
END_TEST

START_TEST(nothing_else_is_a_ticket)
{
	issue();
	for (size_t i = 0; i < 32; i++) {
		char wrong[TICKET_BYTES];
		strcpy(wrong, ticket);
		wrong[i] = wrong[i] == '0' ? '1' : '0';
		ck_assert(!ticket_is_valid(&book, wrong, 1000));
		strcpy(wrong, ticket);
		wrong[i] = '\0';
		ck_assert(!ticket_is_valid(&book, wrong, 1000));
	}
	ck_assert(!ticket_is_valid(&book, "", 1000));
	ck_assert(!ticket_is_valid(&book, ".worker-1", 1000));
	ck_assert(!ticket_is_valid(&book, "00000000000000000000000000000000.worker-1", 1000));
}
END_TEST

START_TEST(an_empty_book_knows_no_ticket)
{
	static const struct ticket_book empty;

	ck_assert(!ticket_is_valid(&empty, "", 0));
	ck_assert(!ticket_is_valid(&empty, ".", 0));
}
END_TEST

START_TEST(one_ticket_too_many_replaces_the_oldest)
{
	char newer[TICKETS_MAX][TICKET_BYTES];

	issue();
	for (size_t i = 0; i < TICKETS_MAX; i++)
		ck_assert(ticket_issue(&book, "w", 1001 + i, newer[i]));
	ck_assert(!ticket_is_valid(&book, ticket, 2000));
	for (size_t i = 0; i < TICKETS_MAX; i++)
		ck_assert(ticket_redeem(&book, newer[i], 2000));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ticket");
	TCase *c = tcase_create("ticket");

	tcase_add_test(c, a_ticket_is_128_random_bits_and_the_worker);
	tcase_add_test(c, a_ticket_is_good_once);
	tcase_add_test(c, a_ticket_is_good_for_a_minute);
	tcase_add_test(c, nothing_else_is_a_ticket);
	tcase_add_test(c, an_empty_book_knows_no_ticket);
	tcase_add_test(c, one_ticket_too_many_replaces_the_oldest);
	suite_add_tcase(s, c);
	return run_suite(s);
}
