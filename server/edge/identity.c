#include "edge/identity.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "edge/forwarded.h"
#include "edge/token.h"

#define ADDRESS_BYTES 16
#define IPV4_BYTES    4
#define NETWORK_BYTES 8 /* of an IPv6 address: its /64 */
#define SITE_BYTES    6 /* its /48 */
#define HASHED_BYTES  8 /* of a digest in the log */

_Static_assert(DIGEST_BYTES == CLIENT_KEY_BYTES, "a key is a digest");

struct identity {
	const struct config *config;
	struct digest *digest;
	struct token_keys *tokens;
};

struct identity *identity_new(const struct config *config, struct err *err)
{
	struct identity *id = calloc(1, sizeof(*id));

	if (!id) {
		err_set(err, ERR_INTERNAL, 0, "no memory");
		return NULL;
	}
	id->config = config;
	id->digest = digest_new(err);
	id->tokens = id->digest ? token_keys_new(config->auth_secret, err) : NULL;
	if (id->tokens)
		return id;
	identity_free(id);
	return NULL;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	token_keys_free(id->tokens);
	digest_free(id->digest);
	free(id);
}

/* What a digest is made of begins with its kind, so that no two kinds give the same. */
static void make_key(const struct identity *id, char kind, const void *data, size_t len,
		     struct client_key *key)
{
	uint8_t material[1 + sizeof("user:") + TOKEN_USER_BYTES];

	material[0] = (uint8_t)kind;
	memcpy(material + 1, data, len);
	digest_of(id->digest, material, 1 + len, key->bytes);
}

static void name_client(const struct identity *id, const char *plain, struct client *client)
{
	struct client_key digest;

	if (id->config->log_clients == LOG_CLIENTS_PLAIN) {
		snprintf(client->name, sizeof(client->name), "%s", plain);
		return;
	}
	make_key(id, 'n', plain, strlen(plain), &digest);
	for (size_t i = 0; i < HASHED_BYTES; i++)
		snprintf(client->name + 2 * i, 3, "%02x", digest.bytes[i]);
}

static void fill_user(const struct identity *id, const struct token_claims *claims,
		      struct client *client)
{
	char name[sizeof("user:") + TOKEN_USER_BYTES];
	int len = snprintf(name, sizeof(name), "user:%s", claims->user);

	*client = (struct client){.tier = claims->tier, .is_user = true};
	make_key(id, 'u', name, (size_t)len, &client->key);
	name_client(id, name, client);
}

static void fill_ipv4(const struct identity *id, const uint8_t *address, struct client *client)
{
	char name[INET_ADDRSTRLEN];

	make_key(id, '4', address, IPV4_BYTES, &client->key);
	inet_ntop(AF_INET, address, name, sizeof(name));
	name_client(id, name, client);
}

static void fill_ipv6(const struct identity *id, const uint8_t *address, struct client *client)
{
	uint8_t network[ADDRESS_BYTES] = {0};
	char text[INET6_ADDRSTRLEN], name[sizeof(text) + sizeof("/64")];

	memcpy(network, address, NETWORK_BYTES);
	make_key(id, '6', network, NETWORK_BYTES, &client->key);
	make_key(id, 's', network, SITE_BYTES, &client->site);
	client->has_site = true;
	inet_ntop(AF_INET6, network, text, sizeof(text));
	snprintf(name, sizeof(name), "%s/64", text);
	name_client(id, name, client);
}

/* A peer without a readable address shares its limits with all others of that kind. */
void identity_of_address(const struct identity *id, const struct request_facts *facts,
			 struct client *client)
{
	uint8_t address[ADDRESS_BYTES];

	*client = (struct client){.tier = TIER_ANONYMOUS};
	if (!forwarded_client(&id->config->trusted_proxies, facts->peer, facts->forwarded_for,
			      address)) {
		make_key(id, '?', "", 0, &client->key);
		name_client(id, "unknown", client);
	} else if (cidr_is_ipv4(address)) {
		fill_ipv4(id, address + ADDRESS_BYTES - IPV4_BYTES, client);
	} else {
		fill_ipv6(id, address, client);
	}
}

enum identity_verdict identity_of(const struct identity *id, const struct request_facts *facts,
				  int64_t wall_ms, struct client *client, struct err *err)
{
	struct token_claims claims;
	enum token_verdict verdict = TOKEN_BAD;

	if (facts->token[0])
		verdict = token_read(id->tokens, facts->token, wall_ms, &claims, err);
	if (verdict == TOKEN_OK) {
		fill_user(id, &claims, client);
		return IDENTITY_OK;
	}
	identity_of_address(id, facts, client);
	if (!facts->token[0])
		return IDENTITY_OK;
	return verdict == TOKEN_EXPIRED ? IDENTITY_EXPIRED_TOKEN : IDENTITY_BAD_TOKEN;
}
