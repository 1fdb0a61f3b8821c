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

/* What a value may be in the configuration file. Its text then goes through the same reader. */
enum value_type {
	VALUE_STRING = 1,
	VALUE_NUMBER = 2,
	VALUE_BOOLEAN = 4,
	VALUE_LIST = 8, /* an array of strings, whose text is "a,b" */
};

/* The flags of value_type that a setting takes, and their names: "a string or an array of strings". */
unsigned value_types(const struct setting *s);
const char *value_types_name(const struct setting *s);

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
