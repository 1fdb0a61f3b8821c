#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/json_api.h"
#include "suite.h"
#include "world.h"

static struct session_request request;
static const char *init[INIT_COMMANDS_MAX];
static void *document;
static struct err err;

static int read_request(const char *body)
{
	err.msg[0] = '\0';
	return json_read_session_request(body, strlen(body), &request, init, &document, &err);
}

START_TEST(a_session_needs_no_more_than_a_tool_pair)
{
	ck_assert_int_eq(read_request("{\"toolPair\":\"jj-git\"}"), 0);
	ck_assert_str_eq(request.tool_pair, "jj-git");
	ck_assert_str_eq(request.environment->name, "bash");
	ck_assert_uint_eq(request.init_count, 0);
	ck_assert_int_eq(request.init_timeout_ms, 60000);
	json_document_free(document);
}
END_TEST

START_TEST(environment_and_init_are_taken_over)
{
	ck_assert_int_eq(read_request("{\"toolPair\":\"x\",\"environment\":\"python\",\"init\":"
				      "[\"a\",\"b\"],\"timeout\":null,\"other\":[{}]}"),
			 0);
	ck_assert_str_eq(request.environment->name, "python");
	ck_assert_uint_eq(request.init_count, 2);
	ck_assert_str_eq(request.init[1], "b");
	ck_assert_int_eq(request.init_timeout_ms, 120000);
	json_document_free(document);
}
END_TEST

static const struct {
	const char *text;
	int64_t ms;
} timeouts[] = {{"1", 1000},       {"90", 90000},     {"0x", -1},       {"1800", 1800000},
		{"3600", 1800000}, {"3601", 3601},    {"60000", 60000}, {"1800000", 1800000},
		{"1.5", 1500},     {"1800000.5", -1}, {"1800001", -1},  {"0", -1},
		{"-5", -1},        {"\"60\"", -1},    {"1e300", -1},    {"true", -1}};

START_TEST(a_timeout_up_to_3600_is_seconds_and_above_it_milliseconds)
{
	char body[100];

	snprintf(body, sizeof(body), "{\"toolPair\":\"x\",\"timeout\":%s}", timeouts[_i].text);
	ck_assert_int_eq(read_request(body), timeouts[_i].ms < 0 ? -1 : 0);
	if (timeouts[_i].ms < 0)
		return;
	ck_assert_int_eq(request.init_timeout_ms, timeouts[_i].ms);
	json_document_free(document);
}
END_TEST

static const char *const wrong[] = {
	"",
	"{",
	"null",
	"[]",
	"\"toolPair\"",
	"{}",
	"{\"toolPair\":7}",
	"{\"toolPair\":\"\"}",
	"{\"toolPair\":\"x\\u0000y\"}",
	"{\"toolPair\":\"x\",\"toolPair\":\"y\"}",
	"{\"toolPair\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
	"{\"toolPair\":\"x\",\"environment\":7}",
	"{\"toolPair\":\"x\",\"environment\":\"\"}",
	"{\"toolPair\":\"x\",\"init\":\"ls\"}",
	"{\"toolPair\":\"x\",\"init\":{}}",
	"{\"toolPair\":\"x\",\"init\":[\"a\",7]}",
	"{\"toolPair\":\"\xff\"}",
};

START_TEST(a_wrong_body_is_refused_with_a_sentence)
{
	ck_assert_int_eq(read_request(wrong[_i]), -1);
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_uint_gt(strlen(err.msg), 10);
}
END_TEST

START_TEST(an_unknown_environment_is_answered_with_the_known_ones)
{
	ck_assert_int_eq(read_request("{\"toolPair\":\"x\",\"environment\":\"perl\"}"), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "bash, python, node"));
}
END_TEST

START_TEST(nesting_without_end_is_refused)
{
	static char body[60000];

	memset(body, '[', sizeof(body) - 1);
	memcpy(body, "{\"toolPair\":", 12);
	ck_assert_int_eq(read_request(body), -1);
}
END_TEST

static void key_is(const char *body, const char *expected)
{
	char key[CONFIG_TEXT_BYTES] = "untouched";

	json_read_api_key(body, strlen(body), key);
	ck_assert_str_eq(key, expected);
}

