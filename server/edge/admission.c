#include "edge/admission.h"

#include "base/clock.h"
#include "base/log.h"
#include "edge/identity.h"

static const char *judge_key(const struct server *s, const struct request_facts *facts,
			     struct client *client)
{
	switch (access_key(s->parts.config, facts->key)) {
	case ACCESS_ADMIN:
		client->tier = TIER_ADMIN;
		return NULL;
	case ACCESS_OK:
		return NULL;
	case ACCESS_NO_KEY:
		return "MissingApiKey";
	default:
		return "InvalidApiKey";
	}
}

void admit(const struct server *s, const struct request_facts *facts, struct admission *a)
{
	struct err err;

	a->refusal = NULL;
	switch (identity_of(s->parts.identity, facts, clock_wall_ms(), &a->client, &err)) {
	case IDENTITY_OK:
		if (!a->client.is_user)
			a->refusal = judge_key(s, facts, &a->client);
		break;
	case IDENTITY_EXPIRED_TOKEN:
		a->refusal = "ExpiredToken";
		break;
	default:
		a->refusal = "InvalidToken";
		log_debug("auth.token", LOG_S("client", a->client.name), LOG_S("error", err.msg));
	}
}

static void inherit(struct client *client, const struct client *owner)
{
	if (owner->is_user)
		*client = *owner;
	else if (owner->tier > client->tier)
		client->tier = owner->tier;
}

void admit_websocket(const struct server *s, const struct request_facts *facts,
		     struct session *session, struct admission *a)
{
	admit(s, facts, a);
	if (facts->token[0] || !facts->ticket[0])
		return;
	if (!session) {
		/* It learns by the close code that the session has ended, and nothing else. */
		if (!facts->key[0])
			a->refusal = NULL;
	} else if (ticket_is_valid(session_tickets(session), facts->ticket, clock_monotonic_ms())) {
		a->refusal = NULL;
		inherit(&a->client, session_client(session));
	} else if (a->refusal && !facts->key[0]) {
		a->refusal = "InvalidTicket";
	}
}

void admission_log(const struct admission *a, const char *path)
{
	log_warn("auth.failed", LOG_S("client", a->client.name), LOG_S("code", a->refusal),
		 LOG_S("path", path));
}
