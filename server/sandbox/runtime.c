#include "sandbox/runtime.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Whether the argument at `arg` (up to a space) takes the sandbox's limits away. As Go reads flags: one dash or two, the
 * value behind "=" or in the next argument. */
static bool is_unsafe(const char *arg)
{
	arg += strspn(arg, "-");
	size_t len = strcspn(arg, " =");
	if (strncmp(arg, "TESTONLY", 8) == 0)
		return true;
	if (len == strlen("ignore-cgroups") && strncmp(arg, "ignore-cgroups", len) == 0)
		return strncmp(arg + len, "=false", 6) != 0;
	return len == strlen("network") && strncmp(arg, "network", len) == 0 && arg[len] &&
	       strncmp(arg + len + 1, "host", 4) == 0;
}

void runtime_judge(const struct config *config, const struct docker_info *info, char *problem,
		   size_t size)
{
	problem[0] = '\0';
	if (!config->use_gvisor)
		return;
	if (!info->runtime_known) {
		snprintf(problem, size, "the Engine has no runtime named %s",
			 config->gvisor_runtime);
		return;
	}
	for (const char *arg = info->runtime_args; *arg;
	     arg += strcspn(arg, " "), arg += *arg == ' ')
		if (is_unsafe(arg))
			snprintf(problem, size,
				 "runtime %s is registered with %.*s, which takes its limits away",
				 config->gvisor_runtime, (int)strcspn(arg, " "), arg);
}

/* --- words between spaces --- */

struct word {
	const char *text;
	size_t len;
};

/* The word that begins at or behind `at`; one without length at the end. */
static struct word word_at(const char *at)
{
	at += strspn(at, " ");
	return (struct word){at, strcspn(at, " ")};
}

static struct word next_word(struct word w)
{
	return word_at(w.text + w.len);
}

static bool word_is(struct word w, const char *text)
{
	return w.len == strlen(text) && memcmp(w.text, text, w.len) == 0;
}

/* --- platform --- */

/* Only what a name of a platform may look like. */
static void set_platform(const char *value, size_t len, char *platform)
{
	platform[0] = '\0';
	if (len < RUNTIME_PLATFORM_BYTES &&
	    strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-_") >= len)
		snprintf(platform, RUNTIME_PLATFORM_BYTES, "%.*s", (int)len, value);
}

/* As Go reads flags: of several the last one counts. */
void runtime_platform(const char *args, char platform[RUNTIME_PLATFORM_BYTES])
{
	static const char flag[] = "platform=";

	platform[0] = '\0';
	for (struct word w = word_at(args); w.len; w = next_word(w)) {
		size_t dashes = strspn(w.text, "-");
		struct word name = {w.text + dashes, w.len - dashes};
		if (!dashes || dashes > 2)
			continue;
		if (word_is(name, "platform")) {
			w = next_word(w);
			set_platform(w.text, w.len, platform);
		} else if (name.len >= strlen(flag) && memcmp(name.text, flag, strlen(flag)) == 0) {
			set_platform(name.text + strlen(flag), name.len - strlen(flag), platform);
		}
	}
}

/* --- version --- */

/* The first line as words between single spaces; false when it cannot be one of a program that tells its version. */
static bool read_line(const char *text, size_t len, char *line, size_t size)
{
	const char *stop = len ? memchr(text, '\n', len) : NULL;

	len = stop ? (size_t)(stop - text) : len;
	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((text[i] < ' ' || text[i] > '~') && text[i] != '\t')
			return false;
		line[i] = text[i] == '\t' || text[i] == ',' ? ' ' : text[i];
	}
	line[len] = '\0';
	return true;
}

static bool is_version(struct word w)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.+~_-";

	return w.len < RUNTIME_VERSION_BYTES && strspn(w.text, allowed) >= w.len &&
	       strcspn(w.text, "0123456789") < w.len;
}

void runtime_read_version(const char *text, size_t len, char version[RUNTIME_VERSION_BYTES])
{
	char line[256];

	version[0] = '\0';
	if (!read_line(text, len, line, sizeof(line)))
		return;
	for (struct word w = word_at(line), next; w.len; w = next) {
		next = next_word(w);
		if (!word_is(w, "version") && !word_is(w, "version:") && !word_is(w, ":"))
			continue;
		if (is_version(next)) {
			snprintf(version, RUNTIME_VERSION_BYTES, "%.*s", (int)next.len, next.text);
			return;
		}
	}
}