START_TEST(the_key_is_read_from_a_body_whatever_it_is)
{
	char body[CONFIG_TEXT_BYTES + 20] = "{\"apiKey\":\"";

	key_is("{\"apiKey\":\"k\",\"x\":1}", "k");
	key_is("{\"apiKey\":7}", "");
	key_is("[\"apiKey\"]", "");
	key_is("", "");
	key_is("nonsense", "");
	memset(body + 11, 'k', CONFIG_TEXT_BYTES);
	strcpy(body + 11 + CONFIG_TEXT_BYTES, "\"}");
	key_is(body, "");
}
END_TEST

/* --- answers --- */

static json_t *root;

static void parse(char *text)
{
	ck_assert_ptr_nonnull(text);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(root);
	free(text);
}

static const char *text_of(const char *key)
{
	return json_string_value(json_object_get(root, key));
}

START_TEST(an_error_has_a_code_a_message_and_maybe_a_time_to_wait)
{
	char *text = json_error("BadRequest", "No \"x\"", 0);

	ck_assert_str_eq(text, "{\"error\":\"BadRequest\",\"message\":\"No \\\"x\\\"\"}");
	free(text);
	parse(json_error("ServiceUnavailable", "Full", 30));
	ck_assert_int_eq(json_integer_value(json_object_get(root, "retryAfter")), 30);
	json_decref(root);
	text = json_success();
	ck_assert_str_eq(text, "{\"success\":true}");
	free(text);
}
END_TEST

START_TEST(the_circuit_is_open_when_there_is_a_reason)
{
	struct capacity_report r = {.containers = 3, .max_containers = 10, .memory_percent = 40};

	r.max_memory_percent = 85;
	char *text = json_capacity(&r);
	ck_assert_str_eq(text,
			 "{\"isOpen\":false,\"reason\":null,\"metrics\":{\"containers\":3,"
			 "\"maxContainers\":10,\"memoryPercent\":40,\"maxMemoryPercent\":85}}");
	free(text);
	strcpy(r.reason, "Full");
	parse(json_capacity(&r));
	ck_assert(json_is_true(json_object_get(root, "isOpen")));
	ck_assert_str_eq(text_of("reason"), "Full");
	json_decref(root);
}
END_TEST

START_TEST(the_environments_are_listed)
{
	parse(json_environments());
	const json_t *list = json_object_get(root, "environments");
	ck_assert_uint_eq(json_array_size(list), ENVIRONMENT_COUNT);
	const json_t *bash = json_array_get(list, 0);
	ck_assert_str_eq(json_string_value(json_object_get(bash, "name")), "bash");
	ck_assert_int_eq(json_integer_value(json_object_get(bash, "defaultTimeout")), 60000);
	ck_assert(json_is_string(json_object_get(bash, "description")));
	ck_assert(json_is_string(json_object_get(bash, "category")));
	json_decref(root);
}
END_TEST

START_TEST(health_says_why_it_is_bad)
{
	static const char *const told[] = {"kind", "version", "platform"};
	static const char *const values[] = {"gvisor", "release-20240107.0", "kvm"};
	static struct config config = {.use_gvisor = true, .gvisor_runtime = "runsc"};
	struct engine_health engine = {.reachable = true, .runtime_ok = true};
	struct json_health h = {.status = "ok",
				.uptime_ms = 8130400,
				.containers = 3,
				.sessions = 2,
				.config = &config,
				.engine = &engine};

	parse(json_health(&h));
	ck_assert_str_eq(text_of("status"), "ok");
	ck_assert_str_eq(text_of("uptime"), "2h15m30s");
	ck_assert(json_real_value(json_object_get(root, "uptimeSeconds")) == 8130.4);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "containers")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "active_sessions")), 2);
	ck_assert_ptr_null(json_object_get(root, "reasons"));
	const json_t *gvisor = json_object_get(root, "gvisor");
	ck_assert(json_is_true(json_object_get(gvisor, "requested")));
	ck_assert(json_is_true(json_object_get(gvisor, "available")));
	ck_assert_str_eq(json_string_value(json_object_get(gvisor, "runtime")), "runsc");
	for (size_t i = 0; i < 3; i++)
		ck_assert(json_is_null(json_object_get(gvisor, told[i])));
	json_decref(root);
	h.runtime_kind = "gvisor";
	strcpy(engine.runtime_version, "release-20240107.0");
	strcpy(engine.runtime_platform, "kvm");
	parse(json_health(&h));
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(json_string_value(
					 json_object_get(json_object_get(root, "gvisor"), told[i])),
				 values[i]);
	json_decref(root);
	h.status = "degraded";
	h.reasons[0] = "one";
	h.reasons[1] = "two";
	engine.reachable = false;
	parse(json_health(&h));
	ck_assert_uint_eq(json_array_size(json_object_get(root, "reasons")), 2);
	ck_assert(json_is_false(json_object_get(json_object_get(root, "gvisor"), "available")));
	json_decref(root);
}
END_TEST

