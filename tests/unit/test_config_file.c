/* The JSON file: what it sets, what goes before it, and every way in which it can be wrong. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "suite.h"

#define PATH "t.json"

static struct config config;
static struct config_trace trace;
static char complaints[16384];

/* The environment of one test: one variable, or none. */
static const char *variable_name, *variable_value;

static const char *look_up(const char *name)
{
	return variable_name && strcmp(name, variable_name) == 0 ? variable_value : NULL;
}

static int load_bytes(const char *data, size_t len, unsigned mode)
{
	/* Of the very size, so that a sanitizer sees the first byte beyond. */
	char *copy = malloc(len ? len : 1);
	struct config_file file = {.path = PATH, .data = copy, .len = len, .mode = mode};

	ck_assert_ptr_nonnull(memcpy(copy, data, len));
	config_trace_finish(&trace);
	int mistakes =
		config_load_all(&config, look_up, &file, &trace, complaints, sizeof(complaints));
	free(copy);
	return mistakes;
}

static int load(const char *text)
{
	return load_bytes(text, strlen(text), 0640);
}

static const struct config_origin *origin_of(const char *json_name)
{
	const struct setting *s = settings_find(json_name);

	ck_assert_msg(s, "%s", json_name);
	return &trace.origins[s - settings];
}

static void assert_complaints(const char *expected)
{
	ck_assert_str_eq(complaints, expected);
}

/* --- what it sets --- */

START_TEST(every_type_of_value_is_taken)
{
	ck_assert_int_eq(load("{\n \"port\": 8080, \"useless\": 0\n}"), 1);
	ck_assert_int_eq(
		load("{\"port\": 8080, \"sandboxUseGvisor\": false, \"logLevel\": \"debug\",\n"
		     "\"idleTimeout\": 90, \"maxLifetime\": \"1h\", \"sandboxApiKey\": \"k\",\n"
		     "\"sandboxAllowedOrigins\": [\"https://a.example\", \"http://b\"],\n"
		     "\"frontendOrigin\": \"http://c, http://d\", \"trustedProxies\": [],\n"
		     "\"limitsPremium\": \"1/2/3/4\"}"),
		0);
	ck_assert_int_eq(config.port, 8080);
	ck_assert(!config.use_gvisor);
	ck_assert_int_eq(config.log_level, LOG_DEBUG);
	ck_assert_int_eq(config.idle_timeout_ms, 90000);
	ck_assert_int_eq(config.max_lifetime_ms, 3600000);
	ck_assert_str_eq(config.api_key, "k");
	ck_assert_uint_eq(config.allowed_origins.count, 2);
	ck_assert_str_eq(config.allowed_origins.items[1], "http://b");
	ck_assert_uint_eq(config.frontend_origin.count, 2);
	ck_assert_uint_eq(config.trusted_proxies.count, 0);
	ck_assert_int_eq(config.limits[TIER_PREMIUM].commands_per_minute, 4);
}
END_TEST

START_TEST(the_environment_goes_before_the_file_and_the_file_before_the_default)
{
	variable_name = "PORT";
	variable_value = "1";
	ck_assert_int_eq(load("{\n\"port\": 2,\n\"host\": \"::1\"}"), 0);
	ck_assert_int_eq(config.port, 1);
	ck_assert_str_eq(config.host, "::1");
	ck_assert_int_eq(origin_of("port")->source, CONFIG_FROM_ENVIRONMENT);
	ck_assert_str_eq(origin_of("port")->text, "1");
	ck_assert_int_eq(origin_of("host")->source, CONFIG_FROM_FILE);
	ck_assert_uint_eq(origin_of("host")->line, 3);
	ck_assert_int_eq(origin_of("logLevel")->source, CONFIG_DEFAULT);
	ck_assert_str_eq(origin_of("logLevel")->text, "info");
	variable_value = "";
	ck_assert_int_eq(load("{\"port\": 2}"), 0);
	ck_assert_int_eq(config.port, 2);
}
END_TEST

