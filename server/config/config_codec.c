#include "config/config_codec.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/values.h"

/* A part of the file. */
struct slice {
	const char *start;
	size_t len;
};

/* Where the scan is. */
struct scan {
	const char *p, *end;
	unsigned line;
};

/* --- what is not JSON --- */

/* jansson's words, without the piece of the file behind them: it may be a key. */
static int refuse(struct err *err, const json_error_t *error)
{
	const char *near_text = strstr(error->text, " near '");
	int words = near_text ? (int)(near_text - error->text) : (int)strlen(error->text);

	err_set(err, ERR_INPUT, 0, "%d:%d: %s: %.*s", error->line > 0 ? error->line : 1,
		error->column > 0 ? error->column : 1,
		json_error_code(error) == json_error_invalid_utf8 ? "not UTF-8" : "not JSON", words,
		error->text);
	return -1;
}

/* --- finding members --- */

static void skip_space(struct scan *s)
{
	for (; s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p; s->p++)
		s->line += *s->p == '\n';
}

static bool skip(struct scan *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool skip_string(struct scan *s)
{
	if (!skip(s, '"'))
		return false;
	for (; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
	return skip(s, '"');
}

/* An array or object, with all in it. */
static bool skip_nested(struct scan *s)
{
	size_t depth = 0;

	do {
		skip_space(s);
		if (s->p == s->end)
			return false;
		if (*s->p == '"') {
			if (!skip_string(s))
				return false;
			continue;
		}
		if (*s->p == '[' || *s->p == '{')
			depth++;
		if (*s->p == ']' || *s->p == '}')
			depth--;
		s->p++;
	} while (depth);
	return true;
}

static bool skip_word(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && (isalnum((unsigned char)*s->p) || strchr("+-.", *s->p)) && *s->p)
		s->p++;
	return s->p > start;
}

static bool skip_value(struct scan *s)
{
	if (s->p == s->end)
		return false;
	if (*s->p == '"')
		return skip_string(s);
	return *s->p == '[' || *s->p == '{' ? skip_nested(s) : skip_word(s);
}

static bool take(struct scan *s, bool (*skip_one)(struct scan *s), struct slice *out)
{
	skip_space(s);
	out->start = s->p;
	if (!skip_one(s))
		return false;
	out->len = (size_t)(s->p - out->start);
	return true;
}

/* --- reading one member --- */

static json_t *decode(struct slice slice)
{
	return json_loadb(slice.start, slice.len, JSON_DECODE_ANY, NULL);
}

/* As a string, to be freed. */
static char *copy(struct slice slice)
{
	char *text = malloc(slice.len + 1);

	if (!text)
		return NULL;
	memcpy(text, slice.start, slice.len);
	text[slice.len] = '\0';
	return text;
}

/* "a,b", or NULL when an item would not be one item of a list then. To be freed. */
static char *join(const json_t *array)
{
	char *text = NULL;
	size_t size, index;
	const json_t *item;
	bool good = true;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	json_array_foreach(array, index, item)
	{
		const char *s = json_string_value(item);
		good = good && s && *s && !s[strcspn(s, ", \t")];
		fprintf(out, "%s%s", index ? "," : "", good ? s : "");
	}
	fclose(out);
	if (good)
		return text;
	free(text);
	return NULL;
}

static void set_type(struct config_member *m, unsigned type, const char *name)
{
	m->type = type;
	m->type_name = name;
}

static void set_scalar(struct config_member *m, const char *word)
{
	m->text = m->shown = word;
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		set_type(m, VALUE_BOOLEAN, "a boolean");
	else if (strcmp(word, "null") == 0)
		set_type(m, 0, "no value (leave it out for the default)");
	else
		set_type(m, VALUE_NUMBER, "a number");
}

/* An array or object. One with a number that is too large is not decoded, and shown as it stands. */
static void set_nested(struct config_member *m, const char *raw, const char *compact,
		       const char *joined)
{
	m->shown = compact ? compact : raw;
	m->text = joined;
	if (*raw == '{')
		set_type(m, 0, "an object");
	else if (joined)
		set_type(m, VALUE_LIST, "an array");
	else
		set_type(m, 0, "an array of other things than one item in each string");
}

static bool give_member(struct config_member *m, struct slice value, config_member_fn on_member,
			void *arg)
{
	bool nested = *value.start == '[' || *value.start == '{', string = *value.start == '"';
	json_t *json = nested || string ? decode(value) : NULL;
	char *raw = copy(value);
	char *joined = json_is_array(json) ? join(json) : NULL;
	char *compact = nested && json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	bool good = raw && (json || !string);

	if (good) {
		if (string) {
			m->text = json_string_value(json);
			set_type(m, VALUE_STRING, "a string");
		} else if (nested)
			set_nested(m, raw, compact, joined);
		else
			set_scalar(m, raw);
		on_member(m, arg);
	}
	free(compact);
	free(joined);
	free(raw);
	json_decref(json);
	return good;
}

static bool next_member(struct scan *s, config_member_fn on_member, void *arg)
{
	struct slice key, value;

	skip_space(s);
	struct config_member m = {.line = s->line};
	if (!take(s, skip_string, &key) || !skip(s, ':') || !take(s, skip_value, &value))
		return false;
	json_t *name = decode(key);
	m.key = json_string_value(name);
	bool good = m.key && give_member(&m, value, on_member, arg);
	json_decref(name);
	return good;
}

static bool each_member(struct scan *s, config_member_fn on_member, void *arg)
{
	if (!skip(s, '{'))
		return false;
	if (skip(s, '}'))
		return true;
	do {
		if (!next_member(s, on_member, arg))
			return false;
	} while (skip(s, ','));
	return skip(s, '}');
}

static void ignore(const struct config_member *m, void *arg)
{
	(void)m;
	(void)arg;
}

static bool scan(const char *data, size_t len, config_member_fn on_member, void *arg)
{
	struct scan s = {.p = data, .end = data + len, .line = 1};

	return each_member(&s, on_member, arg);
}

int config_codec_each(const char *data, size_t len, config_member_fn on_member, void *arg,
		      struct err *err)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some editors begin UTF-8 with it */
	json_error_t error;

	if (len >= 3 && memcmp(data, mark, 3) == 0) {
		data += 3;
		len -= 3;
	}
	json_t *root = json_loadb(data, len, 0, &error);
	bool object = json_is_object(root), other = root && !object;
	json_decref(root);
	if (other)
		return err_set(err, ERR_INPUT, 0, "1:1: not an object in braces");
	/* At a number too large jansson gives up, but its member is to be refused like any other. */
	bool readable = object || (json_error_code(&error) == json_error_numeric_overflow &&
				   scan(data, len, ignore, NULL));
	if (!readable)
		return refuse(err, &error);
	if (!scan(data, len, on_member, arg))
		return err_set(err, ERR_INTERNAL, 0, "1:1: no memory");
	return 0;
}
