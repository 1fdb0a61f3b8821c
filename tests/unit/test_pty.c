#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/pty.h"
#include "suite.h"

static struct pty_table table;
static bool refusing; /* frames are not taken */

/* The latest frame, and sums. */
static struct {
	enum frame_type type;
	uint16_t terminal;
	uint8_t payload[FRAME_PAYLOAD_MAX];
	size_t len, count, input_bytes, credit_bytes;
} sent;

struct listener {
	struct pty *pty;
	unsigned rooms, exits, losts, foregrounds, settled;
	bool shell;
	size_t output_bytes;
	enum exit_kind kind;
	unsigned value;
	struct err err;
	bool closes; /* closes its PTY at the next event */
};

static bool send_frame(void *arg, enum frame_type type, uint16_t terminal, const void *payload,
		       size_t len)
{
	ck_assert_ptr_eq(arg, &table);
	ck_assert_uint_le(len, sizeof(sent.payload));
	if (refusing)
		return false;
	sent.type = type;
	sent.terminal = terminal;
	sent.len = len;
	sent.count++;
	if (len)
		memcpy(sent.payload, payload, len);
	sent.input_bytes += type == FRAME_INPUT ? len : 0;
	sent.credit_bytes += type == FRAME_CREDIT ? get_u32(payload) : 0;
	return true;
}

static void maybe_close(struct listener *l)
{
	if (l->closes)
		pty_close(l->pty);
}

static void on_output(void *arg, const uint8_t *data, size_t len)
{
	struct listener *l = arg;

	(void)data;
	l->output_bytes += len;
	maybe_close(l);
}

static void on_room(void *arg)
{
	struct listener *l = arg;

	l->rooms++;
	maybe_close(l);
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	struct listener *l = arg;

	l->exits++;
	l->kind = kind;
	l->value = value;
}

static void on_lost(void *arg, const struct err *err)
{
	struct listener *l = arg;

	l->losts++;
	l->err = *err;
}

static void on_foreground(void *arg, bool shell)
{
	struct listener *l = arg;

	l->foregrounds++;
	l->shell = shell;
	maybe_close(l);
}

static void on_settled(void *arg)
{
	struct listener *l = arg;

	l->settled++;
	maybe_close(l);
}

static const struct pty_events events = {on_output, on_room,       on_exit_event,
					 on_lost,   on_foreground, on_settled};
static const struct pty_events few_events = {on_output, on_room, on_exit_event,
					     on_lost,   NULL,    NULL};

static void set_up(void)
{
	refusing = false;
	memset(&sent, 0, sizeof(sent));
	pty_table_init(&table, send_frame, &table, NULL);
}

static void tear_down(void)
{
	struct err err = {.kind = ERR_GONE, .msg = "over"};

	pty_table_finish(&table, &err);
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++)
		ck_assert_ptr_null(table.slots[i]);
}

static void ask(struct listener *l)
{
	memset(l, 0, sizeof(*l));
	l->pty = pty_open(&table, NULL, 24, 80, &events, l, NULL);
	ck_assert_ptr_nonnull(l->pty);
}

static void open_pty(struct listener *l, uint32_t credit)
{
	ask(l);
	ck_assert_int_eq(pty_table_opened(&table, sent.terminal, credit, NULL), 0);
}

START_TEST(opening_asks_for_the_users_shell_of_that_size)
{
	static const char strings[] = "\0TERM=xterm-256color\0COLORTERM=truecolor";
	static struct listener l;

	ask(&l);
	ck_assert_int_eq(sent.type, FRAME_OPEN);
	ck_assert_uint_eq(sent.terminal, 1);
	ck_assert_uint_eq(get_u16(sent.payload), 24);
	ck_assert_uint_eq(get_u16(sent.payload + 2), 80);
	ck_assert_uint_eq(get_u32(sent.payload + 4), PTY_OUTPUT_WINDOW);
	ck_assert_uint_eq(sent.payload[8], 0);
	ck_assert_uint_eq(sent.payload[9], 2);
	ck_assert_uint_eq(sent.len, 10 + sizeof(strings));
	ck_assert_int_eq(memcmp(sent.payload + 10, strings, sizeof(strings)), 0);
}
END_TEST