START_TEST(a_worker_is_named_after_the_port_that_the_file_sets)
{
	ck_assert_int_eq(load("{\"port\": 4711}"), 0);
	ck_assert_str_eq(config.worker_id + strlen(config.worker_id) - 5, "-4711");
}
END_TEST

START_TEST(a_key_may_be_written_with_escapes_and_the_file_with_a_mark_and_crlf)
{
	ck_assert_int_eq(
		load("\xef\xbb\xbf{\r\n\t\"p\\u006frt\" : 7 ,\r\n\"host\":\"::1\"\r\n}\r\n"), 0);
	ck_assert_int_eq(config.port, 7);
	ck_assert_uint_eq(origin_of("host")->line, 3);
}
END_TEST

/* --- mistakes of the file as a whole --- */

static const struct {
	const char *text, *complaint;
} broken[] = {
	{"", "t.json:1:1: not JSON: '[' or '{' expected near end of file\n"},
	{"{\n\"port\": 1,\n}", "t.json:3:1: not JSON: string or '}' expected\n"},
	{"{\"port\": 1,\n\"host\" \"::1\"}", "t.json:2:12: not JSON: ':' expected\n"},
	{"{\"sandboxApiKey\": 'secret'}", "t.json:1:19: not JSON: invalid token\n"},
	{"{\"sandboxApiKey\": secret}", "t.json:1:24: not JSON: invalid token\n"},
	{"{} {}", "t.json:1:4: not JSON: end of file expected\n"},
	{"[]", "t.json:1:1: not an object in braces\n"},
	{"{\"port\": 1e400, \"host\"}", "t.json:1:14: not JSON: real number overflow\n"},
};

START_TEST(what_is_not_a_json_object_is_one_mistake_with_its_place)
{
	ck_assert_int_eq(load(broken[_i].text), 1);
	assert_complaints(broken[_i].complaint);
}
END_TEST

START_TEST(a_mistake_in_the_text_hides_nothing_of_the_environment)
{
	variable_name = "LOG_FORMAT";
	variable_value = "xml";
	ck_assert_int_eq(load("{\"port\": x}"), 2);
	assert_complaints("t.json:1:10: not JSON: invalid token\n"
			  "LOG_FORMAT: \"xml\" is not one of text,json\n");
}
END_TEST

START_TEST(bytes_that_are_not_utf8_have_their_line)
{
	ck_assert_int_eq(load("{\n\"host\": \"\xff\"}"), 1);
	ck_assert_msg(strncmp(complaints, "t.json:2:", 9) == 0, "%s", complaints);
	ck_assert_ptr_nonnull(strstr(complaints, "not UTF-8"));
}
END_TEST

START_TEST(deep_nesting_is_a_mistake_and_not_the_end)
{
	static char deep[200000];

	memset(deep, '[', sizeof(deep) - 1);
	memcpy(deep, "{\"port\":", 8);
	ck_assert_int_eq(load(deep), 1);
	ck_assert_ptr_nonnull(strstr(complaints, "not JSON: maximum parsing depth reached"));
}
END_TEST

START_TEST(a_file_that_could_not_be_had_says_why)
{
	struct config_file file = {.path = PATH, .problem = "cannot be read: because"};

	ck_assert_int_eq(
		config_load_all(&config, look_up, &file, &trace, complaints, sizeof(complaints)),
		1);
	assert_complaints("t.json: cannot be read: because\n");
}
END_TEST

/* --- mistakes of members --- */

START_TEST(all_mistakes_of_file_and_environment_are_listed_in_order)
{
	variable_name = "LOG_LEVEL";
	variable_value = "loud";
	ck_assert_int_eq(load("{\n\"port\": 3.5,\n\"prot\": 1,\n\"port\": 70000,\n"
			      "\"idleTimeout\": null,\n\"logLevel\": true\n}"),
			 7);
	assert_complaints(
		"t.json:2: port: 3.5 is not a whole number from 0 to 65535\n"
		"t.json:3: prot: there is no such setting; did you mean port?\n"
		"t.json:4: port: is already on line 2\n"
		"t.json:4: port: 70000 is not a whole number from 0 to 65535\n"
		"t.json:5: idleTimeout: null is no value (leave it out for the default); accepted "
		"is a "
		"number or a string: a time from 1s to 86400s (seconds, or like 90s, 5m, 1h)\n"
		"t.json:6: logLevel: true is a boolean; accepted is a string: one of "
		"error,warn,info,debug\n"
		"LOG_LEVEL: \"loud\" is not one of error,warn,info,debug\n");
}
END_TEST

