#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "sandbox/runtime.h"
#include "sandbox/version_query.h"
#include "suite.h"

/* --- what arguments say --- */

static const struct {
	const char *args, *platform;
} platforms[] = {
	{"", ""},
	{"--network=none", ""},
	{"--platform=kvm", "kvm"},
	{"--network=none --platform=systrap --debug", "systrap"},
	{"-platform ptrace", "ptrace"},
	{"--platform  kvm", "kvm"},
	{"--platform=kvm --platform=ptrace", "ptrace"},
	{"--platform=kvm --platform=", ""},
	{"--platform", ""},
	{"---platform=kvm", ""},
	{"platform=kvm", ""},
	{"--platform-x=kvm --xplatform=kvm", ""},
	{"--platform=KVM\"", ""},
	{"--platform=x23456789-123456789-123", "x23456789-123456789-123"},
	{"--platform=x23456789-123456789-1234", ""},
};

START_TEST(the_platform_is_what_the_arguments_say)
{
	char platform[RUNTIME_PLATFORM_BYTES];

	memset(platform, 'x', sizeof(platform));
	runtime_platform(platforms[_i].args, platform);
	ck_assert_str_eq(platform, platforms[_i].platform);
}
END_TEST

/* --- what its program says --- */

static const struct {
	const char *text, *version;
} versions[] = {
	{"runsc version 0.0~20221219.0\nspec: 1.0.2-dev\n", "0.0~20221219.0"},
	{"runsc version release-20240107.0\nspec: 1.1.0-rc.1\n", "release-20240107.0"},
	{"runsc version VERSION_MISSING\n", ""},
	{"runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\n", "1.1.5+ds1"},
	{"kata-runtime  : 3.2.0\n   commit   : 6d85025\n", "3.2.0"},
	{"Kata Containers containerd shim (Golang): id: \"io.containerd.kata.v2\", version: 3.2.0, "
	 "commit: 6d85025\n",
	 "3.2.0"},
	{"runsc\tversion\t7", "7"},
	{"", ""},
	{"\nrunsc version 7", ""},
	{"usage: runsc [flags]", ""},
	{"runsc version", ""},
	{"runsc version <1.0>\n", ""},
	{"runsc version \x1b[31m1.0\n", ""},
	{"runsc version 1.0 \xc3\xa9\n", ""},
	{"runsc version 1.0\r\n", ""},
};

START_TEST(the_version_is_what_the_first_line_names)
{
	char version[RUNTIME_VERSION_BYTES];

	memset(version, 'x', sizeof(version));
	runtime_read_version(versions[_i].text, strlen(versions[_i].text), version);
	ck_assert_str_eq(version, versions[_i].version);
}
END_TEST

START_TEST(a_version_without_end_is_none)
{
	char text[400] = "runsc version ", version[RUNTIME_VERSION_BYTES];
	size_t begin = strlen(text);

	memset(text + begin, '1', sizeof(text) - begin);
	runtime_read_version(text, begin + RUNTIME_VERSION_BYTES - 1, version);
	ck_assert_uint_eq(strlen(version), RUNTIME_VERSION_BYTES - 1);
	runtime_read_version(text, begin + RUNTIME_VERSION_BYTES, version);
	ck_assert_str_eq(version, "");
	runtime_read_version(text, sizeof(text), version);
	ck_assert_str_eq(version, "");
}
END_TEST

/* --- asking it: real programs, written for each test --- */

static uv_loop_t loop;
static char directory[64];
static struct version_query *query;
static unsigned answers;
static char answer[RUNTIME_VERSION_BYTES];

