#include "agent/procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct proc {
	pid_t pid, parent, session;
	char state; /* as in /proc/PID/stat */
};

typedef void (*proc_fn)(const struct proc *proc, void *arg);

/* The name in the parentheses is the process's own choice: the fields begin after the last one. */
static bool parse_stat(struct proc *p, const char *stat)
{
	const char *fields = strrchr(stat, ')');
	int parent, group, session;

	if (!fields ||
	    sscanf(fields + 1, " %c %d %d %d", &p->state, &parent, &group, &session) != 4)
		return false;
	p->parent = parent;
	p->session = session;
	return true;
}

static bool read_proc(struct proc *p, const char *name)
{
	char path[64], stat[512];

	p->pid = (pid_t)strtol(name, NULL, 10);
	if (p->pid <= 0)
		return false;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)p->pid);

	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;

	ssize_t n = read(fd, stat, sizeof stat - 1);

	close(fd);
	if (n <= 0)
		return false;
	stat[n] = '\0';
	return parse_stat(p, stat);
}

static void each_proc(proc_fn fn, void *arg)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	struct proc p;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (read_proc(&p, entry->d_name))
			fn(&p, arg);
	closedir(dir);
}

struct session_signal {
	pid_t session;
	int signal;
};

static void signal_member(const struct proc *p, void *arg)
{
	const struct session_signal *s = arg;

	if (p->session == s->session)
		kill(p->pid, s->signal);
}

void procs_signal_session(pid_t session, int signal)
{
	struct session_signal s = {session, signal};

	each_proc(signal_member, &s);
}

static bool is_stopped(char state)
{
	return state == 'T' || state == 't' || state == 'Z' || state == 'X';
}

static bool holds(const struct procs_stopped *s, pid_t pid)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->pids[i] == pid)
			return true;
	return false;
}

static void stop_proc(struct procs_stopped *s, pid_t pid)
{
	if (s->count == sizeof s->pids / sizeof s->pids[0] && !holds(s, pid))
		return;
	if (kill(pid, SIGSTOP) == 0 && !holds(s, pid))
		s->pids[s->count++] = pid;
}

struct session_stop {
	pid_t session, spared;
	struct procs_stopped *stopped;
	bool leader; /* this pass is for the leader */
};

static void stop_member(const struct proc *p, void *arg)
{
	const struct session_stop *s = arg;

	if (p->session != s->session || p->pid == s->spared || is_stopped(p->state))
		return;
	if ((p->pid == p->session) == s->leader)
		stop_proc(s->stopped, p->pid);
}

void procs_stop_session(struct procs_stopped *stopped, pid_t session, pid_t spared)
{
	struct session_stop s = {session, spared, stopped, true};
	struct proc leader;
	char name[16];

	snprintf(name, sizeof name, "%d", (int)session);
	if (read_proc(&leader, name))
		stop_member(&leader, &s);
	s.leader = false;
	each_proc(stop_member, &s);
}

void procs_continue(struct procs_stopped *stopped)
{
	while (stopped->count > 0)
		kill(stopped->pids[--stopped->count], SIGCONT);
}

static bool links_to(int dir, const char *name, const char *file)
{
	char target[128];
	ssize_t n = readlinkat(dir, name, target, sizeof target - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	/* " (deleted)" may follow. */
	return strncmp(target, file, strlen(file)) == 0 &&
	       (target[strlen(file)] == '\0' || target[strlen(file)] == ' ');
}

static bool has_open(pid_t pid, const char *file)
{
	struct dirent *entry;
	bool found = false;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		found = links_to(dirfd(dir), entry->d_name, file);
	closedir(dir);
	return found;
}

struct holder {
	pid_t session;
	const char *file;
};

static void kill_holder(const struct proc *p, void *arg)
{
	const struct holder *h = arg;

	if (p->session == h->session && has_open(p->pid, h->file))
		kill(p->pid, SIGKILL);
}

void procs_kill_holders(pid_t session, const char *file)
{
	struct holder h = {session, file};

	each_proc(kill_holder, &h);
}

static void kill_child(const struct proc *p, void *arg)
{
	if (p->parent == *(const pid_t *)arg)
		kill(p->pid, SIGKILL);
}

void procs_kill_descendants(void)
{
	pid_t self = getpid();

	/* Killed children leave theirs to this process, the subreaper, until none is left. */
	for (;;) {
		each_proc(kill_child, &self);
		if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
			return;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
