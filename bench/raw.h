/*
 * The reference: the same agent in the same kind of container, spoken to directly over the Engine's hijacked attach connection, or through
 * a bare relay. Nothing of the server lies in this way but how it speaks with the Engine (server/engine).
 */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include "bench/agent_frames.h"
#include "bench/line.h"
#include "bench/tcp_stream.h"
#include "engine/stream.h"

struct raw {
	struct line line;
	char name[DOCKER_NAME_MAX];
	struct docker_call *call;   /* that is under way */
	struct stream *stream;      /* straight to the Engine, or */
	struct tcp_stream *relayed; /* to a relay */
	struct child *relay;
	struct agent_frames frames;
	uint32_t owed; /* bytes of output not yet granted anew */
	bool attached, started, greeted;
	struct raw *next;
};

/* Create, attach, start, hello, open: the same steps as the server's, in its order. Waits until the open has been sent. */
struct raw *raw_start(struct bench *b);

/* The same, attached through a relay of its own: for keystrokes only, see tcp_stream.h. */
struct raw *raw_start_relayed(struct bench *b);

/* Removes the container, waits until it is gone, frees. */
void raw_end(struct raw *r);

/* The run has ended: leaves all streams, and waits for calls that are under way, whose containers could not be found yet. */
bool raw_settle_all(struct bench *b);

#endif
