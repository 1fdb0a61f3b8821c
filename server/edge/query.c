#include "edge/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char too_long[] = "(too long)";

void query_keep(char *field, size_t size, const char *value)
{
	snprintf(field, size, "%s", strlen(value) < size ? value : too_long);
}

int64_t query_number(const char *value, int64_t fallback)
{
	char *end;

	if (!*value)
		return fallback;
	long long n = strtoll(value, &end, 10);
	return *end || end == value ? fallback : n;
}

/* Three or five parts. Whether they are right is judged elsewhere: a token is never taken for something else. */
static bool looks_like_token(const char *text)
{
	size_t dots = 0;

	for (const char *p = text; *p; p++)
		dots += *p == '.';
	return dots == 2 || dots == 4;
}

void query_read_authorization(const char *value, struct request_facts *facts)
{
	if (strncasecmp(value, "bearer ", 7) != 0)
		return;
	value += 7 + strspn(value + 7, " ");
	if (looks_like_token(value))
		query_keep(facts->token, sizeof(facts->token), value);
	else if (!facts->key[0])
		query_keep(facts->key, sizeof(facts->key), value);
}

void query_read_ticket(const char *value, struct request_facts *facts)
{
	static const char key[] = "?api_key=";
	size_t len = strcspn(value, "?");

	if (!facts->key[0] && strncmp(value + len, key, sizeof(key) - 1) == 0)
		query_keep(facts->key, sizeof(facts->key), value + len + sizeof(key) - 1);
	if (len >= sizeof(facts->ticket))
		value = too_long, len = sizeof(too_long) - 1;
	memcpy(facts->ticket, value, len);
	facts->ticket[len] = '\0';
}

void query_read_forwarded_for(const char *list, struct request_facts *facts)
{
	size_t len = strlen(list), most = sizeof(facts->forwarded_for) - 1;

	if (len > most) {
		list += len - most;
		list += strcspn(list, ",");
	}
	memcpy(facts->forwarded_for, list, strlen(list) + 1);
}
