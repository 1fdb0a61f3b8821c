#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/identity.h"
#include "edge/token.h"
#include "suite.h"
#include "tokens/tokens.h"

#define NOW_MS       (INT64_C(1000) * TOKENS_NOW_S)
#define HASHED_CHARS 16

static struct config config;
static struct request_facts facts;
static struct identity *id;
static struct err err;

static void set_up(void)
{
	memset(&config, 0, sizeof(config));
	memset(&facts, 0, sizeof(facts));
	strcpy(config.auth_secret, TOKENS_SECRET);
	ck_assert(cidr_parse("127.0.0.0/8", &config.trusted_proxies.blocks[0]));
	config.trusted_proxies.count = 1;
	id = identity_new(&config, &err);
	ck_assert_ptr_nonnull(id);
}

static void tear_down(void)
{
	identity_free(id);
}

static struct client client_at(const char *peer)
{
	struct client client;

	memset(&client, 0x5a, sizeof(client));
	strcpy(facts.peer, peer);
	facts.token[0] = '\0';
	ck_assert_int_eq(identity_of(id, &facts, NOW_MS, &client, &err), IDENTITY_OK);
	return client;
}

static struct client client_with(const char *token, enum identity_verdict verdict)
{
	struct client client;

	memset(&client, 0x5a, sizeof(client));
	strcpy(facts.peer, "203.0.113.7");
	strcpy(facts.token, token);
	ck_assert_int_eq(identity_of(id, &facts, NOW_MS, &client, &err), verdict);
	return client;
}

static const char *named(const char *name)
{
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		if (strcmp(tokens[i].name, name) == 0)
			return tokens[i].token;
	ck_abort_msg("no token is named %s", name);
}

static bool same(const struct client_key *a, const struct client_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

START_TEST(an_ipv4_address_is_a_client)
{
	struct client client = client_at("203.0.113.7");

	ck_assert_str_eq(client.name, "203.0.113.7");
	ck_assert_int_eq(client.tier, TIER_ANONYMOUS);
	ck_assert(!client.is_user && !client.has_site);
}
END_TEST

START_TEST(an_ipv6_network_is_a_client_of_its_site)
{
	struct client client = client_at("2001:db8:0:1:aaaa:bbbb:cccc:dddd");

	ck_assert_str_eq(client.name, "2001:db8:0:1::/64");
	ck_assert_int_eq(client.tier, TIER_ANONYMOUS);
	ck_assert(!client.is_user && client.has_site);
	ck_assert_str_eq(client_at("::1").name, "::/64");
	ck_assert_str_eq(client_at("2001:db8:1234:5678:9abc::").name, "2001:db8:1234:5678::/64");
}
END_TEST

static const struct {
	const char *a, *b;
	bool client, site;
} pairs[] = {
	{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true, true},
	{"2001:db8::1", "2001:db8:0:1::1", false, true},
	{"2001:db8::", "2001:db8:0:ffff::", false, true},
	{"2001:db8::1", "2001:db8:1::1", false, false},
	{"2001:db8::1", "2001:db9::1", false, false},
	{"::1", "::2", true, true},
	{"203.0.113.7", "203.0.113.7", true, false},
	{"203.0.113.7", "::ffff:203.0.113.7", true, false},
	{"203.0.113.7", "::ffff:cb00:7107", true, false},
	{"203.0.113.7", "203.0.113.6", false, false},
	{"203.0.113.7", "::203.0.113.7", false, false},
	{"0.0.0.0", "::", false, false},
	{"50.48.48.49", "3230:3031::", false, false},
	{"", "unknown", true, false},
	{"", "0.0.0.0", false, false},
	{"", "::", false, false},
};

START_TEST(clients_are_told_apart_by_ipv4_address_ipv6_64_and_48)
{
	struct client a = client_at(pairs[_i].a), b = client_at(pairs[_i].b);

	ck_assert_int_eq(same(&a.key, &b.key), pairs[_i].client);
	ck_assert_int_eq(a.has_site && b.has_site && same(&a.site, &b.site), pairs[_i].site);
	ck_assert(!same(&a.key, &b.site) && !same(&a.site, &b.key));
	ck_assert(!a.has_site || !same(&a.key, &a.site));
}
END_TEST

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

START_TEST(a_million_addresses_of_one_network_are_one_client)
{
	struct in6_addr address = {.s6_addr = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2}};
	struct client first = client_at("2001:db8:1:2::");
	uint64_t state = 1, differing = 0;

	for (int i = 0; i < 1000000; i++) {
		uint64_t host = random64(&state);
		struct client client;
		memcpy(address.s6_addr + 8, &host, sizeof(host));
		inet_ntop(AF_INET6, &address, facts.peer, sizeof(facts.peer));
		identity_of(id, &facts, NOW_MS, &client, &err);
		differing += !same(&client.key, &first.key) || !same(&client.site, &first.site);
	}
	ck_assert_uint_eq(differing, 0);
}
END_TEST

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct client_key));
}

