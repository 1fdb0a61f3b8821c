#include "sandbox/canary_probe.h"

#include <stdint.h>
#include <string.h>

#include "engine/docker.h"

#define BEGIN "<canary>"
#define END   "</canary>"

/* The longest value that can prove anything. */
#define VALUE_BYTES 128

const struct canary_fact_text canary_fact_texts[CANARY_FACT_COUNT] = {
	[CANARY_GVISOR] = {"the kernel is gVisor's", "this is not gVisor: its kernel is another"},
	[CANARY_NOT_ROOT] = {"the user is not root", "the user is not number 1000"},
	[CANARY_NO_CAPABILITIES] = {"the user has no capabilities", "the user has capabilities"},
	[CANARY_READ_ONLY_ROOT] = {"the root is read-only", "the root can be written to"},
	[CANARY_ONLY_LOOPBACK] = {"there is no network", "there is a network"},
	[CANARY_MEMORY_LIMIT] = {"memory is limited", "no memory limit shows inside"},
};

/* Everybody may write to /var/tmp, but for a root that is read-only. The shell reads for itself: under gVisor each program costs
 * some tens of milliseconds. */
static const char script[] =
	"capabilities= root= written= interfaces= memory=\n"
	"while read -r key value rest; do\n"
	"  case $key in CapEff:) capabilities=$value ;; esac\n"
	"done </proc/self/status\n"
	"while read -r device dir type options rest; do\n"
	"  case $dir in /) root=${options%%,*} ;; esac\n"
	"done </proc/mounts\n"
	"while read -r name rest; do\n"
	"  case $name in *:*) interfaces=\"$interfaces${name%%:*} \" ;; esac\n"
	"done </proc/net/dev\n"
	"while read -r key value rest; do\n"
	"  case $key in MemTotal:) memory=$value ;; esac\n"
	"done </proc/meminfo\n"
	"for dir in / /var/tmp; do\n"
	"  (: >\"$dir/.canary\") 2>/dev/null && written=\"$written$dir \"\n"
	"done\n"
	"newline='\n'\n"
	"kernel=$(dmesg 2>/dev/null)\n"
	"printf '\\n" BEGIN "\\n'\n"
	"printf '%s\\n' \"kernel=${kernel%%\"$newline\"*}\" \"user=$(id -u)\" \\\n"
	"  \"capabilities=$capabilities\" \"root=$root\" \"written=$written\" \\\n"
	"  \"interfaces=$interfaces\" \"memory=$memory\" '" END "'\n";

const char *const canary_probe_argv[] = {"/bin/sh", "-c", script, NULL};

enum { KERNEL, USER, CAPABILITIES, ROOT, WRITTEN, INTERFACES, MEMORY, KEY_COUNT };

static const char *const keys[KEY_COUNT] = {"kernel",  "user",       "capabilities", "root",
					    "written", "interfaces", "memory"};

struct values {
	char text[KEY_COUNT][VALUE_BYTES];
	unsigned seen[KEY_COUNT];
};

/* One whole line without its end. Text that is too long or not plain cannot be a proof: it is not taken. */
static void take_line(struct values *v, const char *line, size_t len)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		size_t key_len = strlen(keys[i]);
		if (len <= key_len || memcmp(line, keys[i], key_len) != 0 || line[key_len] != '=')
			continue;
		size_t value_len = len - key_len - 1;
		v->seen[i] += value_len < VALUE_BYTES && !memchr(line, '\0', len) ? 1 : 2;
		if (value_len < VALUE_BYTES)
			memcpy(v->text[i], line + key_len + 1, value_len);
	}
}

static bool is(const struct values *v, size_t key, const char *expected)
{
	return v->seen[key] == 1 && strcmp(v->text[key], expected) == 0;
}

static bool is_all_zero(const struct values *v, size_t key)
{
	const char *text = v->text[key];

	return v->seen[key] == 1 && text[0] && !text[strspn(text, "0")];
}

static bool is_limit(const struct values *v, size_t key)
{
	const char *text = v->text[key];
	int64_t kib = 0;

	if (v->seen[key] != 1 || !text[0] || strlen(text) > 12)
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		kib = kib * 10 + (*text - '0');
	return !*text && kib > 0 && kib <= DOCKER_MEMORY_BYTES / 1024;
}

static void judge(const struct values *v, bool facts[CANARY_FACT_COUNT])
{
	facts[CANARY_GVISOR] =
		v->seen[KERNEL] == 1 && strstr(v->text[KERNEL], "Starting gVisor") != NULL;
	facts[CANARY_NOT_ROOT] = is(v, USER, "1000");
	facts[CANARY_NO_CAPABILITIES] = is_all_zero(v, CAPABILITIES);
	facts[CANARY_READ_ONLY_ROOT] = is(v, ROOT, "ro") && is(v, WRITTEN, "");
	facts[CANARY_ONLY_LOOPBACK] = is(v, INTERFACES, "lo ");
	facts[CANARY_MEMORY_LIMIT] = is_limit(v, MEMORY);
}

/* The next whole line without "\n" or "\r\n"; NULL when there is none. */
static const char *next_line(const char **text, const char *end, size_t *len)
{
	const char *line = *text, *stop = memchr(line, '\n', (size_t)(end - line));

	if (!stop)
		return NULL;
	*text = stop + 1;
	*len = (size_t)(stop - line);
	if (*len && line[*len - 1] == '\r')
		--*len;
	return line;
}

static bool equals(const char *line, size_t len, const char *expected)
{
	return len == strlen(expected) && memcmp(line, expected, len) == 0;
}

bool canary_probe_read(const char *text, size_t len, bool facts[CANARY_FACT_COUNT])
{
	const char *end = text + len, *line;
	struct values values = {.seen = {0}};
	bool begun = false;
	size_t n;

	while ((line = next_line(&text, end, &n))) {
		if (begun && equals(line, n, END)) {
			judge(&values, facts);
			return true;
		}
		if (begun)
			take_line(&values, line, n);
		else
			begun = equals(line, n, BEGIN);
	}
	return false;
}
