#include <check.h>
#include <string.h>

#include "edge/access.h"
#include "suite.h"

static struct config config;
static struct request_facts facts;

static void set_up(void)
{
	memset(&config, 0, sizeof(config));
	memset(&facts, 0, sizeof(facts));
}

static bool allowed(const char *origin, const char *host)
{
	strcpy(facts.origin, origin);
	strcpy(facts.host, host);
	return access_origin_allowed(&config, &facts);
}

static void list(struct origin_list *origins, const char *origin)
{
	strcpy(origins->items[origins->count++], origin);
}

static const struct {
	const char *origin, *host;
	bool ok;
} same[] = {
	{"", "example.org", true},
	{"https://example.org", "example.org", true},
	{"https://example.org", "EXAMPLE.org", true},
	{"https://example.org", "example.org:443", true},
	{"http://example.org", "example.org:80", true},
	{"http://localhost:3001", "localhost:3001", true},
	{"http://[::1]:3001", "[::1]:3001", true},
	{"http://[::1]", "[::1]:80", true},
	{"http://example.org", "example.org:443", false},
	{"http://localhost:3001", "localhost:3002", false},
	{"http://localhost:3001", "localhost", false},
	{"https://example.org.evil.net", "example.org", false},
	{"https://evil.net", "example.org", false},
	{"https://sub.example.org", "example.org", false},
	{"https://example.or", "example.org", false},
	{"null", "null", false},
	{"null", "example.org", false},
	{"https://", "", false},
	{"http://", ":80", false},
};

START_TEST(without_lists_only_the_same_origin_is_let_in)
{
	ck_assert_int_eq(allowed(same[_i].origin, same[_i].host), same[_i].ok);
}
END_TEST

START_TEST(with_a_list_origins_are_compared_exactly_and_the_host_no_more)
{
	list(&config.allowed_origins, "https://a.example");
	list(&config.frontend_origin, "http://b.example:8080");
	ck_assert(allowed("https://a.example", "x"));
	ck_assert(allowed("http://b.example:8080", "x"));
	ck_assert(allowed("", "x"));
	ck_assert(!allowed("http://a.example", "x"));
	ck_assert(!allowed("https://a.example:444", "x"));
	ck_assert(!allowed("https://A.example", "x"));
	ck_assert(!allowed("https://a.example.evil.net", "x"));
	ck_assert(!allowed("http://b.example", "x"));
	ck_assert(!allowed("https://x", "x"));
	ck_assert(!allowed("null", "x"));
}
END_TEST

START_TEST(a_star_lets_every_origin_in)
{
	list(&config.allowed_origins, "*");
	ck_assert(allowed("https://evil.net", "x"));
	ck_assert(allowed("null", "x"));
}
END_TEST

START_TEST(without_a_key_configured_every_key_is_right)
{
	ck_assert_int_eq(access_key(&config, ""), ACCESS_OK);
	ck_assert_int_eq(access_key(&config, "anything"), ACCESS_OK);
}
END_TEST

START_TEST(with_a_key_configured_only_that_key_is_right)
{
	strcpy(config.api_key, "secret");
	ck_assert_int_eq(access_key(&config, "secret"), ACCESS_OK);
	ck_assert_int_eq(access_key(&config, ""), ACCESS_NO_KEY);
	ck_assert_int_eq(access_key(&config, "s"), ACCESS_WRONG_KEY);
	ck_assert_int_eq(access_key(&config, "secreT"), ACCESS_WRONG_KEY);
	ck_assert_int_eq(access_key(&config, "Secret"), ACCESS_WRONG_KEY);
	ck_assert_int_eq(access_key(&config, "secretsecret"), ACCESS_WRONG_KEY);
	ck_assert_int_eq(access_key(&config, "secrets"), ACCESS_WRONG_KEY);
}
END_TEST

START_TEST(the_admin_key_is_another_right_key)
{
	strcpy(config.api_key, "secret");
	strcpy(config.admin_api_key, "master");
	ck_assert_int_eq(access_key(&config, "master"), ACCESS_ADMIN);
	ck_assert_int_eq(access_key(&config, "secret"), ACCESS_OK);
	ck_assert_int_eq(access_key(&config, "maste"), ACCESS_WRONG_KEY);
	ck_assert_int_eq(access_key(&config, ""), ACCESS_NO_KEY);
	config.api_key[0] = '\0';
	ck_assert_int_eq(access_key(&config, "master"), ACCESS_ADMIN);
	ck_assert_int_eq(access_key(&config, "secret"), ACCESS_OK);
	ck_assert_int_eq(access_key(&config, ""), ACCESS_OK);
}
END_TEST

START_TEST(only_a_trusted_proxy_may_say_that_it_is_https)
{
	config.trusted_proxies.count = 1;
	ck_assert(cidr_parse("127.0.0.0/8", &config.trusted_proxies.blocks[0]));
	facts.forwarded_https = true;
	strcpy(facts.peer, "127.0.0.1");
	ck_assert(access_is_https(&config, &facts));
	strcpy(facts.peer, "::ffff:127.0.0.1");
	ck_assert(access_is_https(&config, &facts));
	strcpy(facts.peer, "203.0.113.1");
	ck_assert(!access_is_https(&config, &facts));
	strcpy(facts.peer, "");
	ck_assert(!access_is_https(&config, &facts));
	strcpy(facts.peer, "127.0.0.1");
	facts.forwarded_https = false;
	ck_assert(!access_is_https(&config, &facts));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access");
	TCase *tc = tcase_create("access");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_loop_test(tc, without_lists_only_the_same_origin_is_let_in, 0,
			    sizeof(same) / sizeof(same[0]));
	tcase_add_test(tc, with_a_list_origins_are_compared_exactly_and_the_host_no_more);
	tcase_add_test(tc, a_star_lets_every_origin_in);
	tcase_add_test(tc, without_a_key_configured_every_key_is_right);
	tcase_add_test(tc, with_a_key_configured_only_that_key_is_right);
	tcase_add_test(tc, the_admin_key_is_another_right_key);
	tcase_add_test(tc, only_a_trusted_proxy_may_say_that_it_is_https);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
