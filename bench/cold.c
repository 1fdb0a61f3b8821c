/* A session without a warm pool: from the request to the first byte of the prompt, beside the same calls of the Engine in sequence. */

#include "bench/figures.h"
#include "bench/raw.h"

static void ours(void *arg)
{
	struct pair *p = arg;
	struct session s;
	uint64_t start = uv_hrtime();

	session_start(&s, p->server);
	samples_add(&p->our_samples, bench_ms(start, s.line->first_ns));
	session_end(&s);
	server_await_containers(p->server, 0);
}

static void reference(void *arg)
{
	struct pair *p = arg;
	uint64_t start = uv_hrtime();
	struct raw *r = raw_start(p->server->bench);

	line_await_first(&r->line);
	samples_add(&p->raw_samples, bench_ms(start, r->line.first_ns));
	raw_end(r);
}

void measure_cold(struct bench *b)
{
	static const bench_side_fn sides[] = {ours, reference, NULL};
	struct pair p = {.server = server_start(b, b->docker_host, 0)};

	server_await_containers(p.server, 0);
	bench_take_turns(size_of(SIZE_COLD_ROUNDS), sides, &p);
	report_figure(&b->report,
		      &(struct figure){
			      .group = "connect",
			      .title = "POST /sessions to the first prompt byte, cold",
			      .unit = "ms",
			      .ours = samples_summarize(&p.our_samples, false),
			      .reference_title = "create, attach, start, hello, open on the Engine",
			      .reference = samples_summarize(&p.raw_samples, false),
			      .ratio = RATIO_P50,
			      .ratio_goal = 1.15,
		      });
	server_stop(p.server);
	samples_finish(&p.our_samples);
	samples_finish(&p.raw_samples);
}
