/* The real agent over pipes: terminals, their windows, their ends. */
#include "agent_client.h"
#include "suite.h"
#include <signal.h>

static struct client c;

static void start(void)
{
	signal(SIGPIPE, SIG_IGN);
	client_start(&c, "3600");
}

static void stop(void)
{
	ck_assert_int_eq(client_hang_up(&c), 0);
}

START_TEST(the_hello_comes_first_and_once)
{
	client_wait(&c, c.hellos == 1);
	client_round_trip(&c);
	ck_assert_uint_eq(c.hellos, 1);
	ck_assert_mem_eq(c.pong, "pingpong", 8);
}
END_TEST

START_TEST(a_shell_echoes_and_tells_its_exit_status)
{
	client_open(&c, 5, 65536, true, "exec sh");
	client_wait(&c, c.t[5].opened);
	client_type(&c, 5, "echo $((6*7)) $A; tty; stty size; pwd; exit 3\n");
	client_wait(&c, c.t[5].ended);
	ck_assert(client_says(&c, 5, "42 b\r\n/dev/pts/"));
	ck_assert(client_says(&c, 5, "\r\n24 80\r\n/\r\n"));
	ck_assert_int_eq(c.t[5].kind, EXIT_STATUS);
	ck_assert_int_eq(c.t[5].code, 3);
}
END_TEST

START_TEST(a_death_by_signal_is_told_as_one)
{
	client_open(&c, 1, 4096, false, "kill -9 $$");
	client_wait(&c, c.t[1].ended);
	ck_assert_int_eq(c.t[1].kind, EXIT_SIGNAL);
	ck_assert_int_eq(c.t[1].code, SIGKILL);
}
END_TEST

START_TEST(a_program_that_does_not_exist_is_an_error_with_errno)
{
	static const char payload[] = "\0\030\0\120\0\0\020\0\001\0\0/no/such/program";

	client_send(&c, FRAME_OPEN, 3, payload, sizeof payload);
	client_wait(&c, c.t[3].ended);
	ck_assert(c.t[3].failed && !c.t[3].opened);
	ck_assert_int_eq(c.t[3].code, ENOENT);
	client_open(&c, 3, 4096, false, "exit 4"); /* the number is free again */
	client_wait(&c, c.t[3].ended);
	ck_assert_int_eq(c.t[3].code, 4);
}
END_TEST

START_TEST(a_directory_that_does_not_exist_gives_home)
{
	static const char payload[] = "\0\030\0\120\0\0\020\0\001\001/no/such\0/bin/pwd\0HOME=/usr";

	client_send(&c, FRAME_OPEN, 3, payload, sizeof payload);
	client_wait(&c, c.t[3].ended);
	ck_assert_str_eq((char *)c.t[3].output, "/usr\r\n");
}
END_TEST

START_TEST(the_users_shell_is_what_no_arguments_mean)
{
	static const char payload[] = "\0\030\0\120\0\0\020\0\0\001\0SHELL=/bin/sh";

	client_send(&c, FRAME_OPEN, 3, payload, sizeof payload);
	client_wait(&c, c.t[3].opened);
	client_type(&c, 3, "echo $0; exit\n");
	client_wait(&c, c.t[3].ended);
	ck_assert_msg(client_says(&c, 3, "/bin/sh\r\n"), "%s", (char *)c.t[3].output);
}
END_TEST

START_TEST(a_program_inherits_no_descriptor_and_no_blocked_signal)
{
	client_open(&c, 1, 65536, true,
		    "ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status");
	client_wait(&c, c.t[1].ended);
	/* 3 is what ls itself reads the directory with. */
	ck_assert(client_says(&c, 1, "3\r\nSig"));
	ck_assert_msg(client_says(&c, 1, "SigBlk:\t0000000000000000\r\nSigIgn:\t0000000000000000"),
		      "%s", (char *)c.t[1].output);
}
END_TEST

