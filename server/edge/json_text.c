#include "edge/json_text.h"

/* Digits of a number that is not whole. */
#define REAL_DIGITS 12

char *json_text(json_t *root)
{
	char *text =
		root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;

	json_decref(root);
	return text;
}
