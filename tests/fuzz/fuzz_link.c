/*
 * The server's end of the agent protocol: agent_link and pty_table, wired as sandbox.c wires them, against whatever an agent may
 * say at whatever moment.
 *
 * The input is a list of steps: one byte says what happens, one is its argument. For STEP_FEED two bytes more say how many bytes of
 * the agent's stream follow; STEP_FLOOD makes a good many bytes of one value by itself. Each input runs twice, with the stream cut into different pieces: the same must come out.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/agent_link.h"
#include "sandbox/pty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
	STEP_FEED,
	STEP_FLOOD,
	STEP_OPEN,
	STEP_CLOSE,
	STEP_CONSUME,
	STEP_INPUT,
	STEP_RESIZE,
	STEP_COUNT
};

#define FLOOD_UNIT 256 /* bytes */

struct listener {
	struct pty *pty; /* NULL: free */
	bool closing;    /* closes its PTY at its next event */
	bool program;    /* in the foreground */
	uint64_t received, consumed, granted;
	uint64_t input_sent, input_granted;
};

struct run {
	struct agent_link link;
	struct pty_table table;
	struct listener listeners[AGENT_TERMINALS_MAX];
	struct listener *opening;
	size_t opened, ended, closed; /* PTYs */
	uint64_t digest;              /* of all that listeners were told */
	bool violated;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void digest(struct run *r, uint64_t value)
{
	r->digest = (r->digest ^ value) * 0x100000001b3;
}

/* --- what the server sends --- */

static struct run *current;

static bool send_frame(void *arg, enum frame_type type, uint16_t terminal, const void *payload,
		       size_t len)
{
	struct run *r = arg;

	require(terminal >= 1 && terminal <= AGENT_TERMINALS_MAX && len <= FRAME_PAYLOAD_MAX);
	struct listener *l = &r->listeners[terminal - 1];
	if (type == FRAME_OPEN) {
		*l = (struct listener){.granted = PTY_OUTPUT_WINDOW};
		r->opening = l;
	} else if (type == FRAME_CREDIT) {
		l->granted += get_u32(payload);
		require(l->granted - l->received <= PTY_OUTPUT_WINDOW);
	} else if (type == FRAME_INPUT) {
		l->input_sent += len;
		require(l->input_sent <= l->input_granted);
	}
	digest(r, (uint64_t)type << 48 | (uint64_t)terminal << 32 | len);
	return true;
}

/* --- what listeners are told; their argument is the slot, since the terminal's number is not known before OPEN is sent --- */

static struct listener *listening(void *arg)
{
	struct listener *l = *(struct listener **)arg;

