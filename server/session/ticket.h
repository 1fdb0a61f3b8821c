/*
 * Tickets: leave to open one WebSocket on one session, so that no page needs the API key in a URL.
 *
 * A ticket is good once and for TICKET_VALID_MS. It is random and names the worker that made it, so that a front of several
 * workers can route by it: "<32 hex digits>.<worker id>".
 */
#ifndef SANDBOX_SESSION_TICKET_H
#define SANDBOX_SESSION_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKET_VALID_MS 60000

/* 32 hex digits, a dot, a worker id, NUL. */
#define TICKET_SECRET_BYTES 33
#define TICKET_BYTES        128

/* Tickets of one session at once; one more takes the place of the oldest. */
#define TICKETS_MAX 32

struct ticket_book {
	struct {
		char secret[TICKET_SECRET_BYTES];
		uint64_t expires_ms; /* monotonic; 0: no ticket */
	} slots[TICKETS_MAX];
};

/* Writes a new ticket. False when there are no random bytes. */
bool ticket_issue(struct ticket_book *book, const char *worker_id, uint64_t now_ms,
		  char ticket[TICKET_BYTES]);

/* Whether it is valid now; compares in constant time. */
bool ticket_is_valid(const struct ticket_book *book, const char *ticket, uint64_t now_ms);

/* The same, and it is used up by that. */
bool ticket_redeem(struct ticket_book *book, const char *ticket, uint64_t now_ms);

#endif
