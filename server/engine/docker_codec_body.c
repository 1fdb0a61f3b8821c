#include "engine/docker_codec.h"

#include <jansson.h>
#include <string.h>

/* The fixed part of every sandbox. The pids limit counts the host threads of gVisor's kernel: what the user may start
 * is the nproc limit, and a low pids limit lets a fork bomb kill the sandbox. */
#define NANO_CPUS      500000000
#define CPU_SHARES     128
#define OOM_SCORE_ADJ  900
#define SHM_BYTES      4194304
#define NPROC_LIMIT    64
#define NOFILE_LIMIT   256
#define FSIZE_BYTES    33554432
#define HOME_OPTIONS   "rw,nosuid,nodev,exec,size=50m,mode=0700,uid=1000,gid=1000"
#define TMP_OPTIONS    "rw,nosuid,nodev,exec,size=10m,mode=1777"
#define ENTRYPOINT_MAX 32
#define HOME_MAX       128

static json_t *strings(const char *const *argv)
{
	json_t *array = json_array();

	/* json_array_append_new() refuses the NULL of a text that is not UTF-8. */
	for (size_t i = 0; argv[i]; i++)
		if (i == ENTRYPOINT_MAX || json_array_append_new(array, json_string(argv[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *label_object(const struct docker_label *labels, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		if (json_object_set_new(object, labels[i].name, json_string(labels[i].value)) < 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *ulimit(const char *name, int limit)
{
	return json_pack("{s:s, s:i, s:i}", "Name", name, "Soft", limit, "Hard", limit);
}

static json_t *ulimits(void)
{
	return json_pack("[o, o, o, o]", ulimit("nproc", NPROC_LIMIT),
			 ulimit("nofile", NOFILE_LIMIT), ulimit("fsize", FSIZE_BYTES),
			 ulimit("core", 0));
}

static json_t *resources(const char *home)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:{s:s, s:s}}", "Memory",
			 DOCKER_MEMORY_BYTES, "MemorySwap", DOCKER_MEMORY_BYTES, "NanoCpus",
			 NANO_CPUS, "CpuShares", CPU_SHARES, "PidsLimit", DOCKER_PIDS_LIMIT,
			 "OomScoreAdj", OOM_SCORE_ADJ, "ShmSize", SHM_BYTES, "Ulimits", ulimits(),
			 "Tmpfs", home, HOME_OPTIONS, "/tmp", TMP_OPTIONS);
}

static json_t *isolation(void)
{
	return json_pack("{s:s, s:b, s:b, s:b, s:b, s:[s], s:[s], s:s, s:s, s:{s:s}, s:{s:s}}",
			 "NetworkMode", "none", "ReadonlyRootfs", 1, "AutoRemove", 1, "Init", 0,
			 "Privileged", 0, "CapDrop", "ALL", "SecurityOpt", "no-new-privileges",
			 "IpcMode", "private", "CgroupnsMode", "private", "LogConfig", "Type",
			 "none", "RestartPolicy", "Name", "no");
}

static json_t *host_config(const struct docker_profile *p)
{
	json_t *config = isolation(), *more = resources(p->home);
	int failed = json_object_update(config, more);

	if (p->runtime[0])
		failed |= json_object_set_new(config, "Runtime", json_string(p->runtime));
	json_decref(more);
	if (!failed)
		return config;
	json_decref(config);
	return NULL;
}

/* json_pack() takes over the three objects also when one of them is missing or it fails. */
static json_t *create_body(const struct docker_profile *p)
{
	return json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:s, s:o, s:o, s:o}", "Image",
			 p->image, "User", "1000:1000", "Tty", 0, "OpenStdin", 1, "StdinOnce", 0,
			 "NetworkDisabled", 1, "Hostname", "sandbox", "StopSignal", "SIGKILL",
			 "Entrypoint", strings(p->argv), "Labels",
			 label_object(p->labels, p->label_count), "HostConfig", host_config(p));
}

/* An absolute path of plain characters: it becomes a mount point. */
static bool home_valid(const char *home)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-/";
	size_t len = strnlen(home, HOME_MAX);

	return len > 1 && len < HOME_MAX && home[0] == '/' && strspn(home, allowed) == len &&
	       !strstr(home, "..") && !strstr(home, "//");
}

static char *dump(json_t *json, struct err *err)
{
	char *encoded = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!encoded)
		err_set(err, ERR_INPUT, 0, "text that is not UTF-8, or no memory");
	return encoded;
}

char *docker_encode_create(const struct docker_profile *p, struct err *err)
{
	const char *wrong = !docker_image_valid(p->image)                     ? "image"
			    : p->runtime[0] && !docker_name_valid(p->runtime) ? "runtime"
			    : !home_valid(p->home)                            ? "home"
			    : !p->argv[0]                                     ? "entrypoint"
									      : NULL;

	if (wrong) {
		err_set(err, ERR_INPUT, 0, "the %s of the profile is not acceptable", wrong);
		return NULL;
	}
	return dump(create_body(p), err);
}

char *docker_encode_list_filter(const char *label_filter, struct err *err)
{
	return dump(json_pack("{s:[s]}", "label", label_filter), err);
}

char *docker_encode_event_filter(const char *label_filter, struct err *err)
{
	return dump(json_pack("{s:[s], s:[s], s:[s, s, s, s]}", "label", label_filter, "type",
			      "container", "event", "die", "oom", "destroy", "kill"),
		    err);
}
