/*
 * A Docker Engine, simulated as far as this product uses one: containers that are created, attached to, started, listed and
 * removed, events, and an agent (sim_agent.h) at the other end of each attach stream. It lives on a Unix socket in the loop
 * of the test. What goes wrong with a container is planned before it is created.
 *
 * fake_engine.h is the tool for exact bytes; this one is for whole lives.
 */
#ifndef TESTS_UNIT_SIM_ENGINE_H
#define TESTS_UNIT_SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "sim_agent.h"

/* SIM_HANG: the Engine does it and answers when sim_release() is called, whether or not anybody still listens.
 * SIM_FAIL of a removal: the first attempt only. */
enum sim_reaction { SIM_OK, SIM_FAIL, SIM_HANG };

struct sim_plan {
	enum sim_reaction create, attach, start, remove;
	enum sim_hello hello;
	enum sim_open open;
	bool hello_first;  /* before the answer to start */
	bool cut_at_start; /* the stream ends as soon as it has started */
};

struct sim;
struct sim_container;

struct sim *sim_new(uv_loop_t *loop);

/* Closes all; memory goes when the loop has run. */
void sim_free(struct sim *s);

/* "unix:///..." */
const char *sim_host(const struct sim *s);

/* For the containers created from now on. */
void sim_set_plan(struct sim *s, const struct sim_plan *plan);

/* Lets everything that hangs happen. */
void sim_release(struct sim *s);

size_t sim_container_count(const struct sim *s);
size_t sim_removing_max(const struct sim *s); /* removals that were under way at once */
unsigned sim_remove_requests(const struct sim *s);
size_t sim_event_streams(const struct sim *s);

/* The n-th container, the oldest first; NULL when there are fewer. */
struct sim_container *sim_container_at(struct sim *s, size_t n);
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

/* Closes every connection, as an Engine does that is restarted. */
void sim_drop_connections(struct sim *s);

/* From now on every request is answered by closing its connection, or not. */
void sim_refuse(struct sim *s, bool refuse);

/* Ends the event streams only. */
void sim_drop_events(struct sim *s);

/* From now on the runtime runsc is this program. Kept, not copied. */
void sim_set_runtime(struct sim *s, const char *path);

/* From now on images are there, or not. */
void sim_set_images(struct sim *s, bool there);

/* From now on every image has been built anew. */
void sim_rebuild_images(struct sim *s);

#endif
