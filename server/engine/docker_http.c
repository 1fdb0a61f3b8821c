#include "engine/docker_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/fifo.h"
#include "engine/docker_lines.h"

#define IDLE_CONNECTIONS_MAX 8L
#define CONNECT_LIMIT_MS     2000L

/* Watches one of curl's sockets. Lives until libuv has closed it, which may be after its socket is gone. */
struct watch {
	uv_poll_t poll;
	struct http *http;
};

struct http {
	uv_timer_t timer; /* its close callback frees all this */
	uv_loop_t *loop;
	CURLM *multi;
	struct curl_slist *headers;
	struct http_call *calls;
	bool closing;
	char path[HTTP_PATH_BYTES];
};

struct http_call {
	struct http *http;
	struct http_call *prev, *next;
	CURL *easy;
	http_line_fn on_line;
	http_done_fn done;
	void *arg;
	struct fifo body;
	struct docker_lines lines;
	size_t head_bytes;
	bool too_large;
};

static void unlink_call(struct http_call *call)
{
	DL_DELETE(call->http->calls, call);
	curl_multi_remove_handle(call->http->multi, call->easy);
	curl_easy_cleanup(call->easy);
}

static void free_call(struct http_call *call)
{
	fifo_finish(&call->body);
	docker_lines_finish(&call->lines);
	free(call);
}

void http_cancel(struct http_call *call)
{
	if (!call)
		return;
	unlink_call(call);
	free_call(call);
}

/* --- the end of a call --- */

/* The callback is the last thing that happens to a call: it may free everything. */
static void finish_call(struct http_call *call, int status, const struct err *err)
{
	struct http_answer answer = {.status = status};

	unlink_call(call);
	answer.body = call->body.len ? (const char *)fifo_peek(&call->body) : "";
	answer.len = call->body.len;
	call->done(call->arg, &answer, err);
	free_call(call);
}

static void describe(const struct http_call *call, CURLcode code, struct err *err)
{
	const char *path = call->http->path;
	long os_errno = 0;

	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (call->too_large)
		err_set(err, ERR_UPSTREAM, 0, "%s: answer too large", path);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		err_set(err, ERR_UPSTREAM, ETIMEDOUT, "%s: no answer in time", path);
	else if (code == CURLE_COULDNT_CONNECT && os_errno)
		err_set(err, ERR_UPSTREAM, 0, "%s: %s", path, strerror((int)os_errno));
	else if (code == CURLE_OUT_OF_MEMORY)
		err_set(err, ERR_UPSTREAM, 0, "%s: header too large, or no memory", path);
	else
		err_set(err, ERR_UPSTREAM, 0, "%s: %s", path, curl_easy_strerror(code));
}

static void finish_one(struct http_call *call, CURLcode code)
{
	struct err err;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK) {
		finish_call(call, (int)status, NULL);
		return;
	}
	describe(call, code, &err);
	finish_call(call, (int)status, &err);
}

static void finish_done(struct http *h)
{
	int left;
	CURLMsg *message;

	while (!h->closing && (message = curl_multi_info_read(h->multi, &left))) {
		struct http_call *call;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish_one(call, message->data.result);
	}
}

/* --- lines: handed out between curl's calls, never inside one, since a line's receiver may cancel any call --- */

static struct http_call *call_with_line(struct http *h, const char **line, size_t *len)
{
	struct http_call *call;

	DL_FOREACH(h->calls, call)
	{
		/* The analyzer does not see that what is freed has been unlinked. */
		// NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
		*line = call->on_line ? docker_lines_next(&call->lines, len) : NULL;
		if (*line)
			return call;
	}
	return NULL;
}

static void deliver_lines(struct http *h)
{
	struct http_call *call;
	struct err err;
	const char *line;
	size_t len;

	/* From the start again after each line: the callback may have cancelled any call. */
	while (!h->closing && (call = call_with_line(h, &line, &len)))
		if (!call->on_line(call->arg, line, len, &err))
			finish_call(call, 0, &err);
}

/* --- curl on libuv --- */

static void turn(struct http *h, curl_socket_t fd, int events)
{
	int running;

	if (h->closing)
		return;
	curl_multi_socket_action(h->multi, fd, events, &running);
	deliver_lines(h);
	finish_done(h);
}

