#include "sandbox/pty.h"

#include <stdlib.h>
#include <string.h>

/* No agent of ours grants more than this at once; a bound keeps the sums from overflowing. */
#define INPUT_CREDIT_MAX (16 * AGENT_INPUT_WINDOW)

struct pty {
	struct pace_wait wait; /* for credit to be granted; the first member */
	struct pty_table *table;
	uint16_t terminal;
	const struct pty_events
		*events; /* NULL: closed by us, waiting for the agent's FRAME_EXIT */
	void *arg;
	bool opened;
	bool shell;             /* is in the foreground, as the agent says */
	bool unsettled;         /* output has come since on_settled */
	uint32_t input_credit;  /* bytes that the agent still takes */
	uint32_t output_credit; /* bytes that the agent may still send */
	uint32_t consumed;      /* bytes passed on but not yet granted again */
};

void pty_table_init(struct pty_table *table, pty_send_fn send, void *send_arg, struct pace *pace)
{
	memset(table, 0, sizeof(*table));
	table->pace = pace;
	table->send = send;
	table->send_arg = send_arg;
}

static bool send_frame(struct pty *pty, enum frame_type type, const void *payload, size_t len)
{
	return pty->table->send(pty->table->send_arg, type, pty->terminal, payload, len);
}

static void release(struct pty *pty)
{
	pace_forget(pty->table->pace, &pty->wait);
	pty->table->slots[pty->terminal - 1] = NULL;
	free(pty);
}

void pty_table_finish(struct pty_table *table, const struct err *err)
{
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++) {
		struct pty *pty = table->slots[i];
		if (!pty)
			continue;
		const struct pty_events *events = pty->events;
		void *arg = pty->arg;
		release(pty);
		if (events)
			events->on_lost(arg, err);
	}
}

static size_t append_string(uint8_t *p, const char *text)
{
	size_t len = strlen(text) + 1;

	memcpy(p, text, len);
	return len;
}

/* Runs in the home directory: an empty one means that. No argv means the user's shell. */
static bool send_open(struct pty *pty, const char *const *argv, unsigned rows, unsigned cols)
{
	uint8_t payload[128 + PTY_ARGS_MAX_BYTES];
	size_t len = 10, argc = 0;

	put_u16(payload, (uint16_t)rows);
	put_u16(payload + 2, (uint16_t)cols);
	put_u32(payload + 4, PTY_OUTPUT_WINDOW);
	len += append_string(payload + len, "");
	for (; argv && argv[argc]; argc++)
		len += append_string(payload + len, argv[argc]);
	payload[8] = (uint8_t)argc;
	payload[9] = 2;
	len += append_string(payload + len, "TERM=xterm-256color");
	len += append_string(payload + len, "COLORTERM=truecolor");
	return send_frame(pty, FRAME_OPEN, payload, len);
}

bool pty_table_has_room(const struct pty_table *table)
{
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (!table->slots[i])
			return true;
	return false;
}

static bool fits(const char *const *argv)
{
	size_t count = 0, bytes = 0;

	for (; argv && argv[count]; count++)
		bytes += strlen(argv[count]) + 1;
	return count <= PTY_ARGS_MAX && bytes <= PTY_ARGS_MAX_BYTES;
}

static struct pty *new_pty(struct pty_table *table, const struct pty_events *events, void *arg)
{
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++) {
		if (table->slots[i])
			continue;
		struct pty *pty = calloc(1, sizeof(*pty));
		if (!pty)
			return NULL;
		*pty = (struct pty){.table = table,
				    .terminal = (uint16_t)(i + 1),
				    .events = events,
				    .arg = arg,
				    .shell = true,
				    .output_credit = PTY_OUTPUT_WINDOW};
		return table->slots[i] = pty;
	}
	return NULL;
}

struct pty *pty_open(struct pty_table *table, const char *const *argv, unsigned rows, unsigned cols,
		     const struct pty_events *events, void *arg, struct err *err)
{
	struct pty *pty;

	if (!fits(argv)) {
		err_set(err, ERR_INPUT, 0, "the program has too many arguments");
		return NULL;
	}
	pty = new_pty(table, events, arg);
	if (!pty) {
		err_set(err, ERR_LIMIT, 0, "all %d terminals of the sandbox are in use",
			AGENT_TERMINALS_MAX);
		return NULL;
	}
	if (send_open(pty, argv, rows, cols))
		return pty;
	release(pty);
	err_set(err, ERR_UPSTREAM, 0, "the agent does not take frames");
	return NULL;
}

void pty_set_owner(struct pty *pty, const struct pty_events *events, void *arg)
{
	pty->events = events;
	pty->arg = arg;
}

bool pty_in_foreground(const struct pty *pty)
{
	return pty->shell;
}

size_t pty_input(struct pty *pty, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t total = len < pty->input_credit ? len : pty->input_credit, left = total;

	while (left) {
		size_t n = left < FRAME_PAYLOAD_MAX ? left : FRAME_PAYLOAD_MAX;
		if (!send_frame(pty, FRAME_INPUT, p, n))
			break;
		p += n;
		left -= n;
	}
	pty->input_credit -= (uint32_t)(total - left);
	return total - left;
}

