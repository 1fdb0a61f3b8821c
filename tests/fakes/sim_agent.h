/*
 * The agent's end of the frame protocol, simulated: opens terminals, runs a very small shell in each (sim_shell.h), and watches that
 * the server keeps the rules of agent/protocol.h.
 *
 * It allocates nothing for a frame, and keeps what it must keep in bounds: output waits for credit, and for room in the socket;
 * input is granted again when no output waits.
 */
#ifndef TESTS_FAKES_SIM_AGENT_H
#define TESTS_FAKES_SIM_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/protocol.h"
#include "base/fifo.h"

enum sim_hello { SIM_HELLO, SIM_HELLO_NONE, SIM_HELLO_WRONG_VERSION, SIM_HELLO_GARBAGE };

/* Whether OPEN is answered by OPENED. */
enum sim_open { SIM_OPEN, SIM_OPEN_NEVER, SIM_OPEN_ERROR };

/* What the canary's probe finds when a sandbox is asked to run it. SIM_CANARY_TEST: nothing, the test answers itself. */
enum sim_canary { SIM_CANARY_TEST, SIM_CANARY_GVISOR, SIM_CANARY_HOST };

/* What has a terminal's foreground. */
enum sim_program {
	SIM_PROMPT, /* the shell */
	SIM_CAT,    /* every byte comes back as it is, until Ctrl-C or Ctrl-D */
	SIM_FLOOD,  /* writes what is left of a flood */
	SIM_SLEEP,  /* says nothing, until Ctrl-C */
};

struct sim_terminal {
	bool open, mute; /* mute: takes input without answering, and grants no more */
	bool once;       /* a program was opened, not a shell: its end is the terminal's */
	bool exiting;    /* EXIT follows the output that waits */
	bool background; /* the server has been told that another program is in the foreground */
	uint8_t exit_kind, exit_value;
	enum sim_program program;
	unsigned rows, cols;
	uint32_t input_credit, output_credit;
	uint32_t owed;                 /* input taken, not yet granted again */
	uint64_t input_bytes;          /* taken */
	uint64_t sent_bytes;           /* of output */
	uint64_t granted_bytes;        /* since OPEN, by the server */
	uint64_t overdrawn_bytes;      /* sent without credit, and not paid for by later credit */
	uint64_t flood_at, flood_left; /* bytes */
	struct fifo line, output;      /* output waits for credit or room */
};

struct sim_agent {
	/* Returns whether there is room for more; it takes everything all the same. */
	bool (*send)(void *arg, const void *head, size_t head_len, const void *body,
		     size_t body_len);
	void *arg;
	enum sim_open open;
	enum sim_canary canary;
	bool interactive; /* the shell echoes and prompts; see sim_shell.h */
	bool deaf;        /* does not answer DEADLINE */
	bool full;        /* no room in the socket: output waits */
	int end;          /* the status that the agent wants to end with; -1: not */
	unsigned deadlines;
	uint32_t lifetime_s; /* of the latest */
	struct fifo in;
	struct sim_terminal terminals[AGENT_TERMINALS_MAX];
};

void sim_agent_init(struct sim_agent *a,
		    bool (*send)(void *arg, const void *head, size_t head_len, const void *body,
				 size_t body_len),
		    void *arg);
void sim_agent_finish(struct sim_agent *a);

void sim_agent_greet(struct sim_agent *a, enum sim_hello hello);

/* Bytes from the server. */
void sim_agent_take(struct sim_agent *a, const void *data, size_t len);

/* There is room in the socket again. */
void sim_agent_drained(struct sim_agent *a);

/* Sends any frame, right or wrong. */
void sim_agent_frame(struct sim_agent *a, uint8_t type, uint16_t terminal, const void *payload,
		     size_t len);

/* Output of a terminal (1 and up), sent as the credit allows. */
void sim_agent_print(struct sim_agent *a, uint16_t terminal, const void *data, size_t len);

/* Another program takes the terminal's foreground, or the shell has it again. */
void sim_agent_foreground(struct sim_agent *a, uint16_t terminal, bool shell);

/* The shell of an open terminal ends, when its output has been sent. */
void sim_agent_exit(struct sim_agent *a, uint16_t terminal, enum exit_kind kind, uint8_t value);

/* The terminals that are open. */
unsigned sim_agent_terminals(const struct sim_agent *a);

#endif
