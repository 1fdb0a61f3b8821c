/* Throughput: a program in the sandbox writes as fast as it can. The clock runs from the first byte to the last, and every byte is
 * checked. */

#include <stdio.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/raw.h"

#define MEGABYTE 1000000
#define LIMIT_MS 120000
#define START    1 /* a byte that the echo of the command cannot hold */

/* The cheapest writer there is, so that the way and not the program is measured: with half a CPU, a pipe through tr inside the sandbox
 * would take most of it. The arguments are one file, as often as needed. */
#define WRITE_FILE "head -c 1000000 /dev/zero | tr '\\0' x >/tmp/bench"
#define NAME_IT    "set -- $(yes /tmp/bench | head -n %zu)"
#define COMMAND    "printf '\\001'; cat \"$@\"\r"

static void prepare(struct line *l)
{
	char arguments[64], command[256];

	snprintf(arguments, sizeof(arguments), NAME_IT, size_of(SIZE_FLOOD_MB));
	snprintf(command, sizeof(command), "%s; %s; %s", WRITE_FILE, arguments, LINE_SAY);
	line_run(l, command);
}

struct flood {
	bool begun;
	size_t left;
	uint64_t first_ns, last_ns;
};

/* Whether each of them is an x. */
static bool all_x(const uint8_t *data, size_t len)
{
	return len == 0 || (data[0] == 'x' && memcmp(data, data + 1, len - 1) == 0);
}

static void on_flood(struct line *l, const uint8_t *data, size_t len)
{
	struct flood *f = l->arg;

	if (!f->begun) {
		const uint8_t *start = memchr(data, START, len);
		if (!start)
			return;
		f->begun = true;
		len -= (size_t)(start + 1 - data);
		data = start + 1;
	}
	size_t n = len < f->left ? len : f->left;
	if (n && !f->first_ns)
		f->first_ns = uv_hrtime();
	if (!all_x(data, n))
		bench_note_failure(l->bench,
				   "a flood with %zu bytes to come is not what was written",
				   f->left);
	f->left -= n;
	if (n && !f->left)
		f->last_ns = uv_hrtime();
}

static bool is_over(void *arg)
{
	return ((struct flood *)arg)->last_ns != 0;
}

/* MB/s. */
static double flood(struct line *l)
{
	struct flood f = {.left = size_of(SIZE_FLOOD_MB) * MEGABYTE};

	l->take = on_flood;
	l->arg = &f;
	line_type(l, COMMAND);
	bench_until(l->bench, is_over, &f, "the end of a flood", LIMIT_MS);
	l->take = NULL;
	return (double)size_of(SIZE_FLOOD_MB) / ((double)(f.last_ns - f.first_ns) / 1e9);
}

static void ours(void *arg)
{
	struct pair *p = arg;
	double before = server_cpu_ms(p->server);

	samples_add(&p->our_samples, flood(p->ours.line));
	p->cpu_ms += server_cpu_ms(p->server) - before;
	p->rounds++;
}

static void reference(void *arg)
{
	struct pair *p = arg;

	samples_add(&p->raw_samples, flood(&p->raw->line));
}

static void report(struct bench *b, struct pair *p)
{
	static char title[64];

	snprintf(title, sizeof(title), "flood of %zu MB", size_of(SIZE_FLOOD_MB));
	report_figure(&b->report,
		      &(struct figure){
			      .group = "flood",
			      .title = title,
			      .unit = "MB/s",
			      .is_rate = true,
			      .ours = samples_summarize(&p->our_samples, true),
			      .reference_title = "raw attach stream, all the credit there can be",
			      .reference = samples_summarize(&p->raw_samples, true),
			      .ratio = RATIO_P50,
			      .ratio_goal = 0.9,
		      });
	report_cost(&b->report,
		    &(struct cost){
			    .group = "flood",
			    .title = "CPU of the server for a MB of output",
			    .unit = "ms",
			    .value = p->cpu_ms / (double)(p->rounds * size_of(SIZE_FLOOD_MB)),
		    });
}

void measure_flood(struct bench *b)
{
	static const bench_side_fn sides[] = {ours, reference, NULL};
	struct pair p;

	pair_start(&p, b);
	prepare(p.ours.line);
	prepare(&p.raw->line);
	flood(p.ours.line);
	flood(&p.raw->line);
	bench_take_turns(size_of(SIZE_FLOOD_ROUNDS), sides, &p);
	report(b, &p);
	pair_end(&p);
}
