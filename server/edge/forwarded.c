#include "edge/forwarded.h"

#include <arpa/inet.h>
#include <string.h>

#include "edge/access.h"

/* "[", an address, "]:65535" */
#define ELEMENT_MAX_BYTES (INET6_ADDRSTRLEN + 8)

static bool is_port(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= 5 && strspn(text, "0123456789") == len;
}

/* Takes brackets and port off, in place. NULL when what is left cannot be an address. */
static char *bare_address(char *text)
{
	char *colon = strchr(text, ':'), *end;

	if (*text != '[') {
		if (!colon || strchr(colon + 1, ':'))
			return text;
		*colon = '\0';
		return is_port(colon + 1) ? text : NULL;
	}
	end = strchr(text, ']');
	if (!end || !colon || colon > end || (end[1] && (end[1] != ':' || !is_port(end + 2))))
		return NULL;
	*end = '\0';
	return text + 1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool read_element(const char *start, const char *end, uint8_t address[16])
{
	char text[ELEMENT_MAX_BYTES];

	while (start < end && is_blank(*start))
		start++;
	while (start < end && is_blank(end[-1]))
		end--;
	size_t len = (size_t)(end - start);
	if (len >= sizeof(text))
		return false;
	memcpy(text, start, len);
	text[len] = '\0';
	char *bare = bare_address(text);
	return bare && cidr_parse_address(bare, address);
}

bool forwarded_client(const struct cidr_list *trusted, const char *peer, const char *list,
		      uint8_t address[16])
{
	size_t len = strlen(list);
	bool cut = len >= FORWARDED_MAX_BYTES - 1;
	const char *end = len ? list + len : NULL;

	if (!cidr_parse_address(peer, address))
		return false;
	while (end && cidr_list_contains_bytes(trusted, address)) {
		const char *comma = memrchr(list, ',', (size_t)(end - list));
		if (!comma && cut)
			break;
		if (!read_element(comma ? comma + 1 : list, end, address))
			break;
		end = comma;
	}
	return true;
}
