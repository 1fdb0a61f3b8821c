/*
 * The bytes of a configuration file. Every mistake is one printable line; what jansson refuses is one, and where there is
 * none every member that jansson has found has been taken from the file.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static const char *nothing(const char *name)
{
	(void)name;
	return NULL;
}

static void check_lines(const char *complaints, size_t size, int mistakes)
{
	int lines = 0;
	size_t len = strlen(complaints);

	for (const char *p = complaints; *p; p++) {
		lines += *p == '\n';
		require(*p == '\n' || (*p >= ' ' && *p <= '~'));
	}
	require(lines == mistakes || (lines < mistakes && len == size - 1));
}

static void check_bounds(const struct config *c)
{
	require(c->port >= 0 && c->port <= 65535);
	require(c->host[0] && c->gvisor_runtime[0] && c->worker_id[0]);
	require(c->max_message_bytes >= 1024 && c->idle_timeout_ms >= 1000);
	require(c->trusted_proxies.count <= CIDR_LIST_MAX);
	require(c->allowed_origins.count <= CONFIG_ORIGINS_MAX);
	for (int tier = 0; tier < TIER_COUNT; tier++)
		require(c->limits[tier].sessions >= 0 && c->limits[tier].sessions <= 100000);
}

static size_t taken_from_file(const struct config_trace *trace)
{
	size_t count = 0;

	for (size_t i = 0; i < settings_count; i++)
		count += trace->origins[i].source == CONFIG_FROM_FILE;
	return count;
}

/* What jansson, which refuses what is there twice, makes of it. */
static void compare(const char *data, size_t size, int mistakes, const struct config_trace *trace)
{
	size_t mark = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	json_t *root = json_loadb(data + mark, size - mark, JSON_REJECT_DUPLICATES, NULL);

	require(mistakes || json_is_object(root));
	if (!mistakes)
		require(json_object_size(root) == taken_from_file(trace));
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	static char complaints[16384];
	struct config_trace trace = {0};
	struct config_file file = {.path = "f", .data = (char *)data, .len = size, .mode = 0640};

	int mistakes =
		config_load_all(&config, nothing, &file, &trace, complaints, sizeof(complaints));
	check_lines(complaints, sizeof(complaints), mistakes);
	if (!mistakes)
		check_bounds(&config);
	compare((const char *)data, size, mistakes, &trace);
	config_trace_finish(&trace);
	return 0;
}
