#include "sandbox/canary_probe.h"

#include <stdint.h>
#include <string.h>

#include "engine/docker.h"

#define BEGIN "<canary>"
#define END   "</canary>"

/* The longest value that can prove anything. */
#define VALUE_BYTES 128

/* Linux tells programs of time in hundredths of a second; in rounding, one is lost at either end. */
#define TICK_MS 10

const struct canary_fact_text canary_fact_texts[CANARY_FACT_COUNT] = {
	[CANARY_ISOLATED] = {"the kernel is not the host's",
			     "this is neither gVisor nor a virtual machine"},
	[CANARY_NOT_ROOT] = {"the user is not root", "the user is not number 1000"},
	[CANARY_NO_CAPABILITIES] = {"the user has no capabilities", "the user has capabilities"},
	[CANARY_READ_ONLY_ROOT] = {"the root is read-only", "the root can be written to"},
	[CANARY_ONLY_LOOPBACK] = {"there is no network", "there is a network"},
	[CANARY_MEMORY_LIMIT] = {"memory is limited", "no memory limit shows inside"},
};

/* Everybody may write to /var/tmp, but for a root that is read-only. The shell reads for itself: under gVisor each program costs
 * some tens of milliseconds. */
static const char script[] =
	"capabilities= root= type= written= interfaces= memory= boot= guest= line=\n"
	"while read -r key value rest; do\n"
	"  case $key in CapEff:) capabilities=$value ;; esac\n"
	"done </proc/self/status\n"
	"while read -r device dir name options rest; do\n"
	"  case $dir in /) root=${options%%,*} type=$name ;; esac\n"
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
	"{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null\n"
	"{ read -r line </proc/cmdline; } 2>/dev/null\n"
	"case \" $line \" in\n"
	"  *' systemd.unit=kata-containers.target '* | *' agent.'*) guest=kata ;;\n"
	"esac\n"
	"read -r line </proc/self/stat\n"
	"set -- $line\n"
	"newline='\n'\n"
	"kernel=$(dmesg 2>/dev/null)\n"
	"printf '\\n" BEGIN "\\n'\n"
	"printf '%s\\n' \"kernel=${kernel%%\"$newline\"*}\" \"user=$(id -u)\" \\\n"
	"  \"capabilities=$capabilities\" \"root=$root\" \"written=$written\" \\\n"
	"  \"interfaces=$interfaces\" \"memory=$memory\" \"type=$type\" \"boot=$boot\" \\\n"
	"  \"guest=$guest\" \"started=${22}\" '" END "'\n";

const char *const canary_probe_argv[] = {"/bin/sh", "-c", script, NULL};

enum {
	KERNEL,
	USER,
	CAPABILITIES,
	ROOT,
	WRITTEN,
	INTERFACES,
	MEMORY,
	TYPE,
	BOOT,
	GUEST,
	STARTED,
	KEY_COUNT
};

static const char *const keys[KEY_COUNT] = {"kernel",  "user",       "capabilities", "root",
					    "written", "interfaces", "memory",       "type",
					    "boot",    "guest",      "started"};

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

/* A number of at most 12 digits, or -1. */
static int64_t number(const struct values *v, size_t key)
{
	const char *text = v->text[key];
	int64_t n = 0;

	if (v->seen[key] != 1 || !text[0] || strlen(text) > 12)
		return -1;
	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (*text - '0');
	return *text ? -1 : n;
}

static bool is_limit(const struct values *v)
{
	int64_t kib = number(v, MEMORY);

	return kib > 0 && kib <= DOCKER_MEMORY_BYTES / 1024;
}

/* --- whose kernel --- */

const char *canary_kind_name(enum canary_kind kind)
{
	static const char *const names[CANARY_KIND_COUNT] = {
		[CANARY_KIND_GVISOR] = "gvisor",
		[CANARY_KIND_VM] = "vm",
	};

	return names[kind];
}

static bool is_boot_id(const struct values *v)
{
	const char *text = v->text[BOOT];

	return v->seen[BOOT] == 1 && strlen(text) == CANARY_BOOT_ID_BYTES - 1 &&
	       !text[strspn(text, "0123456789abcdef-")];
}

/* Whether the kernel has been booted after the sandbox was asked for. It had run for `started` when it started the probe, which
 * we asked of it when the sandbox was already age_ms old: a kernel that had not run as long as that was not there before. */
static bool is_younger(const struct values *v, uint64_t age_ms)
{
	int64_t started = number(v, STARTED);

	return started >= 0 && (uint64_t)(started + 2) * TICK_MS < age_ms;
}

/* Why it is not proved that this is a virtual machine; NULL when it is. */
static const char *doubt_of_vm(const struct values *v, const struct canary_origin *origin)
{
	if (!is_boot_id(v))
		return "its kernel has no boot id";
	if (is(v, BOOT, origin->boot_id))
		return "its kernel is the host's own";
	if (!is_younger(v, origin->age_ms))
		return "its kernel is older than the sandbox";
	if (!is(v, GUEST, "kata"))
		return "its kernel was not booted by Kata Containers";
	if (!is(v, TYPE, "virtiofs") && !is(v, TYPE, "9p"))
		return "its root does not come from outside of a virtual machine";
	return NULL;
}

/* The whole line behind its time. Less than that could stand in the log of any kernel that names a process of
 * somebody's choice in it, with up to 15 characters. */
static bool is_gvisor(const struct values *v)
{
	const char *text = v->seen[KERNEL] == 1 ? strchr(v->text[KERNEL], ']') : NULL;

	return text && strcmp(text, "] Starting gVisor...") == 0;
}

static void judge_kernel(const struct values *v, const struct canary_origin *origin,
			 struct canary_view *view)
{
	bool gvisor = is_gvisor(v);

	view->doubt = gvisor ? NULL : doubt_of_vm(v, origin);
	view->kind = gvisor ? CANARY_KIND_GVISOR : view->doubt ? CANARY_KIND_HOST : CANARY_KIND_VM;
	view->facts[CANARY_ISOLATED] = view->kind != CANARY_KIND_HOST;
}

static void judge(const struct values *v, const struct canary_origin *origin,
		  struct canary_view *view)
{
	judge_kernel(v, origin, view);
	view->facts[CANARY_NOT_ROOT] = is(v, USER, "1000");
	view->facts[CANARY_NO_CAPABILITIES] = is_all_zero(v, CAPABILITIES);
	view->facts[CANARY_READ_ONLY_ROOT] = is(v, ROOT, "ro") && is(v, WRITTEN, "");
	view->facts[CANARY_ONLY_LOOPBACK] = is(v, INTERFACES, "lo ");
	view->facts[CANARY_MEMORY_LIMIT] = is_limit(v);
}

/* --- the report --- */

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

bool canary_probe_read(const char *text, size_t len, const struct canary_origin *origin,
		       struct canary_view *view)
{
	const char *end = text + len, *line;
	struct values values = {.seen = {0}};
	bool begun = false;
	size_t n;

	while ((line = next_line(&text, end, &n))) {
		if (begun && equals(line, n, END)) {
			judge(&values, origin, view);
			return true;
		}
		if (begun)
			take_line(&values, line, n);
		else
			begun = equals(line, n, BEGIN);
	}
	return false;
}