START_TEST(the_networks_of_a_site_are_as_many_clients)
{
	static struct client_key keys[65536];
	char text[64];

	struct client_key site = client_at("2001:db8:1::").site;
	for (unsigned i = 0; i < 65536; i++) {
		snprintf(text, sizeof(text), "2001:db8:1:%x::1", i);
		struct client client = client_at(text);
		keys[i] = client.key;
		ck_assert(same(&client.site, &site));
	}
	qsort(keys, 65536, sizeof(keys[0]), compare_keys);
	for (unsigned i = 1; i < 65536; i++)
		ck_assert(!same(&keys[i - 1], &keys[i]));
}
END_TEST

START_TEST(a_proxy_says_who_the_client_is_and_nobody_else_does)
{
	strcpy(facts.forwarded_for, "9.9.9.9, 1.2.3.4");
	ck_assert_str_eq(client_at("127.0.0.1").name, "1.2.3.4");
	ck_assert_str_eq(client_at("203.0.113.7").name, "203.0.113.7");
	struct client behind = client_at("127.0.0.1"), itself = client_at("1.2.3.4");
	ck_assert(same(&behind.key, &itself.key));
}
END_TEST

START_TEST(a_user_is_the_same_client_wherever_he_is_and_whatever_the_kind_of_token)
{
	struct client user = client_with(named("signed"), IDENTITY_OK);
	struct client session = client_with(named("Auth.js itself"), IDENTITY_OK);

	ck_assert_str_eq(user.name, "user:ada@example.org");
	ck_assert(user.is_user && !user.has_site);
	ck_assert_int_eq(user.tier, TIER_LOGGED_IN);
	ck_assert_int_eq(session.tier, TIER_PREMIUM);
	ck_assert(same(&user.key, &session.key));
	struct client other = client_with(named("sub alone"), IDENTITY_OK);
	ck_assert_str_eq(other.name, "user:42");
	ck_assert(!same(&user.key, &other.key));
	struct client address = client_at("203.0.113.7");
	ck_assert(!same(&user.key, &address.key));
}
END_TEST

START_TEST(with_a_token_that_is_not_valid_the_client_is_his_address)
{
	struct client address = client_at("203.0.113.7");
	struct client bad = client_with(named("another's signature"), IDENTITY_BAD_TOKEN);
	struct client expired = client_with(named("expired"), IDENTITY_EXPIRED_TOKEN);

	ck_assert_str_eq(bad.name, "203.0.113.7");
	ck_assert(same(&bad.key, &address.key) && same(&expired.key, &address.key));
	ck_assert(!bad.is_user && !expired.is_user);
	ck_assert_int_eq(bad.tier, TIER_ANONYMOUS);
	ck_assert_int_eq(expired.tier, TIER_ANONYMOUS);
}
END_TEST

