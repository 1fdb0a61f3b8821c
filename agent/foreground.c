#include "agent/foreground.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/spawn.h"

static int signal_group(int terminal, int signal)
{
	pid_t group = 0;

	if (ioctl(terminal, TIOCGPGRP, &group) < 0 || group <= 1)
		return -1;
	return kill(-group, signal);
}

/* Reads from descriptor 0, has the terminal on 1 and nothing else. */
static void watch(void)
{
	uint8_t signal;
	ssize_t n;

	for (;;) {
		n = read(0, &signal, 1);
		if (n == 1)
			signal_group(1, signal);
		else if (n == 0 || errno != EINTR)
			_exit(0);
	}
}

static void become_watcher(int terminal, int pipe)
{
	/* `kill -HUP -1` in the shell must not end it. */
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_IGN);
	prctl(PR_SET_NAME, "terminal");
	if (setpgid(0, 0) < 0 || dup2(terminal, 1) < 0 || dup2(pipe, 0) < 0)
		_exit(1);
	close_from(2);
	watch();
}

int foreground_watch(int terminal, int pipe)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid == 0) {
		/* The middle one ends at once: the watcher becomes the agent's child, not the shell's. */
		pid = fork();
		if (pid == 0)
			become_watcher(terminal, pipe);
		_exit(pid < 0 ? errno : 0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
	return errno == 0 ? 0 : -1;
}

void foreground_signal(int master, int watcher, pid_t shell, int signal)
{
	uint8_t byte = (uint8_t)signal;

	if (watcher >= 0 ? write(watcher, &byte, 1) == 1 : signal_group(master, signal) == 0)
		return;
	kill(-shell, signal);
}
