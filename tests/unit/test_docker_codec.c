#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/docker_codec.h"
#include "suite.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* --- the body of create --- */

static const char golden_body[] =
	"{\"Image\":\"sandbox/bash:1\",\"User\":\"1000:1000\",\"Tty\":false,\"OpenStdin\":true,"
	"\"StdinOnce\":false,\"NetworkDisabled\":true,\"Hostname\":\"sandbox\","
	"\"StopSignal\":\"SIGKILL\",\"Entrypoint\":[\"/sbin/agent\",\"--deadline\",\"60\"],"
	"\"Labels\":{\"sandbox-api.owner\":\"me\",\"sandbox-api.session\":\"s1\"},"
	"\"HostConfig\":{\"Runtime\":\"runsc\",\"NetworkMode\":\"none\",\"ReadonlyRootfs\":true,"
	"\"AutoRemove\":true,\"Init\":false,\"Privileged\":false,\"Memory\":134217728,"
	"\"MemorySwap\":134217728,\"NanoCpus\":500000000,\"CpuShares\":128,\"PidsLimit\":2048,"
	"\"OomScoreAdj\":900,\"Ulimits\":[{\"Name\":\"nproc\",\"Soft\":64,\"Hard\":64},"
	"{\"Name\":\"nofile\",\"Soft\":256,\"Hard\":256},"
	"{\"Name\":\"fsize\",\"Soft\":33554432,\"Hard\":33554432},"
	"{\"Name\":\"core\",\"Soft\":0,\"Hard\":0}],"
	"\"Tmpfs\":{\"/home/user\":"
	"\"rw,nosuid,nodev,exec,size=50m,mode=0700,uid=1000,gid=1000\","
	"\"/tmp\":\"rw,nosuid,nodev,exec,size=10m,mode=1777\"},\"ShmSize\":4194304,"
	"\"CapDrop\":[\"ALL\"],\"SecurityOpt\":[\"no-new-privileges\"],\"IpcMode\":\"private\","
	"\"CgroupnsMode\":\"private\",\"LogConfig\":{\"Type\":\"none\"},"
	"\"RestartPolicy\":{\"Name\":\"no\"}}}";

static const char *const agent_argv[] = {"/sbin/agent", "--deadline", "60", NULL};
static const struct docker_label two_labels[] = {{"sandbox-api.owner", "me"},
						 {"sandbox-api.session", "s1"}};

static struct docker_profile profile(void)
{
	return (struct docker_profile){
		.image = "sandbox/bash:1",
		.runtime = "runsc",
		.home = "/home/user",
		.argv = agent_argv,
		.labels = two_labels,
		.label_count = 2,
	};
}

static json_t *encoded(const struct docker_profile *p)
{
	struct err err;
	char *body = docker_encode_create(p, &err);

	ck_assert_msg(body != NULL, "%s", err.msg);
	json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	free(body);
	ck_assert_ptr_nonnull(json);
	return json;
}

START_TEST(the_body_of_create_is_exactly_the_agreed_one)
{
	struct docker_profile p = profile();
	json_t *want = json_loads(golden_body, JSON_REJECT_DUPLICATES, NULL), *got = encoded(&p);

	ck_assert_ptr_nonnull(want);
	char *text = json_dumps(got, JSON_SORT_KEYS), *want_text = json_dumps(want, JSON_SORT_KEYS);
	ck_assert_str_eq(text, want_text);
	ck_assert(json_equal(want, got));
	free(text);
	free(want_text);
	json_decref(want);
	json_decref(got);
}
END_TEST

START_TEST(an_empty_runtime_leaves_the_choice_to_the_engine_and_changes_nothing_else)
{
	struct docker_profile p = profile();
	json_t *want = json_loads(golden_body, 0, NULL);

	p.runtime = "";
	json_object_del(json_object_get(want, "HostConfig"), "Runtime");
	json_t *got = encoded(&p);
	ck_assert(json_equal(want, got));
	json_decref(want);
	json_decref(got);
}
END_TEST

