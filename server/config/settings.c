#include "config/settings.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "config/config.h"

#define MINUTE_MS (60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)

/* No count of ours is larger. */
#define LIMIT_MAX 100000

#define FIELD(member) offsetof(struct config, member)

static const char *const group_titles[GROUP_COUNT] = {
	[GROUP_LISTENING] = "Listening", [GROUP_ACCESS] = "Who may",    [GROUP_LIMITS] = "Limits",
	[GROUP_SANDBOXES] = "Sandboxes", [GROUP_ENGINE] = "The Engine", [GROUP_LOG] = "The log",
};

const struct setting settings[] = {
	{GROUP_LISTENING, "PORT", "3001", FIELD(port), value_integer, 0, 65535, NULL, 0,
	 "TCP port; 0 lets the system choose"},
	{GROUP_LISTENING, "HOST", "0.0.0.0", FIELD(host), value_address, 0, 0, NULL, 0,
	 "address to listen on"},
	{GROUP_LISTENING, "METRICS_PORT", "0", FIELD(metrics_port), value_integer, 0, 65535, NULL,
	 0, "port where /metrics is, and nothing else; 0: it is on PORT"},
	{GROUP_LISTENING, "METRICS_HOST", "127.0.0.1", FIELD(metrics_host), value_address, 0, 0,
	 NULL, 0, "address of METRICS_PORT"},
	{GROUP_LISTENING, "TRUSTED_PROXIES", "127.0.0.0/8,::1", FIELD(trusted_proxies), value_cidrs,
	 0, 0, NULL, 0, "address blocks whose X-Forwarded-* headers are believed"},
	{GROUP_LISTENING, "SANDBOX_MAX_WS_MESSAGE_SIZE", "65536", FIELD(max_message_bytes),
	 value_integer, 1024, 16777216, NULL, 0,
	 "bytes of one WebSocket message; a larger one closes with 1009"},

	{GROUP_ACCESS, "FRONTEND_ORIGIN", "", FIELD(frontend_origin), value_origins, 0, 0, NULL, 0,
	 "origin of the front end, let in like SANDBOX_ALLOWED_ORIGINS"},
	{GROUP_ACCESS, "SANDBOX_ALLOWED_ORIGINS", "", FIELD(allowed_origins), value_origins, 0, 0,
	 NULL, 0, "origins let in, comma separated; empty: the same origin only; *: any"},
	{GROUP_ACCESS, "SANDBOX_API_KEY", "", FIELD(api_key), value_text, 0, 0, NULL,
	 SETTING_SECRET, "key that clients of the API must show; empty: none"},
	{GROUP_ACCESS, "ADMIN_API_KEY", "", FIELD(admin_api_key), value_text, 0, 0, NULL,
	 SETTING_SECRET,
	 "key like SANDBOX_API_KEY whose holder has the limits of an admin; empty: none"},
	{GROUP_ACCESS, "AUTH_SECRET", "", FIELD(auth_secret), value_secret, 0, 0, NULL,
	 SETTING_SECRET,
	 "secret of the users' tokens (HS256, Auth.js v5); empty: tokens are not accepted"},

	{GROUP_LIMITS, "IDLE_TIMEOUT", "5m", FIELD(idle_timeout_ms), value_duration, 1000,
	 24 * HOUR_MS, NULL, 0,
	 "a session ends after this long without input (seconds, or 90s, 5m, 1h)"},
	{GROUP_LIMITS, "MAX_LIFETIME", "30m", FIELD(max_lifetime_ms), value_duration, 1000,
	 24 * HOUR_MS, NULL, 0, "a session ends after this long in any case"},
	{GROUP_LIMITS, "MAX_SESSIONS_PER_HOUR", "10",
	 FIELD(limits[TIER_ANONYMOUS].sessions_per_hour), value_integer, 0, LIMIT_MAX, NULL, 0,
	 "sessions that one client may start within any hour; 0: no limit"},
	{GROUP_LIMITS, "MAX_CONCURRENT_PER_IP", "2", FIELD(limits[TIER_ANONYMOUS].sessions),
	 value_integer, 0, LIMIT_MAX, NULL, 0, "sessions of one client at once; 0: no limit"},
	{GROUP_LIMITS, "MAX_WEBSOCKETS_PER_IP", "4", FIELD(limits[TIER_ANONYMOUS].websockets),
	 value_integer, 0, LIMIT_MAX, NULL, 0, "WebSockets of one client at once; 0: no limit"},
	{GROUP_LIMITS, "COMMANDS_PER_MINUTE", "60",
	 FIELD(limits[TIER_ANONYMOUS].commands_per_minute), value_integer, 0, LIMIT_MAX, NULL, 0,
	 "lines that one client may type at a shell's prompt; 0: no limit"},
	{GROUP_LIMITS, "LIMITS_LOGGED_IN", "100/4/8/120", FIELD(limits[TIER_LOGGED_IN]),
	 value_limits, 0, LIMIT_MAX, NULL, 0, "the four limits above, for users with a token"},
	{GROUP_LIMITS, "LIMITS_PREMIUM", "500/10/20/300", FIELD(limits[TIER_PREMIUM]), value_limits,
	 0, LIMIT_MAX, NULL, 0, "likewise, for users whose token says isPremium"},
	{GROUP_LIMITS, "LIMITS_ADMIN", "none", FIELD(limits[TIER_ADMIN]), value_limits, 0,
	 LIMIT_MAX, NULL, 0,
	 "likewise, for users whose token says isAdmin, and holders of ADMIN_API_KEY"},
	{GROUP_LIMITS, "LIMITS_SITE_FACTOR", "8", FIELD(site_factor), value_integer, 1, LIMIT_MAX,
	 NULL, 0, "an IPv6 /48 may have so many times the limits of one client, which is a /64"},

	{GROUP_SANDBOXES, "SANDBOX_USE_GVISOR", "true", FIELD(use_gvisor), value_bool, 0, 0, NULL,
	 0, "false, for development only: sandboxes without gVisor"},
	{GROUP_SANDBOXES, "POOL_SIZE", "5", FIELD(pool_size), value_integer, 0, 1000, NULL, 0,
	 "spare sandboxes kept ready for each environment; 0: none, every session waits for a "
	 "start"},
	{GROUP_SANDBOXES, "POOL_MIN", "2", FIELD(pool_min), value_integer, 0, 1000, NULL, 0,
	 "an environment with fewer spare ones is refilled first, and without pauses"},
	{GROUP_SANDBOXES, "POOL_MAX", "20", FIELD(pool_max), value_integer, 0, 1000, NULL, 0,
	 "spare sandboxes of an environment at most, when many sessions come; at least POOL_SIZE"},
	{GROUP_SANDBOXES, "MAX_OUTPUT_PER_SECOND", "0", FIELD(max_output_bytes), value_integer, 0,
	 INT64_C(100000000000), NULL, 0,
	 "bytes a second of all terminals' output together, so that those who flood leave time to "
	 "those who type; 0: 4 MB for each processor"},
	{GROUP_SANDBOXES, "CIRCUIT_MAX_CONTAINERS", "0", FIELD(max_containers), value_integer, 0,
	 10000, NULL, 0, "sandboxes at once; 0: as many as the host carries"},
	{GROUP_SANDBOXES, "CIRCUIT_MAX_MEMORY_PERCENT", "85", FIELD(max_memory_percent),
	 value_integer, 1, 100, NULL, 0,
	 "no new sandbox while more of the host's memory is in use"},

	{GROUP_ENGINE, "DOCKER_HOST", "unix:///var/run/docker.sock", FIELD(docker_host),
	 value_docker_host, 0, 0, NULL, 0, "socket of the Docker Engine"},
	{GROUP_ENGINE, "SANDBOX_GVISOR_RUNTIME", "runsc", FIELD(gvisor_runtime), value_text, 0, 0,
	 NULL, 0, "name under which the Engine knows gVisor's runtime, or Kata Containers"},
	{GROUP_ENGINE, "WORKER_ID", "", FIELD(worker_id), value_worker_id, 0, 0, NULL, 0,
	 "name of this server among all on the same Engine; empty: HOSTNAME-PORT"},

	{GROUP_LOG, "LOG_LEVEL", "info", FIELD(log_level), value_choice, 0, 0,
	 "error,warn,info,debug", 0, "how much to log: error, warn, info or debug"},
	{GROUP_LOG, "LOG_FORMAT", "text", FIELD(log_format), value_choice, 0, 0, "text,json", 0,
	 "how to log: text, or json"},
	{GROUP_LOG, "LOG_CLIENTS", "plain", FIELD(log_clients), value_choice, 0, 0, "plain,hashed",
	 0,
	 "how the log names clients: plain (addresses and users), or hashed (digests that change "
	 "with every start)"},
};

