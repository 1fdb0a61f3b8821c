#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/wire.h"
#include "suite.h"

static struct wire_message m;
static struct err err;

static int decode(const char *text)
{
	memset(&m, 0x5a, sizeof(m));
	return wire_decode(text, strlen(text), &m, &err);
}

static const char *const raw[] = {
	"",
	"ls -la\r",
	"\033[200~paste\033[201~",
	"{",
	"{}",
	"{ echo hi; }\n",
	"[{\"type\":\"input\",\"data\":\"x\"}]",
	" {\"type\":\"input\",\"data\":\"x\"}",
	"{\"type\":7}",
	"{\"type\":\"ping\"}",
	"{\"type\":\"input\",\"data\":\"x\"} trailing",
	"{\"type\":\"input\",\"data\":\"\xff\"}",
	"{\"data\":\"x\"}",
};

START_TEST(a_text_that_is_no_known_message_is_typed_input)
{
	ck_assert_int_eq(decode(raw[_i]), 0);
	ck_assert_int_eq(m.type, WIRE_RAW);
	wire_finish(&m);
}
END_TEST

START_TEST(input_arrives_with_every_byte_nul_included)
{
	ck_assert_int_eq(decode("{\"type\":\"input\",\"data\":\"a\\u0000\\u0003\\n\xc3\xbc\"}"), 0);
	ck_assert_int_eq(m.type, WIRE_INPUT);
	ck_assert_uint_eq(m.len, 6);
	ck_assert_int_eq(memcmp(m.data, "a\0\3\n\xc3\xbc", 6), 0);
	wire_finish(&m);
}
END_TEST

START_TEST(a_resize_takes_any_number)
{
	ck_assert_int_eq(decode("{\"type\":\"resize\",\"rows\":40,\"cols\":132.9}"), 0);
	ck_assert_int_eq(m.type, WIRE_RESIZE);
	ck_assert_int_eq(m.rows, 40);
	ck_assert_int_eq(m.cols, 132);
	wire_finish(&m);
	ck_assert_int_eq(decode("{\"type\":\"resize\",\"rows\":1e300,\"cols\":-1e300}"), 0);
	ck_assert_int_eq(m.rows, 1000000000);
	ck_assert_int_eq(m.cols, -1000000000);
	wire_finish(&m);
}
END_TEST

START_TEST(init_has_defaults)
{
	ck_assert_int_eq(decode("{\"type\":\"init\",\"commands\":[\"a\",\"b c\"]}"), 0);
	ck_assert_int_eq(m.type, WIRE_INIT);
	ck_assert_uint_eq(m.command_count, 2);
	ck_assert_str_eq(m.commands[0], "a");
	ck_assert_str_eq(m.commands[1], "b c");
	ck_assert_int_eq(m.timeout_ms, 30000);
	ck_assert(m.silent);
	wire_finish(&m);
	ck_assert_int_eq(
		decode("{\"type\":\"init\",\"commands\":[],\"timeout\":5,\"silent\":false}"), 0);
	ck_assert_uint_eq(m.command_count, 0);
	ck_assert_int_eq(m.timeout_ms, 5);
	ck_assert(!m.silent);
	wire_finish(&m);
}
END_TEST

static const char *const wrong[] = {
	"{\"type\":\"input\"}",
	"{\"type\":\"input\",\"data\":7}",
	"{\"type\":\"resize\",\"rows\":24}",
	"{\"type\":\"resize\",\"rows\":\"24\",\"cols\":80}",
	"{\"type\":\"init\"}",
	"{\"type\":\"init\",\"commands\":\"ls\"}",
	"{\"type\":\"init\",\"commands\":[7]}",
	"{\"type\":\"init\",\"commands\":[\"a\\u0000b\"]}",
	"{\"type\":\"init\",\"commands\":[\"a\"],\"timeout\":0}",
	"{\"type\":\"init\",\"commands\":[\"a\"],\"timeout\":1800001}",
	"{\"type\":\"init\",\"commands\":[\"a\"],\"timeout\":\"5\"}",
	"{\"type\":\"init\",\"commands\":[\"a\"],\"silent\":1}",
};

START_TEST(a_known_message_with_wrong_fields_is_an_error_for_the_client)
{
	err.msg[0] = '\0';
	ck_assert_int_eq(decode(wrong[_i]), -1);
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_uint_gt(strlen(err.msg), 10);
	ck_assert_ptr_null(m.document);
}
END_TEST

