#include "agent/flood.h"

#include "agent/foreground.h"
#include <signal.h>

/* 20 ms let the fastest writer queue about 200 KiB. */
#define LOOK_MIN_MS 20
#define LOOK_MAX_MS 640

/* What a continued session gets to deal with a signal before it may be stopped again. */
#define GRACE_MS 100

/* While output stays in the PTY nothing tells of more, so the agent looks by the clock: less and
 * less often as long as nothing changes. */
static void schedule(struct flood *f, size_t queued, uint64_t now_ms)
{
	if (queued == 0 && f->stopped.count == 0) {
		f->every_ms = 0;
		return;
	}
	if (queued != f->queued || f->every_ms == 0)
		f->every_ms = LOOK_MIN_MS;
	else if (f->every_ms < LOOK_MAX_MS)
		f->every_ms *= 2;
	f->look_ms = now_ms + f->every_ms;
}

static bool in_grace(struct flood *f, uint64_t now_ms)
{
	if (f->released)
		f->grace_ms = now_ms + GRACE_MS;
	f->released = false;
	return now_ms < f->grace_ms;
}

void flood_look(struct terminal *t, uint64_t now_ms)
{
	struct flood *f = &t->flood;
	size_t queued = pty_queued(&t->pty);

	/* A process that was born between looks is not stopped yet: then the queue has grown. */
	if (queued >= FLOOD_HIGH && !in_grace(f, now_ms) &&
	    (f->stopped.count == 0 || queued > f->queued))
		procs_stop_session(&f->stopped, t->pid, t->watcher_pid);
	else if (queued <= FLOOD_LOW)
		procs_continue(&f->stopped);
	schedule(f, queued, now_ms);
	f->queued = queued;
}

void flood_release(struct terminal *t)
{
	if (t->flood.stopped.count > 0)
		t->flood.released = true;
	procs_continue(&t->flood.stopped);
}

void flood_signal(struct terminal *t, int signal)
{
	/* To be continued would undo a stop that is still pending. */
	if (signal == SIGTSTP)
		flood_release(t);
	foreground_signal(t->pty.master, t->watcher, t->pid, signal);
	flood_release(t);
}
