#include "config/arguments.h"

#include <getopt.h>
#include <string.h>

enum option_id { OPTION_CONFIG = 256, OPTION_PRINT_CONFIG, OPTION_HELP, OPTION_VERSION };

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

static int wrong(struct err *err, const char *what, const char *text)
{
	return err_set(err, ERR_INPUT, 0, "%s: %.100s", what, text);
}

static int set_file(struct arguments *a, const char *path, struct err *err)
{
	if (!*path)
		return err_set(err, ERR_INPUT, 0, "--config needs the name of a file");
	if (a->config_file)
		return wrong(err, "a second --config", path);
	a->config_file = path;
	return 0;
}

/* `word` is the argument that a long option stood in, as it was written. */
static int refuse_option(const char *word, struct err *err)
{
	if (optopt == 0)
		return wrong(err, "unknown option", word);
	if (optopt >= OPTION_CONFIG)
		return wrong(err, "an option that takes no value", word);
	return err_set(err, ERR_INPUT, 0, "unknown option: -%c", optopt);
}

static int take_option(struct arguments *a, int id, const char *word, struct err *err)
{
	switch (id) {
	case OPTION_CONFIG:
		return set_file(a, optarg, err);
	case OPTION_PRINT_CONFIG:
		a->print_config = true;
		return 0;
	case 'h':
	case OPTION_HELP:
		a->help = true;
		return 0;
	case OPTION_VERSION:
		a->version = true;
		return 0;
	case ':':
		return set_file(a, "", err);
	default:
		return refuse_option(word, err);
	}
}

static int take_verb(struct arguments *a, char **words, int count, struct err *err)
{
	if (count == 0)
		return 0;
	if (strcmp(words[0], "check") != 0)
		return wrong(err, "unknown verb", words[0]);
	if (count > 1)
		return wrong(err, "one argument too many", words[1]);
	a->verb = VERB_CHECK;
	return 0;
}

int arguments_read(int argc, char **argv, struct arguments *arguments, struct err *err)
{
	struct arguments a = {.verb = VERB_SERVE};
	int id;

	opterr = 0;
	optind = 0; /* GNU: begin anew */
	while ((id = getopt_long(argc, argv, ":h", options, NULL)) != -1)
		if (take_option(&a, id, argv[optind - 1], err) < 0)
			return -1;
	if (take_verb(&a, argv + optind, argc - optind, err) < 0)
		return -1;
	*arguments = a;
	return 0;
}
