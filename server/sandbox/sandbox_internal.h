/*
 * What sandbox.c and fleet.c share. Nobody else includes this.
 */
#ifndef SANDBOX_SANDBOX_SANDBOX_INTERNAL_H
#define SANDBOX_SANDBOX_SANDBOX_INTERNAL_H

#include <uthash.h>

#include "engine/stream.h"
#include "sandbox/agent_link.h"
#include "sandbox/sandbox.h"

enum sandbox_state { CREATING, ATTACHING, STARTING, GREETING, READY, DYING, ABANDONED };

struct fleet {
	const struct config *config;
	struct docker *docker;
	struct reaper *reaper;
	const char *instance;
	struct pace *pace;
	uint64_t failed_ms
		[FLEET_FAILED_STARTS_MAX]; /* monotonic, the latest failed starts; 0: none */
	bool events_up;                    /* the Engine's event stream will tell of deaths */
	struct sandbox *sandboxes;
};

struct sandbox {
	struct fleet *fleet;
	char name[DOCKER_NAME_MAX];
	struct sandbox_order order; /* without its session_id */
	enum sandbox_state state;
	uint64_t deadline_ms; /* of the state, monotonic; 0 for none */
	uint64_t since_ms;
	const struct sandbox_events *events;
	void *arg;
	struct docker_call *call; /* create or start */
	struct stream *stream;
	struct agent_link link;
	struct pty_table ptys;
	bool claiming;  /* the answer is still to come */
	struct err why; /* of a death that was announced */
	enum sandbox_end end;
	bool greeted, out_of_memory, kill_asked, died, ending;
	UT_hash_handle hh;
};

/* The one way out of existence. */
void sandbox_discard(struct sandbox *s);

void fleet_note_failed_start(struct fleet *f, uint64_t now_ms);

/* What fleet.c has heard or seen of it. They may free it, and through its owner others: a spare one that gives way to a session. */
void sandbox_on_die(struct sandbox *s, const struct docker_event *event);
void sandbox_engine_lost(struct sandbox *s); /* DYING, and nobody will say why */
void sandbox_expire(struct sandbox *s);

#endif
