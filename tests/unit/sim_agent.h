/*
 * The agent's end of the frame protocol, simulated: opens terminals, runs a very small shell in each, and fails the test when
 * the server breaks a rule of agent/protocol.h.
 *
 * The shell greets with "$ ". A typed line comes back as "echo:LINE\r\n"; "exit N" ends the shell. A line of an init run is
 * answered as bash would: echo, marks, "ran\r\n" and status 0, or 1 when the command contains "false"; one with "hang"
 * never ends, one with "exit" ends the shell.
 */
#ifndef TESTS_UNIT_SIM_AGENT_H
#define TESTS_UNIT_SIM_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/protocol.h"
#include "base/fifo.h"

enum sim_hello { SIM_HELLO, SIM_HELLO_NONE, SIM_HELLO_WRONG_VERSION, SIM_HELLO_GARBAGE };

/* Whether OPEN is answered by OPENED. */
enum sim_open { SIM_OPEN, SIM_OPEN_NEVER, SIM_OPEN_ERROR };

struct sim_terminal {
	bool open, mute; /* mute: takes input without answering, and grants no more */
	unsigned rows, cols;
	uint32_t input_credit, output_credit;
	uint64_t input_bytes, sent_bytes,
		granted_bytes;    /* taken; of output; since OPEN, by the server */
	struct fifo line, output; /* output waits for credit */
};

struct sim_agent {
	void (*send)(void *arg, const void *data, size_t len);
	void *arg;
	enum sim_open open;
	bool deaf; /* does not answer DEADLINE */
	unsigned deadlines;
	uint32_t lifetime_s; /* of the latest */
	struct fifo in;
	struct sim_terminal terminals[AGENT_TERMINALS_MAX];
};

void sim_agent_init(struct sim_agent *a, void (*send)(void *arg, const void *data, size_t len),
		    void *arg);
void sim_agent_finish(struct sim_agent *a);

void sim_agent_greet(struct sim_agent *a, enum sim_hello hello);

/* Bytes from the server. */
void sim_agent_take(struct sim_agent *a, const void *data, size_t len);

/* Sends any frame, right or wrong. */
void sim_agent_frame(struct sim_agent *a, uint8_t type, uint16_t terminal, const void *payload,
		     size_t len);

/* Output of a terminal (1 and up), sent as the credit allows. */
void sim_agent_print(struct sim_agent *a, uint16_t terminal, const void *data, size_t len);

/* Another program takes the terminal's foreground, or the shell has it again. */
void sim_agent_foreground(struct sim_agent *a, uint16_t terminal, bool shell);

/* The shell of an open terminal ends. */
void sim_agent_exit(struct sim_agent *a, uint16_t terminal, enum exit_kind kind, uint8_t value);

#endif