START_TEST(a_resize_changes_the_size_and_signals_the_foreground)
{
	client_open(&c, 1, 65536, true,
		    "trap 'stty size' WINCH; echo ready; while :; do read x; done");
	client_wait(&c, client_says(&c, 1, "ready"));
	client_resize(&c, 1, 33, 99);
	client_wait(&c, client_says(&c, 1, "33 99\r\n"));
	client_signal(&c, 1, SIGKILL);
	client_wait(&c, c.t[1].ended);
}
END_TEST

START_TEST(output_stops_at_the_credit_exactly_and_goes_on_with_more)
{
	client_open(&c, 1, 10000, false, "exec yes");
	client_wait(&c, c.t[1].len == 10000);
	client_round_trip(&c);
	ck_assert_uint_eq(c.t[1].len, 10000);
	client_send_u32(&c, FRAME_CREDIT, 1, 1);
	client_wait(&c, c.t[1].len == 10001);
	client_round_trip(&c);
	ck_assert_uint_eq(c.t[1].len, 10001);
}
END_TEST

START_TEST(ctrl_c_works_while_the_output_is_stopped)
{
	client_open(&c, 1, 1000, false, "trap '' HUP; yes; exit 1");
	client_wait(&c, c.t[1].len == 1000);
	client_type(&c, 1, "\003");
	c.t[1].grants = true;
	client_send_u32(&c, FRAME_CREDIT, 1, 1000000);
	client_wait(&c, c.t[1].ended);
	ck_assert_uint_lt(c.t[1].len, 900000);
}
END_TEST

START_TEST(a_signal_does_not_wait_behind_input_that_nobody_reads)
{
	char *junk = malloc(AGENT_INPUT_WINDOW + 1);

	memset(junk, 'x', AGENT_INPUT_WINDOW);
	junk[AGENT_INPUT_WINDOW] = '\0';
	client_open(&c, 1, 65536, true, "stty raw -echo; echo ready; exec sleep 1000");
	client_wait(&c, client_says(&c, 1, "ready"));
	client_type(&c, 1, junk);
	client_resize(&c, 1, 5, 6);
	client_signal(&c, 1, SIGTERM);
	client_wait(&c, c.t[1].ended);
	ck_assert_int_eq(c.t[1].kind, EXIT_SIGNAL);
	ck_assert_int_eq(c.t[1].code, SIGTERM);
	free(junk);
}
END_TEST

/* Sends bytes as the credit allows; the program says "same" if they have arrived so. */
static void paste(const char *settings, const uint8_t *bytes, size_t len)
{
	char path[] = "/tmp/agent-paste-XXXXXX", script[256];
	int fd = mkstemp(path);
	size_t done = 0;

	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	snprintf(script, sizeof script, "stty %s; echo ready; head -c %zu | cmp - %s && echo same",
		 settings, len, path);
	client_open(&c, 1, 65536, true, script);
	client_wait(&c, client_says(&c, 1, "ready"));
	while (done < len) {
		client_wait(&c, c.t[1].input_credit > 0);
		size_t n = c.t[1].input_credit < len - done ? c.t[1].input_credit : len - done;

		c.t[1].input_credit -= (uint32_t)n;
		client_send(&c, FRAME_INPUT, 1, bytes + done, n);
		done += n;
	}
	client_wait(&c, c.t[1].ended);
	unlink(path);
	ck_assert_msg(client_says(&c, 1, "same"), "%s", (char *)c.t[1].output);
}

#define PASTE_BYTES 1048576

START_TEST(a_raw_paste_of_a_megabyte_arrives_intact)
{
	uint8_t *bytes = malloc(PASTE_BYTES);

	srandom(1);
	for (size_t i = 0; i < PASTE_BYTES; i++)
		bytes[i] = (uint8_t)random();
	paste("raw -echo", bytes, PASTE_BYTES);
	free(bytes);
}
END_TEST

START_TEST(a_paste_of_a_megabyte_of_lines_arrives_intact)
{
	uint8_t *bytes = malloc(PASTE_BYTES);
	size_t line = 0;

	srandom(2);
	for (size_t i = 0; i < PASTE_BYTES; i++) {
		bool end = line == 0 || i == PASTE_BYTES - 1;

		bytes[i] = end ? '\n' : (uint8_t)('a' + random() % 26);
		line = end ? (size_t)random() % 4000 : line - 1;
	}
	paste("-echo", bytes, PASTE_BYTES);
	free(bytes);
}
END_TEST

