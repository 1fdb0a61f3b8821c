/*
 * The meter: which of a terminal's waiting input must wait for leave, because its client may have only so many commands a minute.
 *
 * A command is counted at Enter while the shell is in the foreground: lines for vim or less are free, a pasted script of 200
 * lines counts 200. What arrives behind metered bytes that still wait is metered as well: it would reach the shell, and it must
 * not overtake. So waiting bytes are free ones first, then metered ones.
 *
 * Pure bookkeeping: the bytes wait elsewhere, in one queue, and nothing is sent from here. Enters are counted once, when they
 * arrive, and looked for again only as far as there is leave, so that a client that sends bytes one by one
 * behind a long queue costs no more than one that does not. Leave is asked for once for each Enter and remembered, however slowly the PTY takes its bytes;
 * after a refusal it is not asked for before the time that was named. Leave for bytes that are then dropped is lost.
 *
 * An Enter is "\r", or "\n" that does not directly follow "\r". Times are milliseconds of a clock that never runs backwards.
 */
#ifndef SANDBOX_SESSION_METER_H
#define SANDBOX_SESSION_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without an Enter for so long, a client has stopped pushing. */
#define METER_PAUSE_MS 30000

/* A client that has pushed for so long is to be cut off. */
#define METER_PATIENCE_MS 180000

/* Zeroed memory is a meter with nothing waiting. */
struct meter {
	size_t free_bytes;    /* oldest */
	size_t metered_bytes; /* behind them */
	size_t leave_bytes;   /* so many of the metered may go */
	size_t enters;        /* in the metered bytes behind those */
	bool arrived_cr,
		leave_cr; /* "\r" was the last byte to arrive; the last before the first without leave */
	bool held;        /* an Enter was refused and still waits */
	uint64_t held_since_ms, ask_ms;
	bool pushing;
	uint64_t push_since_ms, push_last_ms; /* Enters that arrived while input was held up */
};

/* Gives leave for up to count commands, which is not 0; returns for how many. When for fewer: *retry_after_ms. */
typedef size_t (*meter_take_fn)(void *arg, size_t count, uint64_t *retry_after_ms);

/* These bytes now wait behind all others. */
void meter_arrived(struct meter *m, const uint8_t *data, size_t len, bool shell_in_foreground,
		   uint64_t now_ms);

/* data: all bytes that wait, oldest first. Returns how many may go to the PTY now: the free ones, the metered lines with leave, and
 * the unfinished line behind them when none is held up, so that typing echoes. take is called once at most. */
size_t meter_allowed(struct meter *m, const uint8_t *data, uint64_t now_ms, meter_take_fn take,
		     void *arg);

/* The PTY took the oldest n bytes, at most as many as meter_allowed() said. */
void meter_passed(struct meter *m, size_t n);

/* Everything that waited was thrown away. */
void meter_dropped(struct meter *m);

/* Whether input is held up for leave; if so *since_ms, and *ask_ms, when to call meter_allowed() again. */
bool meter_waits(const struct meter *m, uint64_t *since_ms, uint64_t *ask_ms);

/* How long a client has kept sending Enters although input was held up: from the first of them to the last. 0 when it has paused for
 * METER_PAUSE_MS or nothing is held up: a paste that only waits is no pushing, however long it is, and who stopped is not cut off. */
uint64_t meter_pushing_ms(const struct meter *m, uint64_t now_ms);

#endif
