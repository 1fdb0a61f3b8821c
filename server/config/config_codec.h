/*
 * The JSON of the configuration file: its bytes to members, each with the line it stands on. Pure; knows no setting.
 *
 * jansson decides what is JSON. Because it tells neither the line of a value nor which keys are there twice, and
 * gives a number up that is too large to hold, the members are then found in the text itself.
 */
#ifndef SANDBOX_CONFIG_CONFIG_CODEC_H
#define SANDBOX_CONFIG_CONFIG_CODEC_H

#include <stddef.h>

#include "base/err.h"

/* All of it is borrowed for the call. */
struct config_member {
	const char *key;
	unsigned line; /* from 1 */
	unsigned type; /* a VALUE_ flag of values.h; 0 for what no setting is: null, object */
	const char *type_name; /* "a number" */
	const char *text;      /* as a variable would hold it: 3001, true, a,b; NULL with type 0 */
	const char *shown;     /* as JSON on one line; of a string NULL: text is the value */
};

typedef void (*config_member_fn)(const struct config_member *member, void *arg);

/* Calls on_member for each member in the order of the file, also for a key that came before. Returns -1 when the bytes are
 * no JSON object; then err->msg begins with the place: "LINE:COLUMN: ...". It never repeats what the file says. */
int config_codec_each(const char *data, size_t len, config_member_fn on_member, void *arg,
		      struct err *err);

#endif