static void refuse_profile(struct docker_profile p, const char *why)
{
	struct err err = {0};

	ck_assert_ptr_null(docker_encode_create(&p, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_msg(strstr(err.msg, why) != NULL, "%s, not %s", err.msg, why);
}

START_TEST(a_profile_that_could_say_something_else_is_refused)
{
	static const char *const bad_argv[] = {"/sbin/agent", "\xff", NULL};
	static const struct docker_label bad_label[] = {{"a", "ok"}, {"b", "\xc3("}};
	static const char *const no_argv[] = {NULL};
	static const char *const homes[] = {"",       "/",     "home",     "/home/../etc",
					    "/a:b",   "/a,rw", "/home//x", "/home/\n",
					    "/h\xff", "../x"};
	struct docker_profile p;

	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++) {
		p = profile();
		p.home = homes[i];
		refuse_profile(p, "home");
	}
	p = profile();
	p.image = "../x";
	refuse_profile(p, "image");
	p = profile();
	p.runtime = "runsc/../runc";
	refuse_profile(p, "runtime");
	p = profile();
	p.argv = no_argv;
	refuse_profile(p, "entrypoint");
	p.argv = bad_argv;
	refuse_profile(p, "UTF-8");
	p = profile();
	p.labels = bad_label;
	refuse_profile(p, "UTF-8");
}
END_TEST

START_TEST(text_in_labels_and_filters_cannot_leave_its_string)
{
	static const struct docker_label label[] = {{"k\"", "v\"},\"Privileged\":true,{\"\n"}};
	struct docker_profile p = profile();

	p.labels = label;
	p.label_count = 1;
	json_t *body = encoded(&p);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(body, "Labels"), "k\"")),
			 label[0].value);
	ck_assert(
		!json_is_true(json_object_get(json_object_get(body, "HostConfig"), "Privileged")));
	json_decref(body);
	char *filter = docker_encode_list_filter("a=\"]", NULL);
	ck_assert_str_eq(filter, "{\"label\":[\"a=\\\"]\"]}");
	free(filter);
	filter = docker_encode_event_filter("a=b", NULL);
	ck_assert_str_eq(filter, "{\"label\":[\"a=b\"],\"type\":[\"container\"],"
				 "\"event\":[\"die\",\"oom\",\"destroy\",\"kill\"]}");
	free(filter);
	ck_assert_ptr_null(docker_encode_list_filter("\xff", NULL));
}
END_TEST

/* --- names and versions --- */