START_TEST(status_holds_health_and_what_an_operator_asks)
{
	static const char *const keys[] = {"status", "sessions", "capacity",
					   "limits", "engine",   "checks"};
	static struct config config = {.idle_timeout_ms = 300000};
	struct engine_health engine = {.version = "20.10.24", .image_ok = {true, false, true}};
	struct session_stats sessions = {.by_state = {1, 2, 4, 0}, .terminals = 3};
	struct json_status s = {.health = {.status = "ok", .config = &config, .engine = &engine},
				.sessions = &sessions,
				.websockets = 5};

	parse(json_status(&s));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ck_assert_msg(json_object_get(root, keys[i]) != NULL, "%s", keys[i]);
	const json_t *images = json_object_get(json_object_get(root, "checks"), "images");
	ck_assert(json_is_true(json_object_get(images, "bash")));
	ck_assert(json_is_false(json_object_get(images, "python")));
	const json_t *by_state = json_object_get(root, "sessions");
	ck_assert_int_eq(json_integer_value(json_object_get(by_state, "running")), 4);
	ck_assert_int_eq(json_integer_value(json_object_get(by_state, "reserving")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(by_state, "terminals")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(by_state, "websockets")), 5);
	json_decref(root);
}
END_TEST

START_TEST(uptime_is_short_for_people)
{
	char buf[32];

	ck_assert_str_eq(json_uptime(buf, 999), "0s");
	ck_assert_str_eq(json_uptime(buf, 59999), "59s");
	ck_assert_str_eq(json_uptime(buf, 60000), "1m0s");
	ck_assert_str_eq(json_uptime(buf, 3600000), "1h0m0s");
	ck_assert_str_eq(json_uptime(buf, 100 * 3600000LL + 61000), "100h1m1s");
}
END_TEST

static void on_started(void *arg, struct session *session, const struct err *e)
{
	(void)arg;
	(void)session;
	(void)e;
}

START_TEST(a_session_is_described_to_its_owner)
{
	struct session_request r = {
		.client = &anybody, .tool_pair = "a\"b", .environment = &environments[0]};

	world_up();
	struct session *s = session_start(world.sessions, &r, on_started, NULL, NULL);
	ck_assert_ptr_nonnull(s);
	parse(json_session(s, "ws://host/x"));
	ck_assert_str_eq(text_of("sessionId"), session_id(s));
	ck_assert_str_eq(text_of("wsUrl"), "ws://host/x");
	ck_assert_str_eq(text_of("status"), "STARTING");
	ck_assert_uint_eq(strlen(text_of("createdAt")), 24);
	ck_assert_str_gt(text_of("expiresAt"), text_of("createdAt"));
	ck_assert_ptr_null(text_of("toolPair"));
	json_decref(root);
	parse(json_session(s, NULL));
	ck_assert_str_eq(text_of("toolPair"), "a\"b");
	ck_assert_ptr_null(text_of("wsUrl"));
	json_decref(root);
	session_end(s, END_DELETED);
	world_settle();
	world_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_api");
	TCase *tc = tcase_create("json_api");

	tcase_add_test(tc, a_session_needs_no_more_than_a_tool_pair);
	tcase_add_test(tc, environment_and_init_are_taken_over);
	tcase_add_loop_test(tc, a_timeout_up_to_3600_is_seconds_and_above_it_milliseconds, 0,
			    sizeof(timeouts) / sizeof(timeouts[0]));
	tcase_add_loop_test(tc, a_wrong_body_is_refused_with_a_sentence, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, an_unknown_environment_is_answered_with_the_known_ones);
	tcase_add_test(tc, nesting_without_end_is_refused);
	tcase_add_test(tc, the_key_is_read_from_a_body_whatever_it_is);
	tcase_add_test(tc, an_error_has_a_code_a_message_and_maybe_a_time_to_wait);
	tcase_add_test(tc, the_circuit_is_open_when_there_is_a_reason);
	tcase_add_test(tc, the_environments_are_listed);
	tcase_add_test(tc, health_says_why_it_is_bad);
	tcase_add_test(tc, status_holds_health_and_what_an_operator_asks);
	tcase_add_test(tc, uptime_is_short_for_people);
	tcase_add_test(tc, a_session_is_described_to_its_owner);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
