#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/docker_internal.h"

#define TARGET_BYTES     1536
#define LABEL_FILTER_MAX 256 /* bytes: three times as many, escaped, still fit the target */

/* Writes "/v1.41" and the rest, or fails because no version is known yet. Returns buf, or NULL with *err. */
__attribute__((format(printf, 4, 5))) static const char *make_target(const struct docker *d,
								     char buf[TARGET_BYTES],
								     struct err *err,
								     const char *format, ...)
{
	va_list args;

	if (docker_ready(d, err) < 0)
		return NULL;
	int n = snprintf(buf, TARGET_BYTES, "/v%s", d->api);
	va_start(args, format);
	int m = vsnprintf(buf + n, TARGET_BYTES - (size_t)n, format, args);
	va_end(args);
	if (n + m < TARGET_BYTES)
		return buf;
	err_set(err, ERR_INPUT, 0, "the request is too long");
	return NULL;
}

static const char *checked_name(const char *name, struct err *err)
{
	if (docker_name_valid(name))
		return name;
	err_set(err, ERR_INPUT, 0, "not a container name");
	return NULL;
}

/* --- the Engine itself --- */

static void finish_version(const struct docker_call *call, const struct http_answer *answer,
			   const struct err *err)
{
	struct docker_doc doc = {0};
	struct docker_engine_version engine;
	struct docker_version v = {0};
	struct docker *d = call->docker;
	struct err e;

	if (!err)
		err = docker_call_decoded(
			call, docker_decode_version(answer->body, answer->len, &doc, &engine, &e),
			&e);
	if (!err) {
		d->api[0] = '\0'; /* another Engine than before may be there now */
		err = docker_call_decoded(call, docker_api_choose(&engine, d->api, &e), &e);
		v = (struct docker_version){engine.version, d->api};
	}
	call->done.version(call->arg, err ? NULL : &v, err);
	docker_doc_finish(&doc);
}

static const struct docker_op op_version = {DOCKER_VERSION, "GET", 3000, 200, 0, finish_version};

struct docker_call *docker_negotiate(struct docker *d, docker_version_fn done, void *arg,
				     struct err *err)
{
	return docker_call_start(
		d,
		&(struct docker_start){
			.op = &op_version, .target = "/version", .done.version = done, .arg = arg},
		err);
}

static void finish_plain(const struct docker_call *call, const struct http_answer *answer,
			 const struct err *err)
{
	(void)answer;
	call->done.plain(call->arg, err);
}

static void finish_info(const struct docker_call *call, const struct http_answer *answer,
			const struct err *err)
{
	struct docker_doc doc = {0};
	struct docker_info info;
	struct err e;

	if (!err)
		err = docker_call_decoded(call,
					  docker_decode_info(answer->body, answer->len,
							     call->subject, &doc, &info, &e),
					  &e);
	call->done.info(call->arg, err ? NULL : &info, err);
	docker_doc_finish(&doc);
}

static const struct docker_op op_info = {DOCKER_INFO, "GET", 5000, 200, 0, finish_info};

struct docker_call *docker_info(struct docker *d, const char *runtime, docker_info_fn done,
				void *arg, struct err *err)
{
	char target[TARGET_BYTES];
	const char *t = make_target(d, target, err, "/info");

	if (t && !docker_name_valid(runtime)) {
		err_set(err, ERR_INPUT, 0, "not a runtime's name");
		t = NULL;
	}
	return docker_call_start(d,
				 &(struct docker_start){.op = &op_info,
							.target = t,
							.subject = runtime,
							.done.info = done,
							.arg = arg},
				 err);
}

static void finish_image(const struct docker_call *call, const struct http_answer *answer,
			 const struct err *err)
{
	struct docker_doc doc = {0};
	const char *id = NULL;
	struct err e;

	if (!err)
		err = docker_call_decoded(
			call, docker_decode_image(answer->body, answer->len, &doc, &id, &e), &e);
	call->done.image(call->arg, id, err);
	docker_doc_finish(&doc);
}

static const struct docker_op op_image = {DOCKER_IMAGE, "GET", 5000, 200, 0, finish_image};

struct docker_call *docker_image(struct docker *d, const char *image, docker_image_fn done,
				 void *arg, struct err *err)
{
	char target[TARGET_BYTES];
	const char *t = NULL;

	if (docker_image_valid(image))
		t = make_target(d, target, err, "/images/%s/json", image);
	else
		err_set(err, ERR_INPUT, 0, "not an image's name");
	return docker_call_start(
		d,
		&(struct docker_start){
			.op = &op_image, .target = t, .done.image = done, .arg = arg},
		err);
}

/* --- containers --- */

static void finish_create(const struct docker_call *call, const struct http_answer *answer,
			  const struct err *err)
{
	struct docker_doc doc = {0};
	const char *id = NULL;
	struct err e;

	if (!err)
		err = docker_call_decoded(
			call, docker_decode_created(answer->body, answer->len, &doc, &id, &e), &e);
	call->done.created(call->arg, id, err);
	docker_doc_finish(&doc);
}

