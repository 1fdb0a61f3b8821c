#include "session/meter.h"

static bool is_enter(uint8_t byte, bool after_cr)
{
	return byte == '\r' || (byte == '\n' && !after_cr);
}

static size_t count_enters(const uint8_t *data, size_t len, bool after_cr)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		count += is_enter(data[i], after_cr);
		after_cr = data[i] == '\r';
	}
	return count;
}

static void note_push(struct meter *m, uint64_t now_ms)
{
	if (!m->pushing || now_ms - m->push_last_ms >= METER_PAUSE_MS)
		m->push_since_ms = now_ms;
	m->pushing = true;
	m->push_last_ms = now_ms;
}

void meter_arrived(struct meter *m, const uint8_t *data, size_t len, bool shell_in_foreground,
		   uint64_t now_ms)
{
	if (!len)
		return;
	if (shell_in_foreground || m->metered_bytes) {
		size_t enters = count_enters(data, len, m->arrived_cr);

		m->metered_bytes += len;
		m->enters += enters;
		if (m->held && enters)
			note_push(m, now_ms);
	} else {
		m->free_bytes += len;
		m->leave_cr = data[len - 1] == '\r';
	}
	m->arrived_cr = data[len - 1] == '\r';
}

/* Everything that waits may go, an unfinished line as well. */
static void leave_for_all(struct meter *m)
{
	m->leave_bytes = m->metered_bytes;
	m->leave_cr = m->arrived_cr;
	m->held = false;
	m->pushing = false;
}

/* To behind the last of count Enters, and a "\n" that belongs to it. More Enters than that wait. */
static void leave_for(struct meter *m, const uint8_t *metered, size_t count)
{
	size_t at = m->leave_bytes;

	m->enters -= count;
	for (; count; at++) {
		count -= is_enter(metered[at], m->leave_cr);
		m->leave_cr = metered[at] == '\r';
	}
	if (m->leave_cr && metered[at] == '\n') {
		m->leave_cr = false;
		at++;
	}
	m->leave_bytes = at;
}

static void hold(struct meter *m, uint64_t now_ms, uint64_t retry_after_ms)
{
	if (!m->held)
		m->held_since_ms = now_ms;
	m->held = true;
	m->ask_ms = now_ms + retry_after_ms;
}

size_t meter_allowed(struct meter *m, const uint8_t *data, uint64_t now_ms, meter_take_fn take,
		     void *arg)
{
	uint64_t retry_after_ms = 0;
	size_t given = 0;
	bool ask = m->enters && (!m->held || now_ms >= m->ask_ms);

	if (ask)
		given = take(arg, m->enters, &retry_after_ms);
	if (given >= m->enters) {
		m->enters = 0;
		leave_for_all(m);
	} else if (ask) {
		leave_for(m, data + m->free_bytes, given);
		hold(m, now_ms, retry_after_ms);
	}
	return m->free_bytes + m->leave_bytes;
}

void meter_passed(struct meter *m, size_t n)
{
	size_t free_bytes = n < m->free_bytes ? n : m->free_bytes;

	m->free_bytes -= free_bytes;
	m->metered_bytes -= n - free_bytes;
	m->leave_bytes -= n - free_bytes;
}

void meter_dropped(struct meter *m)
{
	*m = (struct meter){0};
}

bool meter_waits(const struct meter *m, uint64_t *since_ms, uint64_t *ask_ms)
{
	*since_ms = m->held_since_ms;
	*ask_ms = m->ask_ms;
	return m->held;
}

uint64_t meter_pushing_ms(const struct meter *m, uint64_t now_ms)
{
	if (!m->pushing || now_ms - m->push_last_ms >= METER_PAUSE_MS)
		return 0;
	return m->push_last_ms - m->push_since_ms;
}
