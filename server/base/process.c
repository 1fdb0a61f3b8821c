#include "base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* In /proc/self/stat after the name of the program: the time of its start, in ticks since the host's. */
#define STAT_START_FIELD 20

struct process {
	uv_loop_t *loop;
	const char *descriptors;
	uv_work_t work;
	bool listing, freed;
	uint64_t listed, found; /* the latest list; what the thread has found */
	double start_seconds;
};

/* --- descriptors --- */

static uint64_t list(const char *folder)
{
	DIR *dir = opendir(folder);
	uint64_t count = 0;

	if (!dir)
		return 0;
	for (const struct dirent *e; (e = readdir(dir));)
		count += e->d_name[0] != '.';
	closedir(dir);
	return count ? count - 1 : 0; /* without the one that lists */
}

static size_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static double read_start(void)
{
	char text[1024];
	struct timespec up;

	read_file("/proc/self/stat", text, sizeof(text));
	char *field = strrchr(text, ')');
	for (int i = 0; field && i < STAT_START_FIELD; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &up);
	double age = (double)up.tv_sec + (double)up.tv_nsec / 1e9 -
		     strtod(field, NULL) / (double)sysconf(_SC_CLK_TCK);
	return (double)clock_wall_ms() / 1000 - age;
}

struct process *process_new(uv_loop_t *loop, const char *descriptors)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->loop = loop;
	p->descriptors = descriptors;
	p->work.data = p;
	p->listed = list(p->descriptors);
	p->start_seconds = read_start();
	return p;
}

void process_free(struct process *p)
{
	if (!p)
		return;
	p->freed = true;
	if (!p->listing)
		free(p);
}

static void on_list(uv_work_t *work)
{
	struct process *p = work->data;

	p->found = list(p->descriptors);
}

static void on_listed(uv_work_t *work, int status)
{
	struct process *p = work->data;

	p->listing = false;
	if (status == 0)
		p->listed = p->found;
	if (p->freed)
		free(p);
}

static uint64_t count_descriptors(struct process *p)
{
	struct stat st;

	if (stat(p->descriptors, &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	if (!p->listing)
		p->listing = uv_queue_work(p->loop, &p->work, on_list, on_listed) == 0;
	return p->listed;
}

static double max_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return limit.rlim_cur == RLIM_INFINITY ? INFINITY : (double)limit.rlim_cur;
}

/* --- the rest --- */

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

void process_read(struct process *p, struct process_stats *stats)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[128], *end;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	read_file("/proc/self/statm", text, sizeof(text));
	stats->virtual_bytes = strtoull(text, &end, 10) * page;
	stats->resident_bytes = strtoull(end, NULL, 10) * page;
	stats->cpu_seconds = seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
	stats->start_seconds = p->start_seconds;
	stats->open_descriptors = count_descriptors(p);
	stats->max_descriptors = max_descriptors();
}
