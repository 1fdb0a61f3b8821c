#include "tests/fakes/sim_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/sim_rules.h"
#include "tests/fakes/sim_shell.h"

#define IN_MAX     (1 << 20)
#define OUTPUT_MAX (4 << 20)
#define ARGS_MAX   16

/* As the agent's own: it broke off since the server broke the protocol. */
#define STATUS_VIOLATION 2

void sim_agent_init(struct sim_agent *a,
		    bool (*send)(void *arg, const void *head, size_t head_len, const void *body,
				 size_t body_len),
		    void *arg)
{
	*a = (struct sim_agent){.send = send, .arg = arg, .end = -1};
	fifo_init(&a->in, IN_MAX);
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++) {
		fifo_init(&a->terminals[i].line, SIM_LINE_MAX);
		fifo_init(&a->terminals[i].output, OUTPUT_MAX);
	}
}

static void clear(struct sim_terminal *t)
{
	fifo_finish(&t->line);
	fifo_finish(&t->output);
	*t = (struct sim_terminal){.line = t->line, .output = t->output};
}

void sim_agent_finish(struct sim_agent *a)
{
	fifo_finish(&a->in);
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++)
		clear(&a->terminals[i]);
}

/* The server has broken a rule: the agent ends, as the real one does. */
static void end_by_violation(struct sim_agent *a)
{
	a->end = STATUS_VIOLATION;
}

/* --- frames to the server --- */

void sim_agent_frame(struct sim_agent *a, uint8_t type, uint16_t terminal, const void *payload,
		     size_t len)
{
	uint8_t head[FRAME_HEADER_BYTES];

	frame_header_put(head, (struct frame_header){type, terminal, (uint32_t)len});
	a->full = !a->send(a->arg, head, sizeof(head), payload, len);
}

void sim_agent_greet(struct sim_agent *a, enum sim_hello hello)
{
	uint8_t payload[4];

	if (hello == SIM_HELLO_NONE)
		return;
	if (hello == SIM_HELLO_GARBAGE) {
		a->send(a->arg, "Traceback (most recent call last)", 33, NULL, 0);
		return;
	}
	put_u16(payload, hello == SIM_HELLO ? PROTOCOL_VERSION : PROTOCOL_VERSION + 1);
	put_u16(payload + 2, AGENT_TERMINALS_MAX);
	sim_agent_frame(a, FRAME_HELLO, 0, payload, sizeof(payload));
}

/* --- terminals --- */

static struct sim_terminal *terminal_of(struct sim_agent *a, uint16_t number)
{
	return number >= 1 && number <= AGENT_TERMINALS_MAX ? &a->terminals[number - 1] : NULL;
}

unsigned sim_agent_terminals(const struct sim_agent *a)
{
	unsigned count = 0;

	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++)
		count += a->terminals[i].open;
	return count;
}

static void send_exit(struct sim_agent *a, uint16_t number)
{
	struct sim_terminal *t = terminal_of(a, number);
	uint8_t payload[2] = {t->exit_kind, t->exit_value};

	clear(t);
	sim_agent_frame(a, FRAME_EXIT, number, payload, sizeof(payload));
}

/* As much output of the terminal as credit allows; returns the bytes sent. */
static size_t send_output(struct sim_agent *a, uint16_t number, const uint8_t *data, size_t len)
{
	struct sim_terminal *t = terminal_of(a, number);
	size_t total = 0;

	while (total < len && t->output_credit && !a->full) {
		size_t n = len - total < t->output_credit ? len - total : t->output_credit;
		n = n < FRAME_PAYLOAD_MAX ? n : FRAME_PAYLOAD_MAX;
		t->output_credit -= (uint32_t)n;
		t->sent_bytes += n;
		sim_agent_frame(a, FRAME_OUTPUT, number, data + total, n);
		total += n;
	}
	return total;
}

/* Input is granted again when nothing waits: who does not take the output cannot make us keep more. */
static void grant(struct sim_agent *a, uint16_t number)
{
	struct sim_terminal *t = terminal_of(a, number);
	uint8_t payload[4];

	if (!t->open || t->exiting || t->mute || !t->owed || t->output.len)
		return;
	t->input_credit += t->owed;
	put_u32(payload, t->owed);
	t->owed = 0;
	sim_agent_frame(a, FRAME_CREDIT, number, payload, sizeof(payload));
}

