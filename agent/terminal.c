#include "agent/terminal.h"

#include "agent/flood.h"
#include "agent/foreground.h"
#include "agent/spawn.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a shell may take to go after a hang-up, and how often it is looked at meanwhile. */
#define HANGUP_PATIENCE_MS 5000
#define HANGUP_LOOK_MS     50

/* Input that is granted again as soon as nothing waits, bytes. */
#define GRANT_BYTES (AGENT_INPUT_WINDOW / 8)

/* What may come after the shell's end from programs that it left in the background, bytes. */
#define DRAIN_EXTRA (512 * 1024)

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void release(struct terminal *t)
{
	close_fd(&t->report);
	close_fd(&t->watcher);
	close_fd(&t->answers);
	pty_close(&t->pty);
}

int terminal_open(struct terminal *t, uint16_t number, const struct open_request *request,
		  const struct quirks *quirks)
{
	struct spawned s;
	int error;

	memset(t, 0, sizeof *t);
	t->report = t->watcher = t->answers = t->watcher_pid = -1;
	if (pty_open(&t->pty, request->rows, request->cols) < 0)
		return errno;
	if (spawn(&s, request, &t->pty, quirks->no_foreground) < 0) {
		error = errno;
		release(t);
		return error;
	}
	t->state = TERMINAL_STARTING;
	t->number = number;
	t->pid = s.pid;
	t->report = s.report;
	t->watcher = s.watcher;
	t->answers = s.answers;
	t->output_credit = request->credit;
	t->output_ready = true;
	t->shell_told = true;
	look_init(&t->look);
	return 0;
}