#define FLOOD_BYTES 20000000

START_TEST(twenty_megabytes_of_output_arrive_intact)
{
	char path[] = "/tmp/agent-flood-XXXXXX", script[64];
	uint8_t *bytes = malloc(FLOOD_BYTES);
	int fd = mkstemp(path);

	for (size_t i = 0; i + 4 <= FLOOD_BYTES; i += 4)
		put_u32(bytes + i, (uint32_t)i * 2654435761u);
	ck_assert_int_eq(write(fd, bytes, FLOOD_BYTES), FLOOD_BYTES);
	close(fd);
	snprintf(script, sizeof script, "stty -opost; cat %s", path);
	client_open(&c, 1, OUTPUT_WINDOW_MAX, true, script);
	client_wait(&c, c.t[1].ended);
	unlink(path);
	ck_assert_uint_eq(c.t[1].len, FLOOD_BYTES);
	ck_assert(memcmp(c.t[1].output, bytes, FLOOD_BYTES) == 0);
	free(bytes);
}
END_TEST

START_TEST(sixteen_terminals_work_and_the_seventeenth_is_refused)
{
	for (uint16_t i = 1; i <= 16; i++)
		client_open(&c, i, 65536, true, "read x; echo got $x");
	for (uint16_t i = 1; i <= 16; i++)
		client_wait(&c, c.t[i].opened);
	client_open(&c, 17, 65536, true, "exit 0");
	client_wait(&c, c.t[17].ended);
	ck_assert(c.t[17].failed);
	ck_assert_int_eq(c.t[17].code, EMFILE);
	for (uint16_t i = 1; i <= 16; i++)
		client_type(&c, i, "it\n");
	for (uint16_t i = 1; i <= 16; i++) {
		client_wait(&c, c.t[i].ended);
		ck_assert(client_says(&c, i, "got it\r\n"));
	}
	client_open(&c, 17, 65536, true, "exit 0");
	client_wait(&c, c.t[17].ended);
	ck_assert(!c.t[17].failed);
}
END_TEST

START_TEST(a_terminal_is_not_starved_by_one_that_floods)
{
	client_open(&c, 1, OUTPUT_WINDOW_MAX, true, "exec yes");
	client_wait(&c, c.t[1].len > 100000);
	client_open(&c, 2, 65536, true, "echo hello");
	client_wait(&c, c.t[2].ended);
	ck_assert(client_says(&c, 2, "hello"));
	ck_assert(!c.t[1].ended);
}
END_TEST

START_TEST(orphans_are_reaped)
{
	client_open(&c, 1, 65536, true,
		    "p=$(sh -c 'true >/dev/null & echo $!'); while [ -d /proc/$p ]; do :; done; "
		    "echo reaped");
	client_wait(&c, c.t[1].ended);
	ck_assert(client_says(&c, 1, "reaped"));
}
END_TEST

START_TEST(close_hangs_up_and_the_exit_follows)
{
	client_open(&c, 1, 65536, true, "echo ready; sleep 1000");
	client_wait(&c, client_says(&c, 1, "ready"));
	client_send(&c, FRAME_CLOSE, 1, NULL, 0);
	client_wait(&c, c.t[1].ended);
	ck_assert_int_eq(c.t[1].kind, EXIT_SIGNAL);
	ck_assert_int_eq(c.t[1].code, SIGHUP);
}
END_TEST

START_TEST(a_shell_that_ignores_the_hang_up_is_killed)
{
	client_open(&c, 1, 65536, true,
		    "trap '' HUP TERM INT; echo ready; while :; do read x; done </dev/zero");
	client_wait(&c, client_says(&c, 1, "ready"));
	client_send(&c, FRAME_CLOSE, 1, NULL, 0);
	client_wait(&c, c.t[1].ended);
	ck_assert_int_eq(c.t[1].kind, EXIT_SIGNAL);
	ck_assert_int_eq(c.t[1].code, SIGKILL);
}
END_TEST

