#include "config/startup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/help.h"

#define EXIT_MISTAKE 2

/* Room for every setting wrong in the file and in the environment. */
#define COMPLAINTS_BYTES (64 * 1024)

/* An answer that could not be written, as to a full disk, was not given. */
static int answered(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

static const char *from_environment(const char *name)
{
	return getenv(name);
}

static void print_mistakes(int count, const char *complaints, size_t len)
{
	fprintf(stderr, "sandbox-api: the configuration is wrong, %d mistake%s:\n%s", count,
		count == 1 ? "" : "s", complaints);
	if (len > 0 && complaints[len - 1] != '\n')
		fputs("\nand more, which are not shown\n", stderr);
}

static int load(const struct arguments *arguments, struct config *config,
		struct config_trace *trace)
{
	static char complaints[COMPLAINTS_BYTES];
	struct config_file file = {0};

	if (arguments->config_file)
		config_file_read(&file, arguments->config_file);
	int mistakes =
		config_load_all(config, from_environment, arguments->config_file ? &file : NULL,
				trace, complaints, sizeof(complaints));
	config_file_finish(&file);
	if (mistakes)
		print_mistakes(mistakes, complaints, strlen(complaints));
	return mistakes ? EXIT_MISTAKE : -1;
}

int startup_read(int argc, char **argv, struct arguments *arguments, struct config *config)
{
	struct config_trace trace = {0};
	struct err err;

	if (arguments_read(argc, argv, arguments, &err) < 0) {
		fprintf(stderr, "sandbox-api: %s\nTry 'sandbox-api --help'\n", err.msg);
		return EXIT_MISTAKE;
	}
	if (arguments->help) {
		help_write(stdout);
		return answered();
	}
	if (arguments->version) {
		puts("sandbox-api " VERSION);
		return answered();
	}
	int code = load(arguments, config, &trace);
	if (code < 0 && arguments->print_config) {
		help_write_config(stdout, config, &trace);
		code = answered();
	}
	config_trace_finish(&trace);
	return code;
}
