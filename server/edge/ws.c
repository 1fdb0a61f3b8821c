#include "edge/ws.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fifo.h"
#include "base/log.h"
#include "edge/control_queue.h"
#include "edge/handshake.h"
#include "edge/wire.h"

/* A frame's header is written before its text, which is sent from where it waits. */
_Static_assert(TERMINAL_OUTPUT_FRONT >= LWS_PRE, "no room for the header of a frame");

/* Bytes that the kernel may hold for a socket beyond what is on its way. */
#define UNSENT_MAX_BYTES 65536

/* When the session has ended, how long a peer may take to read what is left. */
#define FAREWELL_SECONDS 10

struct peer {
	struct pulse pulse; /* once it is established */
	struct lws *wsi;
	struct server *server;
	struct terminal *terminal;
	struct client client; /* holds one of its WebSocket slots */
	char session_id[SESSION_ID_BYTES];
	int64_t rows, cols;
	uint64_t since_ms, bytes_in, bytes_out;
	struct stopwatch watch;
	struct fifo message; /* the pieces of a message that has not ended */
	struct fifo control; /* control_queue.h */
	bool reading;        /* the socket is read */
	bool control_lost;   /* the log knows */
	bool established;    /* counted in peer_count */
	bool explained;      /* the error message that goes with the end has been queued */
	bool closing;        /* a close frame is on its way, from either side */
	bool choked;         /* the socket takes no more */
	bool ended, exited, ping_due;
	enum exit_kind exit_kind;
	unsigned exit_value;
	enum end_reason reason; /* of the close, when ended */
};

/* --- the connection --- */

static struct peer *new_peer(struct lws *wsi, const char *id)
{
	struct server *s = server_of(wsi);
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->wsi = wsi;
	p->server = s;
	p->since_ms = clock_monotonic_ms();
	p->reading = true;
	p->cols = handshake_size(wsi, "cols=", 80);
	p->rows = handshake_size(wsi, "rows=", 24);
	memcpy(p->session_id, id, strlen(id) + 1);
	fifo_init(&p->message, (size_t)s->parts.config->max_message_bytes);
	fifo_init(&p->control, CONTROL_QUEUE_MAX);
	return p;
}

int ws_on_accepted(struct lws *wsi, struct connection *c)
{
	char id[SESSION_ID_BYTES];
	struct peer *p = handshake_path(wsi, id) ? new_peer(wsi, id) : NULL;

	if (!p || !handshake_take_upgrade(p->server, wsi, &p->client)) {
		free(p);
		return -1;
	}
	c->peer = p;
	return 0;
}

/* --- what goes out --- */

static void queue_control(struct peer *p, char *text)
{
	if (!control_queue_push(&p->control, text) && !p->control_lost) {
		log_warn("websocket.control_dropped", LOG_S("session", p->session_id));
		p->control_lost = true;
	}
	free(text);
	lws_callback_on_writable(p->wsi);
}

