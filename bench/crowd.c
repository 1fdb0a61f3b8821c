/* Many at once, over WebSockets and over raw attach streams: an innocent that types beside those that flood, and all typing. */

#include <stdio.h>
#include <stdlib.h>

#include "bench/figures.h"
#include "bench/raw.h"
#include "bench/socket.h"
#include "bench/typist.h"

/* Twice the credit that a terminal of the server begins with. */
#define FLOODING_BYTES ((size_t)256 << 10)

#define INNOCENT_INTERVAL_MS 50
#define TYPIST_INTERVAL_MS   200
#define CTRL_C               "\003"

/* One way. Line 0 is the innocent's. */
struct side {
	struct line **lines;
	struct samples quiet, beside, typing;
};

struct crowd {
	struct bench *bench;
	struct server *server;
	size_t count;
	struct session *sessions;
	struct raw **raws;
	struct side ours, raw;
};

static uint64_t turn_end(void)
{
	return uv_hrtime() + size_of(SIZE_CROWD_SECONDS) * 1000000000;
}

/* --- an innocent --- */

static void type_alone(struct side *s, struct samples *samples)
{
	struct typist *t = bench_allocate(1, sizeof(*t));

	typist_start(t, s->lines[0], samples, INNOCENT_INTERVAL_MS, 0, turn_end());
	typist_await(t);
	free(t);
}

static void on_flooding(struct line *l, const uint8_t *data, size_t len)
{
	(void)data;
	*(size_t *)l->arg += len;
}

/* Past the credit that it begins with, and thus as fast as it is let: that many starting at once is another load. */
static bool floods(void *arg)
{
	return *(size_t *)arg > FLOODING_BYTES;
}

static void start_floods(struct side *s, size_t *counts, size_t flooders)
{
	for (size_t i = 1; i <= flooders; i++) {
		s->lines[i]->take = on_flooding;
		s->lines[i]->arg = &counts[i];
		line_type(s->lines[i], "yes\r");
	}
	for (size_t i = 1; i <= flooders; i++)
		bench_until(s->lines[i]->bench, floods, &counts[i], "a flood", BENCH_LIMIT_MS);
}

/* What is under way when a program ends still comes: the prompt behind it is awaited. */
static void stop_floods(struct side *s, size_t flooders)
{
	for (size_t i = 1; i <= flooders; i++)
		line_type(s->lines[i], CTRL_C);
	for (size_t i = 1; i <= flooders; i++)
		line_run(s->lines[i], LINE_SAY);
}

static void innocent(struct side *s)
{
	size_t flooders = size_of(SIZE_FLOODERS);
	size_t *counts = bench_allocate(flooders + 1, sizeof(*counts));

	type_alone(s, &s->quiet);
	start_floods(s, counts, flooders);
	type_alone(s, &s->beside);
	stop_floods(s, flooders);
	free(counts);
}

static void our_innocent(void *arg)
{
	innocent(&((struct crowd *)arg)->ours);
}

static void raw_innocent(void *arg)
{
	innocent(&((struct crowd *)arg)->raw);
}

/* --- all of them --- */

/* They begin one after the other within the time from one key to the next. */
static void type_together(struct side *s, size_t count)
{
	struct typist *typists = bench_allocate(count, sizeof(*typists));
	uint64_t end = turn_end();

	for (size_t i = 0; i < count; i++)
		typist_start(&typists[i], s->lines[i], &s->typing, TYPIST_INTERVAL_MS,
			     (unsigned)(i * TYPIST_INTERVAL_MS / count), end);
	for (size_t i = 0; i < count; i++)
		typist_await(&typists[i]);
	free(typists);
}

static void our_typing(void *arg)
{
	struct crowd *c = arg;

	type_together(&c->ours, c->count);
}

static void raw_typing(void *arg)
{
	struct crowd *c = arg;

	type_together(&c->raw, c->count);
}

/* --- figures --- */

static void report_innocent(struct bench *b, struct side *s, const char *way, double goal)
{
	static char titles[2][96], quiet[] = "the same without them";
	char *title = titles[goal == 0];

	snprintf(title, sizeof(titles[0]), "echo beside %zu floods, %s", size_of(SIZE_FLOODERS),
		 way);
	report_figure(&b->report, &(struct figure){
					  .group = "innocent",
					  .title = title,
					  .unit = "ms",
					  .ours = samples_summarize(&s->beside, false),
					  .reference_title = quiet,
					  .reference = samples_summarize(&s->quiet, false),
					  .ratio = RATIO_P99,
					  .ratio_goal = goal,
				  });
}

static void report_typing(struct crowd *c)
{
	static char title[64];

	snprintf(title, sizeof(title), "echo with %zu sessions typing", c->count);
	report_figure(&c->bench->report,
		      &(struct figure){
			      .group = "echo",
			      .title = title,
			      .unit = "ms",
			      .ours = samples_summarize(&c->ours.typing, false),
			      .reference_title = "as many raw attach streams typing",
			      .reference = samples_summarize(&c->raw.typing, false),
			      .ratio = RATIO_P50,
			      .ratio_goal = 1.15,
		      });
}

/* --- beginning and end --- */

static void gather(struct crowd *c, struct bench *b)
{
	size_t count = size_of(SIZE_CROWD), least = size_of(SIZE_FLOODERS) + 1;

	*c = (struct crowd){.bench = b, .count = count < least ? least : count};
	c->server = server_start(b, b->docker_host, 0);
	c->sessions = bench_allocate(c->count, sizeof(*c->sessions));
	c->raws = bench_allocate(c->count, sizeof(struct raw *));
	c->ours.lines = bench_allocate(c->count, sizeof(struct line *));
	c->raw.lines = bench_allocate(c->count, sizeof(struct line *));
	for (size_t i = 0; i < c->count; i++) {
		session_start(&c->sessions[i], c->server);
		c->ours.lines[i] = c->sessions[i].line;
		c->raws[i] = raw_start(b);
		c->raw.lines[i] = &c->raws[i]->line;
		line_await_first(c->raw.lines[i]);
	}
}

static void finish_side(struct side *s)
{
	samples_finish(&s->quiet);
	samples_finish(&s->beside);
	samples_finish(&s->typing);
	free(s->lines);
}

static void scatter(struct crowd *c)
{
	for (size_t i = 0; i < c->count; i++) {
		session_end(&c->sessions[i]);
		raw_end(c->raws[i]);
	}
	server_await_containers(c->server, 0);
	server_stop(c->server);
	finish_side(&c->ours);
	finish_side(&c->raw);
	free(c->sessions);
	free(c->raws);
}

static void start_cats(struct side *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		line_start_cat(s->lines[i]);
}

void measure_crowd(struct bench *b)
{
	static const bench_side_fn innocents[] = {our_innocent, raw_innocent, NULL};
	static const bench_side_fn typing[] = {our_typing, raw_typing, NULL};
	struct crowd c;

	gather(&c, b);
	start_cats(&c.ours, 0, 1);
	start_cats(&c.raw, 0, 1);
	bench_say("an innocent beside floods");
	bench_take_turns(size_of(SIZE_CROWD_ROUNDS), innocents, &c);
	start_cats(&c.ours, 1, c.count);
	start_cats(&c.raw, 1, c.count);
	bench_say("%zu typing", c.count);
	bench_take_turns(size_of(SIZE_CROWD_ROUNDS), typing, &c);
	report_typing(&c);
	report_innocent(b, &c.ours, "over WebSockets", 5);
	report_innocent(b, &c.raw, "over raw attach streams", 0);
	scatter(&c);
}
