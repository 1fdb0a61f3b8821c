#include "bench/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#define LOG_FOLDER    "build/bench/"
#define LOG_HEAD      16384
#define STOP_LIMIT_MS 40000

/* Between fork and exec: system calls only. */
_Noreturn static void become(const char *const argv[], const char *const environment[], int log,
			     unsigned nofile, pid_t parent)
{
	struct rlimit limit = {nofile, nofile};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* it has died already */
		_exit(127);
	setrlimit(RLIMIT_NOFILE, &limit);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execve(argv[0], (char *const *)argv, (char *const *)environment);
	_exit(127);
}

struct child *child_start(struct bench *b, const char *name, const char *const argv[],
			  const char *const environment[], unsigned nofile)
{
	struct child *c = bench_allocate(1, sizeof(*c));

	c->bench = b;
	snprintf(c->log, sizeof(c->log), LOG_FOLDER "%s-%s.log", b->figure, name);
	int log = open(c->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (log < 0)
		bench_fail(b, "%s: cannot be written", c->log);
	pid_t us = getpid();
	c->pid = fork();
	if (c->pid == 0)
		become(argv, environment, log, nofile, us);
	close(log);
	if (c->pid < 0)
		bench_fail(b, "no process for %s", argv[0]);
	LL_PREPEND(b->children, c);
	return c;
}

static bool has_ended(void *arg)
{
	struct child *c = arg;

	if (!c->ended)
		c->ended = waitpid(c->pid, &c->status, WNOHANG) == c->pid;
	return c->ended;
}

/* The beginning of the log: what is looked for is said there. */
static void read_log(const struct child *c, char text[LOG_HEAD])
{
	int fd = open(c->log, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, LOG_HEAD - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

bool child_log_find(struct child *c, const char *before, const char *after, char *out, size_t size)
{
	char text[LOG_HEAD];

	if (has_ended(c)) {
		bench_note_failure(c->bench, "a program has ended: see %s", c->log);
		return false;
	}
	read_log(c, text);
	const char *at = strstr(text, before);
	const char *end = at ? strstr(at + strlen(before), after) : NULL;
	if (!end)
		return false;
	at += strlen(before);
	snprintf(out, size, "%.*s", (int)(end - at), at);
	return true;
}

/* Once it has been waited for, its number may be somebody else's. */
static void ask_to_end(const struct child *c)
{
	if (!c->ended)
		kill(c->pid, SIGTERM);
}

void child_stop(struct child *c)
{
	struct bench *b = c->bench;

	ask_to_end(c);
	bench_poll(b, has_ended, c, "the end of a program", STOP_LIMIT_MS);
	if (!WIFEXITED(c->status) || WEXITSTATUS(c->status))
		bench_fail(b, "a program has ended with status %#x: see %s", (unsigned)c->status,
			   c->log);
	LL_DELETE(b->children, c);
	free(c);
}

bool child_stop_all(struct bench *b)
{
	struct child *c, *next;
	bool clean = true;

	/* The latest first: a server needs its Engine to tidy up. */
	LL_FOREACH_SAFE(b->children, c, next)
	{
		ask_to_end(c);
		if (!bench_turn_polling(b, has_ended, c, STOP_LIMIT_MS)) {
			clean = false;
			kill(c->pid, SIGKILL);
			waitpid(c->pid, &c->status, 0);
		}
		free(c);
	}
	b->children = NULL;
	return clean;
}
