/*
 * What the service manager is told: that we are ready, that the loop turns, how we are, that we are stopping. The protocol of
 * sd_notify(3), without its library: that one waits when the manager's socket is full, which nothing on the loop may do.
 *
 * A message that does not fit now, or that nobody takes, is kept and sent later; of each kind there is one, the latest. Without
 * NOTIFY_SOCKET in the environment nothing happens.
 */
#ifndef SANDBOX_BASE_NOTIFY_H
#define SANDBOX_BASE_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A longer status is cut. */
#define NOTIFY_STATUS_BYTES 256

struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un address;
	socklen_t address_len;
	const char *state;             /* not sent yet, or NULL */
	uint64_t watchdog_interval_ms; /* 0: no watchdog */
	uint64_t watchdog_due_ms, status_due_ms;
	char status[NOTIFY_STATUS_BYTES], status_sent[NOTIFY_STATUS_BYTES];
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment: they are not for children. */
void notify_init(struct notify *n);
void notify_finish(struct notify *n);

/* Says that we are in a state, "READY" or "STOPPING", at once if that is possible. Its status need not wait. state is not copied. */
void notify_state(struct notify *n, const char *state);

/* What `systemctl status` shows from the next sweep on: one line of text. */
void notify_status(struct notify *n, const char *status);

/* Sends what is due: a changed status, once a second, and three times within what the watchdog allows that the loop
 * turns. Call it a few times a second, from the loop. */
void notify_sweep(struct notify *n, uint64_t now_ms);

#endif
