#include "edge/json_text.h"

/* Digits of a number that is not whole. */
#define REAL_DIGITS 12

static char *dump(json_t *root, size_t flags)
{
	char *text = root ? json_dumps(root, flags | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;

	json_decref(root);
	return text;
}

char *json_text(json_t *root)
{
	return dump(root, JSON_COMPACT);
}

char *json_text_indented(json_t *root)
{
	return dump(root, JSON_INDENT(2));
}
