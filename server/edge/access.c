#include "edge/access.h"

#include <string.h>
#include <strings.h>

#include "base/secret.h"

static bool listed(const struct origin_list *list, const char *origin)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], "*") == 0 || strcmp(list->items[i], origin) == 0)
			return true;
	return false;
}

/* An origin never names its scheme's default port; a Host may. */
static bool same_origin(const char *origin, const char *host)
{
	const char *default_port = strncmp(origin, "https://", 8) == 0 ? ":443" : ":80";
	const char *authority = strstr(origin, "://");
	size_t len = strlen(host), port = strlen(default_port);

	if (!authority)
		return false;
	authority += 3;
	if (len > port && strcmp(host + len - port, default_port) == 0)
		len -= port;
	return len > 0 && strlen(authority) == len && strncasecmp(authority, host, len) == 0;
}

bool access_origin_allowed(const struct config *config, const struct request_facts *facts)
{
	if (!facts->origin[0])
		return true;
	if (!config->allowed_origins.count && !config->frontend_origin.count)
		return same_origin(facts->origin, facts->host);
	return listed(&config->allowed_origins, facts->origin) ||
	       listed(&config->frontend_origin, facts->origin);
}

static bool is_key(const char *configured, const char *key)
{
	return configured[0] && secret_equal(configured, strlen(configured), key, strlen(key));
}

enum access access_key(const struct config *config, const char *key)
{
	bool admin = is_key(config->admin_api_key, key), right = is_key(config->api_key, key);

	if (admin)
		return ACCESS_ADMIN;
	if (right || !config->api_key[0])
		return ACCESS_OK;
	return key[0] ? ACCESS_WRONG_KEY : ACCESS_NO_KEY;
}

bool access_is_https(const struct config *config, const struct request_facts *facts)
{
	return facts->forwarded_https && cidr_list_contains(&config->trusted_proxies, facts->peer);
}
