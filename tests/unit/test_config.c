#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "suite.h"

#define VARIABLES_MAX 24

/* The environment of one test. */
static struct {
	const char *name, *value;
} variables[VARIABLES_MAX];
static size_t variable_count;

static struct config config;
static char complaints[4096];

static const char *look_up(const char *name)
{
	for (size_t i = 0; i < variable_count; i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	return NULL;
}

static void set(const char *name, const char *value)
{
	ck_assert_uint_lt(variable_count, VARIABLES_MAX);
	variables[variable_count].name = name;
	variables[variable_count++].value = value;
}

static int load(void)
{
	return config_load(&config, look_up, complaints, sizeof(complaints));
}

static int load_with(const char *name, const char *value)
{
	variable_count = 0;
	set(name, value);
	return load();
}

START_TEST(without_any_variable_the_documented_defaults_hold)
{
	ck_assert_int_eq(load(), 0);
	ck_assert_str_eq(complaints, "");
	ck_assert_int_eq(config.port, 3001);
	ck_assert_str_eq(config.host, "0.0.0.0");
	ck_assert_str_eq(config.docker_host, "unix:///var/run/docker.sock");
	ck_assert(config.use_gvisor);
	ck_assert_str_eq(config.gvisor_runtime, "runsc");
	ck_assert_str_eq(config.api_key, "");
	ck_assert_uint_eq(config.allowed_origins.count, 0);
	ck_assert_uint_eq(config.frontend_origin.count, 0);
	ck_assert_int_eq(config.max_message_bytes, 65536);
	ck_assert_int_eq(config.idle_timeout_ms, 5 * 60000);
	ck_assert_int_eq(config.max_lifetime_ms, 30 * 60000);
	ck_assert_int_eq(config.max_memory_percent, 85);
	ck_assert_int_eq(config.log_level, LOG_INFO);
	ck_assert_int_eq(config.log_format, LOG_TEXT);
	ck_assert(cidr_list_contains(&config.trusted_proxies, "127.0.0.1"));
	ck_assert(cidr_list_contains(&config.trusted_proxies, "::1"));
	ck_assert(!cidr_list_contains(&config.trusted_proxies, "10.0.0.1"));
}
END_TEST

START_TEST(an_empty_variable_counts_as_not_set)
{
	ck_assert_int_eq(load_with("PORT", ""), 0);
	ck_assert_int_eq(config.port, 3001);
}
END_TEST

START_TEST(a_worker_without_a_name_is_named_after_host_and_port)
{
	ck_assert_int_eq(load_with("PORT", "4711"), 0);
	size_t len = strlen(config.worker_id);
	ck_assert_uint_gt(len, 5);
	ck_assert_str_eq(config.worker_id + len - 5, "-4711");
	ck_assert_int_eq(load_with("WORKER_ID", "a-b_c.9"), 0);
	ck_assert_str_eq(config.worker_id, "a-b_c.9");
}
END_TEST

static const struct {
	const char *text;
	int64_t ms;
} durations[] = {{"90", 90000}, {"90s", 90000}, {"5m", 300000}, {"24h", 86400000}, {"1", 1000}};

START_TEST(durations_are_seconds_or_have_a_unit)
{
	ck_assert_int_eq(load_with("IDLE_TIMEOUT", durations[_i].text), 0);
	ck_assert_int_eq(config.idle_timeout_ms, durations[_i].ms);
}
END_TEST

START_TEST(the_metrics_have_a_port_of_their_own_or_none)
{
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(config.metrics_port, 0);
	ck_assert_str_eq(config.metrics_host, "127.0.0.1");
	ck_assert_int_eq(load_with("METRICS_PORT", "9301"), 0);
	ck_assert_int_eq(config.metrics_port, 9301);
	ck_assert_int_eq(load_with("METRICS_PORT", "3001"), 1);
	ck_assert_ptr_nonnull(strstr(complaints, "METRICS_PORT: 3001 is PORT, too"));
	ck_assert_int_eq(load_with("METRICS_HOST", "localhost"), 1);
	ck_assert_int_eq(load_with("PORT", "0"), 0);
}
END_TEST

START_TEST(origins_are_a_list_with_commas_and_spaces)
{
	ck_assert_int_eq(load_with("SANDBOX_ALLOWED_ORIGINS",
				   " https://a.example , http://b.example:8080,,"),
			 0);
	ck_assert_uint_eq(config.allowed_origins.count, 2);
	ck_assert_str_eq(config.allowed_origins.items[0], "https://a.example");
	ck_assert_str_eq(config.allowed_origins.items[1], "http://b.example:8080");
}
END_TEST

static const char *const wrong[][2] = {
	{"PORT", "65536"},
	{"PORT", "-1"},
	{"PORT", "80x"},
	{"PORT", " 80"},
	{"PORT", "99999999999999999999"},
	{"HOST", "localhost"},
	{"HOST", "1.2.3"},
	{"SANDBOX_USE_GVISOR", "yes"},
	{"SANDBOX_GVISOR_RUNTIME", "run sc"},
	{"IDLE_TIMEOUT", "0"},
	{"IDLE_TIMEOUT", "25h"},
	{"IDLE_TIMEOUT", "5 m"},
	{"IDLE_TIMEOUT", "9223372036854775807h"},
	{"IDLE_TIMEOUT", "1d"},
	{"DOCKER_HOST", "tcp://127.0.0.1:2375"},
	{"DOCKER_HOST", "unix://relative"},
	{"SANDBOX_ALLOWED_ORIGINS", "example.org"},
	{"SANDBOX_ALLOWED_ORIGINS", "https://example.org/"},
	{"SANDBOX_ALLOWED_ORIGINS", "https://user@example.org"},
	{"SANDBOX_ALLOWED_ORIGINS", "https://"},
	{"SANDBOX_ALLOWED_ORIGINS", "://example.org"},
	{"TRUSTED_PROXIES", "10.0.0.0/8,proxy"},
	{"LOG_LEVEL", "inf"},
	{"LOG_LEVEL", "info,debug"},
	{"LOG_FORMAT", "JSON"},
	{"WORKER_ID", "a b"},
	{"CIRCUIT_MAX_MEMORY_PERCENT", "101"},
	{"SANDBOX_MAX_WS_MESSAGE_SIZE", "1023"},
};
#define WRONG_COUNT (sizeof(wrong) / sizeof(wrong[0]))

START_TEST(a_wrong_value_is_named_shown_and_explained)
{
	char shown[300];

	ck_assert_int_eq(load_with(wrong[_i][0], wrong[_i][1]), 1);
	snprintf(shown, sizeof(shown), "%s: \"%s\" is not ", wrong[_i][0], wrong[_i][1]);
	ck_assert_msg(strstr(complaints, shown) == complaints, "%s", complaints);
	ck_assert_uint_gt(strlen(complaints), strlen(shown) + 5);
	ck_assert_ptr_eq(strchr(complaints, '\n'), complaints + strlen(complaints) - 1);
}
END_TEST

START_TEST(all_mistakes_are_reported_at_once)
{
	set("PORT", "x");
	set("LOG_LEVEL", "loud");
	set("MAX_LIFETIME", "never");
	ck_assert_int_eq(load(), 3);
	ck_assert_ptr_nonnull(strstr(complaints, "PORT: \"x\""));
	ck_assert_ptr_nonnull(strstr(complaints, "LOG_LEVEL: \"loud\""));
	ck_assert_ptr_nonnull(strstr(complaints, "MAX_LIFETIME: \"never\""));
}
END_TEST

START_TEST(a_key_is_never_shown)
{
	ck_assert_int_eq(load_with("SANDBOX_API_KEY", "top secret"), 1);
	ck_assert_ptr_nonnull(strstr(complaints, "SANDBOX_API_KEY"));
	ck_assert_ptr_null(strstr(complaints, "top"));
}
END_TEST

START_TEST(a_huge_value_does_not_crowd_out_the_other_mistakes)
{
	static char huge[100000];

	memset(huge, 'x', sizeof(huge) - 1);
	set("PORT", huge);
	set("LOG_FORMAT", "xml");
	ck_assert_int_eq(load(), 2);
	ck_assert_ptr_nonnull(strstr(complaints, "PORT: \"xxx"));
	ck_assert_ptr_nonnull(strstr(complaints, "LOG_FORMAT: \"xml\""));
}
END_TEST

START_TEST(complaints_are_cut_at_the_size_given)
{
	char small[40];

	memset(small, '#', sizeof(small));
	set("PORT", "x");
	set("LOG_FORMAT", "y");
	ck_assert_int_eq(config_load(&config, look_up, small, sizeof(small) - 1), 2);
	ck_assert_uint_eq(strlen(small), sizeof(small) - 2);
	ck_assert_int_eq(small[sizeof(small) - 1], '#');
	ck_assert_int_eq(strncmp(small, "PORT: \"x\" is not a whole", 24), 0);
}
END_TEST

/* One more item than a list holds, and the most that it does. */
START_TEST(a_list_has_an_end)
{
	char text[CONFIG_ORIGINS_MAX * 20 + 32] = "";

	for (int i = 0; i < CONFIG_ORIGINS_MAX; i++)
		strcat(text, "http://a.example,");
	ck_assert_int_eq(load_with("FRONTEND_ORIGIN", text), 0);
	ck_assert_uint_eq(config.frontend_origin.count, CONFIG_ORIGINS_MAX);
	strcat(text, "http://b");
	ck_assert_int_eq(load_with("FRONTEND_ORIGIN", text), 1);
}
END_TEST

START_TEST(text_fits_its_field_or_is_refused)
{
	char text[CONFIG_TEXT_BYTES + 1];

	memset(text, 'k', sizeof(text));
	text[CONFIG_TEXT_BYTES - 1] = '\0';
	ck_assert_int_eq(load_with("SANDBOX_API_KEY", text), 0);
	ck_assert_str_eq(config.api_key, text);
	text[CONFIG_TEXT_BYTES - 1] = 'k';
	text[CONFIG_TEXT_BYTES] = '\0';
	ck_assert_int_eq(load_with("SANDBOX_API_KEY", text), 1);
}
END_TEST

START_TEST(a_secret_is_long_enough_for_a_key_or_there_is_none)
{
	char text[CONFIG_TEXT_BYTES + 1];

	memset(text, 'x', sizeof(text));
	text[CONFIG_TEXT_BYTES - 1] = '\0';
	ck_assert_int_eq(load_with("AUTH_SECRET", text), 0);
	ck_assert_str_eq(config.auth_secret, text);
	text[CONFIG_TEXT_BYTES - 1] = 'x';
	text[CONFIG_TEXT_BYTES] = '\0';
	ck_assert_int_eq(load_with("AUTH_SECRET", text), 1);
	text[CONFIG_SECRET_MIN] = '\0';
	ck_assert_int_eq(load_with("AUTH_SECRET", text), 0);
	ck_assert_str_eq(config.auth_secret, text);
	text[5] = ' ';
	ck_assert_int_eq(load_with("AUTH_SECRET", text), 1);
	text[5] = 'x';
	text[CONFIG_SECRET_MIN - 1] = '\0';
	ck_assert_int_eq(load_with("AUTH_SECRET", text), 1);
	ck_assert_str_eq(complaints,
			 "AUTH_SECRET: the value is not printable ASCII without spaces, "
			 "32 to 255 characters\n");
	ck_assert_str_eq(config.auth_secret, "");
	ck_assert_int_eq(load_with("AUTH_SECRET", ""), 0);
	ck_assert_str_eq(config.auth_secret, "");
}
END_TEST

START_TEST(loopback_is_known_in_all_its_spellings)
{
	ck_assert(config_is_loopback("127.0.0.1"));
	ck_assert(config_is_loopback("127.9.9.9"));
	ck_assert(config_is_loopback("::1"));
	ck_assert(config_is_loopback("::ffff:127.0.0.1"));
	ck_assert(!config_is_loopback("0.0.0.0"));
	ck_assert(!config_is_loopback("::"));
	ck_assert(!config_is_loopback("192.0.2.1"));
}
END_TEST

/* A control sequence, a broken line: none reaches the terminal as it is. */
START_TEST(bytes_that_are_not_printable_are_shown_as_numbers)
{
	ck_assert_int_eq(load_with("LOG_LEVEL", "in\nfo\x1b[31m\xff\r"), 1);
	ck_assert_ptr_nonnull(strstr(complaints, "\"in\\x0afo\\x1b[31m\\xff\\x0d\" is not "));
}
END_TEST

/* From the table: each setting, not set and with values that are wrong for all but free text. */
START_TEST(every_variable_holds_its_default_or_says_what_is_wrong)
{
	static const char *const values[] = {
		"-1", "99999999999999999999", "1e400", "3.5", "5 parsecs", "5x", "a b\r", "\xff"};
	const struct setting *s = &settings[_i];
	bool free_text = s->parse == value_text || s->parse == value_worker_id;

	ck_assert_int_eq(load_with(s->name, ""), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		bool plain = !values[i][strcspn(values[i], " \xff")];
		int mistakes = load_with(s->name, values[i]);
		ck_assert_msg(mistakes == !(free_text && plain), "%s=%s: %s", s->name, values[i],
			      complaints);
		ck_assert(!mistakes || strncmp(complaints, s->name, strlen(s->name)) == 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("config");

	tcase_add_test(tc, without_any_variable_the_documented_defaults_hold);
	tcase_add_test(tc, an_empty_variable_counts_as_not_set);
	tcase_add_test(tc, the_metrics_have_a_port_of_their_own_or_none);
	tcase_add_test(tc, a_worker_without_a_name_is_named_after_host_and_port);
	tcase_add_loop_test(tc, durations_are_seconds_or_have_a_unit, 0, 5);
	tcase_add_test(tc, origins_are_a_list_with_commas_and_spaces);
	tcase_add_loop_test(tc, a_wrong_value_is_named_shown_and_explained, 0, WRONG_COUNT);
	tcase_add_test(tc, all_mistakes_are_reported_at_once);
	tcase_add_test(tc, a_key_is_never_shown);
	tcase_add_test(tc, a_huge_value_does_not_crowd_out_the_other_mistakes);
	tcase_add_test(tc, complaints_are_cut_at_the_size_given);
	tcase_add_test(tc, a_list_has_an_end);
	tcase_add_test(tc, text_fits_its_field_or_is_refused);
	tcase_add_test(tc, a_secret_is_long_enough_for_a_key_or_there_is_none);
	tcase_add_test(tc, loopback_is_known_in_all_its_spellings);
	tcase_add_test(tc, bytes_that_are_not_printable_are_shown_as_numbers);
	tcase_add_loop_test(tc, every_variable_holds_its_default_or_says_what_is_wrong, 0,
			    (int)settings_count);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
