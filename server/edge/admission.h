/*
 * Whether a request may act on sessions, and for which client: by a token, a key, or a ticket of the session.
 */
#ifndef SANDBOX_EDGE_ADMISSION_H
#define SANDBOX_EDGE_ADMISSION_H

#include "edge/server_internal.h"
#include "session/client.h"

struct admission {
	struct client client; /* also of a request that is not admitted, for the log */
	const char *
		refusal; /* the code of a 401: "MissingApiKey", "InvalidToken", ...; NULL: admitted */
};

/* A token, when there is one, must be valid and is enough; else the key decides. */
void admit(const struct server *s, const struct request_facts *facts, struct admission *a);

/* For a WebSocket on that session (NULL: unknown) a valid ticket is enough as well; it is not used up yet. It speaks for the
 * session's user, if that has one. */
void admit_websocket(const struct server *s, const struct request_facts *facts,
		     struct session *session, struct admission *a);

/* The audit line of one that was not admitted. */
void admission_log(const struct admission *a, const char *path);

#endif
