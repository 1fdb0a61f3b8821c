/*
 * The text of a JSON value, for the encoders of json_api.c and wire.c.
 */
#ifndef SANDBOX_EDGE_JSON_TEXT_H
#define SANDBOX_EDGE_JSON_TEXT_H

#include <jansson.h>

/* Takes the value over (NULL: memory was out when it was made). Returns a text to free(), or NULL when memory is out. */
char *json_text(json_t *root);

/* Likewise, a line for each value. */
char *json_text_indented(json_t *root);

#endif
