/* The data of a terminal: the ring of input, and output from the PTY into the link. */

#include "agent/flood.h"
#include "agent/terminal.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

int terminal_input(struct terminal *t, const uint8_t *bytes, size_t len)
{
	if (len > t->input_credit)
		return -1;
	t->input_credit -= (uint32_t)len;
	if (t->state != TERMINAL_OPEN)
		return 0; /* nobody will read it */

	uint32_t end = (t->input.start + t->input.len) % AGENT_INPUT_WINDOW;
	size_t first = AGENT_INPUT_WINDOW - end;

	if (first > len)
		first = len;
	memcpy(t->input.bytes + end, bytes, first);
	memcpy(t->input.bytes, bytes + first, len - first);
	t->input.len += (uint32_t)len;
	return 0;
}

int terminal_credit(struct terminal *t, uint32_t bytes)
{
	if (bytes > OUTPUT_WINDOW_MAX - t->output_credit)
		return -1;
	t->output_credit += bytes;
	return 0;
}

static void input_drop(struct terminal *t, size_t n)
{
	t->input.start = (t->input.start + (uint32_t)n) % AGENT_INPUT_WINDOW;
	t->input.len -= (uint32_t)n;
	t->input_done += (uint32_t)n;
}

/* Does the kernel's work for the signal key at the front of the input. */
static void press_signal_key(struct terminal *t, const struct termios *settings, int signal)
{
	pty_signal_key_effects(&t->pty, settings, t->input.bytes[t->input.start]);
	flood_signal(t, signal);
	input_drop(t, 1);
}

/* How much of the front len bytes may go to the PTY as they are. 0 after a signal key. */
static size_t plain_input(struct terminal *t, size_t len, const struct quirks *quirks)
{
	const uint8_t *bytes = t->input.bytes + t->input.start;
	struct termios settings;
	int signal;

	if (!quirks->no_signal_keys || tcgetattr(t->pty.master, &settings) < 0)
		return len;

	size_t plain = pty_find_signal_key(&settings, bytes, len, &signal);

	if (plain == 0 && len > 0)
		press_signal_key(t, &settings, signal);
	return plain;
}

void terminal_write(struct terminal *t, const struct quirks *quirks, uint64_t now_ms)
{
	while (t->state == TERMINAL_OPEN && t->input.len > 0) {
		size_t len = AGENT_INPUT_WINDOW - t->input.start;

		if (len > t->input.len)
			len = t->input.len;
		len = plain_input(t, len, quirks);
		if (len == 0)
			continue;

		ssize_t n = write(t->pty.master, t->input.bytes + t->input.start, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* full: poll() tells when not any more */
		look_typed(&t->look, t->input.bytes + t->input.start, (size_t)n, now_ms);
		input_drop(t, (size_t)n);
	}
}

static bool may_send(const struct terminal *t)
{
	return (t->state == TERMINAL_OPEN || t->state == TERMINAL_DRAINING) && t->opened_told &&
	       t->output_credit > 0;
}

bool terminal_has_output(const struct terminal *t)
{
	return may_send(t) && t->output_ready;
}

/* A read as short as this has found the PTY empty, most likely: poll() tells if not. */
#define SHORT_READ 1024

/* Reads until max bytes are there or the PTY is empty: one read gives 4 KiB at most. */
static size_t read_pty(struct terminal *t, uint8_t *to, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t n = read(t->pty.master, to + len, max - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			t->output_ready = false;
			break;
		}
		len += (size_t)n;
		if (n < SHORT_READ && len < max && t->state == TERMINAL_OPEN) {
			t->output_ready = false;
			break;
		}
	}
	return len;
}

/* The bytes that one frame may have now; 0 when nothing may be sent. */
static size_t frame_room(const struct terminal *t, size_t link_room)
{
	size_t room = link_room < t->output_credit ? link_room : t->output_credit;

	if (t->state == TERMINAL_DRAINING && room > t->drain_left)
		room = t->drain_left;
	return room;
}

static void send_output(struct terminal *t, struct link_out *out, uint64_t now_ms)
{
	size_t room, len;
	uint8_t *to = may_send(t) ? link_out_data(out, &room) : NULL;

	if (!to)
		return;
	len = read_pty(t, to, frame_room(t, room));
	if (len == 0)
		return;
	look_output(&t->look, now_ms);
	link_out_data_done(out, t->number, len);
	t->output_credit -= (uint32_t)len;
	if (t->state == TERMINAL_DRAINING)
		t->drain_left -= len;
}

void terminal_read(struct terminal *t, struct link_out *out, uint64_t now_ms)
{
	if (!t->output_ready || (t->state != TERMINAL_OPEN && t->state != TERMINAL_DRAINING))
		return;
	send_output(t, out, now_ms);
	if (t->output_ready || t->flood.stopped.count > 0)
		flood_look(t, now_ms);
	/* Without credit it is still to be seen that nothing is left. */
	if (t->state == TERMINAL_DRAINING &&
	    (t->drain_left == 0 || !t->output_ready || !pty_readable(&t->pty)))
		terminal_close(t, now_ms);
}
