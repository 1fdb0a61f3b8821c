/*
 * How terminals and sessions end: one table for close code, message and log.
 */
#ifndef SANDBOX_SESSION_ENDING_H
#define SANDBOX_SESSION_ENDING_H

#include <stdint.h>

enum end_reason {
	END_SHELL_EXITED, /* this terminal's shell; the session goes on */
	END_DELETED,      /* a client asked for it */
	END_ABANDONED,    /* the client left before the session had started */
	END_SHUTDOWN,     /* the server is going away */
	END_RATE_LIMITED, /* this terminal's client kept sending commands beyond the limit; the session goes on */
	END_IDLE,            /* no input for IDLE_TIMEOUT */
	END_LIFETIME,        /* MAX_LIFETIME is over */
	END_NO_SESSION,      /* unknown or ended long ago */
	END_MESSAGE_TOO_BIG, /* from the client */
	END_START_FAILED,    /* the sandbox could not be made */
	END_SANDBOX_DIED,    /* killed from outside, or its agent broke the rules */
	END_KILLED,          /* by the host, most likely for its memory */
	END_OUT_OF_MEMORY,   /* the sandbox hit its memory limit */
	END_ENGINE_LOST,     /* the Docker Engine went away */
	END_NO_TERMINAL,     /* the sandbox could not open a shell */
	END_INTERNAL,
	END_REASONS /* how many there are */
};

struct ending {
	const char *name;    /* for the log and metrics */
	uint16_t close_code; /* RFC 6455 section 7.4; 4000 to 4999 are ours */
	const char *text;    /* the reason in the close frame, for people */
	const char *error;   /* code of the error message sent before; NULL for none */
	const char *warning_code, *warning; /* sent a while before the end; NULL for none */
};

/* Never NULL. */
const struct ending *ending(enum end_reason reason);

#endif
