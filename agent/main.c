/*
 * sandbox-agent: process 1 of a sandbox. docs/agent-protocol.md says what it speaks.
 *
 *      sandbox-agent [--lifetime SECONDS] [--version]
 */
#include "agent/agent.h"
#include "agent/procs.h"
#include "agent/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LIFETIME_DEFAULT_S 3600

static struct agent agent;

static int usage(void)
{
	fputs("usage: sandbox-agent [--lifetime SECONDS] [--version]\n", stderr);
	return AGENT_FAILED;
}

/* Returns 0, or -1 when text is no whole number from 1 to UINT32_MAX. */
static int parse_seconds(const char *text, uint32_t *seconds)
{
	char *end;
	unsigned long long n;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end || errno || n == 0 || n > UINT32_MAX)
		return -1;
	*seconds = (uint32_t)n;
	return 0;
}

/* Descriptors 0 to 2 exist afterwards, so that nothing opened later can become one, and no others
 * are inherited. */
static int settle_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return -1;
	close_from(3);
	return 0;
}

/* Not dumpable: what runs under the same user may not trace it or read its memory. A subreaper: it
 * reaps orphans also where it is not process 1. */
static int settle_process(void)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -1;
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	return 0;
}

static int serve(uint32_t lifetime_s)
{
	enum agent_end end;
	const char *why;

	if (settle_descriptors() < 0 || settle_process() < 0 ||
	    agent_init(&agent, lifetime_s) < 0) {
		fprintf(stderr, "sandbox-agent: cannot start: %s\n", strerror(errno));
		return AGENT_FAILED;
	}
	end = agent_run(&agent, &why);
	if (why)
		fprintf(stderr, "sandbox-agent: %s\n", why);
	/* The end of process 1 is the end of all. */
	if (getpid() != 1)
		procs_kill_descendants();
	return end;
}

int main(int argc, char **argv)
{
	uint32_t lifetime_s = LIFETIME_DEFAULT_S;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("sandbox-agent %s, protocol %d\n", VERSION, PROTOCOL_VERSION);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--lifetime") == 0) {
		if (parse_seconds(argv[2], &lifetime_s) < 0)
			return usage();
	} else if (argc != 1) {
		return usage();
	}
	_exit(serve(lifetime_s));
}
