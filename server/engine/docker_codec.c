#include "engine/docker_codec.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_HEX_BYTES  64
#define VERSION_MAX   64
#define STATE_MAX     32
#define EXIT_CODE_MAX 16
#define HEX           "0123456789abcdef"

static int unreadable(struct err *err, const char *what)
{
	return err_set(err, ERR_UPSTREAM, 0, "unreadable answer: %s", what);
}

void docker_doc_finish(struct docker_doc *doc)
{
	free(doc->extra);
	json_decref(doc->root);
	*doc = (struct docker_doc){0};
}

static bool id_valid(const char *id)
{
	return id && strlen(id) == ID_HEX_BYTES && strspn(id, HEX) == ID_HEX_BYTES;
}

/* --- reading fields --- */

static json_t *load(const char *data, size_t len, json_type type, struct err *err)
{
	json_t *root = json_loadb(data, len, JSON_REJECT_DUPLICATES, NULL);

	if (root && json_typeof(root) == type)
		return root;
	json_decref(root);
	unreadable(err, root ? "JSON of another type" : "no JSON");
	return NULL;
}

/* A string of 1 to max - 1 bytes, or NULL. */
static const char *text(const json_t *object, const char *key, size_t max)
{
	const json_t *value = json_object_get(object, key);
	size_t len = json_string_length(value);

	return len && len < max ? json_string_value(value) : NULL;
}

static bool integer(const json_t *object, const char *key, int64_t min, int64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < min)
		return false;
	*out = json_integer_value(value);
	return true;
}

/* Ends a decoder: hands root over to *doc, or gives it up. */
static int hand_over(bool good, json_t *root, struct docker_doc *doc, const char *what,
		     struct err *err)
{
	if (!good) {
		json_decref(root);
		return unreadable(err, what);
	}
	*doc = (struct docker_doc){.root = root};
	return 0;
}

int docker_decode_version(const char *data, size_t len, struct docker_doc *doc,
			  struct docker_engine_version *out, struct err *err)
{
	struct docker_engine_version v;
	json_t *root = load(data, len, JSON_OBJECT, err);

	if (!root)
		return -1;
	v.version = text(root, "Version", VERSION_MAX);
	v.api = text(root, "ApiVersion", DOCKER_API_BYTES);
	v.api_min = json_object_get(root, "MinAPIVersion")
			    ? text(root, "MinAPIVersion", DOCKER_API_BYTES)
			    : "1.0";
	bool good = v.version && v.api && v.api_min && docker_api_valid(v.api) &&
		    docker_api_valid(v.api_min);
	if (hand_over(good, root, doc, "version", err))
		return -1;
	*out = v;
	return 0;
}

static int decode_id(const char *data, size_t len, const char *prefix, struct docker_doc *doc,
		     const char **id, struct err *err)
{
	json_t *root = load(data, len, JSON_OBJECT, err);
	size_t prefix_len = strlen(prefix);

	if (!root)
		return -1;
	const char *found = text(root, "Id", prefix_len + ID_HEX_BYTES + 1);
	bool good =
		found && strncmp(found, prefix, prefix_len) == 0 && id_valid(found + prefix_len);
	if (hand_over(good, root, doc, "id", err))
		return -1;
	*id = found;
	return 0;
}

int docker_decode_image(const char *data, size_t len, struct docker_doc *doc, const char **id,
			struct err *err)
{
	return decode_id(data, len, "sha256:", doc, id, err);
}

int docker_decode_created(const char *data, size_t len, struct docker_doc *doc, const char **id,
			  struct err *err)
{
	return decode_id(data, len, "", doc, id, err);
}

void docker_decode_message(const char *data, size_t len, char *buf, size_t size)
{
	json_t *root = load(data, len, JSON_OBJECT, NULL);
	const char *message = text(root, "message", SIZE_MAX);

	snprintf(buf, size, "%s", message ? message : "");
	json_decref(root);
}

/* --- info --- */

/* The strings of an array joined by spaces, malloc'd; NULL when it is no such array or memory is out. */
static char *join(const json_t *array)
{
	size_t i, need = 1;
	json_t *item;

	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item))
			return NULL;
		need += json_string_length(item) + 1;
	}
	char *joined = malloc(need), *end = joined;
	if (!joined)
		return NULL;
	*end = '\0';
	json_array_foreach(array, i, item) end +=
		sprintf(end, "%s%s", i ? " " : "", json_string_value(item));
	return joined;
}

/* Runtimes of containerd shims have no path, and the arguments are null where there are none. */
static bool read_runtime(const json_t *runtime, struct docker_info *out, char **args)
{
	const json_t *path = json_object_get(runtime, "path");
	const json_t *list = json_object_get(runtime, "runtimeArgs");

	if (!json_is_object(runtime) || (path && !json_is_string(path)) ||
	    (list && !json_is_null(list) && !json_is_array(list)))
		return false;
	*args = join(list);
	out->runtime_known = true;
	out->runtime_path = path ? json_string_value(path) : "";
	out->runtime_args = *args;
	return *args;
}

static void read_limits(const json_t *root, struct docker_info *out)
{
	out->memory_limit = json_is_true(json_object_get(root, "MemoryLimit"));
	out->swap_limit = json_is_true(json_object_get(root, "SwapLimit"));
	out->pids_limit = json_is_true(json_object_get(root, "PidsLimit"));
	out->cpu_limit = json_is_true(json_object_get(root, "CpuCfsQuota"));
}

