#include "edge/stats.h"

#include "base/clock.h"

static const struct {
	unsigned status;
	const char *name;
} codes[STATUS_CODES] = {
	{101, "101"}, {200, "200"}, {201, "201"}, {204, "204"}, {304, "304"}, {400, "400"},
	{401, "401"}, {403, "403"}, {404, "404"}, {405, "405"}, {411, "411"}, {413, "413"},
	{426, "426"}, {429, "429"}, {500, "500"}, {503, "503"}, {0, "other"},
};

void edge_stats_init(struct edge_stats *s)
{
	*s = (struct edge_stats){0};
	for (size_t i = 0; i < START_KINDS; i++)
		histogram_init(&s->prompt[i], &histogram_long);
	histogram_init(&s->echo, &histogram_short);
}

void edge_stats_response(struct edge_stats *s, unsigned status)
{
	size_t i = 0;

	while (i < STATUS_CODES - 1 && codes[i].status != status)
		i++;
	s->responses[i]++;
}

const char *status_code_name(size_t i)
{
	return codes[i].name;
}

void stopwatch_start(struct stopwatch *w, enum start_kind kind)
{
	*w = (struct stopwatch){.opened_ns = clock_monotonic_ns(), .kind = kind};
}

/* What is typed before the prompt is there waits for that, and is no measure of an echo. */
void stopwatch_input(struct stopwatch *w, struct edge_stats *s, size_t bytes)
{
	s->terminal_bytes[DIRECTION_IN] += bytes;
	if (w->opened_ns || !bytes)
		return;
	uint64_t now_ns = clock_monotonic_ns();
	if (!w->typed_ns || now_ns - w->typed_ns > ECHO_LIMIT_NS)
		w->typed_ns = now_ns;
}

void stopwatch_output(struct stopwatch *w, struct edge_stats *s, size_t bytes)
{
	s->terminal_bytes[DIRECTION_OUT] += bytes;
	if (!w->opened_ns && !w->typed_ns)
		return;
	uint64_t now_ns = clock_monotonic_ns();
	if (w->opened_ns && w->kind < START_KINDS)
		histogram_note(&s->prompt[w->kind], now_ns - w->opened_ns);
	else if (w->typed_ns && now_ns - w->typed_ns <= ECHO_LIMIT_NS)
		histogram_note(&s->echo, now_ns - w->typed_ns);
	w->opened_ns = w->typed_ns = 0;
}