static void set_up(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	strcpy(directory, "/tmp/sandbox-runtime-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	answers = 0;
}

/* Nothing is left: no handle, no process that nobody has reaped, no file. */
static void tear_down(void)
{
	char command[128];

	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static const char *program(const char *script)
{
	static char path[96];
	snprintf(path, sizeof(path), "%s/runtime", directory);
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
	return path;
}

static void on_answer(void *arg, const char *version)
{
	ck_assert_ptr_eq(arg, &answers);
	query = NULL;
	answers++;
	strcpy(answer, version);
}

static void ask(const char *script)
{
	struct err err = {.msg = ""};

	query = version_query_start(&loop, program(script), on_answer, &answers, &err);
	ck_assert_msg(query != NULL, "%s", err.msg);
	ck_assert_uint_eq(answers, 0);
}

/* Runs to the end of all handles; then every process has been reaped. */
static void expect(const char *version)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(answers, 1);
	ck_assert_str_eq(answer, version);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

START_TEST(a_program_is_asked_with_one_argument_and_nothing_else)
{
	ask("[ \"$#$1\" = 1--version ] && [ -z \"$HOME\" ] && [ \"$PWD\" = / ] && ! read -r line "
	    "&& echo runsc version 1.5 && echo version 2 >&2");
	expect("1.5");
}
END_TEST

START_TEST(a_program_gets_none_of_our_descriptors)
{
	char script[128];
	/* Without O_CLOEXEC, as libraries open theirs; far from the one a shell reads its script by. */
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 100);

	ck_assert_int_ge(fd, 100);
	snprintf(script, sizeof(script), "[ -e /proc/$$/fd/%d ] || echo runsc version 1.5", fd);
	ask(script);
	expect("1.5");
	close(fd);
}
END_TEST

START_TEST(a_program_that_fails_has_no_version)
{
	ask("echo runsc version 1.5; exit 1");
	expect("");
}
END_TEST

START_TEST(a_program_that_is_killed_has_no_version)
{
	ask("echo runsc version 1.5; kill -SEGV $$");
	expect("");
}
END_TEST

START_TEST(a_program_that_says_too_much_is_killed)
{
	uint64_t started_ms = clock_monotonic_ms();

	ask("echo runsc version 1.5; exec yes");
	expect("");
	ck_assert_uint_lt(clock_monotonic_ms() - started_ms, VERSION_QUERY_LIMIT_MS);
}
END_TEST

static void expect_gone(const char *file)
{
	char path[128];
	int pid = 0;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	FILE *pids = fopen(path, "r");
	ck_assert_ptr_nonnull(pids);
	ck_assert_int_eq(fscanf(pids, "%d", &pid), 1);
	fclose(pids);
	/* Killed with the program's group, but not yet reaped, or not yet dead. */
	struct pollfd end = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	if (end.fd < 0)
		return;
	ck_assert_int_eq(poll(&end, 1, 5000), 1);
	close(end.fd);
}

START_TEST(a_program_that_does_not_end_is_killed_with_what_it_has_started)
{
	char script[256];
	uint64_t started_ms = clock_monotonic_ms();

	snprintf(script, sizeof(script),
		 "echo runsc version 1.5; sleep 3600 & echo $! >%s/child; wait", directory);
	ask(script);
	expect("");
	ck_assert_uint_ge(clock_monotonic_ms() - started_ms, VERSION_QUERY_LIMIT_MS - 100);
	expect_gone("child");
}
END_TEST

START_TEST(who_holds_the_output_open_is_not_waited_for)
{
	uint64_t started_ms = clock_monotonic_ms();

	ask("echo runsc version 1.5; setsid sleep 4 & exit 0");
	expect("");
	ck_assert_uint_lt(clock_monotonic_ms() - started_ms, VERSION_QUERY_LIMIT_MS + 1500);
}
END_TEST

START_TEST(what_is_no_program_is_not_asked)
{
	static const char *const paths[] = {
		"",           "runsc", "io.containerd.runsc.v1", "./runsc", "/nonexistent/runsc",
		"/etc/passwd"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct err err = {.msg = ""};
		ck_assert_ptr_null(version_query_start(&loop, paths[i], on_answer, &answers, &err));
		ck_assert_str_ne(err.msg, "");
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	ck_assert_uint_eq(answers, 0);
}
END_TEST

START_TEST(who_cancels_hears_nothing)
{
	ask("exec sleep 3600");
	version_query_cancel(query);
	version_query_cancel(NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(answers, 0);
	int status;
	ck_assert_int_gt(waitpid(-1, &status, 0), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	Suite *suite = suite_create("runtime");
	TCase *texts = tcase_create("texts"), *asking = tcase_create("asking");

	tcase_add_loop_test(texts, the_platform_is_what_the_arguments_say, 0, COUNT(platforms));
	tcase_add_loop_test(texts, the_version_is_what_the_first_line_names, 0, COUNT(versions));
	tcase_add_test(texts, a_version_without_end_is_none);
	tcase_add_checked_fixture(asking, set_up, tear_down);
	tcase_add_test(asking, a_program_is_asked_with_one_argument_and_nothing_else);
	tcase_add_test(asking, a_program_gets_none_of_our_descriptors);
	tcase_add_test(asking, a_program_that_fails_has_no_version);
	tcase_add_test(asking, a_program_that_is_killed_has_no_version);
	tcase_add_test(asking, a_program_that_says_too_much_is_killed);
	tcase_add_test(asking, a_program_that_does_not_end_is_killed_with_what_it_has_started);
	tcase_add_test(asking, who_holds_the_output_open_is_not_waited_for);
	tcase_add_test(asking, what_is_no_program_is_not_asked);
	tcase_add_test(asking, who_cancels_hears_nothing);
	suite_add_tcase(suite, texts);
	suite_add_tcase(suite, asking);
	return run_suite(suite);
}