START_TEST(names_are_checked_before_they_go_into_a_url)
{
	static const char *const good[] = {"a", "sandbox-1", "A.b_c-9", HEX64};
	static const char *const bad[] = {"",     "-a",    ".a",    "_a",   "a/b", "a?b", "a b",
					  "a%2e", "a\r\n", "a\x80", "../a", "a#b", "a&b"};
	char name[DOCKER_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(docker_name_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!docker_name_valid(bad[i]), "%s", bad[i]);
	memset(name, 'a', sizeof(name));
	name[DOCKER_NAME_MAX - 1] = '\0';
	ck_assert(docker_name_valid(name));
	name[DOCKER_NAME_MAX - 1] = 'a';
	name[DOCKER_NAME_MAX] = '\0';
	ck_assert(!docker_name_valid(name));
}
END_TEST

START_TEST(image_references_are_checked_before_they_go_into_a_url)
{
	static const char *const good[] = {"bash", "sandbox/bash:1", "host:5000/a/b@sha256:" HEX64};
	static const char *const bad[] = {"",    "/a",  "../a",    "a/../b", "a//b", "a?b",
					  "a b", "a#b", "a\r\nb:", "-a",     "a%41", ":a"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(docker_image_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!docker_image_valid(bad[i]), "%s", bad[i]);
}
END_TEST

static const struct {
	const char *min, *max, *choice; /* choice NULL: the ranges do not meet */
} api_cases[] = {
	{"1.12", "1.41", "1.41"}, {"1.24", "1.47", "1.47"}, {"1.44", "1.52", "1.47"},
	{"1.0", "1.40", "1.40"},  {"1.47", "1.99", "1.47"}, {"1.12", "2.0", "1.47"},
	{"1.9", "1.100", "1.47"}, {"1.12", "1.39", NULL},   {"1.12", "1.9", NULL},
	{"1.48", "1.52", NULL},   {"1.44", "1.41", NULL},   {"2.0", "2.1", NULL},
	{"0.1", "0.99", NULL},    {"1.100", "1.101", NULL},
};

START_TEST(the_newest_api_version_that_both_sides_know_is_chosen_by_number)
{
	struct docker_engine_version v = {
		.version = "x", .api = api_cases[_i].max, .api_min = api_cases[_i].min};
	char api[DOCKER_API_BYTES] = "kept";
	struct err err = {0};
	int rc = docker_api_choose(&v, api, &err);

	if (api_cases[_i].choice) {
		ck_assert_int_eq(rc, 0);
		ck_assert_str_eq(api, api_cases[_i].choice);
		return;
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_str_eq(api, "kept");
	ck_assert_ptr_nonnull(strstr(err.msg, v.api));
	ck_assert_ptr_nonnull(strstr(err.msg, "1.40 to 1.47"));
}
END_TEST

/* --- decoders: one function per kind, so that good, bad and truncated answers go the same way --- */

static int decode(const char *kind, const char *data, size_t len, struct err *err)
{
	struct docker_doc doc = {0};
	struct docker_engine_version version;
	struct docker_info info;
	struct docker_event event;
	const struct docker_container *list;
	const char *id;
	size_t count;
	char *copy = malloc(len ? len : 1); /* its exact size: the sanitizer sees a byte too far */
	int rc = -2;

	memcpy(copy, data, len);
	if (strcmp(kind, "version") == 0)
		rc = docker_decode_version(copy, len, &doc, &version, err);
	if (strcmp(kind, "info") == 0)
		rc = docker_decode_info(copy, len, "runsc", &doc, &info, err);
	if (strcmp(kind, "image") == 0)
		rc = docker_decode_image(copy, len, &doc, &id, err);
	if (strcmp(kind, "created") == 0)
		rc = docker_decode_created(copy, len, &doc, &id, err);
	if (strcmp(kind, "list") == 0)
		rc = docker_decode_list(copy, len, "p.", &doc, &list, &count, err);
	if (strcmp(kind, "event") == 0)
		rc = docker_decode_event(copy, len, &doc, &event, err);
	free(copy);
	if (rc != 1 && rc != 0)
		ck_assert(!doc.root && !doc.extra);
	docker_doc_finish(&doc);
	return rc;
}

#define VERSION_JSON                                                                               \
	"{\"Version\":\"20.10.24+dfsg1\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}"
#define INFO                                                                                       \
	"{\"NCPU\":2,\"MemTotal\":25276510208,\"Runtimes\":{\"runc\":{\"path\":\"runc\"},"         \
	"\"runsc\":{\"path\":\"/usr/bin/runsc\",\"runtimeArgs\":[\"--network=none\",\"-d\"]}}}"
#define IMAGE     "{\"Id\":\"sha256:" HEX64 "\",\"Size\":1}"
#define CREATED   "{\"Id\":\"" HEX64 "\",\"Warnings\":[]}"
#define CONTAINER "{\"Id\":\"" HEX64 "\",\"Names\":[\"/sandbox-1\"],\"State\":\"running\"}"
#define LIST                                                                                       \
	"[{\"Id\":\"" HEX64 "\",\"Names\":[\"/other/alias\",\"/sandbox-1\"],"                      \
	"\"State\":\"running\",\"Labels\":{\"p.owner\":\"me\",\"q\":\"no\",\"p.session\":\"\"}},"  \
	"{\"Id\":\"" HEX64 "\",\"Names\":null,\"State\":\"removing\",\"Labels\":null}]"
#define EVENT                                                                                      \
	"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" HEX64                    \
	"\",\"Attributes\":{\"exitCode\":\"137\",\"name\":\"sandbox-1\"}},\"time\":1}"

static const struct {
	const char *kind, *data;
} golden[] = {{"version", VERSION_JSON}, {"info", INFO}, {"image", IMAGE},
	      {"created", CREATED},      {"list", LIST}, {"event", EVENT}};

START_TEST(an_answer_cut_at_any_byte_is_unreadable)
{
	const char *kind = golden[_i].kind, *data = golden[_i].data;
	size_t whole = strlen(data);

	ck_assert_int_ge(decode(kind, data, whole, NULL), 0);
	for (size_t len = 0; len < whole; len++) {
		struct err err = {0};
		ck_assert_int_eq(decode(kind, data, len, &err), -1);
		ck_assert_int_eq(err.kind, ERR_UPSTREAM);
		ck_assert_ptr_nonnull(strstr(err.msg, "unreadable answer"));
	}
}
END_TEST

START_TEST(an_answer_with_any_byte_changed_does_no_harm)
{
	static const char values[] = {0, ' ', '"', '{', ']', '9', '-', '\\', '\n', (char)0xff};
	const char *kind = golden[_i].kind;
	char data[1024];
	size_t whole = strlen(golden[_i].data);

	for (size_t at = 0; at < whole; at++)
		for (size_t v = 0; v < sizeof(values); v++) {
			struct err err = {.kind = ERR_UPSTREAM};
			memcpy(data, golden[_i].data, whole);
			data[at] = values[v];
			if (decode(kind, data, whole, &err) < 0 && err.kind != ERR_UPSTREAM)
				ck_abort_msg("%s", err.msg);
		}
}
END_TEST

#define LONG_NAME HEX64 HEX64

static const struct {
	const char *kind, *data;
} bad[] = {
	{"version", ""},
	{"version", "null"},
	{"version", "[]"},
	{"version", "{}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":1.41}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"\"}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"1\"}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"1.\"}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"1.41a\"}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"-1.41\"}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"1.4111\"}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"1/../x\"}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":null}"},
	{"version", "{\"Version\":\"1\",\"ApiVersion\":\"1.41\",\"ApiVersion\":\"1.42\"}"},
	{"version", "{\"Version\":\"1\\u0000\",\"ApiVersion\":\"1.41\"}"},
	{"version", "{\"Version\":\"" HEX64 "\",\"ApiVersion\":\"1.41\"}"},
	{"version", VERSION_JSON "x"},
	{"version", "<html>"},
	{"info", "{}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":null}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":[]}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":-1,\"Runtimes\":{}}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1.5,\"Runtimes\":{}}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":99999999999999999999,\"Runtimes\":{}}"},
	{"info", "{\"NCPU\":\"2\",\"MemTotal\":1,\"Runtimes\":{}}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":{\"runsc\":1}}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":{\"runsc\":{\"path\":1}}}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":{\"runsc\":{\"runtimeArgs\":\"x\"}}}"},
	{"info", "{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":{\"runsc\":{\"runtimeArgs\":[1]}}}"},
	{"image", "{}"},
	{"image", "{\"Id\":\"" HEX64 "\"}"},
	{"image", "{\"Id\":\"sha256:\"}"},
	{"image", "{\"Id\":\"sha256:" HEX64 "0\"}"},
	{"image", "{\"Id\":\"md5:256:" HEX64 "\"}"},
	{"created", "{}"},
	{"created", "{\"Id\":null}"},
	{"created", "{\"Id\":\"../../images\"}"},
	{"created", "{\"Id\":\"" HEX64 "0\"}"},
	{"created", "{\"Id\":\"0123\"}"},
	{"created",
	 "{\"Id\":\"G123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"},
	{"created", "{\"id\":\"" HEX64 "\"}"},
	{"created", "{\"Id\":[\"" HEX64 "\"]}"},
	{"list", "{}"},
	{"list", "null"},
	{"list", "[1]"},
	{"list", "[null]"},
	{"list", "[" CONTAINER ",{}]"},
	{"list", "[{\"Id\":\"x\",\"Names\":[\"/a\"],\"State\":\"running\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[\"a\"],\"State\":\"running\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[1],\"State\":\"running\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[\"/\"],\"State\":\"running\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[\"/a b\"],\"State\":\"running\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[\"/" LONG_NAME "\"],\"State\":\"running\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":\"/a\",\"State\":\"running\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[\"/a\"]}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[\"/a\"],\"State\":\"" HEX64 "\"}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[],\"State\":\"x\",\"Labels\":[]}]"},
	{"list", "[{\"Id\":\"" HEX64 "\",\"Names\":[],\"State\":\"x\",\"Labels\":{\"a\":1}}]"},
	{"event", "[]"},
	{"event", "{}"},
	{"event", "{\"Type\":\"container\"}"},
	{"event", "{\"Type\":1,\"Action\":\"die\"}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"die\"}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"oom\",\"Actor\":{\"Attributes\":{}}}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"oom\",\"Actor\":{\"Attributes\":"
		  "{\"name\":\"../x\"}}}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"Attributes\":"
		  "{\"name\":\"x\"}}}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"Attributes\":"
		  "{\"name\":\"x\",\"exitCode\":\"\"}}}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"Attributes\":"
		  "{\"name\":\"x\",\"exitCode\":\"1x\"}}}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"Attributes\":"
		  "{\"name\":\"x\",\"exitCode\":\" 1\"}}}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"Attributes\":"
		  "{\"name\":\"x\",\"exitCode\":137}}}"},
	{"event", "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"Attributes\":"
		  "{\"name\":\"x\",\"exitCode\":\"99999999999999999999\"}}}"},
};

START_TEST(an_answer_that_is_not_as_agreed_is_unreadable)
{
	struct err err = {0};

	ck_assert_msg(decode(bad[_i].kind, bad[_i].data, strlen(bad[_i].data), &err) == -1,
		      "%s accepted: %s", bad[_i].kind, bad[_i].data);
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ck_assert_ptr_nonnull(strstr(err.msg, "unreadable answer"));
}
END_TEST

START_TEST(json_nested_100000_deep_is_unreadable)
{
	static char deep[100000];

	memset(deep, '[', sizeof(deep));
	ck_assert_int_eq(decode("list", deep, sizeof(deep), NULL), -1);
}
END_TEST

START_TEST(a_version_is_read_and_an_old_engine_without_a_least_version_too)
{
	struct docker_doc doc;
	struct docker_engine_version v;

	ck_assert_int_eq(docker_decode_version(VERSION_JSON, strlen(VERSION_JSON), &doc, &v, NULL),
			 0);
	ck_assert_str_eq(v.version, "20.10.24+dfsg1");
	ck_assert_str_eq(v.api, "1.41");
	ck_assert_str_eq(v.api_min, "1.12");
	docker_doc_finish(&doc);
	static const char old[] = "{\"Version\":\"1.9\",\"ApiVersion\":\"1.21\"}";
	ck_assert_int_eq(docker_decode_version(old, strlen(old), &doc, &v, NULL), 0);
	ck_assert_str_eq(v.api_min, "1.0");
	docker_doc_finish(&doc);
}
END_TEST

static void info(const char *runtime, struct docker_doc *doc, struct docker_info *out)
{
	ck_assert_int_eq(docker_decode_info(INFO, strlen(INFO), runtime, doc, out, NULL), 0);
}

START_TEST(info_says_which_limits_the_engine_can_enforce)
{
	static const char text[] =
		"{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":{},\"MemoryLimit\":true,"
		"\"SwapLimit\":false,\"PidsLimit\":true,\"CpuCfsQuota\":\"true\"}";
	struct docker_doc doc;
	struct docker_info i;

	ck_assert_int_eq(docker_decode_info(text, strlen(text), "runsc", &doc, &i, NULL), 0);
	ck_assert(i.memory_limit && !i.swap_limit && i.pids_limit && !i.cpu_limit);
	docker_doc_finish(&doc);
}
END_TEST

START_TEST(info_says_where_a_runtime_is_and_how_it_is_called)
{
	struct docker_doc doc;
	struct docker_info i;

	info("runsc", &doc, &i);
	ck_assert(i.runtime_known);
	ck_assert_str_eq(i.runtime_path, "/usr/bin/runsc");
	ck_assert_str_eq(i.runtime_args, "--network=none -d");
	ck_assert_int_eq(i.memory_total_bytes, 25276510208);
	ck_assert(!i.memory_limit && !i.swap_limit && !i.pids_limit && !i.cpu_limit);
	ck_assert_int_eq(i.cpus, 2);
	docker_doc_finish(&doc);
	info("runc", &doc, &i);
	ck_assert(i.runtime_known);
	ck_assert_str_eq(i.runtime_args, "");
	docker_doc_finish(&doc);
	info("kata", &doc, &i);
	ck_assert(!i.runtime_known);
	ck_assert_str_eq(i.runtime_path, "");
	docker_doc_finish(&doc);
}
END_TEST

START_TEST(a_list_gives_own_names_and_the_labels_with_the_prefix)
{
	struct docker_doc doc;
	const struct docker_container *list;
	size_t count;

	ck_assert_int_eq(docker_decode_list(LIST, strlen(LIST), "p.", &doc, &list, &count, NULL),
			 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(list[0].name, "sandbox-1");
	ck_assert_str_eq(list[0].state, "running");
	ck_assert_uint_eq(list[0].label_count, 2);
	ck_assert_str_eq(docker_container_label(&list[0], "p.owner"), "me");
	ck_assert_str_eq(docker_container_label(&list[0], "p.session"), "");
	ck_assert_ptr_null(docker_container_label(&list[0], "q"));
	ck_assert_str_eq(list[1].name, HEX64);
	ck_assert_uint_eq(list[1].label_count, 0);
	docker_doc_finish(&doc);
	ck_assert_int_eq(docker_decode_list("[]", 2, "", &doc, &list, &count, NULL), 0);
	ck_assert_uint_eq(count, 0);
	docker_doc_finish(&doc);
}
END_TEST

START_TEST(of_many_labels_the_first_sixteen_are_kept)
{
	char text[2048] = "[{\"Id\":\"" HEX64 "\",\"Names\":[\"/a\"],\"State\":\"x\",\"Labels\":{";
	struct docker_doc doc;
	const struct docker_container *list;
	size_t count;

	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"p.%d\":\"%d\"",
			 i ? "," : "", i, i);
	strcat(text, "}}]");
	ck_assert_int_eq(docker_decode_list(text, strlen(text), "p.", &doc, &list, &count, NULL),
			 0);
	ck_assert_uint_eq(list[0].label_count, DOCKER_LABELS_MAX);
	ck_assert_str_eq(docker_container_label(&list[0], "p.15"), "15");
	docker_doc_finish(&doc);
}
END_TEST

static int event(const char *text, struct docker_event *out)
{
	struct docker_doc doc = {0};
	static char name[DOCKER_NAME_MAX];
	int rc = docker_decode_event(text, strlen(text), &doc, out, NULL);

	if (rc == 1) {
		strcpy(name, out->name);
		out->name = name;
	}
	docker_doc_finish(&doc);
	return rc;
}

START_TEST(the_ends_of_containers_are_read_and_other_events_passed_over)
{
	struct docker_event e;

	ck_assert_int_eq(event(EVENT, &e), 1);
	ck_assert_int_eq(e.type, DOCKER_EVENT_DIE);
	ck_assert_str_eq(e.name, "sandbox-1");
	ck_assert_int_eq(e.exit_code, 137);
	ck_assert_int_eq(event("{\"Type\":\"container\",\"Action\":\"destroy\",\"Actor\":"
			       "{\"Attributes\":{\"name\":\"b\"}}}",
			       &e),
			 1);
	ck_assert_int_eq(e.type, DOCKER_EVENT_DESTROY);
	ck_assert_int_eq(e.exit_code, 0);
	ck_assert_int_eq(event("{\"Type\":\"network\",\"Action\":\"destroy\"}", &e), 0);
	ck_assert_int_eq(event("{\"Type\":\"container\",\"Action\":\"exec_die: x\"}", &e), 0);
}
END_TEST

START_TEST(the_message_of_an_error_is_found_or_is_empty)
{
	static const char text[] = "{\"message\":\"No such container: x\"}";
	char buf[12];

	docker_decode_message(text, strlen(text), buf, sizeof(buf));
	ck_assert_str_eq(buf, "No such con");
	docker_decode_message(text, strlen(text) - 1, buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
	docker_decode_message("{\"message\":1}", 13, buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
	docker_decode_message("", 0, buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *suite = suite_create("docker_codec");
	TCase *tc = tcase_create("docker_codec");

	tcase_add_test(tc, the_body_of_create_is_exactly_the_agreed_one);
	tcase_add_test(tc,
		       an_empty_runtime_leaves_the_choice_to_the_engine_and_changes_nothing_else);
	tcase_add_test(tc, a_profile_that_could_say_something_else_is_refused);
	tcase_add_test(tc, text_in_labels_and_filters_cannot_leave_its_string);
	tcase_add_test(tc, names_are_checked_before_they_go_into_a_url);
	tcase_add_test(tc, image_references_are_checked_before_they_go_into_a_url);
	tcase_add_loop_test(tc, the_newest_api_version_that_both_sides_know_is_chosen_by_number, 0,
			    COUNT(api_cases));
	tcase_add_loop_test(tc, an_answer_cut_at_any_byte_is_unreadable, 0, COUNT(golden));
	tcase_add_loop_test(tc, an_answer_with_any_byte_changed_does_no_harm, 0, COUNT(golden));
	tcase_add_loop_test(tc, an_answer_that_is_not_as_agreed_is_unreadable, 0, COUNT(bad));
	tcase_add_test(tc, json_nested_100000_deep_is_unreadable);
	tcase_add_test(tc, a_version_is_read_and_an_old_engine_without_a_least_version_too);
	tcase_add_test(tc, info_says_which_limits_the_engine_can_enforce);
	tcase_add_test(tc, info_says_where_a_runtime_is_and_how_it_is_called);
	tcase_add_test(tc, a_list_gives_own_names_and_the_labels_with_the_prefix);
	tcase_add_test(tc, of_many_labels_the_first_sixteen_are_kept);
	tcase_add_test(tc, the_ends_of_containers_are_read_and_other_events_passed_over);
	tcase_add_test(tc, the_message_of_an_error_is_found_or_is_empty);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
