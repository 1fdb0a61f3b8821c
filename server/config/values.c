#include "config/values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"
#include "config/settings.h"

unsigned value_types(const struct setting *s)
{
	if (s->parse == value_integer || s->parse == value_duration)
		return VALUE_STRING | VALUE_NUMBER;
	if (s->parse == value_bool)
		return VALUE_STRING | VALUE_BOOLEAN;
	if (s->parse == value_origins || s->parse == value_cidrs)
		return VALUE_STRING | VALUE_LIST;
	return VALUE_STRING;
}

const char *value_types_name(const struct setting *s)
{
	switch (value_types(s)) {
	case VALUE_STRING | VALUE_NUMBER:
		return "a number or a string";
	case VALUE_STRING | VALUE_BOOLEAN:
		return "a boolean or a string";
	case VALUE_STRING | VALUE_LIST:
		return "a string or an array of strings";
	default:
		return "a string";
	}
}

static bool parse_int64(const char *text, int64_t *value, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoll(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

bool value_integer(const struct setting *s, const char *text, void *out, char *accepted,
		   size_t size)
{
	const char *end;
	int64_t value;

	snprintf(accepted, size, "a whole number from %lld to %lld", (long long)s->min,
		 (long long)s->max);
	if (!parse_int64(text, &value, &end) || *end || value < s->min || value > s->max)
		return false;
	*(int64_t *)out = value;
	return true;
}

static int64_t unit_ms(const char *unit)
{
	if (!*unit || strcmp(unit, "s") == 0)
		return 1000;
	if (strcmp(unit, "m") == 0)
		return 60 * 1000;
	if (strcmp(unit, "h") == 0)
		return 60 * 60 * 1000;
	return 0;
}

bool value_duration(const struct setting *s, const char *text, void *out, char *accepted,
		    size_t size)
{
	const char *end;
	int64_t value;

	snprintf(accepted, size, "a time from %llds to %llds (seconds, or like 90s, 5m, 1h)",
		 (long long)s->min / 1000, (long long)s->max / 1000);
	if (!parse_int64(text, &value, &end))
		return false;
	int64_t unit = unit_ms(end);
	if (!unit || value > s->max / unit || value * unit < s->min)
		return false;
	*(int64_t *)out = value * unit;
	return true;
}

bool value_bool(const struct setting *s, const char *text, void *out, char *accepted, size_t size)
{
	bool yes = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
	bool no = strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;

	(void)s;
	snprintf(accepted, size, "true or false");
	if (!yes && !no)
		return false;
	*(bool *)out = yes;
	return true;
}

bool value_choice(const struct setting *s, const char *text, void *out, char *accepted, size_t size)
{
	size_t len = strlen(text);
	int64_t index = 0;

	snprintf(accepted, size, "one of %s", s->choices);
	for (const char *p = s->choices;; p++, index++) {
		size_t n = strcspn(p, ",");
		if (n == len && strncmp(p, text, n) == 0) {
			*(int64_t *)out = index;
			return true;
		}
		p += n;
		if (!*p)
			return false;
	}
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (!isgraph((unsigned char)*text))
			return false;
	return true;
}

bool value_text(const struct setting *s, const char *text, void *out, char *accepted, size_t size)
{
	bool may_be_empty = !*s->fallback;

	snprintf(accepted, size, "printable ASCII without spaces, %d to %d characters",
		 !may_be_empty, CONFIG_TEXT_BYTES - 1);
	if (strlen(text) >= CONFIG_TEXT_BYTES || !is_printable(text) || !(*text || may_be_empty))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

/* Nothing, or enough for a key of HMAC-SHA256 (RFC 7518, 3.2). */
bool value_secret(const struct setting *s, const char *text, void *out, char *accepted, size_t size)
{
	bool long_enough = !*text || strlen(text) >= CONFIG_SECRET_MIN;
	bool right = long_enough && value_text(s, text, out, accepted, size);

	snprintf(accepted, size, "printable ASCII without spaces, %d to %d characters",
		 CONFIG_SECRET_MIN, CONFIG_TEXT_BYTES - 1);
	return right;
}

bool value_address(const struct setting *s, const char *text, void *out, char *accepted,
		   size_t size)
{
	uint8_t address[16];

	(void)s;
	snprintf(accepted, size, "an IPv4 or IPv6 address (not a name)");
	if (inet_pton(AF_INET, text, address) != 1 && inet_pton(AF_INET6, text, address) != 1)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

bool value_worker_id(const struct setting *s, const char *text, void *out, char *accepted,
		     size_t size)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	(void)s;
	snprintf(accepted, size, "at most 64 letters, digits, '-', '_' and '.'");
	if (strlen(text) > 64 || text[strspn(text, allowed)])
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

bool value_docker_host(const struct setting *s, const char *text, void *out, char *accepted,
		       size_t size)
{
	snprintf(accepted, size, "unix:// and an absolute path of at most 100 characters");
	if (strncmp(text, "unix:///", 8) != 0 || strlen(text) > 7 + 100)
		return false;
	return value_text(s, text, out, accepted, size);
}

/* "scheme://host" with an optional port, as browsers send it: no path, no trailing slash. */
static bool is_origin(const char *text)
{
	const char *host = strstr(text, "://");

	if (strcmp(text, "*") == 0)
		return true;
	if (!host || host == text || strlen(text) >= CONFIG_TEXT_BYTES)
		return false;
	host += 3;
	return *host && !strpbrk(host, "/?#@ ,") && is_printable(text);
}

/* Calls add for each comma-separated item, spaces around it removed. Stops at the first false. */
static bool each_item(const char *text, bool (*add)(void *out, const char *item), void *out)
{
	char item[CONFIG_TEXT_BYTES];

	while (*text) {
		text += strspn(text, ", \t");
		size_t len = strcspn(text, ", \t");
		if (len >= sizeof(item))
			return false;
		memcpy(item, text, len);
		item[len] = '\0';
		if (len && !add(out, item))
			return false;
		text += len;
	}
	return true;
}

static bool add_origin(void *out, const char *item)
{
	struct origin_list *list = out;

	if (list->count == CONFIG_ORIGINS_MAX || !is_origin(item))
		return false;
	memcpy(list->items[list->count++], item, strlen(item) + 1);
	return true;
}

bool value_origins(const struct setting *s, const char *text, void *out, char *accepted,
		   size_t size)
{
	struct origin_list list = {.count = 0};

	(void)s;
	snprintf(accepted, size, "a list of origins (https://example.org), at most %d, or *",
		 CONFIG_ORIGINS_MAX);
	if (!each_item(text, add_origin, &list))
		return false;
	memcpy(out, &list, sizeof(list));
	return true;
}

static bool add_cidr(void *out, const char *item)
{
	struct cidr_list *list = out;

	if (list->count == CIDR_LIST_MAX || !cidr_parse(item, &list->blocks[list->count]))
		return false;
	list->count++;
	return true;
}

bool value_cidrs(const struct setting *s, const char *text, void *out, char *accepted, size_t size)
{
	struct cidr_list list = {.count = 0};

	(void)s;
	snprintf(accepted, size, "a list of addresses or blocks (10.0.0.0/8, ::1), at most %d",
		 CIDR_LIST_MAX);
	if (!each_item(text, add_cidr, &list))
		return false;
	memcpy(out, &list, sizeof(list));
	return true;
}

/* "sessions per hour/sessions/WebSockets/commands per minute", or "none". */
bool value_limits(const struct setting *s, const char *text, void *out, char *accepted, size_t size)
{
	int64_t numbers[4] = {0};

	snprintf(accepted, size,
		 "none, or four whole numbers from 0 (no limit) to %lld as in 10/2/4/60: sessions "
		 "per hour, sessions, WebSockets, commands per minute",
		 (long long)s->max);
	for (size_t i = 0; strcmp(text, "none") != 0 && i < 4; i++) {
		char end = i < 3 ? '/' : '\0';
		if (!parse_int64(text, &numbers[i], &text) || numbers[i] > s->max || *text != end)
			return false;
		text += i < 3;
	}
	*(struct limits *)out = (struct limits){numbers[0], numbers[1], numbers[2], numbers[3]};
	return true;
}
