#include "sandbox/parked.h"

#include <stdlib.h>

/* A prompt is far shorter; more comes from no shell that waits. */
#define OUTPUT_MAX_BYTES 16384

struct parked {
	struct pty *pty;
	unsigned rows, cols;
	bool prompted;
	struct fifo output;
	const struct parked_events *events;
	void *arg;
};

static void release(struct parked *p)
{
	fifo_finish(&p->output);
	free(p);
}

static void go(struct parked *p)
{
	const struct parked_events *events = p->events;
	void *arg = p->arg;

	release(p);
	events->on_gone(arg);
}

/* --- events of the PTY --- */

/* The first output of a fresh shell is its prompt: it now reads what is typed. */
static void on_output(void *arg, const uint8_t *data, size_t len)
{
	struct parked *p = arg;
	bool first = !p->prompted;

	if (!fifo_push(&p->output, data, len)) {
		pty_close(p->pty);
		go(p);
		return;
	}
	p->prompted = true;
	if (first && p->events->on_prompt)
		p->events->on_prompt(p->arg);
}

static void on_room(void *arg)
{
	(void)arg;
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	(void)kind;
	(void)value;
	go(arg);
}

static void on_lost(void *arg, const struct err *err)
{
	(void)err;
	go(arg);
}

static const struct pty_events pty_events = {
	.on_output = on_output,
	.on_room = on_room,
	.on_exit = on_exit_event,
	.on_lost = on_lost,
};

/* --- life --- */

struct parked *parked_open(struct pty_table *table, unsigned rows, unsigned cols,
			   const struct parked_events *events, void *arg, struct err *err)
{
	struct parked *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(err, ERR_INTERNAL, 0, "no memory for a shell");
		return NULL;
	}
	*p = (struct parked){.rows = rows, .cols = cols, .events = events, .arg = arg};
	fifo_init(&p->output, OUTPUT_MAX_BYTES);
	p->pty = pty_open(table, NULL, rows, cols, &pty_events, p, err);
	if (p->pty)
		return p;
	release(p);
	return NULL;
}

void parked_set_owner(struct parked *p, const struct parked_events *events, void *arg)
{
	p->events = events;
	p->arg = arg;
}

struct pty *parked_take(struct parked *p, unsigned rows, unsigned cols,
			const struct pty_events *events, void *arg, struct fifo *output)
{
	struct pty *pty = p->pty;

	pty_set_owner(pty, events, arg);
	if (rows != p->rows || cols != p->cols)
		pty_resize(pty, rows, cols);
	*output = p->output;
	fifo_init(&p->output, 0);
	release(p);
	return pty;
}

void parked_close(struct parked *p)
{
	if (!p)
		return;
	pty_close(p->pty);
	release(p);
}
