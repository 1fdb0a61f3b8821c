#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "edge/api.h"
#include "edge/handshake.h"
#include "edge/http.h"
#include "edge/server_internal.h"
#include "edge/ws.h"

/* Connections whose headers are being read at once; the others wait their turn in the kernel. */
#define HEADER_POOL 1024

/* Bytes that are read from a WebSocket at once; the library keeps a buffer of this size for each. */
#define RX_BYTES 4096

struct server *server_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

bool is_metrics_connection(struct lws *wsi)
{
	const struct server *s = server_of(wsi);

	return s->metrics && lws_get_vhost(wsi) == s->metrics;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t len)
{
	struct connection *c = user;

	/* CONNECT: the library would make it a raw connection without any time limit. */
	if (reason == LWS_CALLBACK_RAW_ADOPT)
		return -1;
	if (reason == LWS_CALLBACK_WSI_DESTROY)
		handshake_forget_upgrade(server_of(wsi), wsi);
	/* A connection that ends before its first request is whole has no user space; nothing else needs none. */
	if (!c && reason != LWS_CALLBACK_HTTP_CONFIRM_UPGRADE)
		return 0;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return http_on_request(wsi, c, in, len);
	case LWS_CALLBACK_HTTP_BODY:
		return http_on_body(c, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return http_on_body_complete(c);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return http_on_writable(c);
	case LWS_CALLBACK_CLOSED_HTTP:
		http_on_closed(c);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return handshake_judge(wsi);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return ws_on_accepted(wsi, c);
	case LWS_CALLBACK_ESTABLISHED:
		return ws_on_established(wsi, c);
	case LWS_CALLBACK_RECEIVE_PONG:
		ws_on_pong(c);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return ws_on_receive(c, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return ws_on_writable(c);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return ws_on_peer_closing(c, len);
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
		ws_on_dropped(c);
		return 0;
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY: /* of an upgrade that was let in but failed on the way */
		ws_on_closed(c);
		return 0;
	default:
		return 0;
	}
}

/* libwebsockets' own words are for its developers; what matters we log ourselves. */
static void on_lws_log(int level, const char *line)
{
	char text[256];

	strncpy(text, line, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[strcspn(text, "\n")] = '\0';
	log_debug("lws", LOG_I("level", level), LOG_S("line", text));
}

static const struct lws_protocols protocols[] = {
	{.name = "sandbox",
	 .callback = on_event,
	 .per_session_data_size = sizeof(struct connection),
	 .rx_buffer_size = RX_BYTES,
	 .tx_packet_size = TX_BYTES},
	{.name = NULL},
};

/* The library neither pings nor hangs up: pulse.h does. */
static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};

static void describe_context(struct server *s, struct lws_context_creation_info *info, void **loops)
{
	memset(info, 0, sizeof(*info));
	loops[0] = s->parts.loop;
	info->foreign_loops = loops;
	info->user = s;
	info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			LWS_SERVER_OPTION_VALIDATE_UTF8 |
			LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
	info->max_http_header_data2 = HEADERS_MAX;
	info->max_http_header_pool2 = HEADER_POOL;
	info->pt_serv_buf_size = TX_BYTES;
	info->timeout_secs = 10;
	info->retry_and_idle_policy = &no_pings;
}

static void describe_vhost(struct lws_context_creation_info *info, const char *name,
			   const char *host, int port)
{
	memset(info, 0, sizeof(*info));
	info->vhost_name = name;
	info->port = port;
	info->iface = host;
	info->protocols = protocols;
	info->extensions = NULL; /* no compression: its memory is the sender's to choose */
	info->alpn = "http/1.1";
	info->options = LWS_SERVER_OPTION_VALIDATE_UTF8 |
			LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
			LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
	if (!strchr(host, ':'))
		info->options |= LWS_SERVER_OPTION_DISABLE_IPV6;
	info->ka_time = 60;
	info->ka_probes = 3;
	info->ka_interval = 10;
	info->timeout_secs = 10;
	info->keepalive_timeout = 30;
	info->retry_and_idle_policy = &no_pings;
}

static struct lws_vhost *listen_on(struct server *s, const char *name, const char *host, int port,
				   struct err *err)
{
	struct lws_context_creation_info info;

	describe_vhost(&info, name, host, port);
	struct lws_vhost *vhost = lws_create_vhost(s->lws, &info);
	if (!vhost)
		err_set(err, ERR_INTERNAL, 0, "cannot listen on %s port %d: is it in use?", host,
			port);
	return vhost;
}

static bool listen_all(struct server *s, struct err *err)
{
	const struct config *config = s->parts.config;

	s->vhost = listen_on(s, "default", config->host, (int)config->port, err);
	if (!s->vhost || !config->metrics_port)
		return s->vhost != NULL;
	s->metrics = listen_on(s, "metrics", config->metrics_host, (int)config->metrics_port, err);
	if (!s->metrics)
		err_wrap(err, "METRICS_PORT");
	return s->metrics != NULL;
}

static struct server *new_server(const struct server_parts *parts)
{
	struct lws_context_creation_info info;
	struct server *s = calloc(1, sizeof(*s));
	void *loops[1];

	if (!s)
		return NULL;
	s->parts = *parts;
	s->started_ms = clock_monotonic_ms();
	edge_stats_init(&s->stats);
	s->process = process_new(parts->loop, PROCESS_DESCRIPTORS);
	lws_set_log_level(log_enabled(LOG_DEBUG) ? LLL_ERR | LLL_WARN : 0, on_lws_log);
	describe_context(s, &info, loops);
	s->lws = s->process ? lws_create_context(&info) : NULL;
	if (s->lws)
		return s;
	server_free(s);
	return NULL;
}

struct server *server_new(const struct server_parts *parts, struct err *err)
{
	struct server *s = new_server(parts);

	if (!s) {
		err_set(err, ERR_INTERNAL, 0, "no memory for the server");
		return NULL;
	}
	if (listen_all(s, err))
		return s;
	server_free(s);
	return NULL;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	if (s->lws)
		lws_context_destroy(s->lws);
	process_free(s->process);
	uv_run(s->parts.loop, UV_RUN_NOWAIT);
	free(s);
}

int server_port(const struct server *s)
{
	return lws_get_vhost_listen_port(s->vhost);
}

void server_sweep(struct server *s, uint64_t now_ms)
{
	pulse_sweep(&s->pulses, &ws_pulse_events, now_ms);
}

size_t server_peer_count(const struct server *s)
{
	return s->peer_count;
}

void server_describe(const struct server *s, char *text, size_t size)
{
	api_describe(s, text, size);
}