/* text has LWS_PRE bytes before it that are overwritten. What the socket does not take the library keeps, and is then choked. */
static int write_text(struct peer *p, uint8_t *text, size_t len)
{
	p->bytes_out += len;
	return lws_write(p->wsi, text, len, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

/* Returns 1, or -1 on failure. */
static int send_control(struct peer *p)
{
	uint8_t *text = p->server->tx + LWS_PRE;

	return write_text(p, text, control_queue_take(&p->control, text)) < 0 ? -1 : 1;
}

/* Returns 1 when there was output to send and 0 when not, -1 on failure. */
static int send_output(struct peer *p)
{
	struct output_text o = {.scratch = p->server->tx + LWS_PRE, .last = p->exited || p->ended};
	size_t len, used;
	uint8_t *data = terminal_output(p->terminal, &len);

	used = len ? output_text_make(&o, data, len) : 0;
	if (!used)
		return 0; /* or the rest of a sequence is still to come */
	if (write_text(p, o.text, o.len) < 0)
		return -1;
	terminal_output_done(p->terminal, used);
	stopwatch_output(&p->watch, &p->server->stats, used);
	return 1;
}

/* The polite way: sends the close frame, waits for the other side's. Returning -1 would not do: docs/decisions/002. */
static void close_peer(struct peer *p)
{
	const struct ending *how = ending(p->reason);

	p->closing = true;
	lws_close_reason(p->wsi, how->close_code, (unsigned char *)how->text, strlen(how->text));
	lws_set_timeout(p->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

/* libwebsockets is about to close because of what the client sent. Without a reason it would not send a close frame. */
void ws_on_dropped(struct connection *c)
{
	struct peer *p = c->peer;

	if (!p || !p->established || p->closing)
		return;
	p->closing = true;
	if (!lws_get_close_length(p->wsi))
		lws_close_reason(p->wsi, LWS_CLOSE_STATUS_PROTOCOL_ERR, NULL, 0);
}

int ws_on_peer_closing(struct connection *c, size_t len)
{
	struct peer *p = c->peer;

	if (!p)
		return 0;
	if (len == 1) { /* RFC 6455 section 5.5.1: no payload, or two bytes at least */
		lws_close_reason(p->wsi, LWS_CLOSE_STATUS_PROTOCOL_ERR, NULL, 0);
		return -1;
	}
	p->closing = true;
	return 0;
}

/* All output is out: say how it ended, then close. */
static void finish(struct peer *p)
{
	const char *error = ending(p->reason)->error;

	if (p->exited) {
		p->exited = false;
		queue_control(p, wire_exit(p->exit_kind, p->exit_value));
		return;
	}
	if (error && !p->explained) {
		p->explained = true;
		queue_control(p, wire_error(error, ending(p->reason)->text, 0));
		return;
	}
	close_peer(p);
}

/* With a byte in it, since libwebsockets 4.1.6 does not tell of an answer that is empty. */
static int send_ping(struct peer *p)
{
	p->ping_due = false;
	lws_callback_on_writable(p->wsi);
	p->server->tx[LWS_PRE] = '.';
	return lws_write(p->wsi, p->server->tx + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -1 : 0;
}

/* Sends what waits. Returns 1 when the socket takes no more, be it the rest of a frame, and 0 when all is out; -1 on failure. */
static int send_waiting(struct peer *p)
{
	int sent = 1;

	while (sent > 0 &&
	       (p->control.len || (p->terminal && terminal_output_waiting(p->terminal)))) {
		if (lws_send_pipe_choked(p->wsi))
			return p->choked = true;
		sent = p->control.len ? send_control(p) : send_output(p);
	}
	p->choked = lws_partial_buffered(p->wsi);
	return sent < 0 ? -1 : p->choked;
}

int ws_on_writable(struct connection *c)
{
	struct peer *p = c->peer;

	if (!p || p->closing)
		return 0;
	if (p->choked) /* no longer: the other side reads, if slowly */
		p->pulse.heard_ms = clock_monotonic_ms();
	if (p->ping_due)
		return send_ping(p);
	int left = send_waiting(p);
	if (left < 0)
		return -1;
	if (left)
		lws_callback_on_writable(p->wsi);
	else if (p->ended)
		finish(p);
	return 0;
}

/* --- events of the terminal --- */

/* The library looks at its timers only when something happens on one of its sockets, and this may be called at any time. */
static void set_timeout(struct peer *p, int seconds)
{
	lws_set_timeout(p->wsi, PENDING_TIMEOUT_USER_REASON_BASE, seconds);
	lws_cancel_service(p->server->lws);
}

/* Soon, and whatever the socket has not taken: LWS_TO_KILL_SYNC would wait for that, for ever when asked twice. */
static void hang_up(struct peer *p)
{
	p->closing = true;
	set_timeout(p, LWS_TO_KILL_ASYNC);
}

/* A key's echo does not wait for a turn of the loop: nothing is before it as long as the socket takes more. */
static void on_output(void *arg)
{
	struct peer *p = arg;
	int left = p->closing || p->ended ? 0 : send_waiting(p);

	if (left > 0)
		lws_callback_on_writable(p->wsi);
	else if (left < 0)
		hang_up(p);
}

static void read_again(void *arg)
{
	struct peer *p = arg;

	if (p->reading)
		return;
	p->reading = true;
	p->pulse.heard_ms = clock_monotonic_ms();
	lws_rx_flow_control(p->wsi, 1);
}

static void on_init_complete(void *arg, bool success, const char *error)
{
	queue_control(arg, wire_init_complete(success, error));
}

static void on_limited(void *arg, uint64_t retry_after_ms)
{
	queue_control(arg, wire_error("RateLimited",
				      "Too many commands: your input waits until more are allowed.",
				      (int)((retry_after_ms + 999) / 1000)));
}

static void on_warning(void *arg, enum end_reason reason, int seconds_left)
{
	const struct ending *how = ending(reason);

	queue_control(arg, wire_warning(how->warning_code, how->warning, seconds_left));
}

static void end_peer(void *arg, enum end_reason reason)
{
	struct peer *p = arg;

	if (p->ended)
		return;
	p->ended = true;
	p->reason = reason;
	terminal_hang_up(p->terminal);
	read_again(p); /* for the answer to our close frame */
	set_timeout(p, FAREWELL_SECONDS);
	lws_callback_on_writable(p->wsi);
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	struct peer *p = arg;

	p->exited = true;
	p->exit_kind = kind;
	p->exit_value = value;
	end_peer(p, END_SHELL_EXITED);
}

static const struct terminal_events terminal_events = {
	.on_output = on_output,
	.on_room = read_again,
	.on_init_complete = on_init_complete,
	.on_exit = on_exit_event,
	.on_end = end_peer,
	.on_limited = on_limited,
	.on_warning = on_warning,
};

/* --- the connection --- */

/* What waits unsent in the kernel cannot be overtaken by anything, and says nothing of the reader's pace. */
static void bound_kernel_queue(struct lws *wsi)
{
	int bytes = UNSENT_MAX_BYTES;

	setsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

/* A sandbox that takes no frames any more is about to end; its session has not heard of it yet. */
static enum end_reason why_no_terminal(const struct err *err)
{
	if (err->kind == ERR_GONE)
		return END_NO_SESSION;
	return err->kind == ERR_UPSTREAM ? END_SANDBOX_DIED : END_NO_TERMINAL;
}

int ws_on_established(struct lws *wsi, struct connection *c)
{
	struct peer *p = c->peer;
	struct err err;

	if (!p)
		return -1;
	bound_kernel_queue(wsi);
	p->server->peer_count++;
	edge_stats_response(&p->server->stats, 101);
	pulse_begin(&p->server->pulses, &p->pulse, clock_monotonic_ms());
	struct session *session = sessions_find(p->server->parts.sessions, p->session_id);
	p->established = true;
	if (!session) {
		end_peer(p, END_NO_SESSION);
		return 0;
	}
	p->terminal =
		terminal_open(session, &p->client, p->rows, p->cols, &terminal_events, p, &err);
	if (!p->terminal) {
		log_error("terminal.failed", LOG_S("session", p->session_id),
			  LOG_S("error", err.msg));
		end_peer(p, why_no_terminal(&err));
		return 0;
	}
	log_info("websocket.connected", LOG_S("session", p->session_id),
		 LOG_S("client", p->client.name));
	stopwatch_start(&p->watch, terminal_start_kind(p->terminal));
	queue_control(p, wire_connected(p->session_id));
	terminal_begin(p->terminal);
	return 0;
}

void ws_on_pong(struct connection *c)
{
	if (c->peer)
		c->peer->pulse.heard_ms = clock_monotonic_ms();
}

static void on_quiet(struct pulse *pulse)
{
	struct peer *p = (struct peer *)pulse;

	p->ping_due = true;
	lws_callback_on_writable(p->wsi);
}

/* Who does not answer our pings has gone without a word. While we do not read, we cannot know. */
static bool on_silent(struct pulse *pulse)
{
	struct peer *p = (struct peer *)pulse;

	if (p->reading)
		hang_up(p);
	return p->reading;
}

const struct pulse_events ws_pulse_events = {.on_quiet = on_quiet, .on_silent = on_silent};

void ws_on_closed(struct connection *c)
{
	struct peer *p = c->peer;

	if (!p)
		return;
	c->peer = NULL;
	if (p->established) {
		log_info("websocket.disconnected", LOG_S("session", p->session_id),
			 LOG_S("client", p->client.name),
			 LOG_S("reason", p->ended ? ending(p->reason)->name : "client_left"),
			 LOG_U("duration_ms", clock_monotonic_ms() - p->since_ms),
			 LOG_U("bytes_in", p->bytes_in), LOG_U("bytes_out", p->bytes_out));
		p->server->peer_count--;
		pulse_end(&p->server->pulses, &p->pulse);
	}
	limiter_give_websocket(p->server->parts.limiter, &p->client);
	terminal_close(p->terminal);
	fifo_finish(&p->message);
	fifo_finish(&p->control);
	free(p);
}

/* --- what comes in --- */

static void complain(struct peer *p, const struct err *err)
{
	queue_control(p, wire_error(err->kind == ERR_BUSY ? "Busy" : "BadRequest", err->msg, 0));
}

static void type_input(struct peer *p, const void *data, size_t len)
{
	stopwatch_input(&p->watch, &p->server->stats, len);
	if (!terminal_input(p->terminal, data, len)) {
		end_peer(p, END_INTERNAL);
		return;
	}
	if (p->reading && terminal_input_waiting(p->terminal) >= TERMINAL_INPUT_HIGH) {
		p->reading = false;
		lws_rx_flow_control(p->wsi, 0);
	}
}

static void run_init(struct peer *p, const struct wire_message *m)
{
	struct err err;

	if (terminal_run_init(p->terminal, m->commands, m->command_count, m->timeout_ms, m->silent,
			      &err) < 0)
		complain(p, &err);
}

static void take_text(struct peer *p, const char *text, size_t len)
{
	struct wire_message m;
	struct err err;

	if (wire_decode(text, len, &m, &err) < 0) {
		complain(p, &err);
		return;
	}
	if (m.type == WIRE_RAW)
		type_input(p, text, len);
	else if (m.type == WIRE_INPUT)
		type_input(p, m.data, m.len);
	else if (m.type == WIRE_RESIZE)
		terminal_resize(p->terminal, m.rows, m.cols);
	else
		run_init(p, &m);
	wire_finish(&m);
}

static void take_message(struct peer *p, const void *data, size_t len)
{
	p->bytes_in += len;
	if (!p->terminal || p->ended)
		return;
	if (lws_frame_is_binary(p->wsi))
		type_input(p, data, len);
	else
		take_text(p, data, len);
}

int ws_on_receive(struct connection *c, const void *data, size_t len)
{
	struct peer *p = c->peer;
	size_t left = lws_remaining_packet_payload(p->wsi);
	bool whole = left == 0 && lws_is_final_fragment(p->wsi);

	p->pulse.heard_ms = clock_monotonic_ms();
	if (p->ended)
		return 0;
	if (len > fifo_room(&p->message) || left > fifo_room(&p->message) - len) {
		end_peer(p, END_MESSAGE_TOO_BIG);
		return 0;
	}
	if (whole && !p->message.len) {
		take_message(p, data, len);
		return 0;
	}
	if (!fifo_push(&p->message, data, len))
		return -1;
	if (whole) {
		take_message(p, fifo_peek(&p->message), p->message.len);
		fifo_drop(&p->message, p->message.len);
	}
	return 0;
}