static void on_timeout(uv_timer_t *timer)
{
	turn(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	uv_os_fd_t fd;
	int flags = 0;

	if (uv_fileno((uv_handle_t *)poll, &fd) < 0)
		return;
	/* An error makes libuv stop watching. Reading tells curl what it is: told of an "error" only, it would not try
	 * again on another connection. */
	if (status < 0)
		flags |= CURL_CSELECT_IN | CURL_CSELECT_OUT;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	turn(w->http, fd, flags);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watch *watch_new(struct http *h, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w || uv_poll_init_socket(h->loop, &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	w->http = h;
	w->poll.data = w;
	curl_multi_assign(h->multi, fd, w);
	return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http *h = arg;
	struct watch *w = socket_arg;
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!w)
		w = watch_new(h, fd);
	return w && uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (h->closing)
		return 0;
	if (timeout_ms < 0)
		return uv_timer_stop(&h->timer);
	uv_update_time(h->loop);
	return uv_timer_start(&h->timer, on_timeout, (uint64_t)timeout_ms, 0);
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;

	(void)data;
	call->head_bytes += size * count;
	call->too_large = call->head_bytes > HTTP_HEAD_MAX;
	return call->too_large ? 0 : size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * count;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->on_line && status == 200)
		call->too_large = !docker_lines_push(&call->lines, data, len);
	else
		call->too_large = !fifo_push(&call->body, data, len);
	return call->too_large ? 0 : len;
}

/* --- starting --- */

static CURLcode set_request(CURL *easy, const struct http_request *r)
{
	char url[2048];
	CURLcode rc = CURLE_OK;

	if (snprintf(url, sizeof(url), "http://docker%s", r->target) >= (int)sizeof(url))
		return CURLE_URL_MALFORMAT;
	rc |= curl_easy_setopt(easy, CURLOPT_URL, url);
	rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, r->limit_ms);
	if (strcmp(r->method, "POST") == 0) {
		rc |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
		rc |= curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, r->body ? r->body : "");
	} else {
		rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	}
	return rc;
}

/* Nothing from the environment, no redirects, no other protocol: only this socket. */
static CURLcode set_transport(struct http_call *call)
{
	CURL *easy = call->easy;
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, call->http->path);
	rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	rc |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_LIMIT_MS);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->http->headers);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	rc |= curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	return rc;
}

static struct http_call *call_new(struct http *h, const struct http_request *r)
{
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->http = h;
	call->on_line = r->on_line;
	call->done = r->done;
	call->arg = r->arg;
	fifo_init(&call->body, HTTP_BODY_MAX);
	docker_lines_init(&call->lines);
	call->easy = curl_easy_init();
	return call;
}

struct http_call *http_start(struct http *h, const struct http_request *r, struct err *err)
{
	struct http_call *call = call_new(h, r);

	if (!call || !call->easy || set_transport(call) || set_request(call->easy, r) ||
	    curl_multi_add_handle(h->multi, call->easy)) {
		curl_easy_cleanup(call ? call->easy : NULL);
		free(call);
		err_set(err, ERR_INTERNAL, 0, "cannot make a request: no memory");
		return NULL;
	}
	DL_APPEND(h->calls, call);
	return call;
}

char *http_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}

/* --- life --- */

static bool set_multi(struct http *h)
{
	CURLMcode rc = CURLM_OK;

	rc |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	rc |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	rc |= curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	rc |= curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	rc |= curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX);
	return rc == CURLM_OK;
}

static bool set_headers(struct http *h)
{
	struct curl_slist *with_type = curl_slist_append(NULL, "Content-Type: application/json");
	struct curl_slist *all = curl_slist_append(with_type, "Expect:");

	h->headers = all ? all : with_type;
	return with_type && all;
}

static void release(struct http *h)
{
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	curl_global_cleanup();
}

struct http *http_new(uv_loop_t *loop, const char *path, struct err *err)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h || curl_global_init(CURL_GLOBAL_NOTHING)) {
		free(h);
		err_set(err, ERR_INTERNAL, 0, "cannot set up curl: no memory");
		return NULL;
	}
	snprintf(h->path, sizeof(h->path), "%s", path);
	h->loop = loop;
	h->multi = curl_multi_init();
	if (!h->multi || !set_multi(h) || !set_headers(h)) {
		release(h);
		free(h);
		err_set(err, ERR_INTERNAL, 0, "cannot set up curl: no memory");
		return NULL;
	}
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	return h;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Never inside one of curl's functions, since callbacks run between them; *h outlives the turn that we may be in. */
void http_free(struct http *h)
{
	struct http_call *call, *next;

	if (!h)
		return;
	h->closing = true;
	DL_FOREACH_SAFE(h->calls, call, next)
	http_cancel(call);
	release(h);
	uv_close((uv_handle_t *)&h->timer, on_timer_closed);
}
