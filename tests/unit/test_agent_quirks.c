/*
 * What the agent does itself where the kernel does not: signal keys, SIGWINCH, the foreground group
 * through a watcher, and holding up a session. The kernel of the test may do these things as well; the
 * paths are the same.
 */
#include "agent/flood.h"
#include "agent/procs.h"
#include "agent/pty.h"
#include "agent/quirks.h"
#include "agent/spawn.h"
#include "agent/terminal.h"
#include "suite.h"
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct quirks all_quirks = {true, true, true};
static struct terminal t;
static struct link_out out;
static uint8_t said[65536];
static size_t said_len;
static unsigned foregrounds; /* frames */
static uint64_t now = 1000;

static void forget(void)
{
	memset(&t, 0, sizeof t);
	memset(&out, 0, sizeof out);
	said_len = 0;
	foregrounds = 0;
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void kill_all(void)
{
	procs_kill_descendants();
}

static void open_script(const char *script)
{
	struct open_request r = {.rows = 24, .cols = 80, .credit = 65536, .argc = 3};

	r.cwd = (char[]){"/"};
	r.argv[0] = (char[]){"/bin/sh"};
	r.argv[1] = (char[]){"-c"};
	r.argv[2] = strdup(script);
	ck_assert_int_eq(terminal_open(&t, 1, &r, &all_quirks), 0);
	free(r.argv[2]);
	ck_assert_int_eq(poll(&(struct pollfd){.fd = t.report, .events = POLLIN}, 1, 20000), 1);
	terminal_started(&t);
	ck_assert_int_eq(t.state, TERMINAL_OPEN);
	terminal_tell(&t, &out);
}

/* Moves the payloads of the frames in the link to said. */
static void listen_to(void)
{
	struct frame_header h;

	while (link_out_pending(&out)) {
		frame_header_get(out.buf + out.start, &h);
		ck_assert_uint_lt(said_len + h.length, sizeof said);
		if (h.type == FRAME_OUTPUT) {
			memcpy(said + said_len, out.buf + out.start + FRAME_HEADER_BYTES, h.length);
			said_len += h.length;
		}
		foregrounds += h.type == FRAME_FOREGROUND;
		out.start += FRAME_HEADER_BYTES + h.length;
	}
}

static void expect(const char *text)
{
	while (!memmem(said, said_len, text, strlen(text))) {
		struct pollfd p = {.fd = t.pty.master, .events = POLLIN};

		ck_assert_msg(poll(&p, 1, 20000) == 1, "never said: %s; but: %.*s", text,
			      (int)said_len, said);
		t.output_ready = true;
		terminal_read(&t, &out, now);
		listen_to();
	}
}

static void type(const char *text)
{
	ck_assert_int_eq(terminal_input(&t, (const uint8_t *)text, strlen(text)), 0);
	terminal_write(&t, &all_quirks, now);
}

/* Lets the clock run until the next look, which is taken. */
static void look_next(void)
{
	ck_assert_uint_ne(t.look.due_ms, UINT64_MAX);
	now = t.look.due_ms;
	terminal_tick(&t, now);
}

static void wait_answer(bool shell)
{
	struct pollfd p = {.fd = t.answers, .events = POLLIN};

	ck_assert(terminal_awaits_answer(&t));
	ck_assert_int_eq(poll(&p, 1, 20000), 1);
	terminal_answered(&t, now);
	ck_assert(t.look.shell == shell);
	terminal_tell(&t, &out);
	listen_to();
}

static int wait_shell(void)
{
	int status;

	ck_assert_int_eq(waitpid(t.pid, &status, 0), t.pid);
	terminal_reaped(&t, status);
	return status;
}

START_TEST(this_kernel_is_found_to_do_everything_itself)
{
	struct quirks q = quirks_probe();

	ck_assert(!q.no_signal_keys && !q.no_winch && !q.no_foreground);
}
END_TEST

START_TEST(a_resize_reaches_the_foreground_through_the_watcher)
{
	open_script("trap 'echo size $(stty size)' WINCH; echo ready; while :; do read x; done");
	expect("ready");
	terminal_resize(&t, 40, 120, &all_quirks);
	expect("size 40 120");
}
END_TEST

START_TEST(an_interrupt_key_ends_the_foreground_and_is_echoed)
{
	open_script("trap 'echo caught' INT; cat; echo after");
	type("first\n");
	expect("first\r\nfirst"); /* cat runs */
	type("\003");
	expect("^C");
	expect("caught");
	expect("after");
	ck_assert(WIFEXITED(wait_shell()));
}
END_TEST

START_TEST(an_interrupt_key_forgets_the_input_before_it)
{
	open_script("trap hit=1 INT; echo ready; while [ -z $hit ]; do :; done; "
		    "read x; echo line=$x.");
	expect("ready");
	type("line\nforgotten\003");
	expect("^C");
	type("next\n");
	expect("line=next.");
}
END_TEST

START_TEST(keys_are_plain_bytes_where_the_terminal_says_so)
{
	open_script("stty -isig -icanon -echo; echo ready; head -c 3 | od -An -tx1");
	expect("ready");
	type("\003\034\032");
	expect("03 1c 1a");
}
END_TEST

START_TEST(only_the_keys_that_the_settings_name_are_signals)
{
	struct termios settings = {.c_lflag = ISIG};
	int signal = 0;

	settings.c_cc[VINTR] = 3;
	settings.c_cc[VQUIT] = 28;
	settings.c_cc[VSUSP] = 26;
	ck_assert_uint_eq(pty_find_signal_key(&settings, (const uint8_t *)"ab\032", 3, &signal), 2);
	ck_assert_int_eq(signal, SIGTSTP);
	ck_assert_uint_eq(pty_find_signal_key(&settings, (const uint8_t *)"\034", 1, &signal), 0);
	ck_assert_int_eq(signal, SIGQUIT);
	settings.c_cc[VINTR] = 0; /* disabled */
	ck_assert_uint_eq(pty_find_signal_key(&settings, (const uint8_t *)"a\0\003", 3, &signal),
			  3);
	settings.c_lflag = 0;
	ck_assert_uint_eq(pty_find_signal_key(&settings, (const uint8_t *)"\034", 1, &signal), 1);
}
END_TEST

START_TEST(a_signal_reaches_the_shell_when_its_watcher_is_gone)
{
	open_script("echo ready; exec sleep 1000");
	expect("ready");
	close(t.watcher);
	t.watcher = open("/dev/full", O_WRONLY | O_CLOEXEC);
	terminal_signal(&t, SIGTERM);
	ck_assert_int_eq(WTERMSIG(wait_shell()), SIGTERM);
}
END_TEST

START_TEST(a_session_is_stopped_and_continued_as_a_whole)
{
	struct procs_stopped stopped = {.count = 0};
	int status;

	open_script("sleep 1000 & echo ready; exec cat");
	expect("ready");
	procs_stop_session(&stopped, t.pid, t.watcher_pid);
	ck_assert_uint_ge(stopped.count, 2);
	ck_assert_int_eq(stopped.pids[0], t.pid);
	ck_assert_int_eq(waitpid(t.pid, &status, WUNTRACED), t.pid);
	ck_assert(WIFSTOPPED(status));
	procs_stop_session(&stopped, t.pid, t.watcher_pid); /* changes nothing */
	ck_assert_uint_lt(stopped.count, 8);
	procs_continue(&stopped);
	ck_assert_uint_eq(stopped.count, 0);
	ck_assert_int_eq(waitpid(t.pid, &status, WCONTINUED), t.pid);
	ck_assert(WIFCONTINUED(status));
	type("again\n");
	expect("again\r\nagain");
}
END_TEST

START_TEST(a_process_that_its_user_has_stopped_stays_stopped)
{
	struct procs_stopped stopped = {.count = 0};
	int status;

	open_script("kill -STOP $$");
	ck_assert_int_eq(waitpid(t.pid, &status, WUNTRACED), t.pid);
	ck_assert(WIFSTOPPED(status));
	procs_stop_session(&stopped, t.pid, t.watcher_pid);
	for (size_t i = 0; i < stopped.count; i++)
		ck_assert_int_ne(stopped.pids[i], t.pid);
	procs_continue(&stopped);
}
END_TEST

/* As a flood has it done to the session. */
static void hold_up(void)
{
	procs_stop_session(&t.flood.stopped, t.pid, t.watcher_pid);
	ck_assert_uint_ge(t.flood.stopped.count, 1);
}

START_TEST(an_interrupt_key_reaches_a_session_that_is_held_up)
{
	open_script("trap 'echo caught; exit 3' INT; echo ready; while :; do :; done");
	expect("ready");
	hold_up();
	type("\003");
	expect("caught");
	ck_assert_int_eq(WEXITSTATUS(wait_shell()), 3);
}
END_TEST

START_TEST(a_stop_key_stops_a_job_that_is_held_up)
{
	open_script("exec sh");
	type("sh -c 'echo in''side; exec cat'\n");
	expect("inside");
	hold_up();
	type("\032");
	expect("Stopped");
	type("echo af''ter\n");
	expect("after");
}
END_TEST

START_TEST(a_watcher_answers_while_its_session_is_held_up)
{
	open_script("exec sh");
	type("sh -c 'echo in''side; exec cat'\n");
	expect("inside");
	ck_assert_int_gt(t.watcher_pid, 0);
	hold_up();
	for (size_t i = 0; i < t.flood.stopped.count; i++)
		ck_assert_int_ne(t.flood.stopped.pids[i], t.watcher_pid);
	look_next();
	wait_answer(false);
	flood_release(&t);
}
END_TEST

/* Any process of the same user can stop it. */
START_TEST(a_stopped_watcher_is_not_waited_for)
{
	open_script("echo ready; exec sleep 1000");
	expect("ready");
	ck_assert_int_eq(kill(t.watcher_pid, SIGSTOP), 0);
	type("\n");
	for (int i = 0; i < 70000; i++) { /* more than a pipe holds */
		look_output(&t.look, now);
		look_next();
	}
	ck_assert(t.look.shell);
	terminal_signal(&t, SIGTERM);
	ck_assert_int_eq(WTERMSIG(wait_shell()), SIGTERM);
}
END_TEST

START_TEST(descendants_are_killed_wherever_they_have_fled)
{
	open_script("setsid sh -c 'echo fled; exec sleep 1000' & read x");
	expect("fled");
	procs_kill_descendants();
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(the_watcher_tells_who_is_in_the_foreground)
{
	open_script("exec sh");
	type("sh -c 'echo in''side; exec cat'\n");
	expect("inside");
	look_next();
	wait_answer(false);
	ck_assert_uint_eq(foregrounds, 1);
	type("\004");
	type("echo af''ter\n");
	expect("after");
	look_next();
	wait_answer(true);
	ck_assert_uint_eq(foregrounds, 2);
}
END_TEST

/* Each size is told once the orders before it have been obeyed. */
START_TEST(a_look_that_finds_no_change_is_not_answered)
{
	open_script("trap 'echo size $(stty size)' WINCH; echo ready; while :; do read x; done");
	expect("ready");
	type("line\n");
	for (int i = 0; i < 3; i++) {
		look_next();
		terminal_resize(&t, 40, (uint16_t)(120 + i), &all_quirks);
		expect((const char *[]){"40 120", "40 121", "40 122"}[i]);
	}
	terminal_resize(&t, 50, 120, &all_quirks);
	expect("50 120");
	ck_assert_int_eq(poll(&(struct pollfd){.fd = t.answers, .events = POLLIN}, 1, 0), 0);
	ck_assert(t.look.shell);
}
END_TEST

START_TEST(without_its_watcher_what_was_known_stays_and_nothing_waits)
{
	open_script("exec sh");
	type("sh -c 'echo in''side; exec cat'\n");
	expect("inside");
	look_next();
	wait_answer(false);
	type("x");
	look_next();
	close(t.watcher); /* it ends */
	t.watcher = open("/dev/full", O_WRONLY | O_CLOEXEC);
	wait_answer(false);
	ck_assert_int_eq(t.answers, -1);
	type("y");
	look_next();
	ck_assert(!terminal_awaits_answer(&t));
	ck_assert_uint_eq(foregrounds, 1);
}
END_TEST

/* In place of a watcher, as any process of the same user can be under gVisor of 2022. */
START_TEST(a_false_watcher_is_listened_to_no_more_often_than_there_are_looks)
{
	int fds[2];
	unsigned heard = 0;

	open_script("read x; read x");
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	close(t.answers);
	t.answers = fds[0];
	type("line\n");
	look_next();
	look_next();
	for (uint8_t byte = 0; terminal_awaits_answer(&t); byte ^= 1, heard++) {
		ck_assert_int_eq(write(fds[1], &byte, 1), 1);
		terminal_answered(&t, now);
	}
	ck_assert_uint_eq(heard, 2);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent_quirks");
	TCase *c = tcase_create("emulation");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, forget, kill_all);
	tcase_add_test(c, this_kernel_is_found_to_do_everything_itself);
	tcase_add_test(c, a_resize_reaches_the_foreground_through_the_watcher);
	tcase_add_test(c, an_interrupt_key_ends_the_foreground_and_is_echoed);
	tcase_add_test(c, an_interrupt_key_forgets_the_input_before_it);
	tcase_add_test(c, keys_are_plain_bytes_where_the_terminal_says_so);
	tcase_add_test(c, only_the_keys_that_the_settings_name_are_signals);
	tcase_add_test(c, a_signal_reaches_the_shell_when_its_watcher_is_gone);
	tcase_add_test(c, a_session_is_stopped_and_continued_as_a_whole);
	tcase_add_test(c, a_process_that_its_user_has_stopped_stays_stopped);
	tcase_add_test(c, an_interrupt_key_reaches_a_session_that_is_held_up);
	tcase_add_test(c, a_stop_key_stops_a_job_that_is_held_up);
	tcase_add_test(c, a_watcher_answers_while_its_session_is_held_up);
	tcase_add_test(c, a_stopped_watcher_is_not_waited_for);
	tcase_add_test(c, descendants_are_killed_wherever_they_have_fled);
	tcase_add_test(c, the_watcher_tells_who_is_in_the_foreground);
	tcase_add_test(c, a_look_that_finds_no_change_is_not_answered);
	tcase_add_test(c, without_its_watcher_what_was_known_stays_and_nothing_waits);
	tcase_add_test(c, a_false_watcher_is_listened_to_no_more_often_than_there_are_looks);
	suite_add_tcase(suite, c);

	return run_suite(suite);
}
