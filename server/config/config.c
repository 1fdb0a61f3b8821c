#include "config/config.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/values.h"

#define MINUTE_MS (60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)

/* So much of a wrong value is repeated: one that is too long must not crowd the other mistakes out. */
#define SHOWN_VALUE_BYTES 100

/* No count of ours is larger. */
#define LIMIT_MAX 100000

#define FIELD(member) offsetof(struct config, member)

static const struct setting settings[] = {
	{"PORT", "3001", FIELD(port), value_integer, 0, 65535, NULL,
	 "TCP port; 0 lets the system choose"},
	{"HOST", "0.0.0.0", FIELD(host), value_address, 0, 0, NULL, "address to listen on"},
	{"FRONTEND_ORIGIN", "", FIELD(frontend_origin), value_origins, 0, 0, NULL,
	 "origin of the front end, let in like SANDBOX_ALLOWED_ORIGINS"},
	{"SANDBOX_ALLOWED_ORIGINS", "", FIELD(allowed_origins), value_origins, 0, 0, NULL,
	 "origins let in, comma separated; empty: the same origin only; *: any"},
	{"SANDBOX_API_KEY", "", FIELD(api_key), value_text, 0, 0, NULL,
	 "key that clients of the API must show; empty: none"},
	{"ADMIN_API_KEY", "", FIELD(admin_api_key), value_text, 0, 0, NULL,
	 "key like SANDBOX_API_KEY whose holder has the limits of an admin; empty: none"},
	{"AUTH_SECRET", "", FIELD(auth_secret), value_secret, 0, 0, NULL,
	 "secret of the users' tokens (HS256, Auth.js v5); empty: tokens are not accepted"},
	{"TRUSTED_PROXIES", "127.0.0.0/8,::1", FIELD(trusted_proxies), value_cidrs, 0, 0, NULL,
	 "address blocks whose X-Forwarded-* headers are believed"},
	{"DOCKER_HOST", "unix:///var/run/docker.sock", FIELD(docker_host), value_docker_host, 0, 0,
	 NULL, "socket of the Docker Engine"},
	{"SANDBOX_USE_GVISOR", "true", FIELD(use_gvisor), value_bool, 0, 0, NULL,
	 "false, for development only: sandboxes without gVisor"},
	{"SANDBOX_GVISOR_RUNTIME", "runsc", FIELD(gvisor_runtime), value_text, 0, 0, NULL,
	 "name under which the Engine knows gVisor's runtime"},
	{"SANDBOX_MAX_WS_MESSAGE_SIZE", "65536", FIELD(max_message_bytes), value_integer, 1024,
	 16777216, NULL, "bytes of one WebSocket message; a larger one closes with 1009"},
	{"IDLE_TIMEOUT", "5m", FIELD(idle_timeout_ms), value_duration, 1000, 24 * HOUR_MS, NULL,
	 "a session ends after this long without input (seconds, or 90s, 5m, 1h)"},
	{"MAX_LIFETIME", "30m", FIELD(max_lifetime_ms), value_duration, 1000, 24 * HOUR_MS, NULL,
	 "a session ends after this long in any case"},
	{"MAX_SESSIONS_PER_HOUR", "10", FIELD(limits[TIER_ANONYMOUS].sessions_per_hour),
	 value_integer, 0, LIMIT_MAX, NULL,
	 "sessions that one client may start within any hour; 0: no limit"},
	{"MAX_CONCURRENT_PER_IP", "2", FIELD(limits[TIER_ANONYMOUS].sessions), value_integer, 0,
	 LIMIT_MAX, NULL, "sessions of one client at once; 0: no limit"},
	{"MAX_WEBSOCKETS_PER_IP", "4", FIELD(limits[TIER_ANONYMOUS].websockets), value_integer, 0,
	 LIMIT_MAX, NULL, "WebSockets of one client at once; 0: no limit"},
	{"COMMANDS_PER_MINUTE", "60", FIELD(limits[TIER_ANONYMOUS].commands_per_minute),
	 value_integer, 0, LIMIT_MAX, NULL,
	 "lines that one client may type at a shell's prompt; 0: no limit"},
	{"LIMITS_LOGGED_IN", "100/4/8/120", FIELD(limits[TIER_LOGGED_IN]), value_limits, 0,
	 LIMIT_MAX, NULL, "the four limits above, for users with a token"},
	{"LIMITS_PREMIUM", "500/10/20/300", FIELD(limits[TIER_PREMIUM]), value_limits, 0, LIMIT_MAX,
	 NULL, "likewise, for users whose token says isPremium"},
	{"LIMITS_ADMIN", "none", FIELD(limits[TIER_ADMIN]), value_limits, 0, LIMIT_MAX, NULL,
	 "likewise, for users whose token says isAdmin, and holders of ADMIN_API_KEY"},
	{"LIMITS_SITE_FACTOR", "8", FIELD(site_factor), value_integer, 1, LIMIT_MAX, NULL,
	 "an IPv6 /48 may have so many times the limits of one client, which is a /64"},
	{"CIRCUIT_MAX_CONTAINERS", "0", FIELD(max_containers), value_integer, 0, 10000, NULL,
	 "sandboxes at once; 0: as many as the memory of the host carries"},
	{"CIRCUIT_MAX_MEMORY_PERCENT", "85", FIELD(max_memory_percent), value_integer, 1, 100, NULL,
	 "no new sandbox while more of the host's memory is in use"},
	{"LOG_LEVEL", "info", FIELD(log_level), value_choice, 0, 0, "error,warn,info,debug",
	 "how much to log"},
	{"LOG_FORMAT", "text", FIELD(log_format), value_choice, 0, 0, "text,json", "how to log"},
	{"LOG_CLIENTS", "plain", FIELD(log_clients), value_choice, 0, 0, "plain,hashed",
	 "how the log names clients: addresses and users, or digests that change with every start"},
	{"WORKER_ID", "", FIELD(worker_id), value_worker_id, 0, 0, NULL,
	 "name of this server among all on the same Engine; empty: HOSTNAME-PORT"},
};

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

