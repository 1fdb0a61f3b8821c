/*
 * The fake engine as a program: a simulated Docker Engine on a Unix socket, for tests and benchmarks of sandbox-api. README.md says
 * what it can do.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/fakes/control.h"
#include "tests/fakes/sim_engine.h"
#include "tests/fakes/sim_rules.h"

#define SWEEP_MS       1000
#define PATH_MAX_BYTES 4096

struct program {
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t sweep;
	struct sim *sim;
	struct control *control;
	const char *socket;
	char control_path[PATH_MAX_BYTES], self[PATH_MAX_BYTES];
};

static const char usage[] =
	"usage: engine --socket PATH [--control PATH] [--quiet-shell]\n"
	"\n"
	"A Docker Engine with sandboxes that is a fake: for tests and benchmarks of sandbox-api.\n"
	"\n"
	"  --socket PATH    where to listen for the Engine's API\n"
	"  --control PATH   where to listen for control commands (PATH of the socket and "
	".control)\n"
	"  --quiet-shell    shells that neither echo nor prompt again\n"
	"  --version        what a runtime says: the server asks the fake's for its version\n"
	"  --help           this text\n"
	"\n"
	"It prints a line when it listens, and ends at SIGTERM or SIGINT.\n";

/* --- broken rules: told, and counted --- */

static unsigned violations;

void sim_violation(const char *format, ...)
{
	va_list args;

	violations++;
	fputs("engine: the server has broken a rule: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* --- life --- */

static void on_sweep(uv_timer_t *timer)
{
	struct program *p = timer->data;

	sim_sweep(p->sim);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct program *p = handle->data;

	(void)number;
	for (size_t i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&p->signals[i], NULL);
	uv_close((uv_handle_t *)&p->sweep, NULL);
	control_free(p->control);
	sim_free(p->sim);
}

static void watch_signals(struct program *p)
{
	static const int numbers[2] = {SIGTERM, SIGINT};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 2; i++) {
		uv_signal_init(&p->loop, &p->signals[i]);
		p->signals[i].data = p;
		uv_signal_start(&p->signals[i], on_signal, numbers[i]);
	}
}

/* A descriptor for each stream; as many as we may have. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int fail(const char *path, int error)
{
	fprintf(stderr, "engine: %s: %s\n", path, uv_strerror(error));
	return 1;
}

static int serve(struct program *p, const struct sim_plan *plan)
{
	size_t size = sizeof(p->self);
	int error = 0;

	uv_loop_init(&p->loop);
	p->sim = sim_new_at(&p->loop, p->socket, &error);
	if (!p->sim)
		return fail(p->socket, error);
	p->control = control_new(p->sim, &p->loop, p->control_path, &violations, &error);
	if (!p->control) {
		sim_listen(p->sim, false);
		return fail(p->control_path, error);
	}
	uv_exepath(p->self, &size);
	sim_set_runtime(p->sim, p->self);
	sim_set_plan(p->sim, plan);
	watch_signals(p);
	uv_timer_init(&p->loop, &p->sweep);
	p->sweep.data = p;
	uv_timer_start(&p->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	printf("engine: listening on %s, control on %s\n", p->socket, p->control_path);
	fflush(stdout);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	return uv_loop_close(&p->loop) == 0 ? 0 : 1;
}

static int end_with(FILE *out, const char *text)
{
	fputs(text, out);
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'}, {"control", required_argument, NULL, 'c'},
		{"quiet-shell", no_argument, NULL, 'q'},  {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	static struct program program;
	struct sim_plan plan = {.canary = SIM_CANARY_GVISOR, .interactive = true};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			program.socket = optarg;
		else if (option == 'c')
			snprintf(program.control_path, sizeof(program.control_path), "%s", optarg);
		else if (option == 'q')
			plan.interactive = false;
		else if (option == 'v')
			return end_with(stdout, "runsc version fake\n");
		else
			return end_with(option == 'h' ? stdout : stderr, usage);
	}
	if (!program.socket || optind < argc)
		return end_with(stderr, usage);
	if (!program.control_path[0])
		snprintf(program.control_path, sizeof(program.control_path), "%s.control",
			 program.socket);
	raise_limit();
	return serve(&program, &plan);
}
