/* The real agent over pipes: the ways in which it ends, and what it does to a rude server. */
#include "agent_client.h"
#include "suite.h"
#include <signal.h>

static struct client c;

static void start_for(const char *lifetime)
{
	signal(SIGPIPE, SIG_IGN);
	client_start(&c, lifetime);
	client_wait(&c, c.hellos == 1);
}

/* A process that a terminal has started and that holds the pipe's other end: end of file means that
 * it is gone. */
static void expect_killed(void)
{
	char path[] = "/tmp/agent-end-XXXXXX", script[256], byte;
	int fd, fifo;

	fd = mkstemp(path);
	close(fd);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	snprintf(script, sizeof script,
		 "trap '' HUP TERM; exec 3>%s; setsid sh -c 'echo ready; exec sleep 1000'", path);
	client_open(&c, 1, 65536, true, script);
	client_wait(&c, client_says(&c, 1, "ready"));
	unlink(path);
	ck_assert_int_eq(read(fifo, &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(client_hang_up(&c), 0);
	ck_assert_int_eq(read(fifo, &byte, 1), 0);
	close(fifo);
}

START_TEST(the_end_of_its_input_ends_it_and_everything_it_started)
{
	start_for("3600");
	expect_killed();
}
END_TEST

START_TEST(its_lifetime_ends_it)
{
	int64_t begin = client_now_ms();

	start_for("1");
	client_open(&c, 1, 65536, true,
		    "trap '' HUP TERM INT; while :; do read x; done </dev/zero");
	ck_assert_int_eq(client_finish(&c), 0);
	ck_assert_int_ge(client_now_ms() - begin, 1000);
}
END_TEST

START_TEST(a_deadline_replaces_the_lifetime)
{
	int64_t begin = client_now_ms();

	start_for("3600");
	client_deadline(&c, 1, "deadline");
	ck_assert_int_eq(client_finish(&c), 0);
	ck_assert_int_ge(client_now_ms() - begin, 1000);
}
END_TEST

START_TEST(a_deadline_can_be_put_off)
{
	int64_t begin = client_now_ms();

	start_for("1");
	client_deadline(&c, 2, "deadline");
	client_wait(&c, c.pongs == 1);
	ck_assert_mem_eq(c.pong, "deadline", 8);
	ck_assert_int_eq(client_finish(&c), 0);
	ck_assert_int_ge(client_now_ms() - begin, 2000);
}
END_TEST

START_TEST(its_lifetime_ends_it_also_when_it_has_been_stopped)
{
	int status;

	start_for("1");
	kill(c.pid, SIGSTOP);
	ck_assert_int_eq(waitpid(c.pid, &status, 0), c.pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	close(c.to);
	close(c.from);
}
END_TEST

START_TEST(sigterm_ends_it)
{
	start_for("3600");
	kill(c.pid, SIGTERM);
	ck_assert_int_eq(client_finish(&c), 0);
}
END_TEST

START_TEST(the_end_of_its_output_ends_it)
{
	int status;

	start_for("3600");
	close(c.from);
	client_send(&c, FRAME_PING, 0, "12345678", 8);
	ck_assert_int_eq(waitpid(c.pid, &status, 0), c.pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	close(c.to);
}
END_TEST

static void expect_refused(const void *bytes, size_t len)
{
	client_send_bytes(&c, bytes, len);
	ck_assert_int_eq(client_finish(&c), 2);
}

START_TEST(garbage_ends_it_with_status_2)
{
	start_for("3600");
	expect_refused("GET / HTTP/1.1\r\n\r\n", 18);
}
END_TEST

START_TEST(a_terminal_that_never_was_ends_it_with_status_2)
{
	start_for("3600");
	expect_refused("\002\0\0\007\0\0\0\001x", 9);
}
END_TEST

START_TEST(a_number_in_use_ends_it_with_status_2)
{
	start_for("3600");
	client_open(&c, 1, 4096, true, "read x");
	client_wait(&c, c.t[1].opened);
	client_open(&c, 1, 4096, true, "read x");
	ck_assert_int_eq(client_finish(&c), 2);
}
END_TEST

START_TEST(input_beyond_the_credit_ends_it_with_status_2)
{
	static uint8_t junk[FRAME_PAYLOAD_MAX];

	start_for("3600");
	memset(junk, 'x', sizeof junk);
	client_open(&c, 1, 4096, true, "stty raw -echo; echo ready; exec sleep 1000");
	client_wait(&c, client_says(&c, 1, "ready"));
	for (int i = 0; i < 3 && !c.closed; i++) {
		uint8_t h[8] = {FRAME_INPUT, 0, 0, 1, 0, 1, 0, 0};

		/* It may have gone before the last of these. */
		if (write(c.to, h, 8) != 8 || write(c.to, junk, sizeof junk) < 0)
			break;
	}
	ck_assert_int_eq(client_finish(&c), 2);
}
END_TEST

START_TEST(more_output_credit_than_the_window_ends_it_with_status_2)
{
	start_for("3600");
	client_open(&c, 1, 1, true, "read x");
	client_wait(&c, c.t[1].opened);
	client_send_u32(&c, FRAME_CREDIT, 1, OUTPUT_WINDOW_MAX);
	ck_assert_int_eq(client_finish(&c), 2);
}
END_TEST

/* Pings without ever reading: the agent stops reading too, instead of keeping the answers. */
START_TEST(a_server_that_asks_and_does_not_read_is_not_read_either)
{
	uint8_t ping[16] = {FRAME_PING, 0, 0, 0, 0, 0, 0, 8};
	struct pollfd p;
	unsigned pings = 0;

	start_for("3600");
	fcntl(c.to, F_SETFL, O_NONBLOCK);
	p = (struct pollfd){.fd = c.to, .events = POLLOUT};
	while (poll(&p, 1, 500) == 1) {
		ssize_t n = write(c.to, ping, sizeof ping);

		ck_assert_int_eq(n, sizeof ping); /* PIPE_BUF: all or nothing */
		ck_assert_uint_lt(++pings, 200000);
	}
	fcntl(c.to, F_SETFL, 0);
	client_wait(&c, c.pongs == pings);
	ck_assert_int_eq(client_hang_up(&c), 0);
}
END_TEST

static int run_with(const char *arg1, const char *arg2)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execl(AGENT_PATH, "sandbox-agent", arg1, arg2, (char *)NULL);
		_exit(126);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(wrong_arguments_are_refused)
{
	ck_assert_int_eq(run_with("--lifetime", "0"), 1);
	ck_assert_int_eq(run_with("--lifetime", "-1"), 1);
	ck_assert_int_eq(run_with("--lifetime", "5x"), 1);
	ck_assert_int_eq(run_with("--lifetime", "99999999999"), 1);
	ck_assert_int_eq(run_with("--lifetime", NULL), 1);
	ck_assert_int_eq(run_with("--help", NULL), 1);
	ck_assert_int_eq(run_with("--version", NULL), 0);
	ck_assert_int_eq(run_with("--lifetime", "5"), 0); /* its input ends at once */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent_ends");
	TCase *t = tcase_create("program");

	tcase_set_timeout(t, 90);
	tcase_add_test(t, the_end_of_its_input_ends_it_and_everything_it_started);
	tcase_add_test(t, its_lifetime_ends_it);
	tcase_add_test(t, a_deadline_replaces_the_lifetime);
	tcase_add_test(t, a_deadline_can_be_put_off);
	tcase_add_test(t, its_lifetime_ends_it_also_when_it_has_been_stopped);
	tcase_add_test(t, sigterm_ends_it);
	tcase_add_test(t, the_end_of_its_output_ends_it);
	tcase_add_test(t, garbage_ends_it_with_status_2);
	tcase_add_test(t, a_terminal_that_never_was_ends_it_with_status_2);
	tcase_add_test(t, a_number_in_use_ends_it_with_status_2);
	tcase_add_test(t, input_beyond_the_credit_ends_it_with_status_2);
	tcase_add_test(t, more_output_credit_than_the_window_ends_it_with_status_2);
	tcase_add_test(t, a_server_that_asks_and_does_not_read_is_not_read_either);
	tcase_add_test(t, wrong_arguments_are_refused);
	suite_add_tcase(suite, t);

	return run_suite(suite);
}
