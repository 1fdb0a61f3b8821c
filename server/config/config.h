/*
 * The configuration: read once from a file and the environment, checked as a whole, constant from then on.
 *
 * Every setting is one row of the table in settings.c. A wrong value is never replaced by a default, not even where one
 * from elsewhere goes before it: all mistakes are reported together and the program does not start.
 */
#ifndef SANDBOX_CONFIG_CONFIG_H
#define SANDBOX_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "config/cidr.h"
#include "config/config_file.h"
#include "config/limits.h"
#include "config/settings.h"

#define CONFIG_TEXT_BYTES  256
#define CONFIG_ORIGINS_MAX 32
#define CONFIG_SECRET_MIN  32 /* characters of a secret that keys are made of */

struct origin_list {
	char items[CONFIG_ORIGINS_MAX][CONFIG_TEXT_BYTES]; /* "scheme://host[:port]", or "*" */
	size_t count;
};

/* How the log names clients: as they are, or by a digest that changes with every start. */
enum log_clients { LOG_CLIENTS_PLAIN, LOG_CLIENTS_HASHED };

struct config {
	char host[CONFIG_TEXT_BYTES]; /* an address, not a name: resolving would block */
	int64_t port;
	char metrics_host[CONFIG_TEXT_BYTES];
	int64_t metrics_port;                /* 0: the metrics are on `port` */
	char docker_host[CONFIG_TEXT_BYTES]; /* unix://path */
	bool use_gvisor;
	char gvisor_runtime[CONFIG_TEXT_BYTES];
	char api_key[CONFIG_TEXT_BYTES];       /* "" for none */
	char admin_api_key[CONFIG_TEXT_BYTES]; /* likewise; its holder is of TIER_ADMIN */
	char auth_secret[CONFIG_TEXT_BYTES];   /* of the tokens; "": tokens are not accepted */
	struct origin_list frontend_origin;
	struct origin_list allowed_origins;
	struct cidr_list trusted_proxies;
	struct limits limits[TIER_COUNT];
	int64_t site_factor;       /* an IPv6 /48 may have so many times what one client may */
	int64_t max_message_bytes; /* of one WebSocket message */
	int64_t idle_timeout_ms;
	int64_t max_lifetime_ms;
	int64_t pool_size, pool_min,
		pool_max;         /* spare sandboxes of each environment; size 0: none at all */
	int64_t max_output_bytes; /* a second, of all terminals; 0: by the number of processors */
	int64_t max_containers;   /* 0: as many as the host carries */
	int64_t max_memory_percent;
	int64_t log_level;                 /* enum log_level */
	int64_t log_format;                /* enum log_format */
	int64_t log_clients;               /* enum log_clients */
	char worker_id[CONFIG_TEXT_BYTES]; /* names this server among others on the same Engine */
};

/* Looks a variable up: getenv, or a test's own. NULL when it is not set. */
typedef const char *(*config_getenv_fn)(const char *name);

enum config_source { CONFIG_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENVIRONMENT };

/* Where the value of each row of the table comes from, for --print-config. */
struct config_trace {
	struct config_origin {
		enum config_source source;
		unsigned line; /* in the file */
		char *text;    /* the value as it was written; owned */
	} origins[SETTINGS_MAX];
};

/* Fills *config from the defaults, the file (NULL for none) and the environment, each over the one before. Returns the number of
 * mistakes; for each, one line with the name, the value and what is accepted is written to `complaints` (cut at size). An empty
 * variable counts as not set. *trace (NULL: not wanted) is zeroed by the caller and given back by
 * config_trace_finish, in any case. */
int config_load_all(struct config *config, config_getenv_fn get, const struct config_file *file,
		    struct config_trace *trace, char *complaints, size_t size);

/* Likewise from the environment alone. */
int config_load(struct config *config, config_getenv_fn get, char *complaints, size_t size);

void config_trace_finish(struct config_trace *trace);

/* Whether anybody who reaches the port gets a terminal: beyond loopback, without a key and without a list of origins. */
bool config_is_open(const struct config *config);

/* Whether `host` only reaches this machine. */
bool config_is_loopback(const char *host);

#endif
