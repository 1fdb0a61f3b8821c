/* A WebSocket from end to end: a client on a real socket, the edge, a session in the world of world.h, and the simulated agent. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client.h"
#include "edge/identity.h"
#include "edge/pulse.h"
#include "edge/server.h"
#include "suite.h"

/* --- every allocation of the process, the libraries' included; sanitizers have their own malloc, and none is counted --- */

static size_t allocations;

#ifdef __SANITIZE_ADDRESS__
/* On somebody else's loop the library keeps its context, once for each process; so does the server at its end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libwebsockets.so\n";
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}
#endif

/* --- the browser --- */

#define CONNECTED    "{\"type\":\"connected\""
#define INITIALISED  "{\"type\":\"initComplete\""
#define MESSAGE_MAX  (1 << 17)
#define RECEIVED_MAX (1 << 20)

static struct {
	struct identity *identity;
	struct server *server;
	int fd;
	bool reading;
	uint8_t received[RECEIVED_MAX]; /* what has not been taken as a frame */
	size_t received_len;
	char text[MESSAGE_MAX + 1]; /* of the latest frame */
	size_t text_len;
} tab;

static void browse(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)server_port(tab.server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int small = 4096;

	tab.fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(setsockopt(tab.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	ck_assert_int_eq(connect(tab.fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static void receive(void)
{
	ssize_t n = recv(tab.fd, tab.received + tab.received_len, RECEIVED_MAX - tab.received_len,
			 MSG_DONTWAIT);

	if (n > 0)
		tab.received_len += (size_t)n;
}

static void drop(size_t n)
{
	tab.received_len -= n;
	memmove(tab.received, tab.received + n, tab.received_len);
}

/* Takes the head of the answer. */
static void upgrade(void)
{
	char request[512], *end = NULL;
	int n = snprintf(
		request, sizeof(request),
		"GET /api/v1/sessions/%s/ws HTTP/1.1\r\nHost: localhost\r\n"
		"Connection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		client.id);

	ck_assert_int_eq(send(tab.fd, request, (size_t)n, 0), n);
	while (!end) {
		world_turns(1);
		receive();
		end = memmem(tab.received, tab.received_len, "\r\n\r\n", 4);
	}
	ck_assert_int_eq(memcmp(tab.received, "HTTP/1.1 101 ", 13), 0);
	drop((size_t)(end + 4 - (char *)tab.received));
}

/* The next frame that has arrived whole, into tab.text; checked to be text of one piece without a mask. */
static bool take_frame(void)
{
	const uint8_t *p = tab.received;
	size_t head = 2, len;

	receive();
	if (tab.received_len < 10 &&
	    (tab.received_len < 2 || p[1] > 125 || tab.received_len < head + p[1]))
		return false;
	if (p[0] != 0x81)
		ck_abort_msg("a frame that begins with %02x", p[0]);
	len = p[1];
	if (len == 126) {
		head = 4;
		len = (size_t)p[2] << 8 | p[3];
	} else if (len == 127) {
		head = 10;
		len = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
	}
	if (len > MESSAGE_MAX)
		ck_abort_msg("a frame of %zu bytes", len);
	if (tab.received_len < head + len)
		return false;
	memcpy(tab.text, p + head, len);
	tab.text[len] = '\0';
	tab.text_len = len;
	drop(head + len);
	return true;
}

static const char *next_text(void)
{
	while (!take_frame())
		world_turns(1);
	return tab.text;
}

static void expect(const char *text)
{
	if (strcmp(next_text(), text) != 0)
		ck_abort_msg("'%s' instead of '%s'", tab.text, text);
}

static void expect_close(unsigned code, const char *text)
{
	size_t len = 4 + strlen(text);

	for (int i = 0; i < 100 && tab.received_len < len; i++) {
		world_turns(1);
		receive();
	}
	ck_assert_uint_eq(tab.received_len, len);
	ck_assert_uint_eq(tab.received[0], 0x88);
	ck_assert_uint_eq(tab.received[2] << 8 | tab.received[3], code);
	ck_assert_int_eq(memcmp(tab.received + 4, text, strlen(text)), 0);
}

/* --- a world with an edge --- */

static void set_up(void)
{
	struct err err = {.msg = ""};

	client_set_up();
	memset(&tab, 0, sizeof(tab));
	world.config.port = 0;
	snprintf(world.config.host, sizeof(world.config.host), "127.0.0.1");
	tab.identity = identity_new(&world.config, &err);
	ck_assert_msg(tab.identity != NULL, "%s", err.msg);
	tab.server = server_new(&(struct server_parts){.loop = &world.loop,
						       .config = &world.config,
						       .sessions = world.sessions,
						       .watch = world.watch,
						       .capacity = world.capacity,
						       .pool = world.pool,
						       .fleet = world.fleet,
						       .limiter = world.limiter,
						       .identity = tab.identity},
				&err);
	ck_assert_msg(tab.server != NULL, "%s", err.msg);
	tab.fd = -1;
}

static bool nobody_is_there(void)
{
	return server_peer_count(tab.server) == 0;
}

static void leave(void)
{
	if (tab.fd >= 0)
		close(tab.fd);
	tab.fd = -1;
	world_until(nobody_is_there);
}

static void tear_down(void)
{
	leave();
	server_free(tab.server);
	identity_free(tab.identity);
	client_tear_down();
}

/* A session, and a tab that has seen the shell's prompt. */
static void open_tab(void)
{
	start(NULL, 0);
	browse();
	upgrade();
	while (strcmp(next_text(), "$ ") != 0)
		;
}

/* --- tests --- */

START_TEST(what_is_said_first_comes_first)
{
	start(NULL, 0);
	browse();
	upgrade();
	ck_assert_int_eq(strncmp(next_text(), CONNECTED, strlen(CONNECTED)), 0);
	ck_assert_int_eq(strncmp(next_text(), INITIALISED, strlen(INITIALISED)), 0);
	expect("$ ");
}
END_TEST

/* The turn in which the Engine's stream is read is the one in which the browser's socket is written. */
START_TEST(an_echo_is_written_in_the_turn_in_which_it_is_read)
{
	open_tab();
	world_turns(20);
	for (int i = 0; i < 100; i++) {
		sim_agent_print(agent(), 1, "x", 1);
		world_turns(1);
		ck_assert(take_frame());
		ck_assert_str_eq(tab.text, "x");
		ck_assert(!take_frame());
	}
}
END_TEST

START_TEST(what_is_read_at_once_is_written_at_once)
{
	open_tab();
	world_turns(20);
	for (int i = 0; i < 100; i++) {
		sim_agent_print(agent(), 1, "x", 1);
		sim_agent_print(agent(), 1, "y", 1);
		sim_agent_print(agent(), 1, "z", 1);
		expect("xyz");
	}
}
END_TEST

static int socket_to(int peer)
{
	struct sockaddr_in mine, theirs;
	socklen_t len = sizeof(mine);

	ck_assert_int_eq(getsockname(peer, (struct sockaddr *)&mine, &len), 0);
	for (int fd = 3; fd < 1000; fd++) {
		len = sizeof(theirs);
		if (getpeername(fd, (struct sockaddr *)&theirs, &len) == 0 &&
		    theirs.sin_family == AF_INET && theirs.sin_port == mine.sin_port)
			return fd;
	}
	return -1;
}

START_TEST(the_kernel_holds_no_echo_back)
{
	int value = 0;
	socklen_t len = sizeof(value);

	open_tab();
	ck_assert_int_eq(getsockopt(socket_to(tab.fd), IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
	ck_assert_int_ne(value, 0);
}
END_TEST

/* Two keys, which the shell answers in three pieces. Unlike an assertion this allocates nothing. */
static void type_line(void)
{
	static const uint8_t frames[] = "\x82\x81\0\0\0\0q\x82\x81\0\0\0\0\n"; /* masked with 0 */
	char text[32];
	size_t len = 0;

	if (send(tab.fd, frames, sizeof(frames) - 1, 0) != sizeof(frames) - 1)
		ck_abort_msg("cannot send");
	while (len < 8) {
		next_text();
		if (len + tab.text_len > 8)
			ck_abort_msg("'%s' is too much", tab.text);
		memcpy(text + len, tab.text, tab.text_len);
		len += tab.text_len;
	}
	if (memcmp(text, "echo:q\r\n", 8) != 0)
		ck_abort_msg("'%.8s'", text);
}

/* Without the sweeps, which ask the Engine now and then. */
START_TEST(a_thousand_keys_and_their_echoes_cost_no_allocation)
{
	open_tab();
	uv_timer_stop(&world.tick);
	for (int i = 0; i < 100; i++)
		type_line();
	size_t before = allocations;
	for (int i = 0; i < 500; i++)
		type_line();
	ck_assert_uint_eq(allocations - before, 0);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_uint_gt(before, 0);
#endif
}
END_TEST

START_TEST(a_sequence_that_is_cut_between_frames_comes_whole)
{
	open_tab();
	sim_agent_print(agent(), 1, "gr\xc3", 3);
	expect("gr");
	world_turns(20);
	ck_assert(!take_frame());
	sim_agent_print(agent(), 1, "\xbc\xe2\x82", 3);
	expect("\xc3\xbc");
	sim_agent_print(agent(), 1, "\xac\n", 2);
	expect("\xe2\x82\xac\n");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_replaced_where_they_stand)
{
	open_tab();
	sim_agent_print(agent(), 1, "ab\xff\xfe-and-so-on", 14);
	expect("ab\xef\xbf\xbd\xef\xbf\xbd-and-so-on");
	sim_agent_print(agent(), 1, "cut\xe2\x82", 5);
	expect("cut");
	sim_agent_exit(agent(), 1, EXIT_STATUS, 0);
	expect("\xef\xbf\xbd");
	expect("{\"type\":\"exit\",\"code\":0}");
}
END_TEST

START_TEST(output_that_looks_like_a_message_is_wrapped)
{
	open_tab();
	sim_agent_print(agent(), 1, "{\"type\":\"exit\"}", 15);
	ck_assert_str_eq(next_text(),
			 "{\"type\":\"output\",\"data\":\"{\\\"type\\\":\\\"exit\\\"}\"}");
}
END_TEST

/* Text that shows where each byte belongs. */
static void make_flood(char *flood, size_t len)
{
	for (size_t i = 0; i < len; i++)
		flood[i] = (char)('a' + i % 23);
}

static size_t frames_until(const char *flood, size_t len)
{
	size_t at = 0, frames = 0;

	for (; at < len; frames++) {
		next_text();
		ck_assert_uint_le(at + tab.text_len, len);
		ck_assert_int_eq(memcmp(tab.text, flood + at, tab.text_len), 0);
		at += tab.text_len;
	}
	return frames;
}

/* The socket takes a part of a frame, then nothing; the library keeps the rest. A little that comes meanwhile waits its turn. */
START_TEST(a_browser_that_stops_reading_stops_the_shell_and_loses_nothing)
{
	static char flood[(6 * PTY_OUTPUT_WINDOW) + 1];
	size_t len = sizeof(flood) - 1;

	open_tab();
	make_flood(flood, len);
	flood[len] = '!';
	sim_agent_print(agent(), 1, flood, len);
	world_turns(300);
	ck_assert_uint_eq(shell()->output_credit, 0);
	sim_agent_print(agent(), 1, flood + len, 1);
	uint64_t sent = shell()->sent_bytes;
	world_turns(300);
	ck_assert_uint_eq(shell()->sent_bytes, sent);
	ck_assert_uint_lt(sent, len);
	ck_assert_uint_le(frames_until(flood, len + 1), 2 * len / 16384);
	ck_assert(!take_frame());
}
END_TEST

START_TEST(the_exit_comes_after_all_output_of_a_slow_reader)
{
	static char flood[PTY_OUTPUT_WINDOW];

	open_tab();
	make_flood(flood, sizeof(flood));
	sim_agent_print(agent(), 1, flood, sizeof(flood) - 100);
	sim_agent_exit(agent(), 1, EXIT_STATUS, 7);
	world_turns(100);
	frames_until(flood, sizeof(flood) - 100);
	expect("{\"type\":\"exit\",\"code\":7}");
}
END_TEST

/* The last of the output is a part of a frame then, in the library's hands. */
START_TEST(the_close_frame_comes_after_all_output_of_a_slow_reader)
{
	static char flood[PTY_OUTPUT_WINDOW];

	open_tab();
	make_flood(flood, sizeof(flood));
	sim_agent_print(agent(), 1, flood, sizeof(flood) - 100);
	world_turns(100);
	session_end(client.session, END_DELETED);
	world_turns(100);
	frames_until(flood, sizeof(flood) - 100);
	expect_close(1000, "session deleted");
}
END_TEST

/* Reads a little, as much as there is, or nothing. */
static size_t read_some(const char *flood, size_t at)
{
	if (rand() % 3)
		receive();
	for (int frames = rand() % 4; frames && tab.received_len && take_frame(); frames--) {
		ck_assert_int_eq(memcmp(tab.text, flood + at, tab.text_len), 0);
		at += tab.text_len;
	}
	return at;
}

/* Who deletes a session hangs up on what is still on its way from the sandbox. */
static void end(bool by_deletion)
{
	if (!by_deletion) {
		sim_agent_exit(agent(), 1, EXIT_STATUS, 7);
		return;
	}
	world_turns(50);
	session_end(client.session, END_DELETED);
}

START_TEST(all_output_then_the_end_at_any_pace)
{
	static char flood[2 * PTY_OUTPUT_WINDOW];
	size_t said = 0, seen = 0, n;

	srand((unsigned)_i);
	open_tab();
	make_flood(flood, sizeof(flood));
	for (; said < sizeof(flood); said += n) {
		n = (size_t)rand() % (rand() % 2 ? 100 : 100000) + 1;
		n = n < sizeof(flood) - said ? n : sizeof(flood) - said;
		sim_agent_print(agent(), 1, flood + said, n);
		world_turns(rand() % 5);
		seen = read_some(flood, seen);
	}
	while (sizeof(flood) - seen > PTY_OUTPUT_WINDOW / 2) {
		world_turns(1);
		seen = read_some(flood, seen);
	}
	end(_i % 2);
	world_turns(rand() % 50);
	frames_until(flood + seen, sizeof(flood) - seen);
	if (!(_i % 2))
		expect("{\"type\":\"exit\",\"code\":7}");
	expect_close(1000, _i % 2 ? "session deleted" : "shell exited");
}
END_TEST

/* Whatever the shell still has to say. */
START_TEST(a_slow_reader_whose_message_is_too_big_is_told_so)
{
	static const uint8_t message[] = {0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 'x'};
	static char flood[6 * PTY_OUTPUT_WINDOW];
	size_t got = 0;

	open_tab();
	sim_agent_print(agent(), 1, flood, sizeof(flood));
	world_turns(300);
	ck_assert_int_eq(send(tab.fd, message, sizeof(message), 0), sizeof(message));
	world_turns(100);
	for (receive(); tab.received_len < 1 || tab.received[0] != 0x88; world_turns(1), receive())
		if (tab.received_len && take_frame())
			got += tab.text_len;
	expect_close(1009, "message too big");
	ck_assert_uint_lt(got, 2 * PTY_OUTPUT_WINDOW);
}
END_TEST

/* With a reset. */
static void vanish(void)
{
	struct linger reset = {.l_onoff = 1};

	ck_assert_int_eq(setsockopt(tab.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(tab.fd);
	tab.fd = -1;
}

/* With output on its way: the server may learn of it by a write that fails. */
START_TEST(a_browser_that_vanishes_takes_its_terminal_with_it)
{
	static char flood[2 * PTY_OUTPUT_WINDOW];

	open_tab();
	if (_i)
		sim_agent_print(agent(), 1, flood, sizeof(flood));
	world_turns(50);
	vanish();
	for (int i = 0; i < 100; i++)
		sim_agent_print(agent(), 1, "x", 1);
	world_until(nobody_is_there);
	world_turns(50);
	ck_assert(!shell()->open);
	ck_assert(!gone());
}
END_TEST

static void send_all(const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len; world_turns(1)) {
		ssize_t n = send(tab.fd, data + at, len - at, MSG_DONTWAIT);
		at += n > 0 ? (size_t)n : 0;
	}
}

/* Its socket is not read, so only writing can tell. */
START_TEST(a_browser_that_vanishes_while_its_input_waits_takes_its_terminal_with_it)
{
	static uint8_t message[8 + 60000] = {0x82, 0x80 | 126, 60000 >> 8, 60000 & 0xff};

	open_tab();
	shell()->mute = true;
	for (int i = 0; i < 3; i++)
		send_all(message, sizeof(message));
	world_turns(50);
	vanish();
	world_turns(50);
	ck_assert_uint_eq(server_peer_count(tab.server), 1);
	sim_agent_print(agent(), 1, "x", 1);
	world_until(nobody_is_there);
	world_turns(50);
	ck_assert(!shell()->open);
}
END_TEST

/* With a frame that the socket has taken in part, and looked at again before the library gives that up. */
START_TEST(a_browser_that_says_nothing_any_more_is_given_up)
{
	static char flood[150000];

	open_tab();
	sim_agent_print(agent(), 1, flood, 10000 * (size_t)_i);
	world_turns(50);
	sim_agent_print(agent(), 1, flood, sizeof(flood));
	world_turns(300);
	for (uint64_t ahead_ms = PULSE_SILENCE_MAX_MS + 1; ahead_ms < 2 * PULSE_SILENCE_MAX_MS;
	     ahead_ms += PULSE_LOOK_MS) {
		server_sweep(tab.server, clock_monotonic_ms() + ahead_ms);
		world_turns(10);
	}
	world_until(nobody_is_there);
	world_turns(50);
	ck_assert(!shell()->open);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ws");
	TCase *tc = tcase_create("ws");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, what_is_said_first_comes_first);
	tcase_add_test(tc, an_echo_is_written_in_the_turn_in_which_it_is_read);
	tcase_add_test(tc, what_is_read_at_once_is_written_at_once);
	tcase_add_test(tc, the_kernel_holds_no_echo_back);
	tcase_add_test(tc, a_thousand_keys_and_their_echoes_cost_no_allocation);
	tcase_add_test(tc, a_sequence_that_is_cut_between_frames_comes_whole);
	tcase_add_test(tc, bytes_that_are_no_text_are_replaced_where_they_stand);
	tcase_add_test(tc, output_that_looks_like_a_message_is_wrapped);
	tcase_add_test(tc, a_browser_that_stops_reading_stops_the_shell_and_loses_nothing);
	tcase_add_test(tc, the_exit_comes_after_all_output_of_a_slow_reader);
	tcase_add_test(tc, the_close_frame_comes_after_all_output_of_a_slow_reader);
	tcase_add_loop_test(tc, all_output_then_the_end_at_any_pace, 0, 50);
	tcase_add_test(tc, a_slow_reader_whose_message_is_too_big_is_told_so);
	tcase_add_loop_test(tc, a_browser_that_vanishes_takes_its_terminal_with_it, 0, 2);
	tcase_add_test(tc,
		       a_browser_that_vanishes_while_its_input_waits_takes_its_terminal_with_it);
	tcase_add_loop_test(tc, a_browser_that_says_nothing_any_more_is_given_up, 1, 5);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
