/* Values of query and headers: the input is lines, the first the Authorization, the second a list of forwarders, the third a number, the fourth
 * an Origin, the fifth a Host. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static char *next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

/* What was understood is the end of what was sent, or surely wrong. */
static void check_end(const char *field, size_t size, const char *sent)
{
	size_t len = strlen(field), all = strlen(sent);

	must(len < size);
	must(strcmp(field, "(too long)") == 0 ||
	     (len <= all && strcmp(sent + all - len, field) == 0));
}

static void check_credentials(char **text)
{
	static struct request_facts facts;
	const char *authorization = next_line(text), *list = next_line(text);

	memset(&facts, 0, sizeof(facts));
	query_read_authorization(authorization, &facts);
	check_end(facts.key, sizeof(facts.key), authorization);
	check_end(facts.token, sizeof(facts.token), authorization);
	must(!facts.key[0] || !facts.token[0]);
	query_read_forwarded_for(list, &facts);
	check_end(facts.forwarded_for, sizeof(facts.forwarded_for), list);
}

/* Digits and nothing else, or the fallback whatever that is. */
static void check_number(const char *value)
{
	const char *digits = value + strspn(value, " \t\v\f\r");
	int64_t n = query_number(value, 1);

	digits += *digits == '-' || *digits == '+';
	if (*digits && !digits[strspn(digits, "0123456789")])
		must(n == query_number(value, 2));
	else
		must(n == 1 && query_number(value, 2) == 2);
}

static void check_origin(char **text)
{
	static const struct config none;
	static struct config one = {.allowed_origins = {.count = 1}};
	static struct request_facts facts;

	strcpy(one.allowed_origins.items[0], "https://a.example");
	query_keep(facts.origin, sizeof(facts.origin), next_line(text));
	query_keep(facts.host, sizeof(facts.host), next_line(text));
	if (!facts.origin[0])
		return;
	must(access_origin_allowed(&one, &facts) ==
	     (strcmp(facts.origin, "https://a.example") == 0));
	must(!access_origin_allowed(&none, &facts) || strstr(facts.origin, "://"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_credentials(&rest);
	check_number(next_line(&rest));
	check_origin(&rest);
	free(text);
	return 0;
}