START_TEST(a_sandbox_has_so_many_terminals_and_numbers_come_free_again)
{
	static struct listener all[AGENT_TERMINALS_MAX], one_more;
	struct err err;

	for (int i = 0; i < AGENT_TERMINALS_MAX; i++)
		open_pty(&all[i], 10);
	ck_assert_ptr_null(pty_open(&table, NULL, 24, 80, &events, &one_more, &err));
	ck_assert_int_eq(err.kind, ERR_LIMIT);
	ck_assert_int_eq(pty_table_exit(&table, 7, EXIT_STATUS, 0, NULL), 0);
	ask(&one_more);
	ck_assert_uint_eq(sent.terminal, 7);
}
END_TEST

START_TEST(a_number_is_free_only_when_the_agent_has_said_so)
{
	static struct listener first, second;

	open_pty(&first, 10);
	pty_close(first.pty);
	ck_assert_int_eq(sent.type, FRAME_CLOSE);
	ask(&second);
	ck_assert_uint_eq(sent.terminal, 2);
	ck_assert_int_eq(pty_table_exit(&table, 1, EXIT_SIGNAL, 1, NULL), 0);
	ck_assert_uint_eq(first.exits, 0);
	ask(&first);
	ck_assert_uint_eq(sent.terminal, 1);
}
END_TEST

