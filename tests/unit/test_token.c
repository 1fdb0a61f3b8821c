#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "edge/access.h"
#include "edge/token.h"
#include "suite.h"
#include "tokens/tokens.h"

#define TOKENS (sizeof(tokens) / sizeof(tokens[0]))
#define NOW_MS (INT64_C(1000) * TOKENS_NOW_S)
#define EXP_MS (INT64_C(1000) * TOKENS_EXP_S)

static struct token_keys *keys;
static struct token_claims claims, untouched;
static struct err err;

static void set_up(void)
{
	memset(&untouched, 0x5a, sizeof(untouched));
	keys = token_keys_new(TOKENS_SECRET, &err);
	ck_assert_ptr_nonnull(keys);
}

static void tear_down(void)
{
	token_keys_free(keys);
}

static enum token_verdict read_at(const char *token, int64_t wall_ms)
{
	claims = untouched;
	err.msg[0] = '\0';
	return token_read(keys, token, wall_ms, &claims, &err);
}

/* The verdict, after checks of what holds for whatever was read. */
static enum token_verdict verdict_of(const char *token)
{
	enum token_verdict verdict = read_at(token, NOW_MS);

	if (verdict == TOKEN_OK) {
		ck_assert_str_eq(err.msg, "");
	} else {
		ck_assert_str_ne(err.msg, "");
		ck_assert_int_eq(err.kind, ERR_INPUT);
		ck_assert_int_eq(memcmp(&claims, &untouched, sizeof(claims)), 0);
	}
	return verdict;
}

/* The token that make.js named so. */
static const char *named(const char *name)
{
	for (size_t i = 0; i < TOKENS; i++)
		if (strcmp(tokens[i].name, name) == 0)
			return tokens[i].token;
	ck_abort_msg("no token is named %s", name);
}

START_TEST(tokens_are_judged_by_what_another_program_put_into_them)
{
	ck_assert_msg(verdict_of(tokens[_i].token) == tokens[_i].verdict, "%s: %s", tokens[_i].name,
		      err.msg);
	if (tokens[_i].verdict != TOKEN_OK)
		return;
	ck_assert_str_eq(claims.user, tokens[_i].user);
	ck_assert_int_eq(claims.tier, tokens[_i].tier);
}
END_TEST

static const char *const kinds[] = {
	"jose itself",
	"Auth.js itself",
	"A256CBC-HS512, __Secure-authjs.session-token",
	"A256GCM, authjs.session-token",
	"A256GCM, __Secure-authjs.session-token",
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

START_TEST(a_token_cut_anywhere_is_none)
{
	char *token = strdup(named(kinds[_i]));

	ck_assert_int_eq(verdict_of(token), TOKEN_OK);
	for (size_t len = strlen(token); len-- > 0;) {
		token[len] = '\0';
		ck_assert_int_eq(verdict_of(token), TOKEN_BAD);
	}
	for (const char *rest = named(kinds[_i]) + 1; *rest; rest++)
		ck_assert_int_eq(verdict_of(rest), TOKEN_BAD);
	free(token);
}
END_TEST

/* Every single bit, and the neighbours in base64url's alphabet, which differ in the lowest bits of what is decoded. */
START_TEST(a_token_changed_anywhere_is_none)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *token = strdup(named(kinds[_i]));
	size_t len = strlen(token);

	for (size_t i = 0; i < len; i++) {
		char was = token[i];
		const char *place = strchr(alphabet, was);
		for (int bit = 0; bit < 8; bit++) {
			token[i] = (char)(was ^ (1 << bit));
			ck_assert_msg(verdict_of(token) == TOKEN_BAD, "bit %d of byte %zu", bit, i);
		}
		for (int by = 1; place && by < 16; by <<= 1) {
			token[i] = alphabet[(place - alphabet) ^ by];
			ck_assert_msg(verdict_of(token) == TOKEN_BAD, "%d at byte %zu", by, i);
		}
		token[i] = was;
	}
	ck_assert_int_eq(verdict_of(token), TOKEN_OK);
	free(token);
}
END_TEST