START_TEST(all_output_comes_before_the_exit_also_without_credit)
{
	client_open(&c, 1, 0, false, "printf 0123456789; exit 7");
	client_wait(&c, c.t[1].opened);
	client_send_u32(&c, FRAME_CREDIT, 1, 4);
	client_wait(&c, c.t[1].len == 4);
	client_round_trip(&c);
	ck_assert(!c.t[1].ended);
	client_send_u32(&c, FRAME_CREDIT, 1, 6);
	client_wait(&c, c.t[1].ended);
	ck_assert_str_eq((char *)c.t[1].output, "0123456789");
	ck_assert_int_eq(c.t[1].code, 7);
}
END_TEST

START_TEST(a_background_flood_does_not_keep_a_terminal_open)
{
	client_open(&c, 1, 65536, true, "trap '' HUP; yes & read x; exit 5");
	client_wait(&c, c.t[1].len > 1000);
	client_type(&c, 1, "\n");
	client_wait(&c, c.t[1].ended);
	ck_assert_int_eq(c.t[1].code, 5);
}
END_TEST

/* As shown by the end of a pipe that the process holds. */
START_TEST(a_process_that_keeps_hold_of_a_dead_terminal_is_killed)
{
	char path[] = "/tmp/agent-hold-XXXXXX", script[256], byte;
	struct pollfd p;
	int fifo;

	close(mkstemp(path));
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	snprintf(script, sizeof script, "trap '' HUP; exec 3>%s; sleep 1000 & exit 5", path);
	client_open(&c, 1, 65536, true, script);
	client_wait(&c, c.t[1].ended);
	unlink(path);
	p = (struct pollfd){.fd = fifo, .events = POLLIN};
	ck_assert_int_eq(poll(&p, 1, CLIENT_LIMIT_MS), 1);
	ck_assert_int_eq(read(fifo, &byte, 1), 0);
	close(fifo);
}
END_TEST

START_TEST(a_process_that_has_let_go_of_its_terminal_outlives_it)
{
	client_open(&c, 1, 65536, true,
		    "trap '' HUP; sleep 1000 </dev/null >/dev/null 2>&1 & echo $!; exit 0");
	client_wait(&c, c.t[1].ended);
	client_open(&c, 2, 65536, true, "trap '' HUP; sleep 1000 & echo $!; exit 0");
	client_wait(&c, c.t[2].ended);

	pid_t free_one = atoi((char *)c.t[1].output), holder = atoi((char *)c.t[2].output);

	while (kill(holder, 0) == 0)
		client_round_trip(&c);
	ck_assert_int_eq(kill(free_one, 0), 0); /* its own patience was over before */
}
END_TEST

START_TEST(frames_for_a_terminal_that_has_just_ended_are_ignored)
{
	client_open(&c, 1, 4096, false, "exit 0");
	client_wait(&c, c.t[1].ended);
	client_send(&c, FRAME_INPUT, 1, "x", 1);
	client_resize(&c, 1, 5, 5);
	client_signal(&c, 1, SIGINT);
	client_send_u32(&c, FRAME_CREDIT, 1, 100);
	client_send(&c, FRAME_CLOSE, 1, NULL, 0);
	client_round_trip(&c);
}
END_TEST

/* An interactive shell, which gives each line a process group of its own. */
static void open_shell(void)
{
	client_open(&c, 1, 65536, true, "exec sh");
	client_wait(&c, c.t[1].opened);
}

START_TEST(a_program_in_the_foreground_is_told_and_so_is_the_shells_return)
{
	open_shell();
	for (unsigned i = 0; i < 3; i++) {
		client_type(&c, 1, "cat\n");
		client_wait(&c, c.t[1].program);
		client_type(&c, 1, "\004");
		client_wait(&c, !c.t[1].program);
		ck_assert_uint_eq(c.t[1].foregrounds, 2 * i + 2);
	}
}
END_TEST

START_TEST(a_program_that_ends_by_itself_gives_the_foreground_back)
{
	open_shell();
	client_type(&c, 1, "sleep 1.5\n");
	client_wait(&c, c.t[1].program);
	client_wait(&c, !c.t[1].program);
	ck_assert_uint_eq(c.t[1].foregrounds, 2);
}
END_TEST

