#include "sandbox/version_query.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/runtime.h"

#define HANDLES 3

struct version_query {
	uv_process_t process;
	uv_pipe_t output;
	uv_timer_t limit;
	unsigned open;              /* handles that are not closed yet */
	version_query_done_fn done; /* NULL: cancelled, or never started */
	void *arg;
	bool exited, at_end; /* the program has ended; its output has */
	bool failed;         /* what it has said is not worth reading */
	char text[VERSION_QUERY_BYTES];
	size_t len;
};

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
	struct version_query *q = handle->data;
	char version[RUNTIME_VERSION_BYTES] = "";

	if (--q->open)
		return;
	if (!q->failed)
		runtime_read_version(q->text, q->len, version);
	version_query_done_fn done = q->done;
	void *arg = q->arg;
	free(q);
	if (done)
		done(arg, version);
}

static void close_all(struct version_query *q)
{
	uv_handle_t *handles[HANDLES] = {(uv_handle_t *)&q->process, (uv_handle_t *)&q->output,
					 (uv_handle_t *)&q->limit};

	for (size_t i = 0; i < HANDLES; i++)
		if (!uv_is_closing(handles[i]))
			uv_close(handles[i], on_closed);
}

/* Its whole group, which is its own; while it has not been reaped, the number is nobody else's. */
static void kill_program(struct version_query *q)
{
	q->failed = true;
	if (!q->exited)
		kill(-q->process.pid, SIGKILL);
}

/* The process handle stays until the program has ended: that is what reaps it. Something that it has started may hold its output
 * open, and is waited for no longer than the limit. */
static void finish_if_over(struct version_query *q)
{
	if (q->exited && (q->at_end || q->failed))
		close_all(q);
}

/* --- the program --- */

static void on_exit_event(uv_process_t *process, int64_t status, int signal_number)
{
	struct version_query *q = process->data;

	q->exited = true;
	q->failed = q->failed || status != 0 || signal_number != 0;
	finish_if_over(q);
}

static void on_limit(uv_timer_t *timer)
{
	struct version_query *q = timer->data;

	kill_program(q);
	finish_if_over(q);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct version_query *q = handle->data;

	(void)suggested;
	*buf = uv_buf_init(q->text + q->len, (unsigned)(sizeof(q->text) - q->len));
}

/* A full buffer comes here as UV_ENOBUFS. */
static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct version_query *q = stream->data;

	(void)buf;
	if (n >= 0) {
		q->len += (size_t)n;
		return;
	}
	uv_read_stop(stream);
	q->at_end = true;
	if (n != UV_EOF)
		kill_program(q);
	finish_if_over(q);
}

/* Libraries open some of ours without it: the port that we listen on. */
static void keep_descriptors(void)
{
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static int spawn(uv_loop_t *loop, struct version_query *q, const char *path)
{
	char option[] = "--version";
	char *argv[] = {(char *)path, option, NULL}, *environment[] = {NULL};
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&q->output},
		{.flags = UV_IGNORE},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_event,
		.file = path,
		.args = argv,
		.env = environment,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};

	keep_descriptors();
	return uv_spawn(loop, &q->process, &options);
}

struct version_query *version_query_start(uv_loop_t *loop, const char *path,
					  version_query_done_fn done, void *arg, struct err *err)
{
	struct version_query *q = path[0] == '/' ? calloc(1, sizeof(*q)) : NULL;

	if (!q) {
		err_set(err, ERR_INPUT, 0, "the Engine names no program that could be asked");
		return NULL;
	}
	uv_timer_init(loop, &q->limit);
	uv_pipe_init(loop, &q->output, 0);
	q->open = HANDLES;
	q->process.data = q->output.data = q->limit.data = q;
	int failure = spawn(loop, q, path);
	if (failure) {
		err_set(err, ERR_UPSTREAM, -failure, "%s cannot be run: %s", path,
			uv_strerror(failure));
		close_all(q);
		return NULL;
	}
	q->done = done;
	q->arg = arg;
	uv_timer_start(&q->limit, on_limit, VERSION_QUERY_LIMIT_MS, 0);
	uv_read_start((uv_stream_t *)&q->output, on_room, on_output);
	return q;
}

void version_query_cancel(struct version_query *q)
{
	if (!q)
		return;
	q->done = NULL;
	kill_program(q);
	close_all(q);
}
