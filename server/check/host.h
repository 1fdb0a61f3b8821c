/*
 * What the check finds out without the Engine: the configuration's dangers, the port, the host's room. And whether the
 * Engine's socket can be opened at all.
 */
#ifndef SANDBOX_CHECK_HOST_H
#define SANDBOX_CHECK_HOST_H

#include <stdbool.h>

#include "check/report.h"
#include "config/config.h"
#include "session/capacity.h"

/* Settings that let strangers too far in. */
void host_check_config(struct report *r, const struct config *config);

/* The worker id and the ports. */
void host_check_server(struct report *r, const struct config *config);

/* Memory and process numbers against the number of sandboxes. */
void host_check_room(struct report *r, const struct config *config,
		     const struct capacity *capacity);

/* Whether somebody listens at the Engine's socket and lets us in; says so only if not. */
bool host_check_socket(struct report *r, const struct config *config);

#endif
