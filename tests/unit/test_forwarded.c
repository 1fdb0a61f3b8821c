#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/access.h"
#include "edge/forwarded.h"
#include "suite.h"

static struct cidr_list trusted;

static void trust(const char *block)
{
	ck_assert(cidr_parse(block, &trusted.blocks[trusted.count++]));
}

static void set_up(void)
{
	trusted.count = 0;
	trust("127.0.0.0/8");
	trust("::1");
	trust("10.0.0.0/8");
	trust("2001:db8:ffff::/48");
}

/* The client's address as text; "" for none. */
static const char *client(const char *peer, const char *list)
{
	static char text[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (!forwarded_client(&trusted, peer, list, address))
		return "";
	if (cidr_is_ipv4(address))
		inet_ntop(AF_INET, address + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, address, text, sizeof(text));
	return text;
}

static const struct {
	const char *peer, *list, *client;
} cases[] = {
	/* Whoever is no proxy is the client, whatever he says. */
	{"203.0.113.7", "", "203.0.113.7"},
	{"203.0.113.7", "1.2.3.4", "203.0.113.7"},
	{"203.0.113.7", "127.0.0.1", "203.0.113.7"},
	{"203.0.113.7", "10.0.0.1, 203.0.113.8", "203.0.113.7"},
	{"2001:db8::7", "1.2.3.4", "2001:db8::7"},
	{"2001:db8:fffe:ffff::", "1.2.3.4", "2001:db8:fffe:ffff::"},
	{"::ffff:203.0.113.7", "1.2.3.4", "203.0.113.7"},
	{"126.255.255.255", "1.2.3.4", "126.255.255.255"},
	{"128.0.0.0", "1.2.3.4", "128.0.0.0"},
	{"::2", "1.2.3.4", "::2"},
	/* One proxy. */
	{"127.0.0.1", "", "127.0.0.1"},
	{"127.0.0.1", "1.2.3.4", "1.2.3.4"},
	{"::ffff:127.0.0.1", "1.2.3.4", "1.2.3.4"},
	{"::1", "1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "2001:db8::1", "2001:db8::1"},
	{"127.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "9.9.9.9,1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "127.0.0.1, 1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "10.0.0.1, 1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "garbage, 1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", ",,,,1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "\x01\xff, 1.2.3.4", "1.2.3.4"},
	/* Several proxies. */
	{"127.0.0.1", "1.2.3.4, 10.0.0.1", "1.2.3.4"},
	{"127.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.1", "1.2.3.4"},
	{"127.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.1, 10.9.9.9", "1.2.3.4"},
	{"127.0.0.1", "1.2.3.4, 2001:db8:ffff::1, 10.0.0.1", "1.2.3.4"},
	{"2001:db8:ffff:1::1", "1.2.3.4, 10.0.0.1", "1.2.3.4"},
	{"127.0.0.1", "1.2.3.4, 11.0.0.1", "11.0.0.1"},
	{"127.0.0.1", "1.2.3.4, ::ffff:10.0.0.1", "1.2.3.4"},
	/* Proxies only: the first of them. */
	{"127.0.0.1", "10.0.0.1", "10.0.0.1"},
	{"127.0.0.1", "10.0.0.2, 10.0.0.1", "10.0.0.2"},
	{"127.0.0.1", "127.0.0.2, ::1, 10.0.0.1", "127.0.0.2"},
	/* Forms. */
	{"127.0.0.1", " 1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "1.2.3.4 ", "1.2.3.4"},
	{"127.0.0.1", "\t 1.2.3.4\t ", "1.2.3.4"},
	{"127.0.0.1", "9.9.9.9 \t,\t 1.2.3.4 ,\t10.0.0.1\t", "1.2.3.4"},
	{"127.0.0.1", "1.2.3.4:80", "1.2.3.4"},
	{"127.0.0.1", "1.2.3.4:0", "1.2.3.4"},
	{"127.0.0.1", "1.2.3.4:65535", "1.2.3.4"},
	{"127.0.0.1", "[2001:db8::1]", "2001:db8::1"},
	{"127.0.0.1", "[2001:db8::1]:80", "2001:db8::1"},
	{"127.0.0.1", "1.2.3.4, [2001:db8:ffff::1]:443, 10.0.0.1:80", "1.2.3.4"},
	{"127.0.0.1", "2001:DB8::A", "2001:db8::a"},
	{"127.0.0.1", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
	{"127.0.0.1", "[2001:0db8:0000:0000:0000:ffff:255.255.255.255]:65535",
	 "2001:db8::ffff:ffff:ffff"},
	{"127.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"},
	{"127.0.0.1", "[::ffff:1.2.3.4]:80", "1.2.3.4"},
	{"127.0.0.1", "::FFFF:0102:0304", "1.2.3.4"},
	{"127.0.0.1", "::1.2.3.4", "::1.2.3.4"},
	{"127.0.0.1", "0.0.0.0", "0.0.0.0"},
	{"127.0.0.1", "255.255.255.255", "255.255.255.255"},
	{"127.0.0.1", "::", "::"},
	/* A peer that is none. */
	{"", "1.2.3.4", ""},
	{"unknown", "1.2.3.4", ""},
	{"127.0.0.1:80", "1.2.3.4", ""},
	{"[::1]", "1.2.3.4", ""},
	{"127.1", "1.2.3.4", ""},
};

START_TEST(the_client_is_the_rightmost_address_that_is_no_proxy)
{
	ck_assert_str_eq(client(cases[_i].peer, cases[_i].list), cases[_i].client);
}
END_TEST

static const char *const garbage[] = {
	/* nothing */
	"",
	" ",
	"\t",
	" \t ",
	/* words */
	"unknown",
	"localhost",
	"_hidden",
	"-",
	"null",
	"none",
	"example.org",
	"example.org:80",
	"for=1.2.3.4",
	"\"1.2.3.4\"",
	"\"[2001:db8::1]\"",
	"1.2.3.4;proto=https",
	"http://1.2.3.4",
	"1.2.3.4/32",
	"1.2.3.4 5.6.7.8",
	"1.2.3.4\r",
	"1.2.3.4\n",
	"1.2.3.4\x0b",
	"\xef\xbb\xbf"
	"1.2.3.4",
	"１.2.3.4",
	/* IPv4 that is not strict */
	"1.2.3",
	"1.2",
	"1",
	"16909060",
	"0x01020304",
	"1.2.3.4.",
	".1.2.3.4",
	"1..2.3",
	"1.2.3.4.5",
	"01.2.3.4",
	"1.2.3.04",
	"0127.0.0.1",
	"0x7f.0.0.1",
	"1.2.3.0x4",
	"1.2.3.256",
	"1.2.3.999",
	"1.2.3.-4",
	"+1.2.3.4",
	"1.2.3.4e0",
	"1. 2.3.4",
	"256.1.1.1",
	"4294967296",
	"1.2.3.4%lo",
	/* IPv6 that is none, or has a zone */
	":",
	":::",
	"2001:db8::1::2",
	"2001:db8:::1",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9",
	"12345::",
	"g::",
	"2001:db8::1.2.3",
	"2001:db8::01.2.3.4",
	"fe80::1%eth0",
	"fe80::1%25eth0",
	"fe80::1%1",
	"[fe80::1%eth0]:80",
	"2001:db8::1/64",
	"2001:db8::1 80",
	"2001:db8::1]",
	"::ffff:1.2.3.256",
	"::ffff:01.2.3.4",
	/* brackets */
	"[",
	"]",
	"[]",
	"[]:80",
	"[:80",
	"[1.2.3.4]",
	"[1.2.3.4]:80",
	"[2001:db8::1",
	"[2001:db8::1]80",
	"[2001:db8::1]x",
	"[2001:db8::1] :80",
	"[2001:db8::1]]",
	"[[2001:db8::1]]",
	"x[2001:db8::1]",
	"[ 2001:db8::1 ]",
	"(2001:db8::1)",
	"[a]:b]",
	/* ports */
	"1.2.3.4:",
	"1.2.3.4:x",
	"1.2.3.4:80x",
	"1.2.3.4:-1",
	"1.2.3.4:+80",
	"1.2.3.4: 80",
	"1.2.3.4 :80",
	"1.2.3.4:123456",
	"1.2.3.4:80:80",
	"[2001:db8::1]:",
	"[2001:db8::1]:x",
	"[2001:db8::1]::80",
	"[2001:db8::1]:123456",
	":80",
	"1.2.3.4:0x50",
	/* lengths */
	"1.2.3.4:00000000000000000000000000000000000000000000000000000000000000000000000080",
	"2001:0db8:0000:0000:0000:0000:0000:000000000000000000000000000000000000000000001",
	"111111111111111111111111111111111111111111111111111111111111111111111111111111111",
};

static void expect_stop(const char *element)
{
	char list[512];

	snprintf(list, sizeof(list), "%s", element);
	ck_assert_msg(strcmp(client("127.0.0.1", list), "127.0.0.1") == 0, "%s", list);
	snprintf(list, sizeof(list), "9.9.9.9,%s", element);
	ck_assert_msg(strcmp(client("127.0.0.1", list), "127.0.0.1") == 0, "%s", list);
	snprintf(list, sizeof(list), "9.9.9.9, %s , 10.0.0.3,10.0.0.2", element);
	ck_assert_msg(strcmp(client("127.0.0.1", list), "10.0.0.3") == 0, "%s", list);
	snprintf(list, sizeof(list), "9.9.9.9, %s , 1.2.3.4,10.0.0.2", element);
	ck_assert_msg(strcmp(client("127.0.0.1", list), "1.2.3.4") == 0, "%s", list);
}

START_TEST(nothing_to_the_left_of_garbage_is_believed)
{
	expect_stop(garbage[_i]);
}
END_TEST

START_TEST(an_element_of_any_length_is_read_or_refused)
{
	char element[301] = "";

	for (size_t len = 8; len < sizeof(element); len++) {
		memset(element, '0', len);
		memcpy(element, "1.2.3.4:", 8);
		element[len] = '\0';
		ck_assert_str_eq(client("127.0.0.1", element),
				 len >= 9 && len <= 13 ? "1.2.3.4" : "127.0.0.1");
	}
}
END_TEST

/* Lists of 0 to 100 elements, the client's at every place, the wrong ones of an attacker before it. */
START_TEST(the_place_in_a_list_of_any_length_makes_no_difference)
{
	static const char *const clients[] = {"1.2.3.4", "1.2.3.4:5", "::ffff:1.2.3.4",
					      " \t1.2.3.4 "};
	char list[4096];

	for (int place = 0; place < _i; place++) {
		size_t len = 0;
		for (int i = 0; i < _i; i++)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						i ? "," : "",
						i < place    ? "9.9.9.9"
						: i == place ? clients[place % 4]
							     : "10.0.0.1");
		ck_assert_uint_lt(len, FORWARDED_MAX_BYTES - 1);
		ck_assert_str_eq(client("127.0.0.1", list), "1.2.3.4");
	}
}
END_TEST

/* A list that fills its field: `first` as its leftmost element, then `rest` as often as there is room. */
static const char *full_list(size_t len, const char *first, const char *rest)
{
	static char list[FORWARDED_MAX_BYTES + 1];
	size_t used = strlen(first);

	memset(list, ' ', len);
	list[len] = '\0';
	memcpy(list, first, used);
	while (used + 1 + strlen(rest) <= len) {
		list[used++] = ',';
		memcpy(list + used, rest, strlen(rest));
		used += strlen(rest);
	}
	return list;
}

START_TEST(the_leftmost_element_of_a_list_that_may_be_cut_is_not_believed)
{
	size_t full = FORWARDED_MAX_BYTES - 1;

	ck_assert_str_eq(client("127.0.0.1", full_list(full - 1, "1.2.3.4", "10.0.0.1")),
			 "1.2.3.4");
	ck_assert_str_eq(client("127.0.0.1", full_list(full, "1.2.3.4", "10.0.0.1")), "10.0.0.1");
	ck_assert_str_eq(client("127.0.0.1", full_list(full, "9.9.9.9", "1.2.3.4")), "1.2.3.4");
	ck_assert_str_eq(client("127.0.0.1", full_list(full, "1.2.3.4", " ")), "127.0.0.1");
}
END_TEST

START_TEST(without_trusted_proxies_the_peer_is_always_the_client)
{
	trusted.count = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(client(cases[i].peer, cases[i].list), client(cases[i].peer, ""));
	ck_assert_str_eq(client("127.0.0.1", "1.2.3.4"), "127.0.0.1");
}
END_TEST

START_TEST(who_trusts_everybody_gets_the_leftmost_address)
{
	trust("::/0");
	ck_assert_str_eq(client("203.0.113.7", "9.9.9.9, 1.2.3.4"), "9.9.9.9");
	ck_assert_str_eq(client("203.0.113.7", "9.9.9.9, x, 1.2.3.4"), "1.2.3.4");
}
END_TEST

START_TEST(an_address_is_untouched_when_the_peer_has_none)
{
	uint8_t address[16], before[16];

	memset(address, 0x5a, sizeof(address));
	memcpy(before, address, sizeof(before));
	ck_assert(!forwarded_client(&trusted, "unknown", "1.2.3.4", address));
	ck_assert_int_eq(memcmp(address, before, sizeof(before)), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forwarded");
	TCase *tc = tcase_create("forwarded");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_loop_test(tc, the_client_is_the_rightmost_address_that_is_no_proxy, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tc, nothing_to_the_left_of_garbage_is_believed, 0,
			    sizeof(garbage) / sizeof(garbage[0]));
	tcase_add_test(tc, an_element_of_any_length_is_read_or_refused);
	tcase_add_loop_test(tc, the_place_in_a_list_of_any_length_makes_no_difference, 0, 101);
	tcase_add_test(tc, the_leftmost_element_of_a_list_that_may_be_cut_is_not_believed);
	tcase_add_test(tc, without_trusted_proxies_the_peer_is_always_the_client);
	tcase_add_test(tc, who_trusts_everybody_gets_the_leftmost_address);
	tcase_add_test(tc, an_address_is_untouched_when_the_peer_has_none);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
