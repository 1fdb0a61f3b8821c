/*
 * A Docker Engine, simulated as far as this product uses one: containers that are created, attached to, started, listed and
 * removed, events, and an agent (sim_agent.h) at the other end of each attach stream. It lives on a Unix socket in a loop: that of a
 * unit test, or that of the program build/release/fakes/engine.
 *
 * Two ways to make it misbehave. A plan says what the containers created from now on are like; a fault (sim_faults.h) says what
 * happens to requests and frames.
 *
 * It is made for thousands of containers: they are found by name and id in hashes. Lists, counts, events, a sweep and an end of all look at
 * more than one; requests and frames do not.
 *
 * tests/unit/fake_engine.h is the tool for exact bytes; this one is for whole lives.
 */
#ifndef TESTS_FAKES_SIM_ENGINE_H
#define TESTS_FAKES_SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "tests/fakes/sim_agent.h"

/* SIM_HANG: the Engine does it and answers when sim_release() is called, whether or not anybody still listens.
 * SIM_FAIL of a removal: the first attempt only. */
enum sim_reaction { SIM_OK, SIM_FAIL, SIM_HANG };

struct sim_plan {
	enum sim_reaction create, attach, start, remove;
	enum sim_hello hello;
	enum sim_open open;
	enum sim_canary canary;
	bool interactive;  /* the shells, see sim_shell.h */
	bool deaf;         /* the agent does not answer DEADLINE */
	bool hello_first;  /* before the answer to start */
	bool cut_at_start; /* the stream ends as soon as it has started */
};

struct sim;
struct sim_container;

struct sim *sim_new(uv_loop_t *loop);

/* The same on a socket of the caller's choice, which must not exist. NULL when it cannot be made, with the reason in errno's manner:
 * a negative number of libuv in *error. Kept, not copied. */
struct sim *sim_new_at(uv_loop_t *loop, const char *path, int *error);

/* Closes all; memory goes when the loop has run. */
void sim_free(struct sim *s);

/* "unix:///..." */
const char *sim_host(const struct sim *s);

/* For the containers created from now on. */
void sim_set_plan(struct sim *s, const struct sim_plan *plan);
const struct sim_plan *sim_plan(const struct sim *s);

/* Lets everything that hangs happen. */
void sim_release(struct sim *s);

/* --- containers --- */

size_t sim_container_count(const struct sim *s);

/* The n-th container, the oldest first; NULL when there are fewer. */
struct sim_container *sim_container_at(struct sim *s, size_t n);
struct sim_container *sim_container_next(struct sim_container *c);

/* By its name or its id; NULL when there is none. */
struct sim_container *sim_container_find(struct sim *s, const char *name);
const char *sim_container_name(const struct sim_container *c);

/* The value of a label, or NULL. */
const char *sim_container_label(const struct sim_container *c, const char *name);

/* NULL when nobody is attached, or it does not run. */
struct sim_agent *sim_container_agent(struct sim_container *c);

/* Adds one that nobody asked for; its only label is worker, unless NULL. */
void sim_add_container(struct sim *s, const char *name, const char *worker);

/* Ends its attach stream. */
void sim_cut(struct sim_container *c);

/* Takes nothing more from its attach stream. */
void sim_stop_reading(struct sim_container *c);

/* Sends an event: "die", "oom". */
void sim_event(struct sim *s, const struct sim_container *c, const char *action);

/* Ends it as the Engine does when process 1 has ended: its stream, events, and it is removed. */
void sim_end_container(struct sim *s, struct sim_container *c, int exit_code);

/* Ends those whose agent's deadline has passed. Call it once a second, or never. */
void sim_sweep(struct sim *s);

/* --- connections --- */

/* Closes every connection, as an Engine does that is restarted. */
void sim_drop_connections(struct sim *s);

/* Ends the event streams only. */
void sim_drop_events(struct sim *s);

/* Ends the attach streams only. */
void sim_drop_streams(struct sim *s);

/* From now on every request is answered by closing its connection, or not. */
void sim_refuse(struct sim *s, bool refuse);

/* From now on connections are taken, or left waiting. */
void sim_accept(struct sim *s, bool accept);

/* The socket is there, or gone as that of an Engine that does not run. 0, or libuv's error. */
int sim_listen(struct sim *s, bool listen);

/* --- what it says of itself --- */

/* From now on the runtime runsc is this program. Kept, not copied. */
void sim_set_runtime(struct sim *s, const char *path);

/* From now on images are there, or not. */
void sim_set_images(struct sim *s, bool there);

/* From now on every image has been built anew. */
void sim_rebuild_images(struct sim *s);

/* --- counts --- */

enum sim_verb {
	SIM_PING,
	SIM_VERSION,
	SIM_INFO,
	SIM_IMAGES,
	SIM_LIST,
	SIM_EVENTS,
	SIM_CREATE,
	SIM_ATTACH,
	SIM_START,
	SIM_REMOVE,
	SIM_INSPECT,
	SIM_KILL,
	SIM_OTHER,
	SIM_FRAME, /* no request: a frame of an agent */
	SIM_VERBS
};

/* "ping", "version", ... */
const char *sim_verb_name(enum sim_verb verb);

struct sim_count {
	uint64_t requests;                 /* of SIM_FRAME: frames sent */
	uint64_t faulted;                  /* that met a fault */
	unsigned in_flight, in_flight_max; /* asked and not answered yet */
};
const struct sim_count *sim_count(const struct sim *s, enum sim_verb verb);

struct sim_totals {
	size_t containers, running, streams, events, connections, terminals;
	uint64_t accepted, bytes_in, bytes_out; /* of attach streams, with headers */
};
struct sim_totals sim_totals(struct sim *s);

size_t sim_removing_max(const struct sim *s); /* removals that were under way at once */
unsigned sim_remove_requests(const struct sim *s);
size_t sim_event_streams(const struct sim *s);

#endif
