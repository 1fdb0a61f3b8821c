/*
 * What --help and --print-config write: the table of settings for people.
 */
#ifndef SANDBOX_CONFIG_HELP_H
#define SANDBOX_CONFIG_HELP_H

#include <stdio.h>

#include "config/config.h"

/* No line of help_write is longer, in characters, but for a word that alone is. */
#define HELP_COLUMNS 100

/* Usage, verbs, options, and every setting with its meaning and default. */
void help_write(FILE *out);

/* One line for each setting: name, value, where it comes from. Secrets are "(set)" or "(not set)". */
void help_write_config(FILE *out, const struct config *config, const struct config_trace *trace);

#endif
