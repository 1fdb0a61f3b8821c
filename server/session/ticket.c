#include "session/ticket.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/secret.h"

#define SECRET_LEN (TICKET_SECRET_BYTES - 1)

bool ticket_issue(struct ticket_book *book, const char *worker_id, uint64_t now_ms,
		  char ticket[TICKET_BYTES])
{
	size_t oldest = 0;

	for (size_t i = 1; i < TICKETS_MAX; i++)
		if (book->slots[i].expires_ms < book->slots[oldest].expires_ms)
			oldest = i;
	if (!random_hex(book->slots[oldest].secret, SECRET_LEN / 2))
		return false;
	book->slots[oldest].expires_ms = now_ms + TICKET_VALID_MS;
	snprintf(ticket, TICKET_BYTES, "%s.%s", book->slots[oldest].secret, worker_id);
	return true;
}

/* Looks at every slot, whatever it finds. TICKETS_MAX when there is none. */
static size_t find(const struct ticket_book *book, const char *ticket, uint64_t now_ms)
{
	size_t len = strcspn(ticket, "."), found = TICKETS_MAX;

	for (size_t i = 0; i < TICKETS_MAX; i++)
		if (book->slots[i].expires_ms > now_ms &&
		    secret_equal(book->slots[i].secret, SECRET_LEN, ticket, len))
			found = i;
	return found;
}

bool ticket_is_valid(const struct ticket_book *book, const char *ticket, uint64_t now_ms)
{
	return find(book, ticket, now_ms) < TICKETS_MAX;
}

bool ticket_redeem(struct ticket_book *book, const char *ticket, uint64_t now_ms)
{
	size_t slot = find(book, ticket, now_ms);

	if (slot == TICKETS_MAX)
		return false;
	memset(&book->slots[slot], 0, sizeof(book->slots[slot]));
	return true;
}
