#include "agent/quirks.h"

#include "agent/pty.h"
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEEN_INT = 1, SEEN_WINCH = 2, PROBED = 4 };

/* As the leader of the PTY's session, with the signals blocked, does to its own terminal what the
 * agent will do, and looks which signals are pending then. */
static int probe_signals(const struct pty *pty)
{
	struct winsize size = {.ws_row = 2, .ws_col = 2};
	sigset_t set;
	char byte;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || setsid() < 0 ||
	    ioctl(pty->slave, TIOCSCTTY, 0) < 0)
		return 0;
	if (write(pty->master, "\003\n", 2) != 2 || ioctl(pty->master, TIOCSWINSZ, &size) < 0)
		return 0;
	/* Linux hands input over in a worker: reading the line that follows waits for it. */
	if (read(pty->slave, &byte, 1) != 1 || sigpending(&set) < 0)
		return 0;
	return PROBED | (sigismember(&set, SIGINT) ? SEEN_INT : 0) |
	       (sigismember(&set, SIGWINCH) ? SEEN_WINCH : 0);
}

static int run_probe(const struct pty *pty)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(probe_signals(pty));
	if (pid < 0)
		return 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

struct quirks quirks_probe(void)
{
	struct quirks q = {0};
	struct pty pty;
	int group;

	if (pty_open(&pty, 1, 1) < 0)
		return q;

	int seen = run_probe(&pty);

	if (seen & PROBED) {
		q.no_signal_keys = !(seen & SEEN_INT);
		q.no_winch = !(seen & SEEN_WINCH);
	}
	q.no_foreground = ioctl(pty.master, TIOCGPGRP, &group) < 0;
	pty_close(&pty);
	return q;
}
