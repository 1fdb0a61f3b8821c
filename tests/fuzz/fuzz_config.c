/*
 * The environment as configuration: lines NAME=VALUE. What is accepted is within its bounds, and each mistake is one line.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text; /* the input; its lines end in NUL */
static size_t text_len;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static const char *look_up(const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line < text + text_len; line += strlen(line) + 1)
		if (strncmp(line, name, len) == 0 && line[len] == '=')
			return line + len + 1;
	return NULL;
}

static void check_origins(const struct origin_list *list)
{
	require(list->count <= CONFIG_ORIGINS_MAX);
	for (size_t i = 0; i < list->count; i++)
		require(strcmp(list->items[i], "*") == 0 || strstr(list->items[i], "://"));
}

static void check(const struct config *c)
{
	require(c->port >= 0 && c->port <= 65535);
	require(c->host[0] && c->gvisor_runtime[0] && c->worker_id[0]);
	require(strncmp(c->docker_host, "unix:///", 8) == 0 && strlen(c->docker_host) <= 107);
	require(strlen(c->api_key) < CONFIG_TEXT_BYTES && strlen(c->worker_id) <= 127);
	require(c->max_message_bytes >= 1024 && c->max_message_bytes <= 16777216);
	require(c->idle_timeout_ms >= 1000 && c->idle_timeout_ms <= 86400000);
	require(c->max_lifetime_ms >= 1000 && c->max_lifetime_ms <= 86400000);
	require(c->log_level >= LOG_ERROR && c->log_level <= LOG_DEBUG);
	require(c->log_format == LOG_TEXT || c->log_format == LOG_JSON);
	require(c->trusted_proxies.count <= CIDR_LIST_MAX);
	for (size_t i = 0; i < c->trusted_proxies.count; i++)
		require(c->trusted_proxies.blocks[i].prefix <= 128);
	check_origins(&c->allowed_origins);
	check_origins(&c->frontend_origin);
}

static size_t count_lines(const char *p)
{
	size_t n = 0;

	while ((p = strchr(p, '\n'))) {
		n++;
		p++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	static char complaints[16384];

	text_len = size;
	text = malloc(size + 1);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	int mistakes = config_load(&config, look_up, complaints, sizeof(complaints));
	require((size_t)mistakes == count_lines(complaints));
	if (!mistakes)
		check(&config);
	free(text);
	return 0;
}