START_TEST(an_open_that_cannot_be_sent_is_an_error_and_leaves_nothing)
{
	struct err err;

	refusing = true;
	ck_assert_ptr_null(pty_open(&table, NULL, 24, 80, &events, NULL, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ck_assert_ptr_null(table.slots[0]);
}
END_TEST

START_TEST(input_goes_as_far_as_the_agents_window)
{
	static char text[3 * FRAME_PAYLOAD_MAX];
	static struct listener l;

	ask(&l);
	ck_assert_uint_eq(pty_input(l.pty, text, 5), 0);
	ck_assert_int_eq(pty_table_opened(&table, 1, FRAME_PAYLOAD_MAX + 10, NULL), 0);
	ck_assert_uint_eq(l.rooms, 1);
	ck_assert_uint_eq(pty_input(l.pty, text, sizeof(text)), FRAME_PAYLOAD_MAX + 10);
	ck_assert_uint_eq(sent.input_bytes, FRAME_PAYLOAD_MAX + 10);
	ck_assert_uint_eq(sent.len, 10);
	ck_assert_uint_eq(pty_input(l.pty, text, 1), 0);
	ck_assert_int_eq(pty_table_credit(&table, 1, 3, NULL), 0);
	ck_assert_uint_eq(l.rooms, 2);
	ck_assert_uint_eq(pty_input(l.pty, text, 10), 3);
}
END_TEST

START_TEST(input_that_is_not_taken_keeps_its_credit)
{
	static struct listener l;

	open_pty(&l, 100);
	refusing = true;
	ck_assert_uint_eq(pty_input(l.pty, "abc", 3), 0);
	refusing = false;
	ck_assert_uint_eq(pty_input(l.pty, sent.payload, 200), 100);
}
END_TEST

START_TEST(credit_goes_back_in_large_pieces_and_in_full)
{
	static const uint8_t piece[1024];
	static struct listener l;

	open_pty(&l, 10);
	for (size_t i = 0; i < 10 * PTY_OUTPUT_WINDOW / sizeof(piece); i++) {
		ck_assert_int_eq(pty_table_output(&table, 1, piece, sizeof(piece), NULL), 0);
		pty_consumed(l.pty, sizeof(piece));
	}
	ck_assert_uint_eq(l.output_bytes, 10 * PTY_OUTPUT_WINDOW);
	ck_assert_uint_eq(sent.credit_bytes, 10 * PTY_OUTPUT_WINDOW);
	ck_assert_uint_le(sent.count, 42);
}
END_TEST

START_TEST(credit_that_cannot_be_sent_is_not_forgotten)
{
	static const uint8_t data[PTY_OUTPUT_WINDOW];
	static struct listener l;

	open_pty(&l, 10);
	ck_assert_int_eq(pty_table_output(&table, 1, data, sizeof(data), NULL), 0);
	refusing = true;
	pty_consumed(l.pty, sizeof(data) - 1);
	refusing = false;
	ck_assert_int_eq(pty_table_output(&table, 1, data, 1, NULL), -1);
	pty_consumed(l.pty, 1);
	ck_assert_uint_eq(sent.credit_bytes, PTY_OUTPUT_WINDOW);
	ck_assert_int_eq(pty_table_output(&table, 1, data, sizeof(data), NULL), 0);
}
END_TEST

/* --- with a pace --- */

static uv_loop_t loop;

static void begin_pace(uint64_t bytes_per_second)
{
	uv_loop_init(&loop);
	table.pace = pace_new(&loop, bytes_per_second, pty_on_turn);
}

/* Nobody may be waiting. */
static void end_pace(void)
{
	pace_free(table.pace);
	table.pace = NULL;
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* Two terminals and a bucket for a quarter of a window: one is granted what it showed, the other waits. */
START_TEST(who_floods_waits_for_credit_at_the_pace)
{
	static const uint8_t data[PTY_OUTPUT_WINDOW / 2];
	static struct listener first, second;

	begin_pace((uint64_t)PTY_OUTPUT_WINDOW / 4 * 10);
	open_pty(&first, 10);
	open_pty(&second, 10);
	ck_assert_int_eq(pty_table_output(&table, 1, data, sizeof(data), NULL), 0);
	ck_assert_int_eq(pty_table_output(&table, 2, data, sizeof(data), NULL), 0);
	pty_consumed(first.pty, sizeof(data));
	pty_consumed(second.pty, sizeof(data) - 1);
	ck_assert_uint_eq(sent.credit_bytes, sizeof(data));
	/* What is shown while it waits comes with the rest. */
	pty_consumed(second.pty, 1);
	ck_assert_uint_eq(sent.credit_bytes, sizeof(data));
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(sent.credit_bytes, 2 * sizeof(data));
	end_pace();
}
END_TEST

START_TEST(a_terminal_that_goes_waits_no_longer)
{
	static const uint8_t data[PTY_OUTPUT_WINDOW];
	static struct listener l;
	struct err err = {.kind = ERR_GONE, .msg = "over"};

	begin_pace(1);
	open_pty(&l, 10);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(pty_table_output(&table, 1, data, sizeof(data) / 2, NULL), 0);
		pty_consumed(l.pty, sizeof(data) / 2);
	}
	ck_assert_uint_eq(sent.credit_bytes, sizeof(data) / 2);
	ck_assert_uint_eq(pace_waits(table.pace), 1);
	pty_table_finish(&table, &err);
	/* The clock would run for a day if it still did. */
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	end_pace();
}
END_TEST

START_TEST(output_beyond_the_credit_is_a_violation_and_reaches_nobody)
{
	static const uint8_t data[PTY_OUTPUT_WINDOW];
	static struct listener l;
	struct err err;

	open_pty(&l, 10);
	ck_assert_int_eq(pty_table_output(&table, 1, data, sizeof(data), &err), 0);
	ck_assert_int_eq(pty_table_output(&table, 1, data, 1, &err), -1);
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ck_assert_uint_eq(l.output_bytes, sizeof(data));
}
END_TEST

START_TEST(a_terminal_that_we_closed_is_still_held_to_its_credit)
{
	static const uint8_t data[PTY_OUTPUT_WINDOW];
	static struct listener l;

	open_pty(&l, 10);
	pty_close(l.pty);
	ck_assert_int_eq(pty_table_output(&table, 1, data, sizeof(data), NULL), 0);
	ck_assert_int_eq(pty_table_output(&table, 1, data, 1, NULL), -1);
	ck_assert_uint_eq(l.output_bytes, 0);
}
END_TEST

START_TEST(frames_out_of_order_are_violations)
{
	static struct listener l;
	struct err err;

	ck_assert_int_eq(pty_table_opened(&table, 1, 1, &err), -1);
	ck_assert_int_eq(pty_table_exit(&table, 65535, EXIT_STATUS, 0, &err), -1);
	ck_assert_int_eq(pty_table_error(&table, 2, 0, "", &err), -1);
	ask(&l);
	ck_assert_int_eq(pty_table_output(&table, 1, (const uint8_t *)"x", 1, &err), -1);
	ck_assert_int_eq(pty_table_credit(&table, 1, 1, &err), -1);
	ck_assert_int_eq(pty_table_opened(&table, 1, 16 * AGENT_INPUT_WINDOW + 1, &err), -1);
	ck_assert_int_eq(pty_table_opened(&table, 1, 16 * AGENT_INPUT_WINDOW, &err), 0);
	ck_assert_int_eq(pty_table_opened(&table, 1, 1, &err), -1);
	ck_assert_int_eq(pty_table_credit(&table, 1, 1, &err), -1);
	ck_assert_int_eq(pty_table_error(&table, 1, 0, "late", &err), -1);
	ck_assert_uint_eq(l.losts + l.exits, 0);
}
END_TEST

START_TEST(an_exit_is_told_with_its_status_and_is_the_last)
{
	static struct listener l;

	open_pty(&l, 10);
	ck_assert_int_eq(pty_table_exit(&table, 1, EXIT_SIGNAL, 9, NULL), 0);
	ck_assert_uint_eq(l.exits, 1);
	ck_assert_int_eq(l.kind, EXIT_SIGNAL);
	ck_assert_uint_eq(l.value, 9);
	ck_assert_int_eq(pty_table_exit(&table, 1, EXIT_STATUS, 0, NULL), -1);
	tear_down();
	ck_assert_uint_eq(l.losts, 0);
}
END_TEST

START_TEST(a_terminal_that_cannot_be_opened_is_lost_with_the_reason)
{
	static struct listener l;

	ask(&l);
	ck_assert_int_eq(pty_table_error(&table, 1, 12, "no memory", NULL), 0);
	ck_assert_uint_eq(l.losts, 1);
	ck_assert_int_eq(l.err.code, 12);
	ck_assert_ptr_nonnull(strstr(l.err.msg, "no memory"));
}
END_TEST

START_TEST(when_the_sandbox_ends_each_open_terminal_is_lost_once)
{
	static struct listener open, asked, closed, exited;

	open_pty(&exited, 1);
	open_pty(&open, 1);
	open_pty(&closed, 1);
	ask(&asked);
	pty_close(closed.pty);
	ck_assert_int_eq(pty_table_exit(&table, 1, EXIT_STATUS, 0, NULL), 0);
	tear_down();
	ck_assert_uint_eq(open.losts, 1);
	ck_assert_str_eq(open.err.msg, "over");
	ck_assert_uint_eq(asked.losts, 1);
	ck_assert_uint_eq(closed.losts, 0);
	ck_assert_uint_eq(exited.losts, 0);
}
END_TEST

START_TEST(a_terminal_may_be_closed_in_its_events)
{
	static struct listener l;

	ask(&l);
	l.closes = true;
	ck_assert_int_eq(pty_table_opened(&table, 1, 10, NULL), 0);
	ck_assert_int_eq(sent.type, FRAME_CLOSE);
	open_pty(&l, 10);
	l.closes = true;
	ck_assert_int_eq(pty_table_output(&table, 2, (const uint8_t *)"x", 1, NULL), 0);
	ck_assert_int_eq(pty_table_output(&table, 2, (const uint8_t *)"x", 1, NULL), 0);
	ck_assert_uint_eq(l.output_bytes, 1);
	pty_close(NULL);
}
END_TEST

START_TEST(a_resize_is_sent_at_once)
{
	static struct listener l;

	ask(&l);
	pty_resize(l.pty, 50, 132);
	ck_assert_int_eq(sent.type, FRAME_RESIZE);
	ck_assert_uint_eq(get_u16(sent.payload), 50);
	ck_assert_uint_eq(get_u16(sent.payload + 2), 132);
}
END_TEST

START_TEST(the_foreground_is_told_as_it_changes)
{
	static struct listener l;

	open_pty(&l, 10);
	ck_assert_int_eq(pty_table_foreground(&table, 1, 0, NULL), 0);
	ck_assert_uint_eq(l.foregrounds, 1);
	ck_assert(!l.shell);
	ck_assert_int_eq(pty_table_foreground(&table, 1, 1, NULL), 0);
	ck_assert_uint_eq(l.foregrounds, 2);
	ck_assert(l.shell);
}
END_TEST

START_TEST(a_foreground_that_cannot_be_is_a_violation_and_reaches_nobody)
{
	static struct listener l;
	struct err err = {.kind = ERR_INPUT};

	ck_assert_int_eq(pty_table_foreground(&table, 1, 0, &err), -1);
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ask(&l);
	ck_assert_int_eq(pty_table_foreground(&table, 1, 0, &err), -1); /* not opened yet */
	ck_assert_int_eq(pty_table_opened(&table, 1, 10, NULL), 0);
	ck_assert_int_eq(pty_table_foreground(&table, 1, 1, &err), -1); /* no change */
	ck_assert_int_eq(pty_table_foreground(&table, 1, 2, &err), -1);
	ck_assert_int_eq(pty_table_foreground(&table, 2, 0, &err), -1);
	ck_assert_int_eq(pty_table_foreground(&table, 65535, 0, &err), -1);
	ck_assert_uint_eq(l.foregrounds, 0);
}
END_TEST

START_TEST(nobody_has_to_listen_to_the_foreground)
{
	static struct listener closed, l = {0};

	open_pty(&closed, 10);
	closed.closes = true;
	ck_assert_int_eq(pty_table_foreground(&table, 1, 0, NULL), 0);
	ck_assert_int_eq(sent.type, FRAME_CLOSE);
	ck_assert_int_eq(pty_table_foreground(&table, 1, 1, NULL), 0);
	ck_assert_uint_eq(closed.foregrounds, 1);
	l.pty = pty_open(&table, NULL, 24, 80, &few_events, &l, NULL);
	ck_assert_int_eq(pty_table_opened(&table, 2, 10, NULL), 0);
	ck_assert_int_eq(pty_table_foreground(&table, 2, 0, NULL), 0);
	ck_assert_int_eq(pty_table_foreground(&table, 2, 0, NULL), -1);
}
END_TEST

START_TEST(who_has_got_output_is_told_once_that_it_has_settled)
{
	static struct listener l[3];

	for (int i = 0; i < 3; i++)
		open_pty(&l[i], 100);
	for (int i = 0; i < 2; i++)
		for (uint16_t terminal = 1; terminal <= 2; terminal++)
			ck_assert_int_eq(
				pty_table_output(&table, terminal, (uint8_t *)"x", 1, NULL), 0);
	ck_assert_uint_eq(l[0].settled + l[1].settled + l[2].settled, 0);
	l[0].closes = true;
	pty_table_settle(&table);
	pty_table_settle(&table);
	ck_assert_uint_eq(l[0].settled, 1);
	ck_assert_uint_eq(l[1].settled, 1);
	ck_assert_uint_eq(l[2].settled, 0);
	ck_assert_int_eq(pty_table_output(&table, 1, (uint8_t *)"x", 1, NULL), 0);
	pty_table_settle(&table);
	ck_assert_uint_eq(l[0].settled, 1); /* it has left */
	pty_set_owner(l[1].pty, &few_events, &l[1]);
	ck_assert_int_eq(pty_table_output(&table, 2, (uint8_t *)"x", 1, NULL), 0);
	pty_table_settle(&table);
	ck_assert_uint_eq(l[1].settled, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pty");
	TCase *tc = tcase_create("pty");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, opening_asks_for_the_users_shell_of_that_size);
	tcase_add_test(tc, a_sandbox_has_so_many_terminals_and_numbers_come_free_again);
	tcase_add_test(tc, a_number_is_free_only_when_the_agent_has_said_so);
	tcase_add_test(tc, an_open_that_cannot_be_sent_is_an_error_and_leaves_nothing);
	tcase_add_test(tc, input_goes_as_far_as_the_agents_window);
	tcase_add_test(tc, input_that_is_not_taken_keeps_its_credit);
	tcase_add_test(tc, credit_goes_back_in_large_pieces_and_in_full);
	tcase_add_test(tc, credit_that_cannot_be_sent_is_not_forgotten);
	tcase_add_test(tc, who_floods_waits_for_credit_at_the_pace);
	tcase_add_test(tc, a_terminal_that_goes_waits_no_longer);
	tcase_add_test(tc, output_beyond_the_credit_is_a_violation_and_reaches_nobody);
	tcase_add_test(tc, a_terminal_that_we_closed_is_still_held_to_its_credit);
	tcase_add_test(tc, frames_out_of_order_are_violations);
	tcase_add_test(tc, an_exit_is_told_with_its_status_and_is_the_last);
	tcase_add_test(tc, a_terminal_that_cannot_be_opened_is_lost_with_the_reason);
	tcase_add_test(tc, when_the_sandbox_ends_each_open_terminal_is_lost_once);
	tcase_add_test(tc, a_terminal_may_be_closed_in_its_events);
	tcase_add_test(tc, a_resize_is_sent_at_once);
	tcase_add_test(tc, who_has_got_output_is_told_once_that_it_has_settled);
	tcase_add_test(tc, the_foreground_is_told_as_it_changes);
	tcase_add_test(tc, a_foreground_that_cannot_be_is_a_violation_and_reaches_nobody);
	tcase_add_test(tc, nobody_has_to_listen_to_the_foreground);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
