/* How many sandboxes this host carries: sessions, each with a shell at its prompt, one after the other until a bound is met. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/figures.h"

#define KIB_PER_MIB 1024

struct host {
	struct session *sessions;
	size_t count;
	double free_before_mib, free_after_mib;
	const char *bound; /* that was met */
};

static double free_mib(struct bench *b)
{
	char line[128];
	double kib = -1;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, "MemAvailable:", 13) == 0)
			kib = strtod(line + 13, NULL);
	if (f)
		fclose(f);
	if (kib < 0)
		bench_fail(b, "/proc/meminfo does not say what is available");
	return kib / KIB_PER_MIB;
}

/* NULL: none. */
static const char *bound_met(struct bench *b, const struct host *h, uint64_t start_ns)
{
	if (h->count == size_of(SIZE_HOST_SANDBOXES))
		return "the number asked for";
	if (free_mib(b) < (double)size_of(SIZE_HOST_FREE_MB))
		return "memory";
	if (bench_ms(start_ns, uv_hrtime()) > (double)size_of(SIZE_HOST_SECONDS) * 1000)
		return "time";
	return NULL;
}

static void fill(struct bench *b, struct host *h, struct server *server)
{
	uint64_t start = uv_hrtime();

	h->free_before_mib = free_mib(b);
	while (!(h->bound = bound_met(b, h, start))) {
		session_start(&h->sessions[h->count++], server);
		if (h->count % 50 == 0)
			bench_say("%zu sandboxes, %.0f MiB free", h->count, free_mib(b));
	}
	h->free_after_mib = free_mib(b);
}

static void report(struct bench *b, const struct host *h)
{
	static char title[96];

	snprintf(title, sizeof(title), "sandboxes at once (the bound was %s)", h->bound);
	report_cost(&b->report, &(struct cost){.group = "host",
					       .title = title,
					       .unit = "",
					       .value = (double)h->count});
	if (!h->count)
		return;
	double each = (h->free_before_mib - h->free_after_mib) / (double)h->count;
	report_cost(&b->report, &(struct cost){.group = "host",
					       .title = "memory of the host for one of them",
					       .unit = "MiB",
					       .value = each});
	report_cost(&b->report, &(struct cost){.group = "host",
					       .title = "what the memory that was free carries",
					       .unit = "",
					       .value = each > 0 ? h->free_before_mib / each : 0});
}

void measure_host(struct bench *b)
{
	struct host h = {.sessions =
				 bench_allocate(size_of(SIZE_HOST_SANDBOXES), sizeof(*h.sessions))};
	struct server *server = server_start(b, b->docker_host, 0);

	server_await_containers(server, 0);
	fill(b, &h, server);
	report(b, &h);
	for (size_t i = 0; i < h.count; i++)
		session_end(&h.sessions[i]);
	server_await_containers(server, 0);
	server_stop(server);
	free(h.sessions);
}