struct report {
	char *text;
	size_t size, len;
	int count;
};

__attribute__((format(printf, 2, 3))) static void complain(struct report *r, const char *format,
							   ...)
{
	va_list args;

	r->count++;
	va_start(args, format);
	size_t room = r->size - r->len;
	int n = vsnprintf(r->text + r->len, room, format, args);
	va_end(args);
	if (n > 0)
		r->len += (size_t)n < room ? (size_t)n : room - 1;
}

static bool is_secret(const struct setting *s)
{
	return strstr(s->name, "_KEY") || strstr(s->name, "_SECRET");
}

static void load_setting(const struct setting *s, struct config *config, config_getenv_fn get,
			 struct report *report)
{
	const char *text = get(s->name);
	char accepted[CONFIG_TEXT_BYTES];

	if (!text || !*text)
		text = s->fallback;
	if (s->parse(s, text, (char *)config + s->offset, accepted, sizeof(accepted)))
		return;
	/* A key is never shown, not even a wrong one. */
	if (is_secret(s))
		complain(report, "%s: the value is not %s\n", s->name, accepted);
	else
		complain(report, "%s: \"%.*s\"%s is not %s\n", s->name, SHOWN_VALUE_BYTES, text,
			 strlen(text) > SHOWN_VALUE_BYTES ? " and so on" : "", accepted);
}

static void name_worker(struct config *config)
{
	char host[64] = "";

	if (config->worker_id[0])
		return;
	gethostname(host, sizeof(host) - 1);
	snprintf(config->worker_id, sizeof(config->worker_id), "%s-%d",
		 host[0] ? host : "localhost", (int)config->port);
}

int config_load(struct config *config, config_getenv_fn get, char *complaints, size_t size)
{
	struct report report = {.text = complaints, .size = size};

	memset(config, 0, sizeof(*config));
	complaints[0] = '\0';
	for (size_t i = 0; i < SETTING_COUNT; i++)
		load_setting(&settings[i], config, get, &report);
	name_worker(config);
	return report.count;
}

void config_describe(FILE *out)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		fprintf(out, "  %-28s %s%s%s%s\n", settings[i].name, settings[i].meaning,
			*settings[i].fallback ? " [" : "", settings[i].fallback,
			*settings[i].fallback ? "]" : "");
}

bool config_is_loopback(const char *host)
{
	struct cidr_list loopback = {.count = 2};

	return cidr_parse("127.0.0.0/8", &loopback.blocks[0]) &&
	       cidr_parse("::1", &loopback.blocks[1]) && cidr_list_contains(&loopback, host);
}
