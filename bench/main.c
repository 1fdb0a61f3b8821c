/*
 * load: the benchmark. Measures the figures whose names are given, or all; tables on standard output, progress on standard error. bench/run
 * builds what it needs and starts it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/figures.h"
#include "bench/relay.h"

#define SIZE_MAX_ALLOWED 9999999

static const struct {
	const char *name;
	void (*measure)(struct bench *b);
} measures[] = {
	{"memory", measure_memory},   {"echo", measure_echo}, {"flood", measure_flood},
	{"connect", measure_connect}, {"cold", measure_cold}, {"crowd", measure_crowd},
	{"scale", measure_scale},     {"host", measure_host},
};

#define MEASURES (sizeof(measures) / sizeof(measures[0]))

static struct {
	const char *name;
	size_t value;
} sizes[] = {
#define SIZE(name, fallback, what) {"BENCH_" #name, fallback},
#include "bench/sizes.h"
#undef SIZE
};

size_t size_of(enum size size)
{
	return sizes[size].value;
}

_Noreturn static void refuse(const char *what, const char *why)
{
	bench_say("%s: %s", what, why);
	exit(2);
}

static void read_sizes(void)
{
	for (size_t i = 0; i < SIZE_COUNT; i++) {
		const char *text = getenv(sizes[i].name);
		char *end;
		if (!text || !*text)
			continue;
		unsigned long value = strtoul(text, &end, 10);
		if (*end || strspn(text, "0123456789") != strlen(text) || value == 0 ||
		    value > SIZE_MAX_ALLOWED)
			refuse(sizes[i].name, "want a whole number from 1 to 9999999");
		sizes[i].value = value;
	}
}

static void read_names(int argc, char **argv, bool chosen[MEASURES])
{
	for (size_t m = 0; m < MEASURES; m++)
		chosen[m] = argc < 2;
	for (int i = 1; i < argc; i++) {
		bool known = false;
		for (size_t m = 0; m < MEASURES; m++)
			if (strcmp(argv[i], measures[m].name) == 0)
				known = chosen[m] = true;
		if (!known)
			refuse(argv[i], "no such figure");
	}
}

/* Beside the tables, for bench/record. */
static void write_fields(struct bench *b)
{
	const char *path = getenv("BENCH_FIELDS");
	FILE *out = path ? fopen(path, "we") : NULL;

	if (!path)
		return;
	if (!out)
		bench_fail(b, "%s: cannot be written", path);
	report_print_fields(&b->report, out);
	if (fclose(out) != 0)
		bench_fail(b, "%s: cannot be written", path);
}

static const char *setting(const char *name, const char *fallback)
{
	const char *text = getenv(name);

	return text && *text ? text : fallback;
}

int main(int argc, char **argv)
{
	static struct bench b;
	bool chosen[MEASURES];

	if (argc == 4 && strcmp(argv[1], RELAY_ARGUMENT) == 0)
		relay_run(argv[2], argv[3]);
	read_sizes();
	read_names(argc, argv, chosen);
	if (mkdir("build", 0755) < 0 && errno != EEXIST)
		refuse("build", strerror(errno));
	if (mkdir("build/bench", 0755) < 0 && errno != EEXIST)
		refuse("build/bench", strerror(errno));
	bench_init(&b, setting("DOCKER_HOST", "unix:///var/run/docker.sock"),
		   setting("SANDBOX_GVISOR_RUNTIME", "runsc"));
	bench_say("run %s", b.run);
	for (size_t m = 0; m < MEASURES; m++) {
		if (!chosen[m])
			continue;
		b.figure = measures[m].name;
		bench_say("%s", b.figure);
		measures[m].measure(&b);
	}
	report_print_tables(&b.report, stdout);
	write_fields(&b);
	return bench_finish(&b) ? 0 : 1;
}
