#include "agent/spawn.h"

#include "agent/foreground.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOME_FALLBACK "/"

void close_from(int first)
{
	struct rlimit limit;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
#endif
	/* gVisor of 2022 has no close_range(). */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
		limit.rlim_cur = 65536;
	for (int fd = first; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

static void default_signals(void)
{
	/* The kernel's struct sigaction, all zero: SIG_DFL. By system call, since the C library refuses to touch
	 * the signals it uses itself, and a parent may have had those ignored. */
	static const unsigned long action[8];
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		syscall(SYS_rt_sigaction, i, action, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The terminal becomes descriptors 0 to 2 and the controlling terminal of a new session. */
static int take_terminal(const struct pty *pty)
{
	int fd;

	if (setsid() < 0)
		return -1;
	fd = open(pty->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			return -1;
	return 0;
}

static void set_environment(const struct open_request *request)
{
	setenv("TERM", "xterm-256color", 0);
	for (unsigned i = 0; i < request->envc; i++)
		putenv(request->env[i]);
}

static void change_directory(const char *wanted)
{
	const char *home = getenv("HOME");

	if (*wanted && chdir(wanted) == 0)
		return;
	if (home && chdir(home) == 0)
		return;
	if (chdir(HOME_FALLBACK) < 0)
		return; /* stays in the agent's own */
}

static char *user_shell(void)
{
	static char fallback[] = "/bin/sh";
	char *shell = getenv("SHELL");
	struct passwd *user;

	if (shell && *shell)
		return shell;
	user = getpwuid(getuid());
	return user && user->pw_shell && *user->pw_shell ? user->pw_shell : fallback;
}

static void execute(const struct open_request *request)
{
	char *shell[] = {NULL, NULL};

	if (request->argc > 0) {
		execvp(request->argv[0], request->argv);
		return;
	}
	shell[0] = user_shell();
	execv(shell[0], shell);
}

/* The child reads the watcher's orders and writes the others; -1 what is not there. */
struct pipes {
	int report[2], watcher[2], answers[2];
};

/* In the child: runs the program, or reports why not. */
static void run(const struct open_request *request, const struct pty *pty, const struct pipes *p)
{
	uint8_t error;

	default_signals();
	if (take_terminal(pty) == 0 &&
	    (p->watcher[0] < 0 || foreground_watch(0, p->watcher[0], p->answers[1]) == 0)) {
		set_environment(request);
		change_directory(request->cwd);
		execute(request);
	}
	error = (uint8_t)errno;
	_exit(write(p->report[1], &error, 1) == 1 ? 127 : 126);
}

static void close_pair(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void close_pipes(struct pipes *p)
{
	close_pair(p->report);
	close_pair(p->watcher);
	close_pair(p->answers);
}

static int set_nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* The agent's ends do not block, nor does the watcher when nobody reads its answers; the other ends,
 * which may, are separate. */
static int open_pipes(struct pipes *p, bool watch)
{
	if (pipe2(p->report, O_CLOEXEC) < 0 || set_nonblocking(p->report[0]) < 0)
		return -1;
	if (!watch)
		return 0;
	if (pipe2(p->watcher, O_CLOEXEC) < 0 || pipe2(p->answers, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	return set_nonblocking(p->watcher[1]);
}

int spawn(struct spawned *s, const struct open_request *request, const struct pty *pty, bool watch)
{
	struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};

	if (open_pipes(&p, watch) < 0 || (s->pid = fork()) < 0) {
		int saved = errno;

		close_pipes(&p);
		errno = saved;
		return -1;
	}
	if (s->pid == 0)
		run(request, pty, &p);
	s->report = p.report[0];
	s->watcher = p.watcher[1];
	s->answers = p.answers[0];
	p.report[0] = p.watcher[1] = p.answers[0] = -1;
	close_pipes(&p);
	return 0;
}
