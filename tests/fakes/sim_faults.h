/*
 * What shall go wrong with requests to a simulated Engine and with the frames of its agents: a table of faults. Of those that fit, the
 * first whose dice say so is applied.
 */
#ifndef TESTS_FAKES_SIM_FAULTS_H
#define TESTS_FAKES_SIM_FAULTS_H

#include <stdint.h>

#include "tests/fakes/sim_engine.h"

#define SIM_FAULTS_MAX 64

enum sim_fault_kind {
	SIM_FAULT_NONE,
	SIM_FAULT_DELAY, /* it is done, and answered, `ms` later. Of a frame: the stream stops so long */
	SIM_FAULT_HANG,   /* neither done nor answered */
	SIM_FAULT_NEVER,  /* done, not answered. Of a frame: it is lost */
	SIM_FAULT_STATUS, /* not done; answered with `status` and `body` */
	SIM_FAULT_REFUSE, /* not done; the connection is closed */
	SIM_FAULT_CLOSE, /* done; the connection is closed after `bytes` of the answer, or of what follows on a stream */
	SIM_FAULT_CHUNK, /* done; the answer comes in chunks, the last of which is cut off */
	SIM_FAULT_JSON,  /* done; the answer's JSON is cut off, and its length right */
	SIM_FAULT_LENGTH, /* done; Content-Length is off by `bytes`. Of a frame: Docker's header is */
	SIM_FAULT_GARBAGE, /* done; the answer is none. Of a frame: it is none */
	SIM_FAULT_HUGE,    /* done; the answer's body has `bytes`. Of a frame: its header says so */
	SIM_FAULT_DRIP, /* done; the answer, or what follows on a stream, comes in pieces of `bytes`, one each `ms` */
	SIM_FAULT_ID, /* done; the ids are `body`. Of a frame: its terminal is `status` */
	SIM_FAULT_KINDS
};

struct sim_fault {
	unsigned id; /* given by sim_fault_add() */
	enum sim_verb verb;
	enum sim_fault_kind kind;
	char name[128]; /* of the container, or how it begins; "": any */
	uint8_t frame;  /* of SIM_FRAME: which type; 0: any */
	uint64_t ms;
	int64_t bytes;
	int status;
	char body[512];
	int64_t times;      /* how often it is still applied; -1: until it is cleared */
	double probability; /* of each time */
	uint64_t seed;      /* of the dice, changes */
	uint64_t applied;
};

/* "delay", ..; SIM_FAULT_KINDS when there is none of that name. */
const char *sim_fault_kind_name(enum sim_fault_kind kind);
enum sim_fault_kind sim_fault_kind_of(const char *name);

/* Takes a copy. Returns its id, or 0 when the table is full. */
unsigned sim_fault_add(struct sim *s, const struct sim_fault *fault);

/* Removes one, or all: id 0. Returns how many were there. */
unsigned sim_fault_clear(struct sim *s, unsigned id);

/* The n-th that is there; NULL when there are fewer. */
const struct sim_fault *sim_fault_at(const struct sim *s, unsigned n);

#endif
