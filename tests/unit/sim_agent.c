#include "sim_agent.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_MAX     (1 << 20)
#define LINE_MAX   (1 << 18)
#define OUTPUT_MAX (4 << 20)

void sim_agent_init(struct sim_agent *a, void (*send)(void *arg, const void *data, size_t len),
		    void *arg)
{
	*a = (struct sim_agent){.send = send, .arg = arg};
	fifo_init(&a->in, IN_MAX);
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++) {
		fifo_init(&a->terminals[i].line, LINE_MAX);
		fifo_init(&a->terminals[i].output, OUTPUT_MAX);
	}
}

static void clear(struct sim_terminal *t)
{
	fifo_finish(&t->line);
	fifo_finish(&t->output);
	t->open = t->mute = false;
	t->input_bytes = t->granted_bytes = t->sent_bytes = 0;
}

void sim_agent_finish(struct sim_agent *a)
{
	fifo_finish(&a->in);
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++)
		clear(&a->terminals[i]);
}

void sim_agent_frame(struct sim_agent *a, uint8_t type, uint16_t terminal, const void *payload,
		     size_t len)
{
	uint8_t *frame = malloc(FRAME_HEADER_BYTES + len);

	frame_header_put(frame, (struct frame_header){type, terminal, (uint32_t)len});
	if (len)
		memcpy(frame + FRAME_HEADER_BYTES, payload, len);
	a->send(a->arg, frame, FRAME_HEADER_BYTES + len);
	free(frame);
}

void sim_agent_greet(struct sim_agent *a, enum sim_hello hello)
{
	uint8_t payload[4];

	if (hello == SIM_HELLO_NONE)
		return;
	if (hello == SIM_HELLO_GARBAGE) {
		a->send(a->arg, "Traceback (most recent call last)", 33);
		return;
	}
	put_u16(payload, hello == SIM_HELLO ? PROTOCOL_VERSION : PROTOCOL_VERSION + 1);
	put_u16(payload + 2, AGENT_TERMINALS_MAX);
	sim_agent_frame(a, FRAME_HELLO, 0, payload, sizeof(payload));
}

/* --- terminals --- */

static struct sim_terminal *terminal_of(struct sim_agent *a, uint16_t number)
{
	/* Not an assertion: those are slow, and this runs for each byte. */
	if (number < 1 || number > AGENT_TERMINALS_MAX)
		ck_abort_msg("a frame for terminal %u", number);
	return &a->terminals[number - 1];
}

static void flush(struct sim_agent *a, uint16_t number)
{
	struct sim_terminal *t = terminal_of(a, number);

	while (t->open && t->output.len && t->output_credit) {
		size_t n = t->output.len < t->output_credit ? t->output.len : t->output_credit;
		n = n < FRAME_PAYLOAD_MAX ? n : FRAME_PAYLOAD_MAX;
		sim_agent_frame(a, FRAME_OUTPUT, number, fifo_peek(&t->output), n);
		t->output_credit -= (uint32_t)n;
		t->sent_bytes += n;
		fifo_drop(&t->output, n);
	}
}

void sim_agent_print(struct sim_agent *a, uint16_t terminal, const void *data, size_t len)
{
	struct sim_terminal *t = terminal_of(a, terminal);

	if (t->open && !fifo_push(&t->output, data, len))
		ck_abort_msg("too much output");
	flush(a, terminal);
}

static void print_text(struct sim_agent *a, uint16_t terminal, const char *text)
{
	sim_agent_print(a, terminal, text, strlen(text));
}

void sim_agent_foreground(struct sim_agent *a, uint16_t terminal, bool shell)
{
	uint8_t payload = shell;

	if (terminal_of(a, terminal)->open)
		sim_agent_frame(a, FRAME_FOREGROUND, terminal, &payload, 1);
}

void sim_agent_exit(struct sim_agent *a, uint16_t terminal, enum exit_kind kind, uint8_t value)
{
	uint8_t payload[2] = {(uint8_t)kind, value};

	if (!terminal_of(a, terminal)->open)
		return;
	clear(terminal_of(a, terminal));
	sim_agent_frame(a, FRAME_EXIT, terminal, payload, sizeof(payload));
}

/* --- the shell --- */

static void run_marked(struct sim_agent *a, uint16_t terminal, char *line, const char *mark)
{
	char *command = strstr(line, "eval $'");
	int nonce_len = (int)strcspn(mark + 5, ";");
	char text[128];

	ck_assert_ptr_nonnull(command);
	print_text(a, terminal, line);
	snprintf(text, sizeof(text), "\r\n\033]7337;%.*s;s\a", nonce_len, mark + 5);
	print_text(a, terminal, text);
	if (strstr(command, "hang"))
		return;
	if (strstr(command, "exit")) {
		sim_agent_exit(a, terminal, EXIT_STATUS, 0);
		return;
	}
	snprintf(text, sizeof(text), "ran\r\n\033]7337;%.*s;%d\a$ ", nonce_len, mark + 5,
		 strstr(command, "false") != NULL);
	print_text(a, terminal, text);
}