static void flush(struct sim_agent *a, uint16_t number)
{
	struct sim_terminal *t = terminal_of(a, number);

	if (!t->open)
		return;
	if (t->output.len)
		fifo_drop(&t->output, send_output(a, number, fifo_peek(&t->output), t->output.len));
	if (t->output.len)
		return;
	if (t->exiting) {
		send_exit(a, number);
		return;
	}
	grant(a, number);
	sim_shell_more(a, number);
}

void sim_agent_drained(struct sim_agent *a)
{
	a->full = false;
	for (uint16_t i = 1; i <= AGENT_TERMINALS_MAX && !a->full; i++)
		flush(a, i);
}

void sim_agent_print(struct sim_agent *a, uint16_t terminal, const void *data, size_t len)
{
	struct sim_terminal *t = terminal_of(a, terminal);
	size_t sent = 0;

	if (!t->open || t->exiting)
		return;
	if (!t->output.len)
		sent = send_output(a, terminal, data, len);
	if (sent < len)
		sim_expect(fifo_push(&t->output, (const uint8_t *)data + sent, len - sent),
			   "too much output waits for credit");
}

void sim_agent_foreground(struct sim_agent *a, uint16_t terminal, bool shell)
{
	uint8_t payload = shell;

	if (terminal_of(a, terminal)->open)
		sim_agent_frame(a, FRAME_FOREGROUND, terminal, &payload, 1);
}

void sim_agent_exit(struct sim_agent *a, uint16_t terminal, enum exit_kind kind, uint8_t value)
{
	struct sim_terminal *t = terminal_of(a, terminal);

	if (!t->open || t->exiting)
		return;
	t->exiting = true;
	t->exit_kind = (uint8_t)kind;
	t->exit_value = value;
	if (!t->output.len)
		send_exit(a, terminal);
}

/* --- frames of the server --- */

/* Reads argc strings behind the directory; false when they do not end with the payload's bytes. */
static bool read_arguments(const uint8_t *p, uint32_t len, const char *argv[ARGS_MAX + 1])
{
	const char *text = (const char *)p + 10, *end = (const char *)p + len;
	size_t argc = p[8];

	if (argc > ARGS_MAX)
		return false;
	for (size_t i = 0; i <= argc; i++) { /* the first string is the directory */
		if (text >= end)
			return false;
		if (i)
			argv[i - 1] = text;
		text += strlen(text) + 1;
	}
	argv[argc] = NULL;
	return true;
}

static void open_terminal(struct sim_terminal *t, const uint8_t *p)
{
	t->rows = get_u16(p);
	t->cols = get_u16(p + 2);
	t->output_credit = get_u32(p + 4);
	t->input_credit = AGENT_INPUT_WINDOW;
	t->open = true;
}

static void on_open(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	struct sim_terminal *t = terminal_of(a, number);
	const char *argv[ARGS_MAX + 1];
	uint8_t payload[8];

	if (!sim_expect(!t->open, "terminal %u opened twice", number) ||
	    !sim_expect(len > 10 && p[len - 1] == 0 && read_arguments(p, len, argv),
			"a malformed OPEN") ||
	    !sim_expect(get_u32(p + 4) <= OUTPUT_WINDOW_MAX, "too much credit in OPEN")) {
		end_by_violation(a);
		return;
	}
	if (a->open == SIM_OPEN_ERROR)
		sim_agent_frame(a, FRAME_ERROR, number, "\x05no pty", 7);
	if (a->open == SIM_OPEN_ERROR)
		return;
	open_terminal(t, p);
	if (a->open == SIM_OPEN_NEVER)
		return;
	put_u32(payload, AGENT_INPUT_WINDOW);
	put_u32(payload + 4, 7);
	sim_agent_frame(a, FRAME_OPENED, number, payload, sizeof(payload));
	sim_shell_begin(a, number, argv);
}

static void on_input(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	struct sim_terminal *t = terminal_of(a, number);

	if (!t->open || t->exiting)
		return; /* crossed with our EXIT */
	if (!sim_expect(len <= t->input_credit, "input beyond the credit")) {
		end_by_violation(a);
		return;
	}
	t->input_credit -= len;
	t->input_bytes += len;
	t->owed += len;
	if (!t->mute)
		sim_shell_input(a, number, p, len);
	flush(a, number);
}