START_TEST(without_a_secret_a_token_is_bad_rather_than_ignored)
{
	identity_free(id);
	config.auth_secret[0] = '\0';
	id = identity_new(&config, &err);
	ck_assert_ptr_nonnull(id);
	client_with(named("signed"), IDENTITY_BAD_TOKEN);
	ck_assert_str_eq(err.msg, "tokens are not accepted: AUTH_SECRET is not set");
	client_at("203.0.113.7");
}
END_TEST

START_TEST(a_long_name_is_cut_for_the_log_and_whole_for_the_key)
{
	struct client client = client_with(named("a user of 255 characters"), IDENTITY_OK);

	ck_assert_uint_eq(strlen(client.name), CLIENT_NAME_BYTES - 1);
	ck_assert_int_eq(strncmp(client.name, "user:aaaa", 9), 0);
	struct client other = client_with(named("another user of 255 characters"), IDENTITY_OK);
	ck_assert_str_eq(other.name, client.name);
	ck_assert(!same(&other.key, &client.key));
}
END_TEST

static void expect_hashed(const struct client *client)
{
	ck_assert_uint_eq(strlen(client->name), HASHED_CHARS);
	ck_assert_uint_eq(strspn(client->name, "0123456789abcdef"), HASHED_CHARS);
}

START_TEST(hashed_names_tell_clients_apart_and_say_nothing_else)
{
	config.log_clients = LOG_CLIENTS_HASHED;
	struct client a = client_at("203.0.113.7"), b = client_at("203.0.113.8");
	struct client v6 = client_at("2001:db8::1"), v6_too = client_at("2001:db8::2");
	struct client user = client_with(named("signed"), IDENTITY_OK);

	expect_hashed(&a);
	expect_hashed(&b);
	expect_hashed(&v6);
	expect_hashed(&user);
	ck_assert_str_ne(a.name, b.name);
	ck_assert_str_ne(a.name, v6.name);
	ck_assert_str_ne(a.name, user.name);
	ck_assert_str_eq(v6.name, v6_too.name);
	ck_assert_str_eq(a.name, client_at("203.0.113.7").name);
}
END_TEST

START_TEST(another_start_gives_other_keys_and_other_hashed_names)
{
	config.log_clients = LOG_CLIENTS_HASHED;
	struct client before = client_at("203.0.113.7");

	identity_free(id);
	id = identity_new(&config, &err);
	ck_assert_ptr_nonnull(id);
	struct client after = client_at("203.0.113.7");
	ck_assert(!same(&before.key, &after.key));
	ck_assert_str_ne(before.name, after.name);
}
END_TEST

START_TEST(a_secret_that_makes_no_key_makes_no_identity)
{
	strcpy(config.auth_secret, "too short");
	ck_assert_ptr_null(identity_new(&config, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	identity_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("identity");
	TCase *tc = tcase_create("identity");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, an_ipv4_address_is_a_client);
	tcase_add_test(tc, an_ipv6_network_is_a_client_of_its_site);
	tcase_add_loop_test(tc, clients_are_told_apart_by_ipv4_address_ipv6_64_and_48, 0,
			    sizeof(pairs) / sizeof(pairs[0]));
	tcase_add_test(tc, a_million_addresses_of_one_network_are_one_client);
	tcase_add_test(tc, the_networks_of_a_site_are_as_many_clients);
	tcase_add_test(tc, a_proxy_says_who_the_client_is_and_nobody_else_does);
	tcase_add_test(tc, a_user_is_the_same_client_wherever_he_is_and_whatever_the_kind_of_token);
	tcase_add_test(tc, with_a_token_that_is_not_valid_the_client_is_his_address);
	tcase_add_test(tc, without_a_secret_a_token_is_bad_rather_than_ignored);
	tcase_add_test(tc, a_long_name_is_cut_for_the_log_and_whole_for_the_key);
	tcase_add_test(tc, hashed_names_tell_clients_apart_and_say_nothing_else);
	tcase_add_test(tc, another_start_gives_other_keys_and_other_hashed_names);
	tcase_add_test(tc, a_secret_that_makes_no_key_makes_no_identity);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