static void run_line(struct sim_agent *a, uint16_t terminal, char *line)
{
	const char *mark = strstr(line, "7337;");

	if (mark) {
		run_marked(a, terminal, line, mark);
	} else if (strncmp(line, "exit ", 5) == 0) {
		sim_agent_exit(a, terminal, EXIT_STATUS, (uint8_t)atoi(line + 5));
	} else {
		print_text(a, terminal, "echo:");
		print_text(a, terminal, line);
		print_text(a, terminal, "\r\n");
	}
}

static void type_byte(struct sim_agent *a, uint16_t terminal, char byte)
{
	struct sim_terminal *t = terminal_of(a, terminal);

	if (byte != '\n') {
		if (!fifo_push(&t->line, &byte, 1))
			ck_abort_msg("a line without end");
		return;
	}
	ck_assert(fifo_push(&t->line, "", 1));
	char *line = strdup((const char *)fifo_peek(&t->line));
	fifo_drop(&t->line, t->line.len);
	run_line(a, terminal, line);
	free(line);
}

/* --- frames of the server --- */

static void on_open(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	struct sim_terminal *t = terminal_of(a, number);
	uint8_t payload[8];

	ck_assert_msg(!t->open, "terminal %u opened twice", number);
	ck_assert_uint_ge(len, 10);
	ck_assert_uint_eq(p[len - 1], 0);
	if (a->open == SIM_OPEN_ERROR)
		sim_agent_frame(a, FRAME_ERROR, number, "\x05no pty", 7);
	if (a->open == SIM_OPEN_ERROR)
		return;
	t->rows = get_u16(p);
	t->cols = get_u16(p + 2);
	t->output_credit = get_u32(p + 4);
	ck_assert_uint_le(t->output_credit, OUTPUT_WINDOW_MAX);
	t->input_credit = AGENT_INPUT_WINDOW;
	t->open = true;
	if (a->open == SIM_OPEN_NEVER)
		return;
	put_u32(payload, AGENT_INPUT_WINDOW);
	put_u32(payload + 4, 7);
	sim_agent_frame(a, FRAME_OPENED, number, payload, sizeof(payload));
	print_text(a, number, "$ ");
}

static void on_input(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	struct sim_terminal *t = terminal_of(a, number);
	uint8_t payload[4];

	if (!t->open)
		return; /* crossed with our EXIT */
	ck_assert_msg(len <= t->input_credit, "input beyond the credit");
	t->input_credit -= len;
	t->input_bytes += len;
	for (uint32_t i = 0; i < len && t->open && !t->mute; i++)
		type_byte(a, number, (char)p[i]);
	if (!t->open || t->mute)
		return;
	t->input_credit += len;
	put_u32(payload, len);
	sim_agent_frame(a, FRAME_CREDIT, number, payload, sizeof(payload));
}

static void on_resize(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	ck_assert_uint_eq(len, 4);
	terminal_of(a, number)->rows = get_u16(p);
	terminal_of(a, number)->cols = get_u16(p + 2);
}

static void on_close(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	(void)p;
	ck_assert_uint_eq(len, 0);
	sim_agent_exit(a, number, EXIT_SIGNAL, 1);
}

static void on_credit(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	struct sim_terminal *t = terminal_of(a, number);

	ck_assert_uint_eq(len, 4);
	if (!t->open)
		return; /* crossed with our EXIT */
	t->granted_bytes += get_u32(p);
	t->output_credit += get_u32(p);
	ck_assert_msg(t->granted_bytes <= t->sent_bytes, "credit for bytes that were never sent");
	flush(a, number);
}

/* Answered as a ping is. */
static void on_deadline(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	ck_assert_uint_eq(number, 0);
	ck_assert_uint_eq(len, 12);
	a->lifetime_s = get_u32(p);
	a->deadlines++;
	if (!a->deaf)
		sim_agent_frame(a, FRAME_PONG, 0, p + 4, 8);
}

static void take_frame(struct sim_agent *a, const struct frame_header *h, const uint8_t *payload)
{
	static void (*const handlers[])(struct sim_agent *, uint16_t, const uint8_t *, uint32_t) = {
		[FRAME_OPEN] = on_open,     [FRAME_INPUT] = on_input,
		[FRAME_RESIZE] = on_resize, [FRAME_CLOSE] = on_close,
		[FRAME_CREDIT] = on_credit, [FRAME_DEADLINE] = on_deadline,
	};

	ck_assert_msg(h->type <= FRAME_CREDIT && handlers[h->type], "frame of type %u", h->type);
	handlers[h->type](a, h->terminal, payload, h->length);
}

void sim_agent_take(struct sim_agent *a, const void *data, size_t len)
{
	struct frame_header h;

	ck_assert(fifo_push(&a->in, data, len));
	while (a->in.len >= FRAME_HEADER_BYTES) {
		ck_assert_int_eq(frame_header_get(fifo_peek(&a->in), &h), 0);
		if (a->in.len < FRAME_HEADER_BYTES + h.length)
			return;
		uint8_t *frame = malloc(FRAME_HEADER_BYTES + h.length);
		memcpy(frame, fifo_peek(&a->in), FRAME_HEADER_BYTES + h.length);
		fifo_drop(&a->in, FRAME_HEADER_BYTES + h.length);
		take_frame(a, &h, frame + FRAME_HEADER_BYTES);
		free(frame);
	}
}
