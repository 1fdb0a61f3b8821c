/*
 * When to look who is in a terminal's foreground: the shell or a program that it has started.
 *
 * Nothing tells of a change, so there are looks, and this says when. Pure: it neither looks nor reads a
 * clock.
 *
 * In the shell's foreground an Enter is a reason: a program may start now, soon or, on a slow machine,
 * late. So is output, until a key says that somebody types at a prompt; typing itself is none. In
 * another program's foreground output is a reason, since a shell that returns prompts, and so is
 * input. In silence there is no look, and never more than one in LOOK_GAP_MS.
 */
#ifndef SANDBOX_AGENT_LOOK_H
#define SANDBOX_AGENT_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOK_GAP_MS 45

struct look {
	bool shell;     /* what is known: the shell is in the foreground */
	bool expectant; /* nothing was typed since the last Enter, or since the shell's return */
	uint64_t reason_ms; /* of the last Enter, input to a program, or return */
	uint64_t last_ms;   /* of the last look */
	uint64_t due_ms;    /* of the next one; UINT64_MAX for none */
};

/* The shell is in the foreground, and there is nothing to look for. */
void look_init(struct look *l);

/* The terminal has got these bytes of input, len > 0. */
void look_typed(struct look *l, const uint8_t *bytes, size_t len, uint64_t now_ms);

/* The terminal has given output. */
void look_output(struct look *l, uint64_t now_ms);

/* A look is being taken. Its answer may come later, or not at all. */
void look_taken(struct look *l, uint64_t now_ms);

/* The answer. */
void look_answered(struct look *l, bool shell, uint64_t now_ms);

#endif
