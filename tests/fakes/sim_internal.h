/*
 * What the files of the simulated Engine share. Nobody else includes this.
 */
#ifndef TESTS_FAKES_SIM_INTERNAL_H
#define TESTS_FAKES_SIM_INTERNAL_H

#include <http_parser.h>
#include <jansson.h>
#include <uthash.h>

#include "tests/fakes/sim_engine.h"
#include "tests/fakes/sim_faults.h"

#define SIM_BODY_MAX 65536
#define SIM_URL_MAX  1536
#define SIM_NAME_MAX 128
#define SIM_PATH_MAX 108 /* of a socket's address */

/* Bytes of frames that are gathered before they go to the socket, with Docker's header in front. */
#define SIM_GATHER_BYTES 131072

/* What a socket may owe its reader. */
#define SIM_OUT_MAX (16 << 20)

struct pending;

/* How what is written to a connection goes out. */
struct shape {
	size_t piece; /* bytes at once; 0: all */
	uint64_t pause_ms;
	int64_t left; /* bytes until it is closed; -1: never */
};

struct connection {
	uv_pipe_t pipe;
	uv_timer_t *timer; /* made when first needed; runs while nothing may be written */
	struct sim *sim;
	http_parser parser;
	char url[SIM_URL_MAX];
	size_t url_len;
	struct fifo body;
	struct fifo sending, out; /* what libuv is writing, and what comes after it */
	uv_write_t writing;
	struct shape shape;
	enum sim_verb verb;
	struct sim_fault fault; /* what is still to happen to the answer */
	struct pending *pending;
	struct sim_container *attached; /* then what comes are frames */
	char *events_filter;            /* a label; of an event stream, else NULL */
	bool busy;                      /* a request is under way */
	bool control, events, closed;
	bool cut; /* we have ended our side: what still comes is nothing to us */
	unsigned handles;
	struct connection *prev, *next;
};

struct sim_container {
	struct sim *sim;
	char name[SIM_NAME_MAX], id[65];
	json_t *labels;
	char *labels_text;
	struct sim_plan plan;
	bool running, remove_failed;
	uint64_t lifetime_ms,
		deadline_ms; /* of its agent; the latter in the loop's time, 0: none */
	struct connection *stream;
	struct sim_agent agent;
	UT_hash_handle hh, hh_id;
};

typedef void (*sim_act_fn)(struct connection *to, struct sim *s, const char *name,
			   const char *body);

/* Something that the Engine will do: when it is released, or when its time has come. */
struct pending {
	sim_act_fn act;
	struct sim *sim;
	struct connection *connection; /* NULL: its caller has gone */
	uv_timer_t timer;
	bool timed;
	char name[SIM_NAME_MAX], *body;
	bool removal;
	struct pending *prev, *next;
};

struct sim {
	uv_pipe_t *listener; /* NULL: nobody listens */
	uv_loop_t *loop;
	struct connection *connections;
	struct sim_container *containers, *by_id;
	struct pending *pendings;
	struct sim_plan plan;
	const char *runtime;
	bool no_images, refusing, deaf, waiting; /* deaf: connections are not taken; one waits */
	unsigned image;                          /* which one every name stands for */
	size_t removing, removing_max, event_streams;
	uint64_t ids, accepted, bytes_in, bytes_out;
	struct sim_count counts[SIM_VERBS];
	struct sim_fault faults[SIM_FAULTS_MAX];
	unsigned fault_count, fault_ids, frame_faults;
	char dir[32], path[SIM_PATH_MAX], host[SIM_PATH_MAX + 8];
	struct connection *gathering; /* whose frames are in `gathered` */
	size_t gathered_len;
	/* Whoever has made a control channel; see control.h. */
	void (*on_control)(struct connection *c, enum http_method method, const char *path,
			   const char *body);
	void *control;
	uint8_t gathered[SIM_GATHER_BYTES];
	char read_buffer[65536];
};

/* --- sim_connection.c --- */

/* Takes a connection that waits at the listener; of the control channel or not. */
struct connection *sim_connection_accept(struct sim *s, uv_stream_t *listener, bool control);
void sim_connection_close(struct connection *c);

/* Bytes that go out when they can. Nothing happens without a connection, or on one that has ended. */
void sim_connection_write(struct connection *c, const void *data, size_t len);
void sim_connection_text(struct connection *c, const char *text);

/* Whether everything written has gone out. */
bool sim_connection_idle(const struct connection *c);

/* Writes nothing for so long. */
void sim_connection_hold(struct connection *c, uint64_t ms);

/* The request is answered, or never will be. */
void sim_connection_answered(struct connection *c);

/* --- sim_stream.c: frames behind Docker's headers --- */

bool sim_stream_send(void *container, const void *head, size_t head_len, const void *body,
		     size_t body_len);
void sim_stream_take(struct connection *c, const void *data, size_t len);
void sim_stream_drained(struct connection *c);

/* --- sim_answer.c --- */

void sim_answer(struct connection *c, int status, const char *body);
void sim_answer_error(struct connection *c, int status);

/* An answer that is a status line and headers, and the beginning of a stream. */
void sim_answer_raw(struct connection *c, const char *head);

/* --- sim_container.c --- */

struct sim_container *sim_container_new(struct sim *s, const char *name, json_t *labels);
void sim_container_destroy(struct sim_container *c);

/* Whether a filter of the Engine's, "name" or "name=value" of a label, lets it through; "" lets all. */
bool sim_container_fits(const struct sim_container *c, const char *filter);

/* --- sim_requests.c --- */

struct sim_verb_rule {
	const char *name;
	sim_act_fn act;
	enum http_method method;
	const char *path;   /* how it begins, without the version */
	const char *suffix; /* behind the name of a container; NULL: there is none in it */
};
extern const struct sim_verb_rule sim_verbs[SIM_VERBS];

/* --- sim_dispatch.c --- */

void sim_dispatch(struct connection *c);

/* What hangs, or is late, never happens. */
void sim_forget_pendings(struct sim *s);

/* --- sim_faults.c --- */

/* The fault to apply, copied to *fault; false when there is none. */
bool sim_fault_find(struct sim *s, enum sim_verb verb, uint8_t frame, const char *name,
		    struct sim_fault *fault);

#endif
