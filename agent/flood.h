/*
 * Holding up programs that write more than goes out.
 *
 * Linux blocks a writer when some kilobytes wait in the PTY. In gVisor of 2022 that queue has no
 * bound: `yes` before a reader that has stopped would fill the sandbox's memory in seconds. There
 * the agent looks how much is queued, stops the session's processes above FLOOD_HIGH and continues
 * them below FLOOD_LOW. Under Linux neither is ever reached.
 */
#ifndef SANDBOX_AGENT_FLOOD_H
#define SANDBOX_AGENT_FLOOD_H

#include "agent/terminal.h"

#define FLOOD_HIGH 524288 /* bytes */
#define FLOOD_LOW  131072

/* After output has been read, or not been read for want of credit or room. */
void flood_look(struct terminal *t, uint64_t now_ms);

/* Continues what was stopped; flood_look() stops it again, later. */
void flood_release(struct terminal *t);

/* Signals the foreground and continues what was stopped, so that it takes the signal before it writes
 * any more. */
void flood_signal(struct terminal *t, int signal);

#endif
