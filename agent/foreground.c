#include "agent/foreground.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/spawn.h"

/* Orders to a watcher are signal numbers and this. */
#define ORDER_LOOK 0

enum { ORDERS, TERMINAL, ANSWERS }; /* a watcher's descriptors */

static pid_t foreground_group(int terminal)
{
	pid_t group = 0;

	return ioctl(terminal, TIOCGPGRP, &group) < 0 || group <= 1 ? -1 : group;
}

static int signal_group(int terminal, int signal)
{
	pid_t group = foreground_group(terminal);

	return group < 0 ? -1 : kill(-group, signal);
}

static enum foreground look(int terminal, pid_t shell)
{
	pid_t group = foreground_group(terminal);

	if (group < 0)
		return FOREGROUND_UNKNOWN;
	return group == shell ? FOREGROUND_SHELL : FOREGROUND_OTHER;
}

/* Obeys what has come in the meantime: many looks are one. Returns whether to look. */
static bool take_orders(void)
{
	uint8_t orders[64];
	bool looks = false;
	ssize_t n = read(ORDERS, orders, sizeof orders);

	if (n == 0 || (n < 0 && errno != EINTR))
		_exit(0);
	for (ssize_t i = 0; i < n; i++) {
		if (orders[i] == ORDER_LOOK)
			looks = true;
		else
			signal_group(TERMINAL, orders[i]);
	}
	return looks;
}

static void watch(void)
{
	enum foreground told = FOREGROUND_SHELL;
	pid_t shell = getsid(0);

	for (;;) {
		enum foreground now = take_orders() ? look(TERMINAL, shell) : told;
		uint8_t answer = (uint8_t)now;

		if (now != told && now != FOREGROUND_UNKNOWN && write(ANSWERS, &answer, 1) == 1)
			told = now;
	}
}

static void become_watcher(int terminal, int orders, int answers)
{
	/* `kill -HUP -1` in the shell must not end it. */
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_IGN);
	prctl(PR_SET_NAME, "terminal");
	if (setpgid(0, 0) < 0 || dup2(terminal, TERMINAL) < 0 || dup2(orders, ORDERS) < 0 ||
	    dup2(answers, ANSWERS) < 0)
		_exit(1);
	close_from(ANSWERS + 1);
	watch();
}

int foreground_watch(int terminal, int orders, int answers)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid == 0) {
		/* The middle one ends at once: the watcher becomes the agent's child, not the shell's. */
		pid = fork();
		if (pid == 0)
			become_watcher(terminal, orders, answers);
		if (pid < 0 || write(answers, &pid, sizeof pid) != sizeof pid)
			_exit(errno);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
	return errno == 0 ? 0 : -1;
}

pid_t foreground_watcher(int answers)
{
	pid_t pid;

	return read(answers, &pid, sizeof pid) == sizeof pid ? pid : -1;
}

void foreground_signal(int master, int watcher, pid_t shell, int signal)
{
	uint8_t byte = (uint8_t)signal;

	if (watcher >= 0 ? write(watcher, &byte, 1) == 1 : signal_group(master, signal) == 0)
		return;
	kill(-shell, signal);
}

enum foreground foreground_look(int master, int watcher, pid_t shell)
{
	uint8_t byte = ORDER_LOOK;

	if (watcher < 0)
		return look(master, shell);
	return write(watcher, &byte, 1) == 1 ? FOREGROUND_ASKED : FOREGROUND_UNKNOWN;
}

enum foreground foreground_answer(int answers)
{
	uint8_t said[64];
	ssize_t n = read(answers, said, sizeof said);

	if (n == 0)
		return FOREGROUND_UNWATCHED;
	if (n < 0)
		return FOREGROUND_UNKNOWN;
	return said[n - 1] ? FOREGROUND_SHELL : FOREGROUND_OTHER;
}
