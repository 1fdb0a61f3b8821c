#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/docker_internal.h"
#include "fake_engine.h"
#include "suite.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What the last callback was told. */
static struct {
	unsigned done, lines;
	unsigned failures;
	bool failed;
	struct err err;
	char text[512];
	size_t count;
	struct docker_event event;
} got;

static void up(void)
{
	memset(&got, 0, sizeof(got));
	fixture_up();
}

static void note(const struct err *err)
{
	got.done++;
	got.failed = err != NULL;
	got.failures += got.failed;
	if (err)
		got.err = *err;
}

static void on_done(void *arg, const struct err *err)
{
	ck_assert_ptr_eq(arg, &got);
	note(err);
}

static void on_id(void *arg, const char *id, const struct err *err)
{
	(void)arg;
	note(err);
	ck_assert_int_eq(id == NULL, err != NULL);
	snprintf(got.text, sizeof(got.text), "%s", id ? id : "");
}

static void on_version(void *arg, const struct docker_version *v, const struct err *err)
{
	(void)arg;
	note(err);
	snprintf(got.text, sizeof(got.text), "%s %s", v ? v->version : "", v ? v->api_version : "");
}

static void on_info(void *arg, const struct docker_info *info, const struct err *err)
{
	(void)arg;
	note(err);
	snprintf(got.text, sizeof(got.text), "%s", info ? info->runtime_args : "");
}

static void on_list(void *arg, const struct docker_container *list, size_t count,
		    const struct err *err)
{
	(void)arg;
	note(err);
	got.count = count;
	snprintf(got.text, sizeof(got.text), "%s", count ? list[0].name : "");
}

static const char *const entry[] = {"/agent", NULL};
static const struct docker_profile profile = {
	.image = "bash", .runtime = "runsc", .home = "/home/user", .argv = entry};

static struct docker_call *start(docker_done_fn done)
{
	struct docker_call *call = docker_start(fx.docker, "sandbox-1", done, &got, NULL);

	ck_assert_ptr_nonnull(call);
	return call;
}

static struct docker_call *list(void)
{
	struct docker_call *call = docker_list(fx.docker, "p.owner=me", "p.", on_list, &got, NULL);

	ck_assert_ptr_nonnull(call);
	return call;
}

static void expect_error(enum err_kind kind, int code, const char *part)
{
	ck_assert(got.failed);
	ck_assert_msg(got.err.kind == kind && got.err.code == code && strstr(got.err.msg, part),
		      "%s %d: %s", err_kind_name(got.err.kind), got.err.code, got.err.msg);
}

static void expect_request(const char *text)
{
	ck_assert_msg(strstr(fake_received(fx.engine, NULL), text) != NULL, "no %s in:\n%s", text,
		      fake_received(fx.engine, NULL));
}

#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

/* --- what each call sends and understands --- */

START_TEST(a_container_is_created_started_and_removed_on_one_connection)
{
	fake_json(fx.engine, 201, "{\"Id\":\"" ID "\",\"Warnings\":null}");
	ck_assert_ptr_nonnull(docker_create(fx.docker, "sandbox-1", &profile, on_id, &got, NULL));
	ck_assert_uint_eq(got.done, 0);
	run_until(&got.done, 1);
	ck_assert_str_eq(got.text, ID);
	expect_request("POST /v1.41/containers/create?name=sandbox-1 HTTP/1.1\r\n");
	expect_request("Content-Type: application/json\r\n");
	expect_request("{\"Image\":\"bash\"");
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	start(on_done);
	run_until(&got.done, 2);
	ck_assert(!got.failed);
	expect_request("POST /v1.41/containers/sandbox-1/start HTTP/1.1\r\n");
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	ck_assert_ptr_nonnull(docker_remove(fx.docker, "sandbox-1", on_done, &got, NULL));
	run_until(&got.done, 3);
	ck_assert(!got.failed);
	expect_request("DELETE /v1.41/containers/sandbox-1?force=true&v=true HTTP/1.1\r\n");
	ck_assert_uint_eq(fake_connections(fx.engine), 1);
}
END_TEST