START_TEST(a_program_that_starts_long_after_its_line_is_seen_by_its_output)
{
	open_shell();
	client_type(&c, 1, "x=$(sleep 1.5; echo go); (echo $x; exec cat)\n");
	client_wait(&c, client_says(&c, 1, "go\r\n"));
	client_wait(&c, c.t[1].program);
}
END_TEST

START_TEST(what_the_shell_does_itself_and_in_the_background_is_not_told)
{
	open_shell();
	client_type(&c, 1, "sleep 1000 & cd /; read x; echo got $x\n");
	client_type(&c, 1, "line\n");
	client_wait(&c, client_says(&c, 1, "got line\r\n"));
	client_type(&c, 1, "exec sh -c 'echo in''side; exec cat'\n"); /* is still what was opened */
	client_wait(&c, client_says(&c, 1, "inside\r\n"));
	client_type(&c, 1, "\004");
	client_wait(&c, c.t[1].ended);
	ck_assert_uint_eq(c.t[1].foregrounds, 0);
}
END_TEST

START_TEST(a_job_that_is_stopped_and_continued_leaves_the_foreground_and_returns)
{
	open_shell();
	client_type(&c, 1, "cat\n");
	client_wait(&c, c.t[1].program);
	client_type(&c, 1, "\032");
	client_wait(&c, !c.t[1].program);
	client_type(&c, 1, "fg\n");
	client_wait(&c, c.t[1].program);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent_terminals");
	TCase *t = tcase_create("program");

	tcase_set_timeout(t, 90);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, the_hello_comes_first_and_once);
	tcase_add_test(t, a_shell_echoes_and_tells_its_exit_status);
	tcase_add_test(t, a_death_by_signal_is_told_as_one);
	tcase_add_test(t, a_program_that_does_not_exist_is_an_error_with_errno);
	tcase_add_test(t, a_directory_that_does_not_exist_gives_home);
	tcase_add_test(t, the_users_shell_is_what_no_arguments_mean);
	tcase_add_test(t, a_program_inherits_no_descriptor_and_no_blocked_signal);
	tcase_add_test(t, a_resize_changes_the_size_and_signals_the_foreground);
	tcase_add_test(t, output_stops_at_the_credit_exactly_and_goes_on_with_more);
	tcase_add_test(t, ctrl_c_works_while_the_output_is_stopped);
	tcase_add_test(t, a_signal_does_not_wait_behind_input_that_nobody_reads);
	tcase_add_test(t, a_raw_paste_of_a_megabyte_arrives_intact);
	tcase_add_test(t, a_paste_of_a_megabyte_of_lines_arrives_intact);
	tcase_add_test(t, twenty_megabytes_of_output_arrive_intact);
	tcase_add_test(t, sixteen_terminals_work_and_the_seventeenth_is_refused);
	tcase_add_test(t, a_terminal_is_not_starved_by_one_that_floods);
	tcase_add_test(t, orphans_are_reaped);
	tcase_add_test(t, close_hangs_up_and_the_exit_follows);
	tcase_add_test(t, a_shell_that_ignores_the_hang_up_is_killed);
	tcase_add_test(t, all_output_comes_before_the_exit_also_without_credit);
	tcase_add_test(t, a_background_flood_does_not_keep_a_terminal_open);
	tcase_add_test(t, a_process_that_keeps_hold_of_a_dead_terminal_is_killed);
	tcase_add_test(t, a_process_that_has_let_go_of_its_terminal_outlives_it);
	tcase_add_test(t, frames_for_a_terminal_that_has_just_ended_are_ignored);
	tcase_add_test(t, a_program_in_the_foreground_is_told_and_so_is_the_shells_return);
	tcase_add_test(t, a_program_that_ends_by_itself_gives_the_foreground_back);
	tcase_add_test(t, a_program_that_starts_long_after_its_line_is_seen_by_its_output);
	tcase_add_test(t, what_the_shell_does_itself_and_in_the_background_is_not_told);
	tcase_add_test(t, a_job_that_is_stopped_and_continued_leaves_the_foreground_and_returns);
	suite_add_tcase(suite, t);

	return run_suite(suite);
}
