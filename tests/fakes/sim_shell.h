/*
 * The very small shell in a simulated agent's terminals.
 *
 * It greets with "$ " and answers a line with "echo:LINE\r\n". Lines that it knows:
 *
 *      exit [N]     the shell ends with status N
 *      echo TEXT    TEXT
 *      size         rows and columns, as `stty size` says them
 *      flood N      N bytes: lines of 14 digits and "\r\n", counted from 0
 *      cat          every byte comes back as it is, until Ctrl-C or Ctrl-D
 *      sleep        nothing, until Ctrl-C
 *      die [N]      the agent ends with status N, and the sandbox with it
 *
 * A line of an init run is answered as bash would: echo, marks, "ran\r\n" and status 0, or 1 when the command contains "false"; one
 * with "hang" never ends, one with "exit" ends the shell.
 *
 * An interactive one behaves as one on a PTY does: it echoes what is typed, takes Enter (CR) for the end of a line, knows backspace,
 * Ctrl-C and Ctrl-D, prompts again, and tells who is in the foreground.
 */
#ifndef TESTS_FAKES_SIM_SHELL_H
#define TESTS_FAKES_SIM_SHELL_H

#include "tests/fakes/sim_agent.h"

/* A line that is longer is cut. */
#define SIM_LINE_MAX (1 << 18)

/* The terminal has been opened: with a program, NULL-terminated, or a shell when there is none. */
void sim_shell_begin(struct sim_agent *a, uint16_t terminal, const char *const *argv);

/* Bytes that were typed. */
void sim_shell_input(struct sim_agent *a, uint16_t terminal, const uint8_t *data, size_t len);

/* Credit or room has come: a flood goes on. */
void sim_shell_more(struct sim_agent *a, uint16_t terminal);

#endif
