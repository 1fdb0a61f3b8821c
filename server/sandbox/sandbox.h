/*
 * A sandbox: one container with the agent in it, from the first Engine call to the hand-over to the reaper. And the
 * fleet: all sandboxes of this server.
 *
 *      CREATING -> ATTACHING -> STARTING -> GREETING -> READY
 *          any of them -> DYING (its stream has ended; we wait a moment for the Engine to say why)
 *          CREATING, STARTING -> ABANDONED (its owner left; the Engine's answer is still to come)
 *
 * Every state has a deadline. Whatever happens, the container's name ends in the reaper exactly once.
 *
 * Ownership: sandbox_new() gives a handle that is valid until on_end has been called or sandbox_free(). After
 * sandbox_free() no event comes; it is allowed inside every event.
 */
#ifndef SANDBOX_SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "engine/docker.h"
#include "sandbox/environment.h"
#include "sandbox/pty.h"
#include "sandbox/reaper.h"

struct fleet;
struct sandbox;

/* Labels of our containers. */
#define LABEL_PREFIX      "sandbox-api."
#define LABEL_OWNER       LABEL_PREFIX "owner"
#define LABEL_OWNER_VALUE "sandbox-api"
#define LABEL_WORKER      LABEL_PREFIX "worker"
#define LABEL_INSTANCE    LABEL_PREFIX "instance"
#define LABEL_SESSION     LABEL_PREFIX "session"
#define LABEL_ENVIRONMENT LABEL_PREFIX "environment"
#define LABEL_DEADLINE    LABEL_PREFIX "deadline"

/* The agent ends the sandbox this long after the session should have: for when nobody else is left. */
#define SANDBOX_GRACE_SECONDS 30

/* instance is a fresh random name of this process; pace: of all output, NULL for none. Everything given must live longer. */
struct fleet *fleet_new(const struct config *config, struct docker *docker, struct reaper *reaper,
			const char *instance, struct pace *pace);

/* Frees all sandboxes, without a word to their owners. Accepts NULL. */
void fleet_free(struct fleet *f);

/* Sandboxes whose container may exist and is not the reaper's yet. */
size_t fleet_count(const struct fleet *f);

/* Those of them that are not ready yet. */
size_t fleet_starting(const struct fleet *f);

/* These, and what the reaper has not yet seen gone: the slots of this host that are taken. */
size_t fleet_containers(const struct fleet *f);

/* Whether the container of that name may still exist: a sandbox has it, or the reaper. */
bool fleet_knows(const struct fleet *f, const char *name);

/* Under runsc each failed start leaves a process and control groups behind. After so many within the window no more
 * are tried, until the window has passed. */
#define FLEET_FAILED_STARTS_MAX    3
#define FLEET_FAILED_STARTS_WINDOW 60000 /* milliseconds */
bool fleet_circuit_open(const struct fleet *f, uint64_t now_ms);

/* Enforces the deadlines of states. Call it a few times a second. */
void fleet_sweep(struct fleet *f, uint64_t now_ms);

/* What the Engine's event stream says about a container; of no interest unless it is ours. */
void fleet_engine_event(struct fleet *f, const struct docker_event *event);

/* Whether that event stream is there. When it breaks together with a sandbox's, it is the Engine that went. */
void fleet_engine_stream(struct fleet *f, bool up);

/* Compares the Engine's list (of this worker's containers) with what we know, and has the rest removed: what a dead
 * predecessor left, and what an Engine call made that we had given up. */
void fleet_reconcile(struct fleet *f, const struct docker_container *list, size_t count);

enum sandbox_end {
	SANDBOX_END_START_FAILED, /* never became ready; err says why */
	SANDBOX_END_DIED,         /* killed, or its agent ended */
	SANDBOX_END_KILLED, /* by the host, not through the Engine: its memory limit, most likely */
	SANDBOX_END_OUT_OF_MEMORY, /* the Engine saw it run into its memory limit */
	SANDBOX_END_ENGINE_LOST,   /* the Engine closed the stream and does not answer */
	SANDBOX_END_VIOLATION,     /* its agent broke the protocol */
};

struct sandbox_events {
	void (*on_ready)(void *arg);
	/* Its agent has answered sandbox_claim(). NULL for owners that do not call that. */
	void (*on_claimed)(void *arg);
	/* Its PTYs have been lost before. The handle is invalid from here on. */
	void (*on_end)(void *arg, enum sandbox_end end, const struct err *err);
};

struct sandbox_order {
	const struct environment *environment;
	const char *session_id; /* for its label; "" when it has none yet */
	int64_t lifetime_ms;    /* of the session */
	int64_t spare_ms;       /* how long it may wait for a session before; 0: it has one */
};

/* Creates and starts a sandbox. What the order points to must live longer; events is kept, not copied. */
struct sandbox *sandbox_new(struct fleet *f, const struct sandbox_order *order,
			    const struct sandbox_events *events, void *arg, struct err *err);

/* Whether it is ready, and nothing is known of its end. */
bool sandbox_is_well(const struct sandbox *s);

/* Of one that is well, once: tells its agent that the session's lifetime begins now, and asks whether it is there: one frame. on_claimed
 * or on_end follows; how long to wait is for the owner to say. */
void sandbox_claim(struct sandbox *s);

/* From now on another one is told. */
void sandbox_set_owner(struct sandbox *s, const struct sandbox_events *events, void *arg);

/* Ends it: no event comes any more, the container goes to the reaper. Accepts NULL. */
void sandbox_free(struct sandbox *s);

/* The container's name. */
const char *sandbox_name(const struct sandbox *s);

/* Where PTYs are opened, once it is ready. */
struct pty_table *sandbox_ptys(struct sandbox *s);

#endif
