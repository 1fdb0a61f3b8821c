#include "bench/typist.h"

static uint8_t key(size_t count)
{
	return (uint8_t)('a' + count % 26);
}

static void finish_if_over(struct typist *t)
{
	t->done = !uv_is_active((uv_handle_t *)&t->timer) && t->echoed == t->pressed;
}

static void on_due(uv_timer_t *timer)
{
	struct typist *t = timer->data;
	uint64_t now = uv_hrtime();
	uint8_t byte = key(t->pressed);

	if (now >= t->end_ns) {
		uv_timer_stop(timer);
		finish_if_over(t);
		return;
	}
	if (t->pressed - t->echoed == TYPIST_KEYS_MAX) {
		bench_note_failure(t->line->bench, "%d keys without an echo", TYPIST_KEYS_MAX);
		return;
	}
	t->pressed_ns[t->pressed++ % TYPIST_KEYS_MAX] = now;
	t->line->send(t->line, &byte, 1);
}

static void on_echo(struct line *l, const uint8_t *data, size_t len)
{
	uint64_t now = uv_hrtime();
	struct typist *t = l->arg;

	for (size_t i = 0; i < len; i++) {
		if (t->echoed == t->pressed || data[i] != key(t->echoed)) {
			bench_note_failure(l->bench, "the echo is not what was typed");
			return;
		}
		samples_add(t->samples,
			    bench_ms(t->pressed_ns[t->echoed++ % TYPIST_KEYS_MAX], now));
	}
	finish_if_over(t);
}

void typist_start(struct typist *t, struct line *line, struct samples *samples,
		  unsigned interval_ms, unsigned delay_ms, uint64_t end_ns)
{
	t->line = line;
	t->samples = samples;
	t->end_ns = end_ns;
	t->pressed = t->echoed = 0;
	t->done = false;
	line->take = on_echo;
	line->arg = t;
	uv_timer_init(&line->bench->loop, &t->timer);
	t->timer.data = t;
	uv_update_time(&line->bench->loop);
	uv_timer_start(&t->timer, on_due, delay_ms, interval_ms);
}

static bool is_done(void *arg)
{
	return ((struct typist *)arg)->done;
}

static void on_closed(uv_handle_t *handle)
{
	((struct typist *)handle->data)->done = false;
}

static bool is_closed(void *arg)
{
	return !((struct typist *)arg)->done;
}

void typist_await(struct typist *t)
{
	struct bench *b = t->line->bench;

	bench_until(b, is_done, t, "the last echoes", 2 * BENCH_LIMIT_MS);
	t->line->take = NULL;
	uv_close((uv_handle_t *)&t->timer, on_closed);
	bench_until(b, is_closed, t, "the end of a timer", BENCH_LIMIT_MS);
}
