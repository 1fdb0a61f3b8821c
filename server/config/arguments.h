/*
 * The command line. Pure: what was asked for, not the doing of it.
 */
#ifndef SANDBOX_CONFIG_ARGUMENTS_H
#define SANDBOX_CONFIG_ARGUMENTS_H

#include <stdbool.h>

#include "base/err.h"

enum verb { VERB_SERVE, VERB_CHECK };

struct arguments {
	enum verb verb;
	bool help, version, print_config;
	const char *config_file; /* in argv; NULL: none */
};

/* Fills *arguments from argv (argc of them, the program's name first), which may be reordered. Returns -1 with a message for the
 * operator when it is wrong; *arguments is then unchanged. */
int arguments_read(int argc, char **argv, struct arguments *arguments, struct err *err);

#endif
