/*
 * What one client may have, by tier. The numbers come from the configuration; 0 means no limit.
 */
#ifndef SANDBOX_CONFIG_LIMITS_H
#define SANDBOX_CONFIG_LIMITS_H

#include <stdint.h>

/* Who a client is: nobody we know, or a user with a valid token and its claims. */
enum tier { TIER_ANONYMOUS, TIER_LOGGED_IN, TIER_PREMIUM, TIER_ADMIN, TIER_COUNT };

struct limits {
	int64_t sessions_per_hour;   /* started within any hour */
	int64_t sessions;            /* at once */
	int64_t websockets;          /* at once */
	int64_t commands_per_minute; /* sustained; as many at once after a pause */
};

#endif