START_TEST(a_wrong_value_in_the_file_is_a_mistake_even_where_the_environment_goes_before_it)
{
	variable_name = "PORT";
	variable_value = "1";
	ck_assert_int_eq(load("{\"port\": -2}"), 1);
	assert_complaints("t.json:1: port: -2 is not a whole number from 0 to 65535\n");
}
END_TEST

/* A number too large to hold ends the reading of jansson, but not of the file. */
START_TEST(a_number_beyond_all_bounds_is_a_mistake_like_others)
{
	ck_assert_int_eq(load("{\"port\": 1e400,\n\"maxLifetime\": 99999999999999999999,\n"
			      "\"sandboxAllowedOrigins\": [-1e999], \"host\": {\"a\": \"}\", "
			      "\"b\": 1e999},\n"
			      "\"logLevel\": \"loud\"}"),
			 5);
	ck_assert_ptr_nonnull(strstr(complaints, "t.json:1: port: 1e400 is not a whole number"));
	ck_assert_ptr_nonnull(strstr(complaints, "t.json:2: maxLifetime: 99999999999999999999 is"));
	ck_assert_ptr_nonnull(
		strstr(complaints, "t.json:3: sandboxAllowedOrigins: [-1e999] is an"));
	ck_assert_ptr_nonnull(strstr(complaints, "t.json:3: host: {"));
	ck_assert_ptr_nonnull(strstr(complaints, "t.json:4: logLevel: \"loud\" is not"));
}
END_TEST

static const struct {
	const char *key, *meant;
} slips[] = {
	{"hots", "host"},
	{"PORT", "port"},
	{"SANDBOX_API_KEY", "sandboxApiKey"},
	{"sandbox-api-key", "sandboxApiKey"},
	{"maxConcurrentPerIP", "maxConcurrentPerIp"},
	{"maxLifeTime", "maxLifetime"},
	{"idleTimeOutMs", "idleTimeout"},
	{"allowedOrigins", NULL},
	{"", NULL},
	{"colour", NULL},
	{"\\u00fc\\u001b", NULL},
};

START_TEST(an_unknown_key_is_told_the_nearest_name)
{
	char text[128], meant[64];

	snprintf(text, sizeof(text), "{\"%s\": \"a value\"}", slips[_i].key);
	ck_assert_int_eq(load(text), 1);
	snprintf(meant, sizeof(meant), "; did you mean %s?\n", slips[_i].meant);
	ck_assert_msg(strstr(complaints, slips[_i].meant ? meant : "; --help lists all\n") != NULL,
		      "%s", complaints);
	/* It may be a secret's name with a slip. */
	ck_assert_ptr_null(strstr(complaints, "a value"));
	for (const char *p = complaints; p[1]; p++)
		ck_assert_int_ge(*p, ' ');
}
END_TEST

static const char *const lists[] = {
	"[\"http://a,http://b\"]", "[\"http://a http://b\"]", "[\"\"]", "[1]", "[[]]",
	"[null, \"http://a\"]",    "[\"http://a\", \"b\"]"};

START_TEST(an_item_of_a_list_is_one_string_and_one_item)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"sandboxAllowedOrigins\": %s}", lists[_i]);
	ck_assert_int_eq(load(text), 1);
	ck_assert_msg(strncmp(complaints, "t.json:1: sandboxAllowedOrigins: [", 34) == 0, "%s",
		      complaints);
}
END_TEST

/* --- secrets --- */