int docker_decode_info(const char *data, size_t len, const char *runtime, struct docker_doc *doc,
		       struct docker_info *out, struct err *err)
{
	struct docker_info info = {.runtime_path = "", .runtime_args = ""};
	char *args = NULL;
	json_t *root = load(data, len, JSON_OBJECT, err);

	if (!root)
		return -1;
	const json_t *runtimes = json_object_get(root, "Runtimes");
	const json_t *found = json_object_get(runtimes, runtime);
	bool good = json_is_object(runtimes) &&
		    integer(root, "MemTotal", 0, &info.memory_total_bytes) &&
		    integer(root, "NCPU", 0, &info.cpus) &&
		    (!found || read_runtime(found, &info, &args));
	if (hand_over(good, root, doc, "info", err))
		return -1;
	read_limits(root, &info);
	doc->extra = args;
	*out = info;
	return 0;
}

/* --- list --- */

/* The own name among the names: the others, made by links, have two slashes. A container whose name has been released
 * already is addressed by its id. */
static const char *own_name(const json_t *names, const char *id)
{
	size_t i;
	json_t *item;

	if (names && !json_is_null(names) && !json_is_array(names))
		return NULL;
	json_array_foreach(names, i, item)
	{
		const char *name = json_string_value(item);
		if (!name || name[0] != '/')
			return NULL;
		if (!strchr(name + 1, '/'))
			return docker_name_valid(name + 1) ? name + 1 : NULL;
	}
	return id;
}

static bool read_labels(json_t *labels, const char *prefix, struct docker_container *out)
{
	const char *name;
	json_t *value;

	if (labels && !json_is_null(labels) && !json_is_object(labels))
		return false;
	json_object_foreach(labels, name, value)
	{
		if (!json_is_string(value))
			return false;
		if (out->label_count < DOCKER_LABELS_MAX &&
		    strncmp(name, prefix, strlen(prefix)) == 0)
			out->labels[out->label_count++] =
				(struct docker_label){name, json_string_value(value)};
	}
	return true;
}

static bool read_container(const json_t *item, const char *prefix, struct docker_container *out)
{
	out->id = text(item, "Id", ID_HEX_BYTES + 1);
	if (!id_valid(out->id))
		return false;
	out->name = own_name(json_object_get(item, "Names"), out->id);
	out->state = text(item, "State", STATE_MAX);
	return out->name && out->state && read_labels(json_object_get(item, "Labels"), prefix, out);
}

int docker_decode_list(const char *data, size_t len, const char *label_prefix,
		       struct docker_doc *doc, const struct docker_container **list, size_t *count,
		       struct err *err)
{
	json_t *root = load(data, len, JSON_ARRAY, err);

	if (!root)
		return -1;
	size_t n = json_array_size(root), i = 0;
	struct docker_container *all = calloc(n ? n : 1, sizeof(*all));
	while (all && i < n && read_container(json_array_get(root, i), label_prefix, &all[i]))
		i++;
	if (!all || i < n) {
		free(all);
		return hand_over(false, root, doc, all ? "container" : "no memory", err);
	}
	*doc = (struct docker_doc){.root = root, .extra = all};
	*list = all;
	*count = n;
	return 0;
}

const char *docker_container_label(const struct docker_container *c, const char *name)
{
	for (size_t i = 0; i < c->label_count; i++)
		if (strcmp(c->labels[i].name, name) == 0)
			return c->labels[i].value;
	return NULL;
}

/* --- events --- */

static bool event_type(const char *action, enum docker_event_type *type)
{
	static const char *const names[] = {
		[DOCKER_EVENT_DIE] = "die",
		[DOCKER_EVENT_OOM] = "oom",
		[DOCKER_EVENT_DESTROY] = "destroy",
		[DOCKER_EVENT_KILL] = "kill",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(action, names[i]) == 0) {
			*type = (enum docker_event_type)i;
			return true;
		}
	return false;
}

/* The exit code travels as a string among the attributes. */
static bool exit_code(const json_t *attributes, int64_t *out)
{
	const char *code = text(attributes, "exitCode", EXIT_CODE_MAX);
	char *end;

	if (!code)
		return false;
	*out = strtoll(code, &end, 10);
	return *end == '\0' && (code[0] == '-' || strchr("0123456789", code[0]));
}

static bool read_event(const json_t *root, struct docker_event *out)
{
	const json_t *attributes = json_object_get(json_object_get(root, "Actor"), "Attributes");

	out->name = text(attributes, "name", DOCKER_NAME_MAX);
	return out->name && docker_name_valid(out->name) &&
	       (out->type != DOCKER_EVENT_DIE || exit_code(attributes, &out->exit_code));
}

int docker_decode_event(const char *data, size_t len, struct docker_doc *doc,
			struct docker_event *out, struct err *err)
{
	struct docker_event event = {0};
	json_t *root = load(data, len, JSON_OBJECT, err);

	if (!root)
		return -1;
	const char *type = text(root, "Type", SIZE_MAX), *action = text(root, "Action", SIZE_MAX);
	if (type && action &&
	    (strcmp(type, "container") != 0 || !event_type(action, &event.type))) {
		json_decref(root);
		return 0;
	}
	if (hand_over(type && action && read_event(root, &event), root, doc, "event", err))
		return -1;
	*out = event;
	return 1;
}