static void on_resize(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	(void)len;
	terminal_of(a, number)->rows = get_u16(p);
	terminal_of(a, number)->cols = get_u16(p + 2);
}

static void on_signal(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	(void)len;
	sim_agent_exit(a, number, EXIT_SIGNAL, p[0]);
}

/* What waits is dropped. */
static void on_close(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	struct sim_terminal *t = terminal_of(a, number);

	(void)p;
	(void)len;
	fifo_drop(&t->output, t->output.len);
	t->exiting = false;
	sim_agent_exit(a, number, EXIT_SIGNAL, 1);
}

static void on_credit(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	struct sim_terminal *t = terminal_of(a, number);

	(void)len;
	if (!t->open)
		return; /* crossed with our EXIT */
	uint32_t credit = get_u32(p),
		 paid = t->overdrawn_bytes < credit ? (uint32_t)t->overdrawn_bytes : credit;
	t->granted_bytes += credit;
	t->overdrawn_bytes -= paid;
	t->output_credit += credit - paid;
	if (sim_expect(t->granted_bytes <= t->sent_bytes && t->output_credit <= OUTPUT_WINDOW_MAX,
		       "credit for bytes that were never sent"))
		flush(a, number);
	else
		end_by_violation(a);
}

/* Answered as a ping is. */
static void on_deadline(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	(void)number;
	(void)len;
	a->lifetime_s = get_u32(p);
	a->deadlines++;
	if (!a->deaf)
		sim_agent_frame(a, FRAME_PONG, 0, p + 4, 8);
}

static void on_ping(struct sim_agent *a, uint16_t number, const uint8_t *p, uint32_t len)
{
	(void)number;
	sim_agent_frame(a, FRAME_PONG, 0, p, len);
}

static const struct handler {
	void (*take)(struct sim_agent *, uint16_t, const uint8_t *, uint32_t);
	bool of_agent;
	uint32_t min, max; /* bytes of payload */
} handlers[] = {
	[FRAME_OPEN] = {on_open, false, 10, FRAME_PAYLOAD_MAX},
	[FRAME_INPUT] = {on_input, false, 0, FRAME_PAYLOAD_MAX},
	[FRAME_RESIZE] = {on_resize, false, 4, 4},
	[FRAME_SIGNAL] = {on_signal, false, 1, 1},
	[FRAME_CLOSE] = {on_close, false, 0, 0},
	[FRAME_DEADLINE] = {on_deadline, true, 12, 12},
	[FRAME_PING] = {on_ping, true, 8, 8},
	[FRAME_CREDIT] = {on_credit, false, 4, 4},
};

static void take_frame(struct sim_agent *a, const struct frame_header *h, const uint8_t *payload)
{
	const struct handler *handler = h->type <= FRAME_CREDIT ? &handlers[h->type] : NULL;

	if (sim_expect(handler && handler->take && h->length >= handler->min &&
			       h->length <= handler->max &&
			       (handler->of_agent ? h->terminal == 0
						  : terminal_of(a, h->terminal) != NULL),
		       "a frame of type %u for terminal %u with %u bytes", h->type, h->terminal,
		       h->length))
		handler->take(a, h->terminal, payload, h->length);
	else
		end_by_violation(a);
}

/* Takes the whole frames among the bytes; returns how many bytes they were. */
static size_t take_frames(struct sim_agent *a, const uint8_t *data, size_t len)
{
	struct frame_header h;
	size_t used = 0;

	while (a->end < 0 && len - used >= FRAME_HEADER_BYTES) {
		if (!sim_expect(frame_header_get(data + used, &h) == 0, "a broken frame header")) {
			end_by_violation(a);
			break;
		}
		if (len - used < FRAME_HEADER_BYTES + h.length)
			break;
		take_frame(a, &h, data + used + FRAME_HEADER_BYTES);
		used += FRAME_HEADER_BYTES + h.length;
	}
	return used;
}

void sim_agent_take(struct sim_agent *a, const void *data, size_t len)
{
	size_t used;

	if (!a->in.len) {
		used = take_frames(a, data, len);
		fifo_push(&a->in, (const uint8_t *)data + used, len - used);
	} else if (sim_expect(fifo_push(&a->in, data, len), "a frame without end")) {
		used = take_frames(a, fifo_peek(&a->in), a->in.len);
		fifo_drop(&a->in, used);
	}
}