const size_t settings_count = sizeof(settings) / sizeof(settings[0]);

_Static_assert(sizeof(settings) / sizeof(settings[0]) <= SETTINGS_MAX, "SETTINGS_MAX");

const char *setting_group_title(enum setting_group group)
{
	return group_titles[group];
}

void setting_json_name(const struct setting *s, char name[SETTING_NAME_BYTES])
{
	size_t len = 0;
	bool upper = false;

	for (const char *p = s->name; *p && len < SETTING_NAME_BYTES - 1; p++) {
		if (*p != '_')
			name[len++] = (char)(upper ? *p : tolower((unsigned char)*p));
		upper = *p == '_';
	}
	name[len] = '\0';
}

const struct setting *settings_find(const char *json_name)
{
	char name[SETTING_NAME_BYTES];

	for (size_t i = 0; i < settings_count; i++) {
		setting_json_name(&settings[i], name);
		if (strcmp(name, json_name) == 0)
			return &settings[i];
	}
	return NULL;
}

/* --- which one was meant --- */

/* Letters and digits in lower case, so that PORT, api-key and apiKey are near what they mean. */
static bool simplify(const char *text, char out[SETTING_NAME_BYTES])
{
	size_t len = 0;

	for (; *text; text++) {
		if (!isalnum((unsigned char)*text))
			continue;
		if (len == SETTING_NAME_BYTES - 1)
			return false;
		out[len++] = (char)tolower((unsigned char)*text);
	}
	out[len] = '\0';
	return len > 0;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's: how many letters must be put in, taken out or changed. */
static size_t distance(const char *a, const char *b)
{
	size_t row[SETTING_NAME_BYTES], len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t above = row[j + 1];
			row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[len];
}

const struct setting *settings_nearest(const char *key)
{
	char wanted[SETTING_NAME_BYTES], name[SETTING_NAME_BYTES];
	const struct setting *best = NULL;

	if (!simplify(key, wanted))
		return NULL;
	/* One letter and a third of all may be wrong; beyond that a guess misleads. */
	size_t limit = strlen(wanted) / 3 + 2;
	for (size_t i = 0; i < settings_count; i++) {
		if (!simplify(settings[i].name, name))
			continue;
		size_t d = distance(wanted, name);
		if (d < limit) {
			limit = d;
			best = &settings[i];
		}
	}
	return best;
}
