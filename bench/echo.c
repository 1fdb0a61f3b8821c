/* Echo: one byte to `cat` in raw mode and back, one at a time. */

#include "bench/figures.h"
#include "bench/raw.h"

#define WARM_UP_KEYS 200

static void ours(void *arg)
{
	struct pair *p = arg;

	samples_add(&p->our_samples, echo_once(p->ours.line));
}

static void reference(void *arg)
{
	struct pair *p = arg;

	samples_add(&p->raw_samples, echo_once(&p->raw->line));
}

static void report(struct bench *b, struct pair *p, double cpu_ms)
{
	report_figure(&b->report, &(struct figure){
					  .group = "echo",
					  .title = "a keystroke and its echo",
					  .unit = "ms",
					  .ours = samples_summarize(&p->our_samples, false),
					  .reference_title = "raw attach stream",
					  .reference = samples_summarize(&p->raw_samples, false),
					  .ratio = RATIO_P50,
					  .ratio_goal = 1.15,
				  });
	report_cost(&b->report, &(struct cost){
					.group = "echo",
					.title = "CPU of the server for a keystroke",
					.unit = "us",
					.value = cpu_ms * 1000 / (double)size_of(SIZE_KEYS),
				});
}

void measure_echo(struct bench *b)
{
	struct pair p;

	pair_start(&p, b);
	line_start_cat(p.ours.line);
	line_start_cat(&p.raw->line);
	bench_take_turns(WARM_UP_KEYS, ours, reference, &p);
	p.our_samples.count = p.raw_samples.count = 0;
	double before = server_cpu_ms(p.server);
	bench_take_turns(size_of(SIZE_KEYS), ours, reference, &p);
	report(b, &p, server_cpu_ms(p.server) - before);
	pair_end(&p);
}