	require(l && l->pty);
	return l;
}

static void close_listener(struct listener *l)
{
	struct pty *pty = l->pty;

	l->pty = NULL;
	current->closed++;
	pty_close(pty);
}

static void on_output(void *arg, const uint8_t *data, size_t len)
{
	struct listener *l = listening(arg);

	l->received += len;
	require(len > 0 && l->received <= l->granted);
	for (size_t i = 0; i < len; i++)
		digest(current, data[i]);
	if (l->closing)
		close_listener(l);
}

static void on_room(void *arg)
{
	struct listener *l = listening(arg);

	digest(current, 'r');
	if (l->closing)
		close_listener(l);
}

static void end(void *arg)
{
	listening(arg)->pty = NULL;
	current->ended++;
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	require((kind == EXIT_STATUS || kind == EXIT_SIGNAL) && value <= 255);
	digest(current, 0x100 + value);
	end(arg);
}

static void on_lost(void *arg, const struct err *err)
{
	require(err->msg[0] && strlen(err->msg) < sizeof(err->msg));
	end(arg);
}

static void on_foreground(void *arg, bool shell)
{
	struct listener *l = listening(arg);

	require(shell == l->program);
	l->program = !shell;
	digest(current, 'f');
	if (l->closing)
		close_listener(l);
}

static const struct pty_events pty_events = {on_output, on_room,       on_exit_event,
					     on_lost,   on_foreground, NULL};

/* --- what the agent says, as in sandbox.c --- */

static void check(struct run *r, int result)
{
	if (result == 0)
		return;
	r->violated = true;
	agent_link_finish(&r->link);
}

static void on_hello(void *arg, unsigned version, unsigned terminals_max)
{
	digest(arg, (uint64_t)version << 16 | terminals_max);
}

static void on_opened(void *arg, uint16_t terminal, uint32_t credit)
{
	struct run *r = arg;

	if (terminal >= 1 && terminal <= AGENT_TERMINALS_MAX)
		r->listeners[terminal - 1].input_granted += credit;
	check(r, pty_table_opened(&r->table, terminal, credit, NULL));
}

static void on_link_output(void *arg, uint16_t terminal, const uint8_t *data, size_t len)
{
	struct run *r = arg;

	check(r, pty_table_output(&r->table, terminal, data, len, NULL));
}

static void on_credit(void *arg, uint16_t terminal, uint32_t bytes)
{
	struct run *r = arg;

	if (terminal >= 1 && terminal <= AGENT_TERMINALS_MAX)
		r->listeners[terminal - 1].input_granted += bytes;
	check(r, pty_table_credit(&r->table, terminal, bytes, NULL));
}

static void on_exit_frame(void *arg, uint16_t terminal, enum exit_kind kind, unsigned value)
{
	struct run *r = arg;

	check(r, pty_table_exit(&r->table, terminal, kind, value, NULL));
}

static void on_error(void *arg, uint16_t terminal, unsigned error_number, const char *text)
{
	struct run *r = arg;

	require(strlen(text) < AGENT_CONTROL_MAX);
	check(r, pty_table_error(&r->table, terminal, error_number, text, NULL));
}

static void on_pong(void *arg, const uint8_t token[8])
{
	digest(arg, get_u32(token));
}

static void on_foreground_frame(void *arg, uint16_t terminal, unsigned value)
{
	struct run *r = arg;

	check(r, pty_table_foreground(&r->table, terminal, value, NULL));
}

static const struct agent_link_events link_events = {on_hello,  on_opened,          on_link_output,
						     on_credit, on_exit_frame,      on_error,
						     on_pong,   on_foreground_frame};

/* --- steps --- */

/* Where the argument of each listener's events lives: pty_open() wants it before the number is known. */
static struct listener *slots[AGENT_TERMINALS_MAX];

static void open_pty(struct run *r, bool closing)
{
	size_t i = 0;

	while (i < AGENT_TERMINALS_MAX && slots[i] && slots[i]->pty)
		i++;
	if (i == AGENT_TERMINALS_MAX)
		return;
	struct pty *pty = pty_open(&r->table, NULL, 24, 80, &pty_events, &slots[i], NULL);
	if (!pty)
		return;
	slots[i] = r->opening;
	slots[i]->pty = pty;
	slots[i]->closing = closing;
	r->opened++;
}

static void consume(struct listener *l)
{
	size_t n = (size_t)(l->received - l->consumed + 1) / 2;

	l->consumed += n;
	pty_consumed(l->pty, n);
}

static void act(struct run *r, enum step step, uint8_t argument)
{
	static const uint8_t typed[255 * 512];
	struct listener *l = slots[argument % AGENT_TERMINALS_MAX];

	if (step == STEP_OPEN)
		open_pty(r, argument & 1);
	if (!l || !l->pty)
		return;
	if (step == STEP_CLOSE)
		close_listener(l);
	else if (step == STEP_CONSUME)
		consume(l);
	else if (step == STEP_INPUT)
		pty_input(l->pty, typed, (size_t)argument * 512);
	else if (step == STEP_RESIZE)
		pty_resize(l->pty, argument, argument);
}

static void feed(struct run *r, const uint8_t *data, size_t len, size_t piece)
{
	for (size_t i = 0; i < len && !r->violated; i += piece) {
		size_t n = piece < len - i ? piece : len - i;
		uint8_t *exact = malloc(n); /* so that a sanitizer sees the first byte beyond it */
		memcpy(exact, data + i, n);
		if (agent_link_feed(&r->link, exact, n, NULL) < 0)
			r->violated = true;
		free(exact);
	}
}

/* Returns the bytes of input used. */
static size_t take_step(struct run *r, const uint8_t *data, size_t size, size_t piece)
{
	static const uint8_t flood[255 * FLOOD_UNIT] = {1};
	enum step step = data[0] % STEP_COUNT;
	size_t len = get_u16(data + 2), cut = piece ? piece : (size_t)data[1] + 1;

	if (step == STEP_FLOOD)
		feed(r, flood, (size_t)data[1] * FLOOD_UNIT, piece ? piece : 1000);
	else if (step != STEP_FEED)
		act(r, step, data[1]);
	if (step != STEP_FEED)
		return 2;
	len = len < size - 4 ? len : size - 4;
	feed(r, data + 4, len, cut);
	return 4 + len;
}

static void run(struct run *r, const uint8_t *data, size_t size, size_t piece)
{
	struct err over = {.kind = ERR_GONE, .msg = "over"};

	memset(r, 0, sizeof(*r));
	memset(slots, 0, sizeof(slots));
	current = r;
	agent_link_init(&r->link, &link_events, r);
	pty_table_init(&r->table, send_frame, r, NULL);
	while (size >= 4 && !r->violated) {
		size_t used = take_step(r, data, size, piece);
		data += used;
		size -= used;
	}
	pty_table_finish(&r->table, &over);
	agent_link_finish(&r->link);
	require(r->opened == r->ended + r->closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run whole, pieces;

	run(&whole, data, size, SIZE_MAX / 2);
	run(&pieces, data, size, 0);
	require(whole.violated == pieces.violated);
	require(whole.violated || whole.digest == pieces.digest);
	return 0;
}