START_TEST(too_many_or_too_long_commands_are_an_error)
{
	static char text[INIT_COMMAND_MAX_BYTES + 100];
	size_t len = (size_t)sprintf(text, "{\"type\":\"init\",\"commands\":[\"x\"");

	for (int i = 0; i < INIT_COMMANDS_MAX; i++)
		len += (size_t)sprintf(text + len, ",\"x\"");
	strcpy(text + len, "]}");
	ck_assert_int_eq(decode(text), -1);
	len = (size_t)sprintf(text, "{\"type\":\"init\",\"commands\":[\"");
	memset(text + len, 'x', INIT_COMMAND_MAX_BYTES);
	strcpy(text + len + INIT_COMMAND_MAX_BYTES, "\"]}");
	ck_assert_int_eq(decode(text), -1);
}
END_TEST

START_TEST(nesting_without_end_is_no_message)
{
	static char text[60000];

	memset(text, '[', sizeof(text) - 1);
	memcpy(text, "{\"type\":", 8);
	ck_assert_int_eq(decode(text), 0);
	ck_assert_int_eq(m.type, WIRE_RAW);
	wire_finish(&m);
}
END_TEST

/* Frees the text. */
static void is(char *text, const char *expected)
{
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(messages_to_the_client_are_as_documented)
{
	is(wire_connected("sess_1"), "{\"type\":\"connected\",\"sessionId\":\"sess_1\"}");
	is(wire_init_complete(true, NULL), "{\"type\":\"initComplete\",\"success\":true}");
	is(wire_init_complete(false, "no"),
	   "{\"type\":\"initComplete\",\"success\":false,\"error\":\"no\"}");
	is(wire_error("Busy", "a \"b\"", 0),
	   "{\"type\":\"error\",\"code\":\"Busy\",\"message\":\"a \\\"b\\\"\"}");
	is(wire_error("RateLimited", "Slow", 2),
	   "{\"type\":\"error\",\"code\":\"RateLimited\",\"message\":\"Slow\",\"retryAfter\":2}");
	is(wire_warning("IdleWarning", "Soon", 60),
	   "{\"type\":\"error\",\"code\":\"IdleWarning\",\"message\":\"Soon\",\"secondsLeft\":60}");
	is(wire_exit(EXIT_STATUS, 3), "{\"type\":\"exit\",\"code\":3}");
	is(wire_exit(EXIT_SIGNAL, 9), "{\"type\":\"exit\",\"signal\":\"SIGKILL\"}");
	is(wire_exit(EXIT_SIGNAL, 200), "{\"type\":\"exit\",\"signal\":\"200\"}");
}
END_TEST

START_TEST(wrapped_output_decodes_to_itself_and_is_no_control_message)
{
	static const char text[] = "{\"type\":\"error\"}\0\033\xe2\x82\xac";
	char *wrapped = wire_output((const uint8_t *)text, sizeof(text) - 1);
	json_t *root = json_loads(wrapped, JSON_ALLOW_NUL, NULL);

	ck_assert_ptr_nonnull(root);
	ck_assert_str_eq(json_string_value(json_object_get(root, "type")), "output");
	ck_assert_uint_eq(json_string_length(json_object_get(root, "data")), sizeof(text) - 1);
	ck_assert_int_eq(
		memcmp(json_string_value(json_object_get(root, "data")), text, sizeof(text) - 1),
		0);
	json_decref(root);
	free(wrapped);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire");
	TCase *tc = tcase_create("wire");

	tcase_add_loop_test(tc, a_text_that_is_no_known_message_is_typed_input, 0,
			    sizeof(raw) / sizeof(raw[0]));
	tcase_add_test(tc, input_arrives_with_every_byte_nul_included);
	tcase_add_test(tc, a_resize_takes_any_number);
	tcase_add_test(tc, init_has_defaults);
	tcase_add_loop_test(tc, a_known_message_with_wrong_fields_is_an_error_for_the_client, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, too_many_or_too_long_commands_are_an_error);
	tcase_add_test(tc, nesting_without_end_is_no_message);
	tcase_add_test(tc, messages_to_the_client_are_as_documented);
	tcase_add_test(tc, wrapped_output_decodes_to_itself_and_is_no_control_message);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
