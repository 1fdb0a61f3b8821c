/*
 * The table of settings: every name, default, range and meaning, once. It feeds the loader, --help, --print-config and
 * the tables of the documentation (docs/settings.c). What a value may be is in values.h; where values come from is in
 * config.h.
 */
#ifndef SANDBOX_CONFIG_SETTINGS_H
#define SANDBOX_CONFIG_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "config/values.h"

/* No more rows than this, no longer name than this (bytes with the NUL): checked when compiled and by a test. */
#define SETTINGS_MAX       64
#define SETTING_NAME_BYTES 48

/* The headings of --help, in its order. */
enum setting_group {
	GROUP_LISTENING,
	GROUP_ACCESS,
	GROUP_LIMITS,
	GROUP_SANDBOXES,
	GROUP_ENGINE,
	GROUP_LOG,
	GROUP_COUNT
};

/* Its value is never shown: not in a mistake, not by --print-config. A file that holds it is nobody else's. */
#define SETTING_SECRET 1u

struct setting {
	enum setting_group group;
	const char *name, *fallback; /* of the variable; what holds when it is not set */
	size_t offset;               /* of the field in struct config */
	value_parse_fn parse;
	int64_t min, max;    /* of numbers and durations (ms) */
	const char *choices; /* of value_choice, comma separated; the value is the index */
	unsigned flags;
	const char *meaning;
};

extern const struct setting settings[];
extern const size_t settings_count;

const char *setting_group_title(enum setting_group group);

/* The name in the file: SANDBOX_API_KEY is sandboxApiKey. */
void setting_json_name(const struct setting *s, char name[SETTING_NAME_BYTES]);

/* The setting of this name in the file, or NULL. */
const struct setting *settings_find(const char *json_name);

/* The setting that somebody who wrote `key` may have meant, or NULL when none is near. */
const struct setting *settings_nearest(const char *key);

#endif
