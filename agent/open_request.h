/*
 * The payload of FRAME_OPEN. A pure parser: it copies nothing and makes no system call.
 */
#ifndef SANDBOX_AGENT_OPEN_REQUEST_H
#define SANDBOX_AGENT_OPEN_REQUEST_H

#include <stddef.h>
#include <stdint.h>

struct open_request {
	uint16_t rows, cols;
	uint32_t credit; /* bytes of output, at most OUTPUT_WINDOW_MAX */
	char *cwd;       /* "" for $HOME */
	uint8_t argc, envc;
	char *argv[256]; /* argc of them, then NULL */
	char *env[255];  /* envc of them, each NAME=value with a name */
};

/* Fills *request with pointers into payload, which must outlive it. Returns 0, or -1 when the
 * payload breaks the rules of FRAME_OPEN in protocol.h. */
int open_request_parse(struct open_request *request, uint8_t *payload, size_t len);

#endif