void terminal_started(struct terminal *t)
{
	ssize_t n;

	do
		n = read(t->report, &t->error, 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return; /* not decided yet */
	close_fd(&t->report);
	if (t->state == TERMINAL_STARTING)
		t->state = n == 0 ? TERMINAL_OPEN : TERMINAL_FAILED;
	if (t->state == TERMINAL_OPEN && t->answers >= 0)
		t->watcher_pid = foreground_watcher(t->answers);
}

void terminal_resize(struct terminal *t, uint16_t rows, uint16_t cols, const struct quirks *quirks)
{
	if (t->pty.master < 0 || pty_resize(&t->pty, rows, cols) < 0)
		return;
	if (quirks->no_winch && !t->reaped)
		foreground_signal(t->pty.master, t->watcher, t->pid, SIGWINCH);
}

void terminal_signal(struct terminal *t, int signal)
{
	if (t->state != TERMINAL_STARTING && t->state != TERMINAL_OPEN)
		return;
	flood_signal(t, signal);
}

/* The terminal is going: tells everything in its session, as a line that drops does. Those that
 * have left the session, as tmux does, live on. */
static void hang_up(struct terminal *t)
{
	bool watched = t->watcher >= 0;

	flood_release(t);
	if (!t->reaped)
		kill(t->pid, SIGHUP); /* it may not have its session yet */
	procs_signal_session(t->pid, SIGHUP);
	procs_signal_session(t->pid, SIGCONT);
	close_fd(&t->watcher);
	/* Where a watcher is needed the output has no bound either: be_patient() keeps an eye on it. */
	if (!watched)
		pty_close(&t->pty);
}

/* In HANGUP. Patience ends early with a shell that answers with a flood. */
static void be_patient(struct terminal *t, uint64_t now_ms)
{
	bool flood = t->pty.master >= 0 && pty_queued(&t->pty) >= FLOOD_HIGH;

	t->flood.look_ms = now_ms + HANGUP_LOOK_MS;
	if (!flood && now_ms < t->kill_ms)
		return;
	procs_signal_session(t->pid, SIGKILL);
	kill(t->pid, SIGKILL);
	t->kill_ms = UINT64_MAX;
}

void terminal_close(struct terminal *t, uint64_t now_ms)
{
	switch (t->state) {
	case TERMINAL_STARTING:
	case TERMINAL_OPEN:
		hang_up(t);
		t->state = TERMINAL_HANGUP;
		t->kill_ms = now_ms + HANGUP_PATIENCE_MS;
		t->flood.look_ms = now_ms + HANGUP_LOOK_MS;
		break;
	case TERMINAL_DRAINING:
		hang_up(t);
		t->state = TERMINAL_ENDED;
		break;
	default:
		break;
	}
}

void terminal_reaped(struct terminal *t, int status)
{
	t->reaped = true;
	t->status = status;
	if (t->state == TERMINAL_STARTING)
		terminal_started(t);
	if (t->state == TERMINAL_STARTING) {
		/* No report of failure, and the only one who could still write it holds the pipe just by inheritance. */
		close_fd(&t->report);
		t->state = TERMINAL_OPEN;
	}
	switch (t->state) {
	case TERMINAL_OPEN:
		t->state = TERMINAL_DRAINING;
		t->drain_left = pty_queued(&t->pty) + DRAIN_EXTRA;
		t->output_ready = true;
		break;
	case TERMINAL_HANGUP:
		t->state = TERMINAL_ENDED;
		break;
	default:
		break;
	}
}

static bool tell_opened(struct terminal *t, struct link_out *out)
{
	uint8_t p[8];

	if (t->opened_told)
		return true;
	put_u32(p, AGENT_INPUT_WINDOW);
	put_u32(p + 4, (uint32_t)t->pid);
	if (!link_out_control(out, FRAME_OPENED, t->number, p, sizeof p))
		return false;
	t->input_credit = AGENT_INPUT_WINDOW;
	t->opened_told = true;
	return true;
}

/* A grant of its own is worth its cost only for much; with other frames it travels for nothing. The
 * server never lacks credit for it: less than GRANT_BYTES are missing when nothing waits. */
static bool grant_due(const struct terminal *t, const struct link_out *out)
{
	if (t->input_done == 0)
		return false;
	if (t->input.len > 0)
		return t->input_done >= AGENT_INPUT_WINDOW / 2;
	return t->input_done >= GRANT_BYTES || link_out_pending(out);
}

static void tell_credit(struct terminal *t, struct link_out *out)
{
	uint8_t p[4];

	if (!grant_due(t, out))
		return;
	put_u32(p, t->input_done);
	if (!link_out_control(out, FRAME_CREDIT, t->number, p, sizeof p))
		return;
	t->input_credit += t->input_done;
	t->input_done = 0;
}

static void tell_foreground(struct terminal *t, struct link_out *out)
{
	uint8_t shell = t->look.shell;

	if (t->look.shell != t->shell_told &&
	    link_out_control(out, FRAME_FOREGROUND, t->number, &shell, 1))
		t->shell_told = t->look.shell;
}

static void tell_exit(struct terminal *t, struct link_out *out)
{
	uint8_t p[2] = {EXIT_STATUS, (uint8_t)WEXITSTATUS(t->status)};

	if (WIFSIGNALED(t->status)) {
		p[0] = EXIT_SIGNAL;
		p[1] = (uint8_t)WTERMSIG(t->status);
	}
	if (!link_out_control(out, FRAME_EXIT, t->number, p, sizeof p))
		return;
	release(t);
	t->state = TERMINAL_FREE;
}

static void tell_error(struct terminal *t, struct link_out *out)
{
	static const char text[] = "the program could not be started";
	uint8_t p[sizeof text] = {t->error};

	memcpy(p + 1, text, sizeof text - 1);
	if (!link_out_control(out, FRAME_ERROR, t->number, p, sizeof p))
		return;
	release(t);
	t->state = TERMINAL_FREE;
}

void terminal_tell(struct terminal *t, struct link_out *out)
{
	switch (t->state) {
	case TERMINAL_FAILED:
		/* Not before it is reaped, so that the number stands for one process only. */
		if (t->reaped)
			tell_error(t, out);
		break;
	case TERMINAL_OPEN:
		if (!tell_opened(t, out))
			break;
		tell_foreground(t, out);
		tell_credit(t, out);
		break;
	case TERMINAL_DRAINING:
		tell_opened(t, out);
		break;
	case TERMINAL_ENDED:
		if (tell_opened(t, out))
			tell_exit(t, out);
		break;
	default:
		break;
	}
}

/* The most looks that may stay without an answer, which is what one without a change is. */
#define ANSWERS_DUE_MAX 4

static void learn(struct terminal *t, enum foreground answer, uint64_t now_ms)
{
	if (answer == FOREGROUND_SHELL || answer == FOREGROUND_OTHER)
		look_answered(&t->look, answer == FOREGROUND_SHELL, now_ms);
}

static void look(struct terminal *t, uint64_t now_ms)
{
	enum foreground answer = foreground_look(t->pty.master, t->watcher, t->pid);

	look_taken(&t->look, now_ms);
	if (answer == FOREGROUND_ASKED && t->answers_due < ANSWERS_DUE_MAX)
		t->answers_due++;
	learn(t, answer, now_ms);
}

bool terminal_awaits_answer(const struct terminal *t)
{
	return t->state == TERMINAL_OPEN && t->answers >= 0 && t->answers_due > 0;
}

void terminal_answered(struct terminal *t, uint64_t now_ms)
{
	enum foreground answer = foreground_answer(t->answers);

	t->answers_due--;
	if (answer == FOREGROUND_UNWATCHED)
		close_fd(&t->answers);
	learn(t, answer, now_ms);
}

static uint64_t look_due_ms(const struct terminal *t)
{
	return t->state == TERMINAL_OPEN ? t->look.due_ms : UINT64_MAX;
}

static uint64_t flood_due_ms(const struct terminal *t)
{
	bool looks = (t->state == TERMINAL_OPEN || t->state == TERMINAL_DRAINING) &&
		     t->flood.every_ms > 0;

	return looks ? t->flood.look_ms : UINT64_MAX;
}

static uint64_t hangup_due_ms(const struct terminal *t)
{
	uint64_t due = t->pty.master >= 0 ? t->flood.look_ms : UINT64_MAX;

	return t->kill_ms < due ? t->kill_ms : due;
}

void terminal_tick(struct terminal *t, uint64_t now_ms)
{
	if (look_due_ms(t) <= now_ms)
		look(t, now_ms);
	if (terminal_due_ms(t) > now_ms)
		return;
	if (t->state == TERMINAL_HANGUP)
		be_patient(t, now_ms);
	else
		flood_look(t, now_ms);
}

uint64_t terminal_due_ms(const struct terminal *t)
{
	if (t->state == TERMINAL_HANGUP)
		return hangup_due_ms(t);
	return look_due_ms(t) < flood_due_ms(t) ? look_due_ms(t) : flood_due_ms(t);
}
