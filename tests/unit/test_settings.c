/* The table of settings, and what is written from it: --help, --print-config. The example of docs/configuration.md. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/help.h"
#include "suite.h"

#define DOCUMENT "docs/configuration.md"

static char *text; /* what was written */
static size_t text_len;

static FILE *begin(void)
{
	FILE *out = open_memstream(&text, &text_len);

	ck_assert_ptr_nonnull(out);
	return out;
}

static const char *nothing(const char *name)
{
	(void)name;
	return NULL;
}

static const char *variables(const char *name)
{
	if (strcmp(name, "SANDBOX_API_KEY") == 0)
		return "very-secret";
	return strcmp(name, "IDLE_TIMEOUT") == 0 ? "90" : NULL;
}

/* --- names --- */

static const char *const names[][2] = {
	{"PORT", "port"},
	{"SANDBOX_API_KEY", "sandboxApiKey"},
	{"MAX_CONCURRENT_PER_IP", "maxConcurrentPerIp"},
	{"SANDBOX_MAX_WS_MESSAGE_SIZE", "sandboxMaxWsMessageSize"},
};

START_TEST(the_name_in_the_file_is_in_lower_camel_case)
{
	const struct setting *s = settings_find(names[_i][1]);

	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(s->name, names[_i][0]);
}
END_TEST

START_TEST(every_name_is_found_and_near_itself)
{
	for (size_t i = 0; i < settings_count; i++) {
		char name[SETTING_NAME_BYTES];

		ck_assert_uint_lt(strlen(settings[i].name), SETTING_NAME_BYTES);
		setting_json_name(&settings[i], name);
		ck_assert_ptr_eq(settings_find(name), &settings[i]);
		ck_assert_ptr_eq(settings_nearest(name), &settings[i]);
		ck_assert_ptr_eq(settings_nearest(settings[i].name), &settings[i]);
		memmove(name, name + 1, strlen(name));
		ck_assert_ptr_eq(settings_nearest(name), &settings[i]);
	}
}
END_TEST

START_TEST(every_default_is_accepted)
{
	struct config config;
	char complaints[1024];

	ck_assert_msg(config_load(&config, nothing, complaints, sizeof(complaints)) == 0, "%s",
		      complaints);
	for (size_t i = 0; i < settings_count; i++) {
		char accepted[CONFIG_TEXT_BYTES];
		const struct setting *s = &settings[i];
		ck_assert_msg(s->parse(s, s->fallback, (char *)&config + s->offset, accepted,
				       sizeof(accepted)),
			      "%s", s->name);
	}
}
END_TEST

/* --- --help --- */

START_TEST(help_names_every_setting_with_its_default_on_lines_of_100_columns)
{
	FILE *out = begin();

	help_write(out);
	fclose(out);
	for (size_t i = 0; i < settings_count; i++) {
		char start[64], fallback[64];
		snprintf(start, sizeof(start), "\n  %s ", settings[i].name);
		snprintf(fallback, sizeof(fallback), "[%s]", settings[i].fallback);
		const char *at = strstr(text, start);
		ck_assert_msg(at, "%s", start);
		ck_assert_msg(!*settings[i].fallback || strstr(at, fallback), "%s", fallback);
	}
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		size_t len = strcspn(line, "\n");
		ck_assert_msg(len <= HELP_COLUMNS, "%.*s", (int)len, line);
		ck_assert_msg(!len || line[len - 1] != ' ', "%.*s", (int)len, line);
	}
	for (int group = 0; group < GROUP_COUNT; group++)
		ck_assert_ptr_nonnull(strstr(text, setting_group_title((enum setting_group)group)));
	free(text);
}
END_TEST

/* --- --print-config --- */

START_TEST(the_configuration_is_printed_with_sources_and_without_secrets)
{
	static char data[] =
		"{\n\"port\": 80,\n\"authSecret\": \"hidden-hidden-hidden-hidden-hidden\"}";
	struct config_file file = {.path = "f", .data = data, .len = strlen(data), .mode = 0600};
	struct config_trace trace = {0};
	struct config config;
	char complaints[1024], worker[512];
	FILE *out = begin();

	ck_assert_int_eq(
		config_load_all(&config, variables, &file, &trace, complaints, sizeof(complaints)),
		0);
	help_write_config(out, &config, &trace);
	fclose(out);
	config_trace_finish(&trace);
	snprintf(worker, sizeof(worker), "WORKER_ID                    %-27s  default, from ",
		 config.worker_id);
	const char *const lines[] = {
		"PORT                         80                           file, line 2\n",
		"IDLE_TIMEOUT                 90                           environment\n",
		"SANDBOX_API_KEY              (set)                        environment\n",
		"AUTH_SECRET                  (set)                        file, line 3\n",
		"ADMIN_API_KEY                (not set)                    default\n",
		"FRONTEND_ORIGIN              (empty)                      default\n",
		"DOCKER_HOST                  unix:///var/run/docker.sock  default\n",
		worker,
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(strstr(text, lines[i]) != NULL, "%s\nin\n%s", lines[i], text);
	ck_assert_ptr_null(strstr(text, "secret"));
	ck_assert_ptr_null(strstr(text, "hidden"));
	free(text);
}
END_TEST

/* --- the document --- */

static char *read_document(void)
{
	struct config_file file;

	config_file_read(&file, DOCUMENT);
	ck_assert_msg(file.data, "%s: %s (the tests run in the root of the repository)", DOCUMENT,
		      file.problem);
	char *document = strndup(file.data, file.len);
	config_file_finish(&file);
	ck_assert_ptr_nonnull(document);
	return document;
}

START_TEST(the_example_of_the_document_is_right)
{
	char *document = read_document();
	const char *start = strstr(document, "```json\n");
	struct config config;
	char complaints[4096];

	ck_assert_ptr_nonnull(start);
	start += strlen("```json\n");
	const char *end = strstr(start, "```");
	ck_assert_ptr_nonnull(end);
	struct config_file file = {.path = DOCUMENT,
				   .data = (char *)start,
				   .len = (size_t)(end - start),
				   .mode = 0640};
	ck_assert_msg(
		config_load_all(&config, nothing, &file, NULL, complaints, sizeof(complaints)) == 0,
		"%s", complaints);
	free(document);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *tc = tcase_create("settings");

	tcase_add_loop_test(tc, the_name_in_the_file_is_in_lower_camel_case, 0, 4);
	tcase_add_test(tc, every_name_is_found_and_near_itself);
	tcase_add_test(tc, every_default_is_accepted);
	tcase_add_test(tc, help_names_every_setting_with_its_default_on_lines_of_100_columns);
	tcase_add_test(tc, the_configuration_is_printed_with_sources_and_without_secrets);
	tcase_add_test(tc, the_example_of_the_document_is_right);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
