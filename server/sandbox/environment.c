#include "sandbox/environment.h"

#include <string.h>

const struct environment environments[ENVIRONMENT_COUNT] = {
	{"bash", "Bash with git, tmux, vim, nano and less", "shell", "sandbox-api/bash:latest",
	 60000},
	{"python", "Python 3 beside the shell", "runtime", "sandbox-api/python:latest", 120000},
	{"node", "Node.js beside the shell", "runtime", "sandbox-api/node:latest", 120000},
};

const struct environment *environment_find(const char *name)
{
	for (size_t i = 0; i < ENVIRONMENT_COUNT; i++)
		if (strcmp(environments[i].name, name) == 0)
			return &environments[i];
	return NULL;
}