START_TEST(the_engine_is_asked_what_it_has)
{
	fake_json(fx.engine, 200,
		  "{\"NCPU\":2,\"MemTotal\":1,\"Runtimes\":{\"runsc\":{\"path\":\"/r\","
		  "\"runtimeArgs\":[\"--network=none\"]}}}");
	ck_assert_ptr_nonnull(docker_info(fx.docker, "runsc", on_info, &got, NULL));
	run_until(&got.done, 1);
	ck_assert_str_eq(got.text, "--network=none");
	expect_request("GET /v1.41/info HTTP/1.1\r\n");
	fake_json(fx.engine, 200, "{\"Id\":\"sha256:" ID "\"}");
	ck_assert_ptr_nonnull(docker_image(fx.docker, "a/b:1", on_id, &got, NULL));
	run_until(&got.done, 2);
	ck_assert_str_eq(got.text, "sha256:" ID);
	expect_request("GET /v1.41/images/a/b:1/json HTTP/1.1\r\n");
	fake_json(fx.engine, 200,
		  "[{\"Id\":\"" ID "\",\"Names\":[\"/sandbox-9\"],\"State\":\"running\"}]");
	list();
	run_until(&got.done, 3);
	ck_assert_str_eq(got.text, "sandbox-9");
	expect_request("GET /v1.41/containers/json?all=true&limit=500&filters="
		       "%7B%22label%22%3A%5B%22p.owner%3Dme%22%5D%7D HTTP/1.1\r\n");
}
END_TEST

START_TEST(a_new_engine_is_spoken_to_in_a_version_that_it_knows)
{
	fake_json(fx.engine, 200,
		  "{\"Version\":\"29\",\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\"}");
	ck_assert_ptr_nonnull(docker_negotiate(fx.docker, on_version, &got, NULL));
	run_until(&got.done, 1);
	ck_assert_str_eq(got.text, "29 1.47");
	fake_json(fx.engine, 200, "{\"Id\":\"sha256:" ID "\"}");
	docker_image(fx.docker, "a", on_id, &got, NULL);
	run_until(&got.done, 2);
	expect_request("GET /v1.47/images/a/json ");
}
END_TEST

