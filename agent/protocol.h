/*
 * The frame protocol between sandbox-api and sandbox-agent, carried on the agent's stdin and
 * stdout.
 *
 * This is the only file that both programs include: layout, numbers and limits, nothing else. The
 * prose, with sequences and reasons, is docs/agent-protocol.md.
 *
 * A frame is an 8-byte header and a payload:
 *
 *      byte 0      type            enum frame_type
 *      byte 1      reserved        0; anything else is a protocol error
 *      bytes 2-3   terminal        big endian; 0 addresses the agent itself, 1..65535 a terminal
 *      bytes 4-7   payload length  big endian, at most FRAME_PAYLOAD_MAX
 *
 * All integers are big endian. The server chooses terminal numbers and may use one again only after
 * FRAME_EXIT or FRAME_ERROR has come back for it. Each direction of a terminal has a window of
 * credit in bytes: a sender may only have as many payload bytes of FRAME_INPUT or FRAME_OUTPUT
 * under way as the receiver has granted. Control frames need no credit and are never held back by
 * data.
 */
#ifndef SANDBOX_PROTOCOL_H
#define SANDBOX_PROTOCOL_H

#include <stdint.h>

#define PROTOCOL_VERSION 3

#define FRAME_HEADER_BYTES 8

/* A frame with a longer payload, in bytes, is a protocol error in both directions. */
#define FRAME_PAYLOAD_MAX 65536

/* Terminals open at once in one sandbox. */
#define AGENT_TERMINALS_MAX 16

/* Bytes of input that the agent takes per terminal before it must grant more. */
#define AGENT_INPUT_WINDOW 65536

/* The most output credit, in bytes, that may be outstanding for one terminal. */
#define OUTPUT_WINDOW_MAX 1048576

enum frame_type {
	/* From server to agent. */

	/* u16 rows, u16 cols, u32 output credit, u8 argc, u8 envc, then the working directory, argc
	 * arguments and envc NAME=value, each a NUL-terminated string; the strings end the payload
	 * exactly. argc 0 means the user's shell, an empty directory means $HOME. The environment is
	 * the agent's own with these entries put over it. */
	FRAME_OPEN = 1,
	/* Bytes for the PTY, at most the input credit granted. */
	FRAME_INPUT = 2,
	/* u16 rows, u16 cols */
	FRAME_RESIZE = 3,
	/* u8 signal number, to the foreground process group. */
	FRAME_SIGNAL = 4,
	/* Empty: hang up. FRAME_EXIT follows. */
	FRAME_CLOSE = 5,
	/* Terminal 0. u32 seconds from now until the agent ends the sandbox, 8 bytes, which come back in
	 * FRAME_PONG: whoever has the answer has a sandbox that lives. */
	FRAME_DEADLINE = 6,
	/* Terminal 0. 8 bytes, which come back in FRAME_PONG. */
	FRAME_PING = 7,

	/* In both directions. */

	/* u32 bytes: the receiver of data grants that much more. */
	FRAME_CREDIT = 16,

	/* From agent to server. */

	/* Terminal 0, the first frame. u16 version, u16 terminals at most. */
	FRAME_HELLO = 32,
	/* u32 input credit, u32 process id of the shell inside the sandbox. */
	FRAME_OPENED = 33,
	/* Bytes from the PTY, at most the output credit granted. */
	FRAME_OUTPUT = 34,
	/* u8 enum exit_kind, u8 exit status or signal number. The last frame of this terminal: all
	 * output has been sent before it. */
	FRAME_EXIT = 35,
	/* u8 errno, then text for a log, maybe none: this terminal could not be opened, and its
	 * number is free again. */
	FRAME_ERROR = 36,
	/* Terminal 0. The 8 bytes of FRAME_PING or FRAME_DEADLINE. */
	FRAME_PONG = 37,
	/* u8: 1 the program that the terminal was opened with leads the foreground process group, 0
	 * another one does. Sent when it has changed only; FRAME_OPENED stands for 1. */
	FRAME_FOREGROUND = 38,
};

enum exit_kind {
	EXIT_STATUS = 0, /* the shell called exit */
	EXIT_SIGNAL = 1, /* a signal ended it */
};

struct frame_header {
	uint8_t type;
	uint16_t terminal;
	uint32_t length; /* bytes of payload */
};

static inline void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

/* Writes FRAME_HEADER_BYTES bytes. */
static inline void frame_header_put(uint8_t *p, struct frame_header h)
{
	p[0] = h.type;
	p[1] = 0;
	put_u16(p + 2, h.terminal);
	put_u32(p + 4, h.length);
}

/* Reads FRAME_HEADER_BYTES bytes. Returns 0, or -1 when the reserved byte or the length breaks the
 * rules; whether the type is known and fits the payload is for the receiver to judge. */
static inline int frame_header_get(const uint8_t *p, struct frame_header *h)
{
	h->type = p[0];
	h->terminal = get_u16(p + 2);
	h->length = get_u32(p + 4);
	return p[1] == 0 && h->length <= FRAME_PAYLOAD_MAX ? 0 : -1;
}

#endif