START_TEST(a_secret_is_never_shown_whatever_is_wrong_with_it)
{
	ck_assert_int_eq(load("{\"sandboxApiKey\": \"top secret\", \"adminApiKey\": [\"top\"],\n"
			      "\"authSecret\": \"top\\u0007\", \"authSecret\": 4711}"),
			 5);
	ck_assert_ptr_null(strstr(complaints, "top"));
	ck_assert_ptr_null(strstr(complaints, "4711"));
}
END_TEST

START_TEST(a_file_with_a_secret_is_not_for_everybody)
{
	static const char with[] =
		"{\"port\": 1, \"authSecret\": \"0123456789abcdef0123456789abcdef\"}";
	static const char without[] = "{\"port\": 1, \"authSecret\": \"\"}";

	for (unsigned mode = 0; mode <= 0777; mode++) {
		ck_assert_int_eq(load_bytes(with, strlen(with), mode), (mode & 7) != 0);
		ck_assert_int_eq(load_bytes(without, strlen(without), mode), 0);
	}
	ck_assert_int_eq(load_bytes(with, strlen(with), 0644), 1);
	assert_complaints("t.json: holds authSecret, and mode 0644 lets every user of this machine "
			  "at it: chmod 640 t.json\n");
}
END_TEST

/* --- every setting, every kind of wrong value --- */

/* Who takes a value: nobody, or settings of these kinds. */
enum takers { NONE = 0, FREE_TEXT = 1, LISTS = 2, BOOLEANS = 4, EMPTY = 8 };

static unsigned kinds_of(const struct setting *s)
{
	unsigned kinds = *s->fallback ? 0 : EMPTY;

	if (s->parse == value_text || s->parse == value_worker_id)
		kinds |= FREE_TEXT;
	if (value_types(s) & VALUE_LIST)
		kinds |= LISTS;
	return value_types(s) & VALUE_BOOLEAN ? kinds | BOOLEANS : kinds;
}

static const struct {
	const char *value;
	unsigned takers;
} cases[] = {
	{"\"\"", EMPTY | LISTS},
	{"-1", NONE},
	{"\"-1\"", FREE_TEXT},
	{"99999999999999999999", NONE},
	{"\"99999999999999999999\"", FREE_TEXT},
	{"1e400", NONE},
	{"\"1e400\"", FREE_TEXT},
	{"3.5", NONE},
	{"\"5x\"", FREE_TEXT},
	{"\"5 parsecs\"", NONE},
	{"\"5m\\r\\n\"", NONE},
	{"\"\\u00fc\"", NONE},
	{"\"\\ud83d\\ude00\"", NONE},
	{"null", NONE},
	{"true", BOOLEANS},
	{"{}", NONE},
	{"{\"port\": 1}", NONE},
	{"[]", LISTS},
	{"[\"x\"]", NONE},
	{"[1]", NONE},
	{"[[\"https://a.example\"]]", NONE},
};

static void assert_named(const char *json_name, const char *context)
{
	char start[128];

	snprintf(start, sizeof(start), PATH ":2: %s: ", json_name);
	ck_assert_msg(strncmp(complaints, start, strlen(start)) == 0, "%s: %s", context,
		      complaints);
}

START_TEST(every_setting_refuses_what_is_wrong_by_name_and_line)
{
	for (size_t i = 0; i < settings_count; i++) {
		char name[SETTING_NAME_BYTES], text[256];
		bool right = kinds_of(&settings[i]) & cases[_i].takers;

		setting_json_name(&settings[i], name);
		snprintf(text, sizeof(text), "{\n\"%s\": %s\n}", name, cases[_i].value);
		int mistakes = load(text);
		ck_assert_msg(mistakes == !right, "%s: %s", text, complaints);
		if (mistakes)
			assert_named(name, text);
	}
}
END_TEST

/* A value that the setting takes, as JSON. */
static const char *good_value(const struct setting *s, char out[128])
{
	const char *list = value_types(s) & VALUE_LIST ? "https://a.example"
						       : "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

	snprintf(out, 128, "\"%s\"", *s->fallback ? s->fallback : list);
	return out;
}