START_TEST(a_token_with_anything_put_into_it_is_none)
{
	const char *token = named(kinds[_i]);
	size_t len = strlen(token);
	char longer[TOKEN_MAX_BYTES];

	for (size_t i = 0; i <= len; i++)
		for (const char *c = "A_.= %"; *c; c++) {
			memcpy(longer, token, i);
			longer[i] = *c;
			strcpy(longer + i + 1, token + i);
			ck_assert_msg(verdict_of(longer) == TOKEN_BAD, "'%c' at byte %zu", *c, i);
		}
}
END_TEST

START_TEST(a_token_expires_when_its_time_and_the_tolerance_are_over)
{
	const char *token = named(kinds[_i]);

	ck_assert_int_eq(read_at(token, EXP_MS), TOKEN_OK);
	ck_assert_int_eq(read_at(token, EXP_MS + 14999), TOKEN_OK);
	ck_assert_int_eq(read_at(token, EXP_MS + 15000), TOKEN_EXPIRED);
	ck_assert_int_eq(read_at(token, INT64_MAX), TOKEN_EXPIRED);
}
END_TEST

START_TEST(the_longest_token_is_read_and_one_more_character_is_not)
{
	size_t len = strlen(named("the longest"));

	ck_assert_uint_ge(len, TOKEN_MAX_BYTES - 3);
	ck_assert_uint_lt(len, TOKEN_MAX_BYTES);
	ck_assert_uint_ge(strlen(named("too long")), TOKEN_MAX_BYTES);
}
END_TEST

START_TEST(without_a_secret_no_token_is_valid)
{
	token_keys_free(keys);
	keys = token_keys_new("", &err);
	ck_assert_ptr_nonnull(keys);
	for (size_t i = 0; i < TOKENS; i++) {
		ck_assert_int_eq(verdict_of(tokens[i].token), TOKEN_BAD);
		ck_assert_str_eq(err.msg, "tokens are not accepted: AUTH_SECRET is not set");
	}
}
END_TEST

START_TEST(with_another_secret_no_token_is_valid)
{
	char secret[] = TOKENS_SECRET;

	secret[sizeof(secret) - 2] ^= 1;
	token_keys_free(keys);
	keys = token_keys_new(secret, &err);
	ck_assert_ptr_nonnull(keys);
	for (size_t i = 0; i < TOKENS; i++)
		if (tokens[i].verdict != TOKEN_BAD)
			ck_assert_int_eq(verdict_of(tokens[i].token), TOKEN_BAD);
}
END_TEST

START_TEST(a_short_secret_makes_no_keys)
{
	char secret[] = TOKENS_SECRET;

	secret[31] = '\0';
	ck_assert_ptr_null(token_keys_new(secret, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	token_keys_free(NULL);
}
END_TEST

START_TEST(an_error_may_be_of_no_interest)
{
	for (size_t i = 0; i < TOKENS; i++)
		ck_assert_int_eq(token_read(keys, tokens[i].token, NOW_MS, &claims, NULL),
				 tokens[i].verdict);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("token");
	TCase *tc = tcase_create("token");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, tokens_are_judged_by_what_another_program_put_into_them, 0, TOKENS);
	tcase_add_loop_test(tc, a_token_cut_anywhere_is_none, 0, KINDS);
	tcase_add_loop_test(tc, a_token_changed_anywhere_is_none, 0, KINDS);
	tcase_add_loop_test(tc, a_token_with_anything_put_into_it_is_none, 0, KINDS);
	tcase_add_loop_test(tc, a_token_expires_when_its_time_and_the_tolerance_are_over, 0, KINDS);
	tcase_add_test(tc, the_longest_token_is_read_and_one_more_character_is_not);
	tcase_add_test(tc, without_a_secret_no_token_is_valid);
	tcase_add_test(tc, with_another_secret_no_token_is_valid);
	tcase_add_test(tc, a_short_secret_makes_no_keys);
	tcase_add_test(tc, an_error_may_be_of_no_interest);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