static const struct docker_op op_create = {DOCKER_CREATE, "POST", 10000, 201, 0, finish_create};

struct docker_call *docker_create(struct docker *d, const char *name,
				  const struct docker_profile *profile, docker_created_fn done,
				  void *arg, struct err *err)
{
	char target[TARGET_BYTES], *body = NULL;
	const char *t = checked_name(name, err);

	if (t)
		t = make_target(d, target, err, "/containers/create?name=%s", name);
	if (t)
		body = docker_encode_create(profile, err);
	struct docker_call *call =
		docker_call_start(d,
				  &(struct docker_start){.op = &op_create,
							 .target = body ? t : NULL,
							 .body = body,
							 .done.created = done,
							 .arg = arg},
				  err);
	free(body);
	return call;
}

static struct docker_call *on_container(struct docker *d, const struct docker_op *op,
					const char *name, const char *query, docker_done_fn done,
					void *arg, struct err *err)
{
	char target[TARGET_BYTES];
	const char *t = checked_name(name, err);

	if (t)
		t = make_target(d, target, err, "/containers/%s%s", name, query);
	return docker_call_start(
		d, &(struct docker_start){.op = op, .target = t, .done.plain = done, .arg = arg},
		err);
}

static const struct docker_op op_start = {DOCKER_START, "POST", 10000, 204, 0, finish_plain};

struct docker_call *docker_start(struct docker *d, const char *name, docker_done_fn done, void *arg,
				 struct err *err)
{
	return on_container(d, &op_start, name, "/start", done, arg, err);
}

/* The Engine was measured to need 97 s after a fork bomb. */
static const struct docker_op op_remove = {DOCKER_REMOVE, "DELETE", 120000, 204, 404, finish_plain};

struct docker_call *docker_remove(struct docker *d, const char *name, docker_done_fn done,
				  void *arg, struct err *err)
{
	return on_container(d, &op_remove, name, "?force=true&v=true", done, arg, err);
}

/* --- many containers --- */

/* encode(label_filter) in its escaped form, malloc'd, or NULL with *err. */
static char *query_filter(char *(*encode)(const char *, struct err *), const char *label_filter,
			  struct err *err)
{
	if (strnlen(label_filter, LABEL_FILTER_MAX) == LABEL_FILTER_MAX) {
		err_set(err, ERR_INPUT, 0, "the label filter is too long");
		return NULL;
	}
	char *filter = encode(label_filter, err), *escaped = filter ? http_escape(filter) : NULL;
	if (filter && !escaped)
		err_set(err, ERR_INTERNAL, 0, "no memory");
	free(filter);
	return escaped;
}

static void finish_list(const struct docker_call *call, const struct http_answer *answer,
			const struct err *err)
{
	struct docker_doc doc = {0};
	const struct docker_container *list = NULL;
	size_t count = 0;
	struct err e;

	if (!err)
		err = docker_call_decoded(call,
					  docker_decode_list(answer->body, answer->len,
							     call->subject, &doc, &list, &count,
							     &e),
					  &e);
	call->done.list(call->arg, list, count, err);
	docker_doc_finish(&doc);
}

static const struct docker_op op_list = {DOCKER_LIST, "GET", 2000, 200, 0, finish_list};

struct docker_call *docker_list(struct docker *d, const char *label_filter,
				const char *label_prefix, docker_list_fn done, void *arg,
				struct err *err)
{
	char target[TARGET_BYTES];
	const char *t = NULL;
	char *filter = query_filter(docker_encode_list_filter, label_filter, err);

	if (filter)
		t = make_target(d, target, err, "/containers/json?all=true&limit=500&filters=%s",
				filter);
	free(filter);
	return docker_call_start(d,
				 &(struct docker_start){.op = &op_list,
							.target = t,
							.subject = label_prefix,
							.done.list = done,
							.arg = arg},
				 err);
}

/* A subscription that ends in order has ended all the same. */
static void finish_events(const struct docker_call *call, const struct http_answer *answer,
			  const struct err *err)
{
	struct err ended;

	(void)answer;
	err_set(&ended, ERR_UPSTREAM, 0, "%s: the Engine ended the stream",
		docker_verb_name(call->op->verb));
	call->done.plain(call->arg, err ? err : &ended);
}

static const struct docker_op op_events = {DOCKER_EVENTS, "GET", 0, 200, 0, finish_events};

struct docker_call *docker_events(struct docker *d, const char *label_filter,
				  docker_event_fn on_event, docker_done_fn done, void *arg,
				  struct err *err)
{
	char target[TARGET_BYTES];
	const char *t = NULL;
	char *filter = query_filter(docker_encode_event_filter, label_filter, err);

	if (filter)
		t = make_target(d, target, err, "/events?filters=%s", filter);
	free(filter);
	return docker_call_start(d,
				 &(struct docker_start){.op = &op_events,
							.target = t,
							.done.plain = done,
							.on_event = on_event,
							.arg = arg},
				 err);
}
