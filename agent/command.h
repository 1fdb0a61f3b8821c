/*
 * What the server asks for: a frame whose type, terminal number and payload have been checked.
 *
 * Pure: whether the terminal exists and whether the credit allows it is for agent.c to judge.
 */
#ifndef SANDBOX_AGENT_COMMAND_H
#define SANDBOX_AGENT_COMMAND_H

#include "agent/link.h"
#include "agent/open_request.h"

#define PING_BYTES 8

struct command {
	enum frame_type type;
	uint16_t terminal;
	union {
		struct open_request open;
		struct {
			const uint8_t *bytes;
			size_t len;
		} input;
		struct {
			uint16_t rows, cols;
		} size;
		int signal;      /* FRAME_SIGNAL: one that a server may send */
		uint32_t credit; /* FRAME_CREDIT: bytes */
		struct {
			uint32_t seconds;     /* FRAME_DEADLINE */
			const uint8_t *token; /* that and FRAME_PING: PING_BYTES */
		} ping;
	};
};

/* Fills *command, with pointers into the frame's payload. Returns 0, or -1 and in *why a
 * sentence: a protocol error. */
int command_parse(struct command *command, const struct frame *frame, const char **why);

#endif
