/*
 * What the program does before it serves: the command line, the configuration, and the answers that need nothing more (--help,
 * --version, --print-config, a list of mistakes).
 */
#ifndef SANDBOX_CONFIG_STARTUP_H
#define SANDBOX_CONFIG_STARTUP_H

#include "config/arguments.h"
#include "config/config.h"

/* Reads both, and writes answers to standard output and mistakes to standard error. Returns -1 to go on, with *arguments and
 * *config filled, else the exit code. */
int startup_read(int argc, char **argv, struct arguments *arguments, struct config *config);

#endif
