/*
 * Readers of configuration values: text to a checked value, or what would have been accepted.
 */
#ifndef SANDBOX_CONFIG_VALUES_H
#define SANDBOX_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct setting;

/* Writes the value to `out` and returns true; or returns false, leaves `out` alone and says in `accepted`
 * what is accepted ("a number from 1 to 10"). */
typedef bool (*value_parse_fn)(const struct setting *s, const char *text, void *out, char *accepted,
			       size_t size);

struct setting {
	const char *name, *fallback;
	size_t offset; /* of the field in struct config */
	value_parse_fn parse;
	int64_t min, max;    /* of numbers and durations (ms) */
	const char *choices; /* of value_choice, comma separated; the value is the index */
	const char *meaning;
};

bool value_integer(const struct setting *s, const char *text, void *out, char *accepted,
		   size_t size);
bool value_duration(const struct setting *s, const char *text, void *out, char *accepted,
		    size_t size);
bool value_bool(const struct setting *s, const char *text, void *out, char *accepted, size_t size);
bool value_choice(const struct setting *s, const char *text, void *out, char *accepted,
		  size_t size);
bool value_text(const struct setting *s, const char *text, void *out, char *accepted, size_t size);
bool value_secret(const struct setting *s, const char *text, void *out, char *accepted,
		  size_t size);
bool value_address(const struct setting *s, const char *text, void *out, char *accepted,
		   size_t size);
bool value_worker_id(const struct setting *s, const char *text, void *out, char *accepted,
		     size_t size);
bool value_docker_host(const struct setting *s, const char *text, void *out, char *accepted,
		       size_t size);
bool value_origins(const struct setting *s, const char *text, void *out, char *accepted,
		   size_t size);
bool value_cidrs(const struct setting *s, const char *text, void *out, char *accepted, size_t size);
bool value_limits(const struct setting *s, const char *text, void *out, char *accepted,
		  size_t size);

#endif
