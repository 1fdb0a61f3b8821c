/*
 * One terminal: a PTY, the program on it, and the windows of credit in both directions.
 *
 * Nothing here blocks or allocates. Control frames are not queued: what has to be told is state,
 * and terminal_tell() writes it as soon as the link has room. The input waits in a ring of exactly
 * the granted window, the output in the PTY.
 *
 *      STARTING ──> OPEN ──> DRAINING ──> ENDED ──> FREE
 *          │          └────────┐            ^
 *          ├──> FAILED ──> FREE└─> HANGUP ──┘
 *          └──────────────────────────┘
 */
#ifndef SANDBOX_AGENT_TERMINAL_H
#define SANDBOX_AGENT_TERMINAL_H

#include "agent/link.h"
#include "agent/look.h"
#include "agent/open_request.h"
#include "agent/procs.h"
#include "agent/pty.h"
#include "agent/quirks.h"
#include <stdbool.h>
#include <sys/types.h>

enum terminal_state {
	TERMINAL_FREE,
	TERMINAL_STARTING, /* forked; not known yet whether the program could be executed */
	TERMINAL_FAILED,   /* it could not: FRAME_ERROR is to be sent */
	TERMINAL_OPEN,
	TERMINAL_DRAINING, /* the shell has ended, its last output is on the way */
	TERMINAL_HANGUP,   /* the server closed it; the shell has not ended yet */
	TERMINAL_ENDED,    /* FRAME_EXIT is to be sent */
};

struct ring {
	uint8_t bytes[AGENT_INPUT_WINDOW];
	uint32_t start, len;
};

struct terminal {
	enum terminal_state state;
	uint16_t number;
	struct pty pty;
	int report, watcher, answers; /* of struct spawned; -1 when closed */
	pid_t pid;
	pid_t watcher_pid; /* -1 without one; never stopped, so that it can take a signal */
	int status;        /* of waitpid(), from DRAINING or ENDED on */
	bool reaped;
	uint8_t error; /* errno, in FAILED */
	bool opened_told;

	struct ring input;
	uint32_t input_credit; /* bytes the server may still send */
	uint32_t input_done;   /* bytes handed to the PTY and not granted again yet */

	uint32_t output_credit; /* bytes the agent may still send */
	bool output_ready;      /* poll() said so, and no read has found it empty since */
	size_t drain_left;      /* in DRAINING: bytes that are still waited for at most */

	struct flood {
		struct procs_stopped stopped; /* while a flood of output is held up */
		size_t queued;                /* bytes of output at the last look */
		uint64_t look_ms, every_ms;   /* when to look next; every_ms 0: not at all */
		uint64_t grace_ms;            /* until then nothing is stopped again */
		bool released;                /* grace_ms is to be set */
	} flood;
	struct look look;
	uint8_t answers_due; /* looks that the watcher may still answer */
	bool shell_told;     /* what the server knows of look.shell */
	uint64_t kill_ms;    /* in HANGUP: when patience ends */
};

/* Starts a terminal in a FREE slot. Returns 0, or the errno of what failed: the slot is free. */
int terminal_open(struct terminal *t, uint16_t number, const struct open_request *request,
		  const struct quirks *quirks);

/* The program's start is decided: spawned.report is readable. */
void terminal_started(struct terminal *t);

/* Takes input. Returns 0, or -1 when it is more than was granted. */
int terminal_input(struct terminal *t, const uint8_t *bytes, size_t len);

/* Takes more output credit. Returns 0, or -1 when it would be more than OUTPUT_WINDOW_MAX. */
int terminal_credit(struct terminal *t, uint32_t bytes);

/* Neither waits behind input. */
void terminal_resize(struct terminal *t, uint16_t rows, uint16_t cols, const struct quirks *quirks);
void terminal_signal(struct terminal *t, int signal);

/* Hangs up. Output that is still in the PTY is dropped. */
void terminal_close(struct terminal *t, uint64_t now_ms);

/* Its shell has been reaped. */
void terminal_reaped(struct terminal *t, int status);

/* Hands input to the PTY as far as it takes it. */
void terminal_write(struct terminal *t, const struct quirks *quirks, uint64_t now_ms);

/* Whether the watcher may say something: what programs of the user write in its place, in no more frames
 * than looks, does not keep the agent busy. */
bool terminal_awaits_answer(const struct terminal *t);

/* The watcher has said something. */
void terminal_answered(struct terminal *t, uint64_t now_ms);

/* Makes at most one FRAME_OUTPUT of what is in the PTY, if credit and link allow it. */
void terminal_read(struct terminal *t, struct link_out *out, uint64_t now_ms);

/* Whether output is there and may be sent. */
bool terminal_has_output(const struct terminal *t);

/* Writes the control frames that are due and fit; after FRAME_EXIT or FRAME_ERROR the slot is FREE. */
void terminal_tell(struct terminal *t, struct link_out *out);

/* Does what is due by the clock. */
void terminal_tick(struct terminal *t, uint64_t now_ms);

/* When terminal_tick() is due next, UINT64_MAX for never. */
uint64_t terminal_due_ms(const struct terminal *t);

#endif