static uint32_t grant(struct pty *pty)
{
	uint32_t bytes = pty->consumed;
	uint8_t payload[4];

	put_u32(payload, bytes);
	if (!send_frame(pty, FRAME_CREDIT, payload, sizeof(payload)))
		return 0;
	pty->output_credit += bytes;
	pty->consumed = 0;
	return bytes;
}

uint32_t pty_on_turn(struct pace_wait *w)
{
	return grant((struct pty *)w);
}

void pty_consumed(struct pty *pty, size_t n)
{
	pty->consumed += (uint32_t)n;
	if (pty->consumed >= PTY_OUTPUT_WINDOW / 4 && !pty->wait.waits &&
	    pace_take(pty->table->pace, &pty->wait, pty->consumed))
		grant(pty);
}

void pty_resize(struct pty *pty, unsigned rows, unsigned cols)
{
	uint8_t payload[4];

	put_u16(payload, (uint16_t)rows);
	put_u16(payload + 2, (uint16_t)cols);
	send_frame(pty, FRAME_RESIZE, payload, sizeof(payload));
}

void pty_close(struct pty *pty)
{
	if (!pty)
		return;
	pty->events = NULL;
	send_frame(pty, FRAME_CLOSE, NULL, 0);
}

static struct pty *find(struct pty_table *table, uint16_t terminal, const char *frame,
			struct err *err)
{
	struct pty *pty = terminal <= AGENT_TERMINALS_MAX ? table->slots[terminal - 1] : NULL;

	if (!pty)
		err_set(err, ERR_UPSTREAM, 0, "agent: %s for terminal %u, which is not open", frame,
			terminal);
	return pty;
}

int pty_table_opened(struct pty_table *table, uint16_t terminal, uint32_t credit, struct err *err)
{
	struct pty *pty = find(table, terminal, "OPENED", err);

	if (!pty)
		return -1;
	if (pty->opened || credit > INPUT_CREDIT_MAX)
		return err_set(err, ERR_UPSTREAM, 0, "agent: bad OPENED for terminal %u", terminal);
	pty->opened = true;
	pty->input_credit = credit;
	if (pty->events)
		pty->events->on_room(pty->arg);
	return 0;
}

int pty_table_output(struct pty_table *table, uint16_t terminal, const uint8_t *data, size_t len,
		     struct err *err)
{
	struct pty *pty = find(table, terminal, "OUTPUT", err);

	if (!pty)
		return -1;
	if (!pty->opened || len > pty->output_credit)
		return err_set(err, ERR_UPSTREAM, 0,
			       "agent: output of terminal %u beyond its credit", terminal);
	pty->output_credit -= (uint32_t)len;
	pty->unsettled = true;
	if (pty->events)
		pty->events->on_output(pty->arg, data, len);
	return 0;
}

void pty_table_settle(struct pty_table *table)
{
	for (size_t i = 0; i < AGENT_TERMINALS_MAX; i++) {
		struct pty *pty = table->slots[i];
		if (!pty || !pty->unsettled)
			continue;
		pty->unsettled = false;
		if (pty->events && pty->events->on_settled)
			pty->events->on_settled(pty->arg);
	}
}

int pty_table_credit(struct pty_table *table, uint16_t terminal, uint32_t bytes, struct err *err)
{
	struct pty *pty = find(table, terminal, "CREDIT", err);

	if (!pty)
		return -1;
	if (!pty->opened || !bytes || bytes > INPUT_CREDIT_MAX - pty->input_credit)
		return err_set(err, ERR_UPSTREAM, 0, "agent: bad CREDIT for terminal %u", terminal);
	pty->input_credit += bytes;
	if (pty->events)
		pty->events->on_room(pty->arg);
	return 0;
}

int pty_table_exit(struct pty_table *table, uint16_t terminal, enum exit_kind kind, unsigned value,
		   struct err *err)
{
	struct pty *pty = find(table, terminal, "EXIT", err);

	if (!pty)
		return -1;
	const struct pty_events *events = pty->events;
	void *arg = pty->arg;
	release(pty);
	if (events)
		events->on_exit(arg, kind, value);
	return 0;
}

int pty_table_error(struct pty_table *table, uint16_t terminal, unsigned error_number,
		    const char *text, struct err *err)
{
	struct pty *pty = find(table, terminal, "ERROR", err);
	struct err lost;

	if (!pty)
		return -1;
	if (pty->opened)
		return err_set(err, ERR_UPSTREAM, 0, "agent: ERROR for terminal %u after OPENED",
			       terminal);
	const struct pty_events *events = pty->events;
	void *arg = pty->arg;
	release(pty);
	err_set(&lost, ERR_LIMIT, (int)error_number, "terminal not opened: %s", text);
	if (events)
		events->on_lost(arg, &lost);
	return 0;
}

int pty_table_foreground(struct pty_table *table, uint16_t terminal, unsigned value,
			 struct err *err)
{
	struct pty *pty = find(table, terminal, "FOREGROUND", err);

	if (!pty)
		return -1;
	if (!pty->opened || value > 1 || value == pty->shell)
		return err_set(err, ERR_UPSTREAM, 0, "agent: bad FOREGROUND for terminal %u",
			       terminal);
	pty->shell = value;
	if (pty->events && pty->events->on_foreground)
		pty->events->on_foreground(pty->arg, pty->shell);
	return 0;
}
