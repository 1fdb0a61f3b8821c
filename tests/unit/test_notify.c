#include <check.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/notify.h"
#include "suite.h"

/* --- a service manager: a real datagram socket --- */

static char directory[] = "/tmp/notify.XXXXXX", path[64], message[512];
static int manager;
static struct notify notify;

static void manager_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, path, sizeof(path));
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void manager_leave(void)
{
	close(manager);
	unlink(path);
}

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	manager_listen();
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	unsetenv("WATCHDOG_PID");
}

static void clean_up(void)
{
	notify_finish(&notify);
	manager_leave();
	rmdir(directory);
}

/* The next message, "" when there is none. */
static const char *next(void)
{
	ssize_t n = recv(manager, message, sizeof(message) - 1, 0);

	message[n > 0 ? n : 0] = '\0';
	return message;
}

static size_t fill(void)
{
	size_t count = 0;

	while (sendto(notify.fd, "x", 1, 0, (struct sockaddr *)&notify.address,
		      notify.address_len) == 1)
		count++;
	return count;
}

static void empty(size_t count)
{
	while (count--)
		ck_assert_str_eq(next(), "x");
}

/* --- what it is told --- */

START_TEST(states_are_told_at_once)
{
	notify_init(&notify);
	notify_state(&notify, "READY");
	ck_assert_str_eq(next(), "READY=1\n");
	notify_state(&notify, "STOPPING");
	ck_assert_str_eq(next(), "STOPPING=1\n");
	ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(a_status_is_told_when_it_has_changed_and_once_a_second)
{
	unsetenv("WATCHDOG_USEC");
	notify_init(&notify);
	notify_sweep(&notify, 1000);
	ck_assert_str_eq(next(), "");
	notify_status(&notify, "one");
	notify_sweep(&notify, 1100);
	ck_assert_str_eq(next(), "STATUS=one\n");
	notify_status(&notify, "two");
	notify_sweep(&notify, 1200);
	notify_status(&notify, "three");
	notify_sweep(&notify, 2099);
	ck_assert_str_eq(next(), "");
	notify_sweep(&notify, 2100);
	ck_assert_str_eq(next(), "STATUS=three\n");
	notify_sweep(&notify, 9000);
	ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(a_status_that_comes_with_a_state_does_not_wait)
{
	unsetenv("WATCHDOG_USEC");
	notify_init(&notify);
	notify_status(&notify, "well");
	notify_sweep(&notify, 1000);
	ck_assert_str_eq(next(), "STATUS=well\n");
	notify_state(&notify, "STOPPING");
	notify_status(&notify, "draining");
	notify_sweep(&notify, 1001);
	ck_assert_str_eq(next(), "STOPPING=1\n");
	ck_assert_str_eq(next(), "STATUS=draining\n");
}
END_TEST

START_TEST(a_long_status_is_cut)
{
	char text[2 * NOTIFY_STATUS_BYTES];

	unsetenv("WATCHDOG_USEC");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	notify_init(&notify);
	notify_status(&notify, text);
	notify_sweep(&notify, 0);
	text[NOTIFY_STATUS_BYTES - 1] = '\0';
	ck_assert_uint_eq(strlen(next()), strlen("STATUS=") + strlen(text) + 1);
	ck_assert_int_eq(strncmp(message + strlen("STATUS="), text, strlen(text)), 0);
}
END_TEST

START_TEST(the_watchdog_hears_of_every_third_of_its_time)
{
	unsigned heard = 0;

	notify_init(&notify);
	for (uint64_t now_ms = 50000; now_ms < 80000; now_ms += 100) {
		notify_sweep(&notify, now_ms);
		heard += strcmp(next(), "WATCHDOG=1\n") == 0;
	}
	ck_assert_uint_eq(heard, 30);
}
END_TEST

START_TEST(a_watchdog_for_another_process_is_not_ours)
{
	char pid[16];

	setenv("WATCHDOG_PID", "1", 1);
	notify_init(&notify);
	notify_sweep(&notify, 1000);
	ck_assert_str_eq(next(), "");
	notify_finish(&notify);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	notify_init(&notify);
	notify_sweep(&notify, 1000);
	ck_assert_str_eq(next(), "WATCHDOG=1\n");
}
END_TEST

START_TEST(no_child_gets_the_variables)
{
	setenv("WATCHDOG_PID", "1", 1);
	notify_init(&notify);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
	ck_assert_ptr_null(getenv("WATCHDOG_PID"));
	ck_assert(fcntl(notify.fd, F_GETFD) & FD_CLOEXEC);
}
END_TEST

/* --- when it cannot be told --- */

START_TEST(a_full_socket_is_not_waited_for_and_loses_nothing_that_still_holds)
{
	notify_init(&notify);
	size_t count = fill();
	ck_assert_uint_gt(count, 0);
	notify_state(&notify, "READY");
	notify_status(&notify, "old");
	notify_sweep(&notify, 1000);
	notify_status(&notify, "new");
	notify_sweep(&notify, 1100);
	empty(count);
	ck_assert_str_eq(next(), "");
	notify_sweep(&notify, 1200);
	ck_assert_str_eq(next(), "READY=1\n");
	ck_assert_str_eq(next(), "WATCHDOG=1\n");
	ck_assert_str_eq(next(), "STATUS=new\n");
	ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(a_manager_that_was_gone_is_told_when_it_is_back)
{
	notify_init(&notify);
	manager_leave();
	notify_state(&notify, "STOPPING");
	notify_sweep(&notify, 1000);
	manager_listen();
	notify_sweep(&notify, 1100);
	ck_assert_str_eq(next(), "STOPPING=1\n");
	ck_assert_str_eq(next(), "WATCHDOG=1\n");
}
END_TEST

/* --- addresses --- */

static void bind_abstract(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	memcpy(address.sun_path + 1, name, len);
	close(manager);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address,
			      (socklen_t)(sizeof(address.sun_family) + 1 + len)),
			 0);
}

START_TEST(a_name_without_a_file_is_an_address_too)
{
	char name[64];

	snprintf(name, sizeof(name), "@%s", path);
	bind_abstract(path);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_init(&notify);
	notify_state(&notify, "READY");
	ck_assert_str_eq(next(), "READY=1\n");
}
END_TEST

START_TEST(without_an_address_nothing_happens)
{
	static char longest[200];
	const char *const names[] = {NULL, "", "/", "relative", "vsock:2:1", longest};

	memset(longest, '/', sizeof(longest) - 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsetenv("NOTIFY_SOCKET");
		if (names[i])
			setenv("NOTIFY_SOCKET", names[i], 1);
		notify_init(&notify);
		ck_assert_int_eq(notify.fd, -1);
		notify_state(&notify, "READY");
		notify_status(&notify, "well");
		notify_sweep(&notify, 1000);
		ck_assert_str_eq(next(), "");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_add_checked_fixture(tc, set_up, clean_up);
	tcase_add_test(tc, states_are_told_at_once);
	tcase_add_test(tc, a_status_is_told_when_it_has_changed_and_once_a_second);
	tcase_add_test(tc, a_status_that_comes_with_a_state_does_not_wait);
	tcase_add_test(tc, a_long_status_is_cut);
	tcase_add_test(tc, the_watchdog_hears_of_every_third_of_its_time);
	tcase_add_test(tc, a_watchdog_for_another_process_is_not_ours);
	tcase_add_test(tc, no_child_gets_the_variables);
	tcase_add_test(tc, a_full_socket_is_not_waited_for_and_loses_nothing_that_still_holds);
	tcase_add_test(tc, a_manager_that_was_gone_is_told_when_it_is_back);
	tcase_add_test(tc, a_name_without_a_file_is_an_address_too);
	tcase_add_test(tc, without_an_address_nothing_happens);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
