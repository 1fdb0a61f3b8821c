#include "session/capacity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/docker.h"

#define SAMPLE_INTERVAL_MS 2000

/* A sandbox at its memory limit with gVisor's own processes beside it. */
#define SANDBOX_HOST_KIB (192 * 1024)

/* Process numbers that are left to everybody else on the host. */
#define HOST_PIDS 4096

struct capacity {
	const struct config *config;
	uv_loop_t *loop;
	int fd; /* /proc/meminfo, -1 when it cannot be had */
	uv_fs_t request;
	char text[2048];
	bool sampling, freed;
	uint64_t due_ms;
	int64_t total_kib, available_kib;
	int64_t pid_max; /* 0: not known */
};

static bool read_field(const char *text, const char *name, int64_t *value)
{
	const char *p = strstr(text, name);

	if (!p)
		return false;
	*value = strtoll(p + strlen(name), NULL, 10);
	return *value > 0;
}

bool capacity_parse_meminfo(const char *text, int64_t *total_kib, int64_t *available_kib)
{
	int64_t total, available;

	if (!read_field(text, "MemTotal:", &total) ||
	    !read_field(text, "MemAvailable:", &available) || available > total)
		return false;
	*total_kib = total;
	*available_kib = available;
	return true;
}

static int64_t read_pid_max(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtoll(text, NULL, 10) : 0;
}

struct capacity *capacity_new(uv_loop_t *loop, const struct config *config)
{
	struct capacity *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = config;
	c->loop = loop;
	c->fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t n = c->fd < 0 ? -1 : pread(c->fd, c->text, sizeof(c->text) - 1, 0);
	c->text[n > 0 ? n : 0] = '\0';
	capacity_parse_meminfo(c->text, &c->total_kib, &c->available_kib);
	c->pid_max = read_pid_max();
	return c;
}

static void destroy(struct capacity *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

void capacity_free(struct capacity *c)
{
	if (!c)
		return;
	c->freed = true;
	if (!c->sampling)
		destroy(c);
}

static void on_read(uv_fs_t *request)
{
	struct capacity *c = request->data;
	ssize_t n = request->result;

	uv_fs_req_cleanup(request);
	c->sampling = false;
	c->text[n > 0 ? n : 0] = '\0';
	capacity_parse_meminfo(c->text, &c->total_kib, &c->available_kib);
	if (c->freed)
		destroy(c);
}

void capacity_sweep(struct capacity *c, uint64_t now_ms)
{
	uv_buf_t buf = uv_buf_init(c->text, sizeof(c->text) - 1);

	if (c->fd < 0 || c->sampling || now_ms < c->due_ms)
		return;
	c->due_ms = now_ms + SAMPLE_INTERVAL_MS;
	c->request.data = c;
	c->sampling = uv_fs_read(c->loop, &c->request, c->fd, &buf, 1, 0, on_read) == 0;
}

size_t capacity_by_memory(int64_t usable_kib)
{
	return usable_kib < SANDBOX_HOST_KIB ? 1 : (size_t)(usable_kib / SANDBOX_HOST_KIB);
}

size_t capacity_by_pids(int64_t pid_max)
{
	int64_t free_pids = pid_max - HOST_PIDS;

	return free_pids < DOCKER_PIDS_LIMIT ? 1 : (size_t)(free_pids / DOCKER_PIDS_LIMIT);
}

struct capacity_host capacity_host(const struct capacity *c)
{
	int64_t usable_kib = c->total_kib / 100 * c->config->max_memory_percent;

	return (struct capacity_host){.memory_kib = c->total_kib,
				      .pid_max = c->pid_max,
				      .by_memory = capacity_by_memory(usable_kib),
				      .by_pids =
					      c->pid_max ? capacity_by_pids(c->pid_max) : SIZE_MAX};
}

static size_t max_containers(const struct capacity *c)
{
	struct capacity_host host = capacity_host(c);

	if (c->config->max_containers)
		return (size_t)c->config->max_containers;
	return host.by_memory < host.by_pids ? host.by_memory : host.by_pids;
}

struct capacity_report capacity_report(const struct capacity *c, size_t containers)
{
	struct capacity_report r = {.containers = containers, .max_containers = max_containers(c)};

	r.max_memory_percent = (int)c->config->max_memory_percent;
	if (c->total_kib)
		r.memory_percent = (int)(100 - c->available_kib * 100 / c->total_kib);
	r.memory_short = r.memory_percent > r.max_memory_percent;
	if (r.containers >= r.max_containers)
		snprintf(r.reason, sizeof(r.reason), "Too many active containers (%zu/%zu)",
			 r.containers, r.max_containers);
	else if (r.memory_short)
		snprintf(r.reason, sizeof(r.reason), "Memory usage too high (%d%%/%d%%)",
			 r.memory_percent, r.max_memory_percent);
	return r;
}
