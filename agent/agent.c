#include "agent/agent.h"

#include "agent/agent_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What is waited for: standard input, standard output, signals; then each terminal and each watcher. */
#define TERMINAL_FDS 3
#define WATCHER_FDS  (TERMINAL_FDS + AGENT_TERMINALS_MAX)
#define ALL_FDS      (WATCHER_FDS + AGENT_TERMINALS_MAX)

uint64_t agent_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int create_last_resort(struct agent *a)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};

	return timer_create(CLOCK_MONOTONIC, &event, &a->last_resort);
}

int agent_init(struct agent *a, uint32_t lifetime_s)
{
	uint8_t hello[4];
	sigset_t set;

	a->quirks = quirks_probe();
	if (create_last_resort(a) < 0 || agent_set_deadline(a, lifetime_s) < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signals < 0 || set_nonblocking(STDIN_FILENO) < 0 ||
	    set_nonblocking(STDOUT_FILENO) < 0)
		return -1;
	put_u16(hello, PROTOCOL_VERSION);
	put_u16(hello + 2, AGENT_TERMINALS_MAX);
	link_out_control(&a->out, FRAME_HELLO, 0, hello, sizeof hello);
	return 0;
}

static enum step receive(struct agent *a)
{
	size_t room;
	uint8_t *to = link_in_space(&a->in, &room);
	ssize_t n;

	if (room == 0)
		return STEP_ON;
	n = read(STDIN_FILENO, to, room);
	if (n > 0)
		link_in_filled(&a->in, (size_t)n);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return STEP_ON;
	return STEP_END;
}

/* Reaps every child, those that were orphaned to this process included. */
static void reap(struct agent *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++) {
			struct terminal *t = &a->terminals[i];

			if (t->state != TERMINAL_FREE && !t->reaped && t->pid == pid)
				terminal_reaped(t, status);
		}
}

static enum step take_signals(struct agent *a)
{
	struct signalfd_siginfo info;
	enum step step = STEP_ON;

	while (read(a->signals, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo == SIGTERM)
			step = STEP_END;
	reap(a);
	return step;
}

static void tell(struct agent *a, struct terminal *t, uint64_t now)
{
	bool ended = t->state == TERMINAL_ENDED;

	terminal_tell(t, &a->out);
	if (ended && t->state == TERMINAL_FREE)
		leftovers_add(&a->leftovers, t->pid, t->pty.path, now);
}

/* Fills the link: what has to be told first, then output, each terminal in its turn. */
static void fill(struct agent *a, uint64_t now)
{
	leftovers_tick(&a->leftovers, now);
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++) {
		terminal_tick(&a->terminals[i], now);
		tell(a, &a->terminals[i], now);
	}
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++) {
		struct terminal *t = &a->terminals[(a->first + i) % AGENT_TERMINALS_MAX];

		terminal_read(t, &a->out, now);
		tell(a, t, now);
	}
	a->first = (a->first + 1) % AGENT_TERMINALS_MAX;
}

static void watch_terminal(struct pollfd *p, const struct terminal *t)
{
	*p = (struct pollfd){.fd = -1};
	if (t->state == TERMINAL_STARTING) {
		p->fd = t->report;
		p->events = POLLIN;
	} else if (t->state == TERMINAL_OPEN) {
		p->events = (short)((t->output_ready ? 0 : POLLIN) | (t->input.len ? POLLOUT : 0));
		p->fd = p->events ? t->pty.master : -1;
	}
}

/* Whether the next turn has something to do at once: output that was left in a PTY for want of
 * room, which the flush may have made. */
static bool has_work(const struct agent *a)
{
	if (link_out_pending(&a->out))
		return false; /* standard output is what to wait for */
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (terminal_has_output(&a->terminals[i]))
			return true;
	return false;
}

static int timeout_ms(const struct agent *a, uint64_t now)
{
	uint64_t due = leftovers_due_ms(&a->leftovers);

	if (has_work(a))
		return 0;
	if (a->deadline_ms < due)
		due = a->deadline_ms;
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (terminal_due_ms(&a->terminals[i]) < due)
			due = terminal_due_ms(&a->terminals[i]);
	if (due <= now)
		return 0;
	return due - now < 3600000 ? (int)(due - now) : 3600000;
}

static int wait_events(struct agent *a, struct pollfd *p, uint64_t now, bool reading)
{
	p[0] = (struct pollfd){.fd = reading ? STDIN_FILENO : -1, .events = POLLIN};
	p[1] = (struct pollfd){.fd = link_out_pending(&a->out) ? STDOUT_FILENO : -1,
			       .events = POLLOUT};
	p[2] = (struct pollfd){.fd = a->signals, .events = POLLIN};
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++) {
		const struct terminal *t = &a->terminals[i];

		watch_terminal(&p[TERMINAL_FDS + i], t);
		p[WATCHER_FDS + i] = (struct pollfd){
			.fd = terminal_awaits_answer(t) ? t->answers : -1, .events = POLLIN};
	}

	int n = poll(p, ALL_FDS, timeout_ms(a, now));

	return n < 0 && errno == EINTR ? 0 : n;
}

static void serve_terminal(struct agent *a, struct terminal *t, short events, uint64_t now)
{
	if (events == 0)
		return;
	if (t->state == TERMINAL_STARTING) {
		terminal_started(t);
		return;
	}
	if (events & POLLOUT)
		terminal_write(t, &a->quirks, now);
	if (events & POLLIN)
		t->output_ready = true;
}

static enum step serve(struct agent *a, const struct pollfd *p)
{
	uint64_t now = agent_now_ms();

	/* Before anything is opened or freed, while the events still fit the terminals. */
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		serve_terminal(a, &a->terminals[i], p[TERMINAL_FDS + i].revents, now);
	for (unsigned i = 0; i < AGENT_TERMINALS_MAX; i++)
		if (p[WATCHER_FDS + i].revents)
			terminal_answered(&a->terminals[i], now);
	if (p[2].revents && take_signals(a) == STEP_END)
		return STEP_END;
	return p[0].revents ? receive(a) : STEP_ON;
}

enum agent_end agent_run(struct agent *a, const char **why)
{
	struct pollfd p[ALL_FDS];
	enum step step;

	for (;;) {
		uint64_t now = agent_now_ms();

		*why = "the lifetime is over";
		if (now >= a->deadline_ms)
			return AGENT_DONE;
		step = agent_obey(a, now, why);
		if (step == STEP_BAD)
			return AGENT_REFUSED;
		fill(a, now);
		*why = NULL;
		if (link_out_flush(&a->out, STDOUT_FILENO) < 0)
			return AGENT_DONE;
		*why = "poll() failed";
		if (wait_events(a, p, now, step != STEP_WAIT) < 0)
			return AGENT_FAILED;
		*why = NULL;
		if (serve(a, p) == STEP_END)
			return AGENT_DONE;
	}
}
