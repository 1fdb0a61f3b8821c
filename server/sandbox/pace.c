#include "sandbox/pace.h"

#include <stdlib.h>
#include <utlist.h>

/* The clock of those who wait: what is granted at one stroke is little enough not to be felt. */
#define TICK_MS 5

/* How much the bucket holds, in time. */
#define BURST_MS 100

/* Longer idle is as good as this long; no sum overflows. */
#define IDLE_MS 3600000

/* Thousandths of a byte: bytes a second for a number of ms are a whole number of them. */
#define PER_BYTE 1000

struct pace {
	uint64_t bytes_per_second;
	int64_t held;     /* in 1/PER_BYTE; what was granted beyond is owed */
	uint64_t at_ms;   /* of the loop, when it was filled */
	uint64_t waits;   /* ever */
	uv_timer_t timer; /* runs while somebody waits; its close callback frees all this */
	struct pace_wait *first;
	pace_turn_fn turn;
};

static int64_t most(const struct pace *p)
{
	return (int64_t)(p->bytes_per_second * BURST_MS);
}

struct pace *pace_new(uv_loop_t *loop, uint64_t bytes_per_second, pace_turn_fn turn)
{
	struct pace *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->bytes_per_second = bytes_per_second;
	p->at_ms = uv_now(loop);
	p->held = most(p);
	p->turn = turn;
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	return p;
}

static void on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void pace_free(struct pace *p)
{
	if (p)
		uv_close((uv_handle_t *)&p->timer, on_close);
}

static void fill(struct pace *p)
{
	uint64_t now_ms = uv_now(p->timer.loop), passed_ms = now_ms - p->at_ms;

	p->held += (int64_t)(p->bytes_per_second * (passed_ms < IDLE_MS ? passed_ms : IDLE_MS));
	p->at_ms = now_ms;
	if (p->held > most(p))
		p->held = most(p);
}

static void on_tick(uv_timer_t *timer)
{
	struct pace *p = timer->data;

	fill(p);
	while (p->first && p->held > 0) {
		struct pace_wait *w = p->first;
		pace_forget(p, w);
		p->held -= (int64_t)p->turn(w) * PER_BYTE;
	}
}

bool pace_take(struct pace *p, struct pace_wait *w, uint32_t bytes)
{
	if (!p)
		return true;
	fill(p);
	if (!p->first && p->held > 0) {
		p->held -= (int64_t)bytes * PER_BYTE;
		return true;
	}
	if (!p->first)
		uv_timer_start(&p->timer, on_tick, TICK_MS, TICK_MS);
	w->waits = true;
	p->waits++;
	DL_APPEND(p->first, w);
	return false;
}

void pace_forget(struct pace *p, struct pace_wait *w)
{
	if (!w->waits)
		return;
	w->waits = false;
	DL_DELETE(p->first, w);
	if (!p->first)
		uv_timer_stop(&p->timer);
}

uint64_t pace_waits(const struct pace *p)
{
	return p ? p->waits : 0;
}
