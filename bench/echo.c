/* Echo: one byte to `cat` in raw mode and back, one at a time. */

#include "bench/figures.h"
#include "bench/raw.h"

#define WARM_UP_KEYS 200

struct echo {
	struct pair pair;
	struct raw *relayed;
	struct samples relayed_samples;
};

static void ours(void *arg)
{
	struct pair *p = &((struct echo *)arg)->pair;

	samples_add(&p->our_samples, echo_once(p->ours.line));
}

static void reference(void *arg)
{
	struct pair *p = &((struct echo *)arg)->pair;

	samples_add(&p->raw_samples, echo_once(&p->raw->line));
}

static void relayed(void *arg)
{
	struct echo *e = arg;

	samples_add(&e->relayed_samples, echo_once(&e->relayed->line));
}

static void begin(struct echo *e, struct bench *b)
{
	*e = (struct echo){.relayed = NULL};
	pair_start(&e->pair, b);
	e->relayed = raw_start_relayed(b);
	line_await_first(&e->relayed->line);
	line_start_cat(e->pair.ours.line);
	line_start_cat(&e->pair.raw->line);
	line_start_cat(&e->relayed->line);
}

static void end(struct echo *e)
{
	raw_end(e->relayed);
	pair_end(&e->pair);
	samples_finish(&e->relayed_samples);
}

/* Ours has a hop more than the raw stream, and as many as the one through the relay. */
static void report(struct bench *b, struct echo *e)
{
	struct figure f = {
		.group = "echo",
		.title = "a keystroke and its echo",
		.unit = "ms",
		.ours = samples_summarize(&e->pair.our_samples, false),
		.reference_title = "raw attach stream",
		.reference = samples_summarize(&e->pair.raw_samples, false),
		.ratio = RATIO_P50,
		.ratio_goal = 1.15,
	};

	report_figure(&b->report, &f);
	f.title = "a keystroke and its echo, beside a bare relay";
	f.reference_title = "raw attach stream through the relay";
	f.reference = samples_summarize(&e->relayed_samples, false);
	f.ratio_goal = 0;
	report_figure(&b->report, &f);
}

static void report_cpu(struct bench *b, double ms)
{
	report_cost(&b->report, &(struct cost){
					.group = "echo",
					.title = "CPU of the server for a keystroke",
					.unit = "us",
					.value = ms * 1000 / (double)size_of(SIZE_KEYS),
				});
}

void measure_echo(struct bench *b)
{
	static const bench_side_fn sides[] = {ours, reference, relayed, NULL};
	struct echo e;

	begin(&e, b);
	bench_take_turns(WARM_UP_KEYS, sides, &e);
	e.pair.our_samples.count = e.pair.raw_samples.count = e.relayed_samples.count = 0;
	double before = server_cpu_ms(e.pair.server);
	bench_take_turns(size_of(SIZE_KEYS), sides, &e);
	double used = server_cpu_ms(e.pair.server) - before;
	report(b, &e);
	report_cpu(b, used);
	end(&e);
}