START_TEST(an_engine_that_shares_no_version_with_us_is_an_error_and_stops_all_calls)
{
	struct err err;

	fake_json(fx.engine, 200,
		  "{\"Version\":\"40\",\"ApiVersion\":\"1.60\",\"MinAPIVersion\":\"1.50\"}");
	docker_negotiate(fx.docker, on_version, &got, NULL);
	run_until(&got.done, 1);
	expect_error(ERR_INPUT, 0, "API 1.50 to 1.60");
	ck_assert_ptr_null(docker_start(fx.docker, "x", on_done, &got, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
}
END_TEST

START_TEST(wrong_arguments_are_refused_without_a_request)
{
	char filter[400];
	struct docker_profile p = profile;
	struct err err;

	p.home = "/a:b";
	memset(filter, 'a', sizeof(filter) - 1);
	filter[sizeof(filter) - 1] = '\0';
	ck_assert_ptr_null(docker_start(fx.docker, "../x", on_done, &got, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_ptr_null(docker_remove(fx.docker, "", on_done, &got, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_ptr_null(docker_create(fx.docker, "a b", &profile, on_id, &got, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_ptr_null(docker_create(fx.docker, "a", &p, on_id, &got, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "create: the home"));
	ck_assert_ptr_null(docker_image(fx.docker, "a/../b", on_id, &got, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_ptr_null(docker_info(fx.docker, "a\r\nb", on_info, &got, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	ck_assert_ptr_null(docker_list(fx.docker, filter, "", on_list, &got, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
	docker_cancel(NULL);
	run_some();
	ck_assert_uint_eq(got.done, 0);
}
END_TEST

/* --- statuses --- */

static const struct {
	int status;
	enum err_kind kind;
} statuses[] = {
	{304, ERR_BUSY},     {400, ERR_INPUT},    {403, ERR_INPUT},    {404, ERR_GONE},
	{409, ERR_BUSY},     {500, ERR_UPSTREAM}, {503, ERR_UPSTREAM}, {200, ERR_UPSTREAM},
	{301, ERR_UPSTREAM}, {206, ERR_UPSTREAM}, {599, ERR_UPSTREAM}, {429, ERR_INPUT},
};

START_TEST(each_status_has_its_kind_of_error)
{
	int status = statuses[_i].status;

	fake_json(fx.engine, status, status == 304 ? "" : "{\"message\":\"because\"}");
	start(on_done);
	run_until(&got.done, 1);
	expect_error(statuses[_i].kind, status, status == 304 ? "start: status" : "because");
}
END_TEST

/* The second one comes on the same connection. */
START_TEST(an_answer_that_may_have_no_body_ends_with_its_headers)
{
	static const char *const lengths[] = {"Content-Length: 2", "Transfer-Encoding: chunked"};
	char answers[2][128];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(answers[i], sizeof(answers[i]),
			 "HTTP/1.1 100 Continue\r\n%s\r\n\r\nHTTP/1.1 204 No Content\r\n%s\r\n\r\n",
			 lengths[i], lengths[i]);
		fake_reply(fx.engine, (struct fake_reply){.data = answers[i]});
		start(on_done);
		run_until(&got.done, i + 1);
		ck_assert_msg(!got.failed, "%s", got.err.msg);
	}
	ck_assert_uint_eq(fake_connections(fx.engine), 1);
}
END_TEST

START_TEST(removing_what_is_gone_already_has_worked)
{
	fake_json(fx.engine, 404, "{\"message\":\"No such container\"}");
	docker_remove(fx.docker, "x", on_done, &got, NULL);
	run_until(&got.done, 1);
	ck_assert(!got.failed);
	fake_json(fx.engine, 409,
		  "{\"message\":\"removal of container x is already in progress\"}");
	docker_remove(fx.docker, "x", on_done, &got, NULL);
	run_until(&got.done, 2);
	expect_error(ERR_BUSY, 409, "already in progress");
}
END_TEST

/* --- an Engine that is rude: all end in ERR_UPSTREAM, and the next call works --- */

static const struct {
	const char *answer;
	enum fake_end end;
	size_t piece;
} rude[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", FAKE_CLOSE, 0},
	{"HTTP/1.1 200 OK\r\nContent-Len", FAKE_CLOSE, 0},
	{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[]", FAKE_CLOSE, 0},
	{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n[", FAKE_CLOSE, 0},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n", FAKE_CLOSE,
	 0},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[]\r\n0\r\n\r\n", FAKE_CLOSE,
	 0},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n[]", FAKE_CLOSE, 1},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", FAKE_KEEP, 0},
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[\xff]", FAKE_KEEP, 0},
	{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nxxxx", FAKE_CLOSE, 0},
	{"HTTP/1.1 101 Switching Protocols\r\n\r\n", FAKE_KEEP, 0},
	{"HTTP/1.1 100 Continue\r\n\r\n", FAKE_CLOSE, 0},
	{"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
	 FAKE_KEEP, 0},
	{"SSH-2.0-OpenSSH_9.2\r\n", FAKE_CLOSE, 0},
	{"\0\0\0\0", FAKE_CLOSE, 0},
	{"HTTP/0.9 200\r\n\r\n[]", FAKE_CLOSE, 0},
	{NULL, FAKE_CLOSE, 0},
	{NULL, FAKE_RESET, 0},
};

START_TEST(a_rude_answer_is_an_error_and_the_next_call_works)
{
	fake_close_connections(fx.engine);
	fake_reply(fx.engine, (struct fake_reply){.data = rude[_i].answer,
						  .end = rude[_i].end,
						  .piece = rude[_i].piece});
	list();
	run_until(&got.done, 1);
	expect_error(ERR_UPSTREAM, got.err.code, "list: ");
	fake_json(fx.engine, 200, "[]");
	list();
	run_until(&got.done, 2);
	ck_assert_msg(!got.failed, "%s", got.err.msg);
	ck_assert_uint_eq(fake_requests(fx.engine), 3);
}
END_TEST

START_TEST(an_answer_in_single_bytes_is_read_as_in_one_piece)
{
	fake_reply(fx.engine,
		   (struct fake_reply){.data = "HTTP/1.1 100 Continue\r\n\r\n"
					       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
					       "\r\n3\r\n[  \r\n1\r\n]\r\n0\r\n\r\n",
				       .piece = 1,
				       .delay_ms = 5});
	list();
	run_until(&got.done, 1);
	ck_assert_msg(!got.failed, "%s", got.err.msg);
}
END_TEST

START_TEST(a_connection_is_used_again_after_an_answer_of_any_form)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
		"1;a=b\r\n[\r\n1\r\n]\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n[]",
	};

	fake_reply(fx.engine, (struct fake_reply){.data = answers[_i % 4], .piece = _i / 4});
	list();
	run_until(&got.done, 1);
	fake_json(fx.engine, 200, "[]");
	list();
	run_until(&got.done, 2);
	ck_assert_uint_eq(got.failures, 0);
	ck_assert_uint_eq(fake_connections(fx.engine), 1);
}
END_TEST

static char *large(const char *head, char fill, size_t len)
{
	char *text = malloc(strlen(head) + len + 1);

	strcpy(text, head);
	memset(text + strlen(head), fill, len);
	text[strlen(head) + len] = '\0';
	return text;
}

START_TEST(a_body_of_10_mb_is_given_up_at_1_mib)
{
	char *body = large("HTTP/1.1 200 OK\r\n\r\n", ' ', 10 << 20);

	fake_reply(fx.engine, (struct fake_reply){.data = body});
	list();
	run_until(&got.done, 1);
	expect_error(ERR_UPSTREAM, 0, "too large");
	run_some();
	free(body);
}
END_TEST

START_TEST(headers_of_1_mb_are_given_up_too)
{
	char *head = large("HTTP/1.1 200 OK\r\nX: ", 'x', 1 << 20);
	static char many[200000] = "HTTP/1.1 200 OK\r\n";

	for (size_t n = strlen(many); n < sizeof(many) - 8; n += 6)
		strcpy(many + n, "X: y\r\n");
	fake_reply(fx.engine, (struct fake_reply){.data = head});
	list();
	run_until(&got.done, 1);
	expect_error(ERR_UPSTREAM, 0, "header too large");
	fake_reply(fx.engine, (struct fake_reply){.data = many});
	list();
	run_until(&got.done, 2);
	expect_error(ERR_UPSTREAM, 0, "too large");
	run_some();
	free(head);
}
END_TEST

/* --- time --- */

START_TEST(an_engine_that_says_nothing_runs_into_the_limit)
{
	fx.docker->limit_per_mille = 10;
	fake_reply(fx.engine, (struct fake_reply){.data = NULL});
	list();
	run_until(&got.done, 1);
	expect_error(ERR_UPSTREAM, ETIMEDOUT, "no answer in time");
	ck_assert_ptr_nonnull(strstr(got.err.msg, fx.docker->path));
}
END_TEST

START_TEST(an_engine_that_stops_in_the_middle_runs_into_the_limit)
{
	fx.docker->limit_per_mille = 10;
	fake_reply(fx.engine,
		   (struct fake_reply){.data = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["});
	list();
	run_until(&got.done, 1);
	expect_error(ERR_UPSTREAM, ETIMEDOUT, "no answer in time");
}
END_TEST

START_TEST(a_slow_answer_within_the_limit_is_waited_for_and_others_go_on_meanwhile)
{
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT, .delay_ms = 60});
	fake_json(fx.engine, 200, "[]");
	start(on_done);
	while (fake_requests(fx.engine) < 2)
		uv_run(&fx.loop, UV_RUN_NOWAIT);
	list();
	run_until(&got.done, 1);
	ck_assert_uint_eq(got.count, 0);
	run_until(&got.done, 2);
	ck_assert(!got.failed);
	ck_assert_uint_eq(fake_connections(fx.engine), 2);
}
END_TEST

/* --- connections --- */

START_TEST(an_idle_connection_that_the_engine_closed_fails_no_call)
{
	for (unsigned i = 0; i < 5; i++) {
		fake_close_connections(fx.engine);
		if (i % 2)
			run_some();
		fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
		start(on_done);
		run_until(&got.done, i + 1);
		ck_assert_msg(!got.failed, "%s", got.err.msg);
	}
}
END_TEST

START_TEST(a_connection_closed_while_the_request_is_under_way_is_tried_once_more)
{
	fake_reply(fx.engine, (struct fake_reply){.end = FAKE_RESET});
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	start(on_done);
	run_until(&got.done, 1);
	ck_assert_msg(!got.failed, "%s", got.err.msg);
	ck_assert_uint_eq(fake_connections(fx.engine), 2);
}
END_TEST

START_TEST(what_the_engine_has_read_is_sent_again_only_where_that_changes_nothing)
{
	fake_reply(fx.engine, (struct fake_reply){.end = FAKE_CLOSE});
	fake_json(fx.engine, 200, "[]");
	list();
	run_until(&got.done, 1);
	ck_assert_msg(!got.failed, "%s", got.err.msg);
	fake_reply(fx.engine, (struct fake_reply){.end = FAKE_CLOSE});
	start(on_done);
	run_until(&got.done, 2);
	expect_error(ERR_UPSTREAM, 0, "the connection ended before the answer did");
	ck_assert_uint_eq(fake_requests(fx.engine), 4);
}
END_TEST

START_TEST(forty_calls_at_once_all_come_back)
{
	for (int i = 0; i < 40; i++)
		fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT, .piece = 7});
	for (int i = 0; i < 40; i++)
		start(on_done);
	run_until(&got.done, 40);
	ck_assert_uint_eq(got.failures, 0);
}
END_TEST

/* The connection of the negotiation and 19 more; then those that were kept and 12 more. */
START_TEST(eight_idle_connections_are_kept)
{
	for (unsigned round = 1; round <= 2; round++) {
		for (int i = 0; i < 20; i++)
			fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
		for (int i = 0; i < 20; i++)
			start(on_done);
		run_until(&got.done, 20 * round);
		run_some();
	}
	ck_assert_uint_eq(got.failures, 0);
	ck_assert_uint_eq(fake_connections(fx.engine), 1 + 19 + 12);
}
END_TEST

/* Before its answer is whole nothing is sent to it again; bytes that nobody has asked for end it. */
START_TEST(a_connection_that_says_more_than_it_was_asked_is_not_used_again)
{
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT NO_CONTENT});
	start(on_done);
	run_until(&got.done, 1);
	for (unsigned i = 2; i <= 3; i++) {
		fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
		start(on_done);
		run_until(&got.done, i);
		fake_send(fx.engine, NO_CONTENT, strlen(NO_CONTENT));
		run_some();
	}
	ck_assert_uint_eq(got.failures, 0);
	ck_assert_uint_eq(fake_connections(fx.engine), 3);
}
END_TEST

static void negotiate_at(const char *host, const char *part, const char *path)
{
	struct docker *d = docker_new(&fx.loop, host, NULL);

	ck_assert_ptr_nonnull(d);
	ck_assert_ptr_nonnull(docker_negotiate(d, on_version, &got, NULL));
	run_until(&got.done, got.done + 1);
	expect_error(ERR_UPSTREAM, 0, part);
	ck_assert_ptr_nonnull(strstr(got.err.msg, path));
	docker_free(d);
}

START_TEST(a_socket_that_cannot_be_used_is_named_with_the_reason)
{
	char dir[] = "/tmp/fake-engine-XXXXXX", path[64], host[80];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	negotiate_at("unix:///nonexistent/docker.sock", "No such file or directory",
		     "/nonexistent/docker.sock");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/dead", dir);
	snprintf(host, sizeof(host), "unix://%s", path);
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	negotiate_at(host, "Connection refused", path); /* bound, nobody listens */
	ck_assert_int_eq(chmod(dir, 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	negotiate_at(host, "Permission denied", path);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	chmod(dir, 0700);
	close(fd);
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(an_address_that_is_no_unix_socket_is_refused)
{
	static const char *const hosts[] = {
		"",        "tcp://127.0.0.1:2375", "unix:/x",
		"unix://", "unix://relative",      "/var/run/docker.sock"};
	char host[200] = "unix:///";
	struct err err;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		ck_assert_ptr_null(docker_new(&fx.loop, hosts[i], &err));
		ck_assert_int_eq(err.kind, ERR_INPUT);
	}
	memset(host + 8, 'x', 150);
	ck_assert_ptr_null(docker_new(&fx.loop, host, &err));
	ck_assert_int_eq(err.kind, ERR_INPUT);
}
END_TEST

START_TEST(nothing_works_before_a_version_is_negotiated)
{
	struct docker *d = docker_new(&fx.loop, fake_host(fx.engine), NULL);
	struct err err;

	ck_assert_ptr_null(docker_image(d, "a", on_id, &got, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ck_assert_ptr_null(docker_start(d, "x", on_done, &got, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	docker_free(d);
}
END_TEST

/* --- cancelling and freeing --- */

START_TEST(a_call_cancelled_after_any_number_of_turns_is_silent)
{
	fake_close_connections(fx.engine);
	for (int turns = 0; turns < 12; turns++) {
		fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT, .delay_ms = 20});
		unsigned before = got.done;
		struct docker_call *call = start(on_done);
		for (int i = 0; i < turns && fake_requests(fx.engine) < 40; i++)
			uv_run(&fx.loop, UV_RUN_NOWAIT);
		ck_assert_uint_eq(got.done, before);
		docker_cancel(call);
		run_some();
		ck_assert_uint_eq(got.done, before);
	}
}
END_TEST

START_TEST(a_client_freed_with_calls_under_way_is_silent)
{
	for (int i = 0; i < 5; i++)
		fake_reply(fx.engine, (struct fake_reply){.data = "HTTP/1.1 200 OK\r\n"});
	for (int i = 0; i < 5; i++)
		list();
	for (int i = 0; i < _i; i++)
		uv_run(&fx.loop, UV_RUN_NOWAIT);
	docker_free(fx.docker);
	fx.docker = NULL;
	run_some();
	ck_assert_uint_eq(got.done, 0);
}
END_TEST

static void on_done_free(void *arg, const struct err *err)
{
	(void)arg;
	docker_free(fx.docker);
	fx.docker = NULL;
	note(err);
}

START_TEST(a_client_may_be_freed_inside_a_callback_with_others_due_in_the_same_turn)
{
	for (int i = 0; i < 6; i++)
		fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	for (int i = 0; i < 6; i++)
		start(on_done_free);
	run_until(&got.done, 1);
	run_some();
	ck_assert_uint_eq(got.done, 1);
}
END_TEST

static struct docker_call *calls[8];

static void on_done_cancel_others(void *arg, const struct err *err)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	note(err);
	for (unsigned i = 0; i < 8; i++)
		if (i != self)
			docker_cancel(calls[i]);
}

START_TEST(a_callback_may_cancel_all_other_calls)
{
	for (int i = 0; i < 8; i++)
		fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	for (uintptr_t i = 0; i < 8; i++)
		calls[i] = docker_start(fx.docker, "x", on_done_cancel_others, (void *)i, NULL);
	run_until(&got.done, 1);
	run_some();
	ck_assert_uint_eq(got.done, 1);
}
END_TEST

static void on_done_again(void *arg, const struct err *err)
{
	note(err);
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	if (got.done < 10)
		ck_assert_ptr_nonnull(docker_start(fx.docker, "x", on_done_again, arg, NULL));
}

START_TEST(a_callback_may_start_the_next_call)
{
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	start(on_done_again);
	run_until(&got.done, 10);
	ck_assert(!got.failed);
}
END_TEST

/* --- events --- */

#define EVENT(action, name)                                                                        \
	"{\"Type\":\"container\",\"Action\":\"" action "\",\"Actor\":{\"Attributes\":{"            \
	"\"name\":\"" name "\",\"exitCode\":\"137\"}}}\n"
#define EVENTS_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

static struct docker_call *subscription;

static void on_event(void *arg, const struct docker_event *event)
{
	size_t len = strlen(got.text);

	(void)arg;
	snprintf(got.text + len, sizeof(got.text) - len, "%d:%s:%d ", (int)event->type, event->name,
		 (int)event->exit_code);
	got.lines++;
}

static void subscribe(docker_event_fn fn)
{
	subscription = docker_events(fx.docker, "p.owner=me", fn, on_done, &got, NULL);
	ck_assert_ptr_nonnull(subscription);
}

START_TEST(events_in_pieces_of_any_size_are_told_one_by_one)
{
	static const char text[] = EVENTS_HEAD EVENT("die", "a") EVENT("start", "x")
		EVENT("oom", "b") "\n" EVENT("destroy", "c") "{\"Type\":\"cont";

	fake_reply(fx.engine,
		   (struct fake_reply){.data = text, .piece = (size_t)_i, .end = FAKE_CLOSE});
	subscribe(on_event);
	run_until(&got.done, 1);
	ck_assert_str_eq(got.text, "0:a:137 1:b:0 2:c:0 ");
	expect_error(ERR_UPSTREAM, 0, "events: the Engine ended the stream");
	expect_request("GET /v1.41/events?filters=%7B%22label%22%3A%5B%22p.owner%3Dme%22%5D%2C"
		       "%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22die%22%2C%22oom"
		       "%22%2C%22destroy%22%2C%22kill%22%5D%7D HTTP/1.1\r\n");
}
END_TEST

START_TEST(the_event_stream_has_no_time_limit)
{
	fx.docker->limit_per_mille = 1;
	fake_reply(fx.engine,
		   (struct fake_reply){.data = EVENTS_HEAD EVENT("oom", "a"), .delay_ms = 50});
	subscribe(on_event);
	run_until(&got.lines, 1);
	ck_assert_uint_eq(got.done, 0);
}
END_TEST

START_TEST(a_line_that_is_no_event_breaks_the_stream_after_the_good_ones)
{
	fake_reply(fx.engine,
		   (struct fake_reply){.data = EVENTS_HEAD EVENT("oom", "a") "garbage\n" EVENT(
					       "oom", "never")});
	subscribe(on_event);
	run_until(&got.done, 1);
	ck_assert_str_eq(got.text, "1:a:0 ");
	expect_error(ERR_UPSTREAM, 0, "unreadable answer");
}
END_TEST

START_TEST(a_line_without_end_breaks_the_stream)
{
	char *text = large(EVENTS_HEAD EVENT("oom", "a"), 'x', 70000);

	fake_reply(fx.engine, (struct fake_reply){.data = text});
	subscribe(on_event);
	run_until(&got.done, 1);
	ck_assert_uint_eq(got.lines, 1);
	expect_error(ERR_UPSTREAM, 0, "too large");
	run_some();
	free(text);
}
END_TEST

START_TEST(a_refused_subscription_is_an_error_with_the_reason)
{
	fake_json(fx.engine, 400, "{\"message\":\"no such filter\"}");
	subscribe(on_event);
	run_until(&got.done, 1);
	expect_error(ERR_INPUT, 400, "no such filter");
}
END_TEST

static void on_event_cancel(void *arg, const struct docker_event *event)
{
	(void)arg;
	(void)event;
	got.lines++;
	docker_cancel(subscription);
}

static void on_event_free(void *arg, const struct docker_event *event)
{
	(void)arg;
	(void)event;
	got.lines++;
	docker_free(fx.docker);
	fx.docker = NULL;
}

START_TEST(the_receiver_of_an_event_may_cancel_or_free_and_hears_no_more)
{
	fake_reply(fx.engine, (struct fake_reply){.data = EVENTS_HEAD EVENT("oom", "a")
							  EVENT("oom", "b") EVENT("oom", "c")});
	subscribe(_i ? on_event_free : on_event_cancel);
	run_until(&got.lines, 1);
	run_some();
	ck_assert_uint_eq(got.lines, 1);
	ck_assert_uint_eq(got.done, 0);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static void add_faults(TCase *tc)
{
	tcase_add_loop_test(tc, each_status_has_its_kind_of_error, 0, COUNT(statuses));
	tcase_add_test(tc, an_answer_that_may_have_no_body_ends_with_its_headers);
	tcase_add_test(tc, removing_what_is_gone_already_has_worked);
	tcase_add_loop_test(tc, a_rude_answer_is_an_error_and_the_next_call_works, 0, COUNT(rude));
	tcase_add_test(tc, an_answer_in_single_bytes_is_read_as_in_one_piece);
	tcase_add_loop_test(tc, a_connection_is_used_again_after_an_answer_of_any_form, 0, 8);
	tcase_add_test(tc, a_body_of_10_mb_is_given_up_at_1_mib);
	tcase_add_test(tc, headers_of_1_mb_are_given_up_too);
	tcase_add_test(tc, an_engine_that_says_nothing_runs_into_the_limit);
	tcase_add_test(tc, an_engine_that_stops_in_the_middle_runs_into_the_limit);
	tcase_add_test(tc, a_slow_answer_within_the_limit_is_waited_for_and_others_go_on_meanwhile);
	tcase_add_test(tc, an_idle_connection_that_the_engine_closed_fails_no_call);
	tcase_add_test(tc, a_connection_closed_while_the_request_is_under_way_is_tried_once_more);
	tcase_add_test(tc, what_the_engine_has_read_is_sent_again_only_where_that_changes_nothing);
	tcase_add_test(tc, forty_calls_at_once_all_come_back);
	tcase_add_test(tc, eight_idle_connections_are_kept);
	tcase_add_test(tc, a_connection_that_says_more_than_it_was_asked_is_not_used_again);
	tcase_add_test(tc, a_socket_that_cannot_be_used_is_named_with_the_reason);
	tcase_add_test(tc, an_address_that_is_no_unix_socket_is_refused);
	tcase_add_test(tc, nothing_works_before_a_version_is_negotiated);
}

static void add_life(TCase *tc)
{
	tcase_add_test(tc, a_call_cancelled_after_any_number_of_turns_is_silent);
	tcase_add_loop_test(tc, a_client_freed_with_calls_under_way_is_silent, 0, 10);
	tcase_add_test(tc,
		       a_client_may_be_freed_inside_a_callback_with_others_due_in_the_same_turn);
	tcase_add_test(tc, a_callback_may_cancel_all_other_calls);
	tcase_add_test(tc, a_callback_may_start_the_next_call);
}

static void add_events(TCase *tc)
{
	tcase_add_loop_test(tc, events_in_pieces_of_any_size_are_told_one_by_one, 0, 20);
	tcase_add_test(tc, the_event_stream_has_no_time_limit);
	tcase_add_test(tc, a_line_that_is_no_event_breaks_the_stream_after_the_good_ones);
	tcase_add_test(tc, a_line_without_end_breaks_the_stream);
	tcase_add_test(tc, a_refused_subscription_is_an_error_with_the_reason);
	tcase_add_loop_test(tc, the_receiver_of_an_event_may_cancel_or_free_and_hears_no_more, 0,
			    2);
}

int main(void)
{
	Suite *suite = suite_create("docker");
	TCase *tc = tcase_create("docker");

	tcase_add_checked_fixture(tc, up, fixture_down);
	tcase_add_test(tc, a_container_is_created_started_and_removed_on_one_connection);
	tcase_add_test(tc, the_engine_is_asked_what_it_has);
	tcase_add_test(tc, a_new_engine_is_spoken_to_in_a_version_that_it_knows);
	tcase_add_test(tc,
		       an_engine_that_shares_no_version_with_us_is_an_error_and_stops_all_calls);
	tcase_add_test(tc, wrong_arguments_are_refused_without_a_request);
	add_faults(tc);
	add_life(tc);
	add_events(tc);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
