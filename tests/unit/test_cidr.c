#include <check.h>
#include <string.h>

#include "config/cidr.h"
#include "suite.h"

static const struct {
	const char *block, *address;
	bool inside;
} pairs[] = {
	{"10.0.0.0/8", "10.255.255.255", true},
	{"10.0.0.0/8", "11.0.0.0", false},
	{"10.1.2.3/8", "10.9.9.9", true},
	{"192.0.2.7", "192.0.2.7", true},
	{"192.0.2.7", "192.0.2.6", false},
	{"192.0.2.0/31", "192.0.2.1", true},
	{"192.0.2.0/31", "192.0.2.2", false},
	{"0.0.0.0/0", "203.0.113.9", true},
	{"0.0.0.0/0", "2001:db8::1", false},
	{"::/0", "203.0.113.9", true},
	{"::/0", "2001:db8::1", true},
	{"::1", "::1", true},
	{"::1", "127.0.0.1", false},
	{"2001:db8::/33", "2001:db8:7fff::1", true},
	{"2001:db8::/33", "2001:db8:8000::1", false},
	{"127.0.0.0/8", "::ffff:127.0.0.1", true},
	{"::ffff:10.0.0.0/104", "10.1.1.1", true},
	{"::ffff:10.0.0.0/104", "11.1.1.1", false},
};

START_TEST(an_address_is_in_a_block_when_its_first_bits_agree)
{
	struct cidr_list list = {.count = 1};

	ck_assert(cidr_parse(pairs[_i].block, &list.blocks[0]));
	ck_assert_int_eq(cidr_list_contains(&list, pairs[_i].address), pairs[_i].inside);
}
END_TEST

static const char *const wrong[] = {
	"",
	"/",
	"/8",
	"10.0.0.0/",
	"10.0.0.0/33",
	"10.0.0.0/-1",
	"10.0.0.0/+8",
	"10.0.0.0/ 8",
	"10.0.0.0/8x",
	"10.0.0/8",
	"10.0.0.256",
	"::/129",
	"::1/",
	"localhost",
	" 10.0.0.1",
	"10.0.0.1 ",
	"fe80::1%lo",
	"1.2.3.4/99999999999999999999999",
	"2001:0db8:0000:0000:0000:0000:0000:00001:2:3:4:5:6:7:8:9",
};

START_TEST(what_is_no_block_is_refused_and_changes_nothing)
{
	struct cidr c, before;

	memset(&c, 0x5a, sizeof(c));
	before = c;
	ck_assert_msg(!cidr_parse(wrong[_i], &c), "%s", wrong[_i]);
	ck_assert_int_eq(memcmp(&c, &before, sizeof(c)), 0);
}
END_TEST

START_TEST(what_is_no_address_is_in_no_block)
{
	struct cidr_list list = {.count = 2};

	ck_assert(cidr_parse("::/0", &list.blocks[0]));
	ck_assert(cidr_parse("0.0.0.0/0", &list.blocks[1]));
	ck_assert(!cidr_list_contains(&list, ""));
	ck_assert(!cidr_list_contains(&list, "unknown"));
	ck_assert(!cidr_list_contains(&list, "10.0.0.1/8"));
	list.count = 0;
	ck_assert(!cidr_list_contains(&list, "10.0.0.1"));
}
END_TEST

START_TEST(an_address_of_either_family_has_16_bytes)
{
	static const uint8_t v4[16] = {[10] = 0xff, 0xff, 192, 0, 2, 7};
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
	uint8_t address[16];

	ck_assert(cidr_parse_address("192.0.2.7", address));
	ck_assert_int_eq(memcmp(address, v4, sizeof(v4)), 0);
	ck_assert(cidr_parse_address("::ffff:192.0.2.7", address));
	ck_assert_int_eq(memcmp(address, v4, sizeof(v4)), 0);
	ck_assert(cidr_is_ipv4(v4));
	ck_assert(cidr_parse_address("2001:db8::7", address));
	ck_assert_int_eq(memcmp(address, v6, sizeof(v6)), 0);
	ck_assert(!cidr_is_ipv4(v6));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!cidr_parse_address(wrong[i], address), "%s", wrong[i]);
	ck_assert(!cidr_parse_address("192.0.2.7/32", address));
	ck_assert_int_eq(memcmp(address, v6, sizeof(v6)), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cidr");
	TCase *tc = tcase_create("cidr");

	tcase_add_loop_test(tc, an_address_is_in_a_block_when_its_first_bits_agree, 0,
			    sizeof(pairs) / sizeof(pairs[0]));
	tcase_add_loop_test(tc, what_is_no_block_is_refused_and_changes_nothing, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, what_is_no_address_is_in_no_block);
	tcase_add_test(tc, an_address_of_either_family_has_16_bytes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
