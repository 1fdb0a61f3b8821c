/* Resident memory of the server: before it has served anybody, and with sessions at their prompts on the real Engine. Thousands of them
 * are measured on the fake one. */

#include <stdio.h>
#include <stdlib.h>

#include "bench/figures.h"

#define KIB_PER_MIB 1024

static void report(struct bench *b, const char *title, double kib, double goal)
{
	report_cost(&b->report, &(struct cost){
					.group = "memory",
					.title = title,
					.unit = "MiB",
					.value = kib / KIB_PER_MIB,
					.goal = goal,
				});
}

void measure_memory(struct bench *b)
{
	static char title[96];
	size_t count = size_of(SIZE_MEMORY_SESSIONS);
	struct session *sessions = bench_allocate(count, sizeof(*sessions));
	struct server *server = server_start(b, b->docker_host, 0);

	server_await_containers(server, 0);
	struct server_memory bare = server_memory(server);
	for (size_t i = 0; i < count; i++)
		session_start(&sessions[i], server);
	struct server_memory full = server_memory(server);
	for (size_t i = 0; i < count; i++)
		session_end(&sessions[i]);
	server_await_containers(server, 0);
	server_stop(server);
	free(sessions);
	snprintf(title, sizeof(title), "resident memory, %zu sessions with a terminal each", count);
	report(b, "resident memory, no session", bare.resident_kib, 10);
	report(b, "of it not backed by files", bare.anonymous_kib, 0);
	report(b, title, full.resident_kib, 0);
}