START_TEST(every_setting_is_taken_from_a_file_of_any_line_ends)
{
	static const char *const ends[] = {"\n", "\r\n", " "};

	for (size_t i = 0; i < 3 * settings_count; i++) {
		const struct setting *s = &settings[i / 3];
		char name[SETTING_NAME_BYTES], value[128], text[512];

		setting_json_name(s, name);
		snprintf(text, sizeof(text), "{%s\"%s\":%s%s%s}", ends[i % 3], name, ends[i % 3],
			 good_value(s, value), ends[i % 3]);
		ck_assert_msg(load(text) == 0, "%s: %s", text, complaints);
		ck_assert_int_eq(origin_of(name)->source, CONFIG_FROM_FILE);
		ck_assert_uint_eq(origin_of(name)->line, i % 3 == 2 ? 1 : 2);
	}
}
END_TEST

START_TEST(every_setting_given_twice_is_a_mistake)
{
	for (size_t i = 0; i < settings_count; i++) {
		char name[SETTING_NAME_BYTES], value[128], text[512], expected[128];

		setting_json_name(&settings[i], name);
		good_value(&settings[i], value);
		snprintf(text, sizeof(text), "{\"%s\": %s,\n\"%s\": %s}", name, value, name, value);
		ck_assert_int_eq(load(text), 1);
		snprintf(expected, sizeof(expected), PATH ":2: %s: is already on line 1\n", name);
		assert_complaints(expected);
	}
}
END_TEST

START_TEST(every_secret_and_nothing_else_makes_a_file_private)
{
	size_t secrets = 0;

	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];
		char name[SETTING_NAME_BYTES], value[128], text[512];
		bool secret = strstr(s->name, "_KEY") || strstr(s->name, "_SECRET");

		setting_json_name(s, name);
		snprintf(text, sizeof(text), "{\"%s\": %s}", name, good_value(s, value));
		ck_assert_msg(load_bytes(text, strlen(text), 0644) == secret, "%s", name);
		secrets += secret;
	}
	ck_assert_uint_eq(secrets, 3);
}
END_TEST

START_TEST(a_line_of_a_mebibyte_is_refused_in_a_short_one)
{
	static char text[CONFIG_FILE_MAX_BYTES];

	for (size_t i = 0; i < settings_count; i++) {
		char name[SETTING_NAME_BYTES];

		setting_json_name(&settings[i], name);
		memset(text, 'k', sizeof(text));
		int len = snprintf(text, sizeof(text), "{\n\"%s\": \"", name);
		text[len] = 'k';
		memcpy(text + sizeof(text) - 2, "\"}", 2);
		ck_assert_int_eq(load_bytes(text, sizeof(text), 0640), 1);
		assert_named(name, "long");
		ck_assert_uint_lt(strlen(complaints), 400);
	}
}
END_TEST

/* As many mistakes as a file can hold: all are counted, the list ends at its size. */
START_TEST(a_file_full_of_mistakes_is_counted_and_cut)
{
	static char text[CONFIG_FILE_MAX_BYTES];
	size_t len = 1;
	int members = 0;

	text[0] = '{';
	for (; len + 9 < sizeof(text); members++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"zz\":1",
					members ? "," : "");
	text[len++] = '}';
	ck_assert_int_eq(load_bytes(text, len, 0640), members);
	ck_assert_int_gt(members, 100000);
	ck_assert_uint_eq(strlen(complaints), sizeof(complaints) - 1);
}
END_TEST

/* --- the bytes themselves --- */

static char path[] = "/tmp/sandbox-api-test-XXXXXX";

static void write_file(size_t len, mode_t mode)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
	ck_assert_int_eq(pwrite(fd, "{}", len < 2 ? len : 2, 0), (ssize_t)(len < 2 ? len : 2));
	close(fd);
}

static const size_t sizes[] = {0, 1, 2, 4096, CONFIG_FILE_MAX_BYTES - 1, CONFIG_FILE_MAX_BYTES};

