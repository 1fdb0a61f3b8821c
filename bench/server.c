#include "bench/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/web.h"

#define PROGRAM       "build/release/sandbox-api"
#define SETTINGS_MAX  32
#define SETTING_MAX   256
#define GONE_LIMIT_MS 300000

/* What the deployed service has. */
#define DESCRIPTORS 65536

/* The log as an operator has it; no refusal because of what else runs on the machine, and no end in the middle of a figure. */
static const char *const common[] = {
	"HOST=127.0.0.1",
	"PORT=0",
	"LOG_LEVEL=info",
	"CIRCUIT_MAX_MEMORY_PERCENT=100",
	"CIRCUIT_MAX_CONTAINERS=10000",
	"MAX_SESSIONS_PER_HOUR=0",
	"MAX_CONCURRENT_PER_IP=0",
	"MAX_WEBSOCKETS_PER_IP=0",
	"COMMANDS_PER_MINUTE=0",
	"IDLE_TIMEOUT=1h",
	"MAX_LIFETIME=1h",
	NULL,
};

struct environment_text {
	char text[SETTINGS_MAX][SETTING_MAX];
	const char *pointers[SETTINGS_MAX + 1];
	size_t count;
};

static void add(struct environment_text *e, const char *name, const char *value)
{
	if (e->count == SETTINGS_MAX)
		abort();
	snprintf(e->text[e->count], SETTING_MAX, "%s%s", name, value);
	e->pointers[e->count] = e->text[e->count];
	e->pointers[++e->count] = NULL;
}

static void add_inherited(struct environment_text *e, const char *name)
{
	const char *value = getenv(name);

	if (!value)
		return;
	add(e, name, "=");
	snprintf(e->text[e->count - 1], SETTING_MAX, "%s=%s", name, value);
}

static void gather(struct environment_text *e, const struct bench *b, const char *docker_host,
		   unsigned pool_size)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", pool_size);
	add_inherited(e, "PATH");
	add_inherited(e, "HOME");
	add(e, "DOCKER_HOST=", docker_host);
	add(e, "SANDBOX_GVISOR_RUNTIME=", b->runtime);
	add(e, "WORKER_ID=", b->worker);
	add(e, "POOL_SIZE=", text);
	for (size_t i = 0; common[i]; i++)
		add(e, common[i], "");
}

static bool is_listening(void *arg)
{
	struct server *s = arg;
	char port[16];

	if (!child_log_find(s->process, "url=http://127.0.0.1:", "/", port, sizeof(port)))
		return false;
	s->port = (unsigned)strtoul(port, NULL, 10);
	return true;
}

static bool is_healthy(void *arg)
{
	return server_health(arg).ok;
}

struct server *server_start(struct bench *b, const char *docker_host, unsigned pool_size)
{
	static const char *const argv[] = {PROGRAM, NULL};
	struct environment_text e = {.count = 0};
	struct server *s = bench_allocate(1, sizeof(*s));

	gather(&e, b, docker_host, pool_size);
	s->bench = b;
	s->process = child_start(b, "server", argv, e.pointers, DESCRIPTORS);
	bench_poll(b, is_listening, s, "a server that listens", BENCH_LIMIT_MS);
	bench_poll(b, is_healthy, s, "a healthy server", 2 * BENCH_LIMIT_MS);
	return s;
}

void server_stop(struct server *s)
{
	child_stop(s->process);
	free(s);
}

/* --- what it says --- */

static long number(const json_t *object, const char *name)
{
	return (long)json_integer_value(json_object_get(object, name));
}

struct server_health server_health(const struct server *s)
{
	long status;
	json_t *root = web_call(s, "GET", "/health", NULL, &status);
	const json_t *pool = json_object_get(root, "pool");
	struct server_health h = {.ok = status == 200,
				  .containers = number(root, "containers"),
				  .pool_size = number(pool, "size"),
				  .pool_ready = number(pool, "ready"),
				  .pool_hits = number(pool, "hits"),
				  .pool_misses = number(pool, "misses")};

	json_decref(root);
	return h;
}

long server_websockets(const struct server *s)
{
	long status;
	json_t *root = web_call(s, "GET", "/status", NULL, &status);
	long count = number(json_object_get(root, "sessions"), "websockets");

	json_decref(root);
	return count;
}

struct awaited {
	struct server *server;
	long containers;
};

static bool has_containers(void *arg)
{
	struct awaited *a = arg;

	return server_health(a->server).containers == a->containers;
}

void server_await_containers(struct server *s, long count)
{
	struct awaited a = {s, count};

	bench_poll(s->bench, has_containers, &a, "the end of sandboxes", GONE_LIMIT_MS);
}

static bool has_pool(void *arg)
{
	struct server_health h = server_health(arg);

	return h.pool_ready == h.pool_size;
}

void server_await_pool(struct server *s)
{
	bench_poll(s->bench, has_pool, s, "a full pool", 2 * BENCH_LIMIT_MS);
}

/* --- what /proc says of it --- */

static void read_proc(const struct server *s, const char *file, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)s->process->pid, file);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, size - 1, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
	if (!n)
		bench_fail(s->bench, "%s: cannot be read", path);
}

/* The name in parentheses may hold spaces: fields count from behind it. */
double server_cpu_ms(const struct server *s)
{
	unsigned long user = 0, system = 0;
	char text[1024];

	read_proc(s, "stat", text, sizeof(text));
	const char *fields = strrchr(text, ')');
	if (!fields || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			      &user, &system) != 2)
		bench_fail(s->bench, "/proc has another form");
	return (double)(user + system) * 1000 / (double)sysconf(_SC_CLK_TCK);
}

static double field_kib(const struct server *s, const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		bench_fail(s->bench, "/proc does not say %s", name);
	return strtod(at + strlen(name), NULL);
}

struct server_memory server_memory(const struct server *s)
{
	char text[4096];

	read_proc(s, "status", text, sizeof(text));
	return (struct server_memory){field_kib(s, text, "VmRSS:"), field_kib(s, text, "RssAnon:")};
}
