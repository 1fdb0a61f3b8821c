#include "engine/docker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "engine/docker_internal.h"

#define SCHEME "unix://"

/* --- the object --- */

struct docker *docker_new(uv_loop_t *loop, const char *host, struct err *err)
{
	const char *path = host + strlen(SCHEME);

	if (strncmp(host, SCHEME, strlen(SCHEME)) != 0 || path[0] != '/' ||
	    strlen(path) >= HTTP_PATH_BYTES) {
		err_set(err, ERR_INPUT, 0,
			"the Engine's address must be unix:///path, with a path below %d bytes",
			HTTP_PATH_BYTES);
		return NULL;
	}
	struct docker *d = calloc(1, sizeof(*d));
	if (!d) {
		err_set(err, ERR_INTERNAL, 0, "no memory");
		return NULL;
	}
	d->loop = loop;
	d->limit_per_mille = 1000;
	docker_stats_init(&d->stats);
	snprintf(d->path, sizeof(d->path), "%s", path);
	d->http = http_new(loop, path, err);
	if (!d->http) {
		free(d);
		return NULL;
	}
	return d;
}

void docker_free(struct docker *d)
{
	struct docker_call *call, *next;

	if (!d)
		return;
	DL_FOREACH_SAFE(d->calls, call, next)
	docker_cancel(call);
	http_free(d->http);
	free(d);
}

unsigned docker_limit_ms(const struct docker *d, unsigned limit_ms)
{
	return (unsigned)((uint64_t)limit_ms * d->limit_per_mille / 1000);
}

int docker_ready(const struct docker *d, struct err *err)
{
	return d->api[0] ? 0
			 : err_set(err, ERR_UPSTREAM, 0,
				   "%s: no API version has been negotiated yet", d->path);
}

/* --- errors --- */

static enum err_kind status_kind(int status)
{
	switch (status) {
	case 404:
		return ERR_GONE;
	case 304:
	case 409:
		return ERR_BUSY;
	default:
		return status >= 400 && status < 500 ? ERR_INPUT : ERR_UPSTREAM;
	}
}

int docker_status_error(int status, const char *body, size_t len, struct err *err)
{
	char message[sizeof(err->msg)];

	docker_decode_message(body, len, message, sizeof(message));
	return err_set(err, status_kind(status), status, "status %d%s%s", status,
		       message[0] ? ": " : "", message);
}

static void name_call(const struct docker_call *call, struct err *err)
{
	err_wrap(err, "%s", docker_verb_name(call->op->verb));
}

const struct err *docker_call_decoded(const struct docker_call *call, int rc, struct err *err)
{
	if (rc >= 0)
		return NULL;
	docker_stats_unreadable(&call->docker->stats, call->op->verb);
	name_call(call, err);
	return err;
}

/* --- calls --- */

void docker_cancel(struct docker_call *call)
{
	if (!call)
		return;
	DL_DELETE(call->docker->calls, call);
	http_cancel(call->http);
	free(call);
}

/* The user may free everything inside op->finish: nothing of ours is touched after it. */
static void on_done(void *arg, const struct http_answer *answer, const struct err *http_err)
{
	struct docker_call *handle = arg, call = *handle;
	struct err err;
	int status = answer->status;

	DL_DELETE(call.docker->calls, handle);
	free(handle);
	if (!http_err && status && (status == call.op->status || status == call.op->status_too)) {
		docker_stats_note(&call.docker->stats, call.op->verb, call.since_ns, NULL);
		call.op->finish(&call, answer, NULL);
		return;
	}
	if (http_err)
		err = *http_err;
	else
		docker_status_error(status, answer->body, answer->len, &err);
	docker_stats_note(&call.docker->stats, call.op->verb, call.since_ns, &err);
	name_call(&call, &err);
	call.op->finish(&call, NULL, &err);
}

static bool on_line(void *arg, const char *line, size_t len, struct err *err)
{
	struct docker_call *call = arg;
	struct docker_doc doc = {0};
	struct docker_event event;
	int rc = docker_decode_event(line, len, &doc, &event, err);

	if (rc == 1)
		call->on_event(call->arg, &event);
	docker_doc_finish(&doc);
	return rc >= 0;
}

static struct docker_call *call_new(struct docker *d, const struct docker_start *s)
{
	struct docker_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->docker = d;
	call->op = s->op;
	call->since_ns = clock_monotonic_ns();
	call->done = s->done;
	call->on_event = s->on_event;
	call->arg = s->arg;
	snprintf(call->subject, sizeof(call->subject), "%s", s->subject ? s->subject : "");
	return call;
}

struct docker_call *docker_call_start(struct docker *d, const struct docker_start *s,
				      struct err *err)
{
	struct docker_call *call = s->target ? call_new(d, s) : NULL;

	if (!call) {
		if (s->target)
			err_set(err, ERR_INTERNAL, 0, "no memory");
		err_wrap(err, "%s", docker_verb_name(s->op->verb));
		return NULL;
	}
	struct http_request request = {
		.method = s->op->method,
		.target = s->target,
		.body = s->body,
		.limit_ms = docker_limit_ms(d, s->op->limit_ms),
		.on_line = s->on_event ? on_line : NULL,
		.done = on_done,
		.arg = call,
	};
	call->http = http_start(d->http, &request, err);
	if (!call->http) {
		free(call);
		return NULL;
	}
	DL_APPEND(d->calls, call);
	return call;
}