START_TEST(a_file_is_read_to_its_last_byte_with_its_mode)
{
	struct config_file file;

	write_file(sizes[_i], 0604);
	config_file_read(&file, path);
	unlink(path);
	ck_assert_str_eq(file.problem, "");
	ck_assert_uint_eq(file.len, sizes[_i]);
	ck_assert_uint_eq(file.mode, 0604);
	ck_assert(!file.len || file.data[0] == '{');
	config_file_finish(&file);
}
END_TEST

START_TEST(a_file_of_one_byte_too_many_is_refused)
{
	struct config_file file;

	write_file(CONFIG_FILE_MAX_BYTES + 1, 0600);
	config_file_read(&file, path);
	unlink(path);
	ck_assert_str_eq(file.problem, "larger than 1048576 bytes");
	ck_assert_ptr_null(file.data);
	config_file_finish(&file);
}
END_TEST

static const struct {
	const char *path;
	int error;
} unreadable[] = {{"/nonexistent/file", ENOENT}, {"/", EISDIR}, {"/dev/null/file", ENOTDIR}};

START_TEST(a_file_that_cannot_be_read_has_the_systems_reason)
{
	struct config_file file;
	char problem[128];

	config_file_read(&file, unreadable[_i].path);
	snprintf(problem, sizeof(problem), "cannot be read: %s", strerror(unreadable[_i].error));
	ck_assert_str_eq(file.problem, problem);
	ck_assert_ptr_null(file.data);
	config_file_finish(&file);
}
END_TEST

static void finish(void)
{
	config_trace_finish(&trace);
}

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("config_file");
	TCase *tc = tcase_create("config_file");

	tcase_add_checked_fixture(tc, NULL, finish);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_type_of_value_is_taken);
	tcase_add_test(tc, the_environment_goes_before_the_file_and_the_file_before_the_default);
	tcase_add_test(tc, a_worker_is_named_after_the_port_that_the_file_sets);
	tcase_add_test(tc, a_key_may_be_written_with_escapes_and_the_file_with_a_mark_and_crlf);
	tcase_add_loop_test(tc, what_is_not_a_json_object_is_one_mistake_with_its_place, 0,
			    COUNT(broken));
	tcase_add_test(tc, a_mistake_in_the_text_hides_nothing_of_the_environment);
	tcase_add_test(tc, bytes_that_are_not_utf8_have_their_line);
	tcase_add_test(tc, deep_nesting_is_a_mistake_and_not_the_end);
	tcase_add_test(tc, a_file_that_could_not_be_had_says_why);
	tcase_add_test(tc, all_mistakes_of_file_and_environment_are_listed_in_order);
	tcase_add_test(
		tc,
		a_wrong_value_in_the_file_is_a_mistake_even_where_the_environment_goes_before_it);
	tcase_add_test(tc, a_number_beyond_all_bounds_is_a_mistake_like_others);
	tcase_add_loop_test(tc, an_unknown_key_is_told_the_nearest_name, 0, COUNT(slips));
	tcase_add_loop_test(tc, an_item_of_a_list_is_one_string_and_one_item, 0, COUNT(lists));
	tcase_add_test(tc, a_secret_is_never_shown_whatever_is_wrong_with_it);
	tcase_add_test(tc, a_file_with_a_secret_is_not_for_everybody);
	tcase_add_loop_test(tc, every_setting_refuses_what_is_wrong_by_name_and_line, 0,
			    COUNT(cases));
	tcase_add_test(tc, every_setting_is_taken_from_a_file_of_any_line_ends);
	tcase_add_test(tc, every_setting_given_twice_is_a_mistake);
	tcase_add_test(tc, every_secret_and_nothing_else_makes_a_file_private);
	tcase_add_test(tc, a_line_of_a_mebibyte_is_refused_in_a_short_one);
	tcase_add_test(tc, a_file_full_of_mistakes_is_counted_and_cut);
	tcase_add_loop_test(tc, a_file_is_read_to_its_last_byte_with_its_mode, 0, COUNT(sizes));
	tcase_add_test(tc, a_file_of_one_byte_too_many_is_refused);
	tcase_add_loop_test(tc, a_file_that_cannot_be_read_has_the_systems_reason, 0,
			    COUNT(unreadable));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
