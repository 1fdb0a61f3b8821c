#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sandbox/sandbox_internal.h"

/* The Engine's own limits end the calls; these catch what falls between. */
#define STATE_LIMIT_MS    15000
#define GREETING_LIMIT_MS 10000

/* After its stream has ended, how long the Engine may take to say why. */
#define DYING_LIMIT_MS 1500

#define PONG_BYTES 8

/* What the Engine reports of a container that SIGKILL ended. */
#define EXIT_CODE_SIGKILL 137

static const char *const state_names[] = {"creating", "attaching", "starting", "greeting",
					  "ready",    "dying",     "abandoned"};

static void enter(struct sandbox *s, enum sandbox_state state, uint64_t limit_ms)
{
	uint64_t now_ms = clock_monotonic_ms();

	log_debug("sandbox.state", LOG_S("sandbox", s->name), LOG_S("from", state_names[s->state]),
		  LOG_S("to", state_names[state]), LOG_U("age_ms", now_ms - s->since_ms));
	s->state = state;
	s->deadline_ms = limit_ms ? now_ms + limit_ms : 0;
}

void sandbox_discard(struct sandbox *s)
{
	docker_cancel(s->call);
	stream_close(s->stream);
	agent_link_finish(&s->link);
	HASH_DEL(s->fleet->sandboxes, s);
	reaper_add(s->fleet->reaper, s->name);
	free(s);
}

/* A call in flight cannot be taken back: the Engine has to answer before its result can be removed. */
static void leave(struct sandbox *s)
{
	if (!s->call || s->state == ABANDONED) {
		sandbox_discard(s);
		return;
	}
	agent_link_finish(&s->link);
	stream_close(s->stream);
	s->stream = NULL;
	s->events = NULL;
	enter(s, ABANDONED, STATE_LIMIT_MS);
}

static void end(struct sandbox *s, enum sandbox_end how, const struct err *err)
{
	struct err why = *err;

	s->ending = true;
	if (s->events)
		log_info("sandbox.ended", LOG_S("sandbox", s->name),
			 LOG_S("state", state_names[s->state]), LOG_S("error", why.msg));
	/* The owner of a PTY may call sandbox_free() when it learns of the loss. */
	pty_table_finish(&s->ptys, &why);
	const struct sandbox_events *events = s->events;
	void *arg = s->arg;
	leave(s);
	if (events)
		events->on_end(arg, how, &why);
}

static void fail_start(struct sandbox *s, const struct err *err)
{
	if (s->state == STARTING || s->state == GREETING)
		fleet_note_failed_start(s->fleet, clock_monotonic_ms());
	end(s, SANDBOX_END_START_FAILED, err);
}

void sandbox_free(struct sandbox *s)
{
	struct err gone;

	if (!s)
		return;
	s->events = NULL;
	if (s->ending)
		return;
	err_set(&gone, ERR_GONE, 0, "the session has ended");
	end(s, SANDBOX_END_DIED, &gone);
}

/* --- what the agent says --- */

/* A frame that is not sent is missed for good, so the next sweep ends the sandbox: not now, we may be inside a call of
 * the session. */
static void give_up(struct sandbox *s)
{
	if (s->state != READY || s->deadline_ms)
		return;
	err_set(&s->why, ERR_UPSTREAM, 0, "agent: takes no frames any more");
	if (!s->out_of_memory)
		s->end = SANDBOX_END_VIOLATION;
	s->deadline_ms = clock_monotonic_ms();
}

static bool send_frame(void *arg, enum frame_type type, uint16_t terminal, const void *payload,
		       size_t len)
{
	struct frame_header h = {
		.type = (uint8_t)type, .terminal = terminal, .length = (uint32_t)len};
	uint8_t header[FRAME_HEADER_BYTES];
	struct sandbox *s = arg;

	frame_header_put(header, h);
	if (!s->stream)
		return false;
	if (stream_send(s->stream, header, sizeof(header), payload, len))
		return true;
	give_up(s);
	return false;
}

static void violation(struct sandbox *s, const struct err *err)
{
	end(s, s->state == READY ? SANDBOX_END_VIOLATION : SANDBOX_END_START_FAILED, err);
}

/* The agent's hello and the Engine's answer to start come in either order. */
static void become_ready(struct sandbox *s)
{
	enter(s, READY, 0);
	s->events->on_ready(s->arg);
}

static void on_hello(void *arg, unsigned version, unsigned terminals_max)
{
	struct sandbox *s = arg;
	struct err err;

	if (version != PROTOCOL_VERSION || terminals_max < AGENT_TERMINALS_MAX) {
		err_set(&err, ERR_UPSTREAM, 0,
			"agent: speaks version %u, not %d: rebuild the images", version,
			PROTOCOL_VERSION);
		violation(s, &err);
		return;
	}
	s->greeted = true;
	if (s->state == GREETING)
		become_ready(s);
}

static void check(struct sandbox *s, int result, const struct err *err)
{
	if (result < 0)
		violation(s, err);
}

static void on_opened(void *arg, uint16_t terminal, uint32_t credit)
{
	struct sandbox *s = arg;
	struct err err;

	check(s, pty_table_opened(&s->ptys, terminal, credit, &err), &err);
}

static void on_output(void *arg, uint16_t terminal, const uint8_t *data, size_t len)
{
	struct sandbox *s = arg;
	struct err err;

	check(s, pty_table_output(&s->ptys, terminal, data, len, &err), &err);
}

static void on_credit(void *arg, uint16_t terminal, uint32_t bytes)
{
	struct sandbox *s = arg;
	struct err err;

	check(s, pty_table_credit(&s->ptys, terminal, bytes, &err), &err);
}

static void on_exit_frame(void *arg, uint16_t terminal, enum exit_kind kind, unsigned value)
{
	struct sandbox *s = arg;
	struct err err;

	check(s, pty_table_exit(&s->ptys, terminal, kind, value, &err), &err);
}

static void on_error(void *arg, uint16_t terminal, unsigned error_number, const char *text)
{
	struct sandbox *s = arg;
	struct err err;

	check(s, pty_table_error(&s->ptys, terminal, error_number, text, &err), &err);
}

/* A sandbox is claimed once, so there is nothing to tell apart. */
static void on_pong(void *arg, const uint8_t token[PONG_BYTES])
{
	struct sandbox *s = arg;
	struct err err;

	(void)token;
	if (!s->claiming) {
		err_set(&err, ERR_UPSTREAM, 0, "agent: answers what nobody asked");
		violation(s, &err);
		return;
	}
	s->claiming = false;
	s->events->on_claimed(s->arg);
}

static void on_foreground(void *arg, uint16_t terminal, unsigned value)
{
	struct sandbox *s = arg;
	struct err err;

	check(s, pty_table_foreground(&s->ptys, terminal, value, &err), &err);
}

static const struct agent_link_events link_events = {
	.on_hello = on_hello,
	.on_opened = on_opened,
	.on_output = on_output,
	.on_credit = on_credit,
	.on_exit = on_exit_frame,
	.on_error = on_error,
	.on_pong = on_pong,
	.on_foreground = on_foreground,
};

/* --- the attach stream --- */

static void on_started(void *arg, const struct err *err);

static void on_stream_open(void *arg)
{
	struct sandbox *s = arg;
	struct err err;

	enter(s, STARTING, STATE_LIMIT_MS);
	s->call = docker_start(s->fleet->docker, s->name, on_started, s, &err);
	if (!s->call)
		fail_start(s, &err);
}

static void on_stream_data(void *arg, const uint8_t *data, size_t len)
{
	struct sandbox *s = arg;
	struct err err;

	if (agent_link_feed(&s->link, data, len, &err) < 0)
		violation(s, &err);
}

static void on_stream_settled(void *arg)
{
	struct sandbox *s = arg;

	pty_table_settle(&s->ptys);
}

static enum sandbox_end how_it_died(const struct sandbox *s)
{
	if (s->out_of_memory)
		return SANDBOX_END_OUT_OF_MEMORY;
	return s->fleet->events_up ? SANDBOX_END_DIED : SANDBOX_END_ENGINE_LOST;
}

/* A stream that ends before the start call has answered is that call's failure, which knows better why. */
static void on_stream_close(void *arg, const struct err *err)
{
	struct sandbox *s = arg;

	s->stream = NULL;
	if (s->state == STARTING)
		return;
	if (s->state != READY) {
		fail_start(s, err);
		return;
	}
	if (s->died) {
		end(s, s->end, &s->why);
		return;
	}
	s->why = *err;
	s->end = how_it_died(s);
	enter(s, DYING, DYING_LIMIT_MS);
}

static const struct stream_events stream_events = {
	.on_open = on_stream_open,
	.on_data = on_stream_data,
	.on_close = on_stream_close,
	.on_settled = on_stream_settled,
};

/* --- the Engine's answers --- */

static void on_created(void *arg, const char *id, const struct err *err)
{
	struct sandbox *s = arg;
	struct err attach_err;

	(void)id;
	s->call = NULL;
	if (err || s->state == ABANDONED) {
		end(s, SANDBOX_END_START_FAILED, err ? err : &s->why);
		return;
	}
	enter(s, ATTACHING, STATE_LIMIT_MS);
	s->stream = stream_open(s->fleet->docker, s->name, &stream_events, s, &attach_err);
	if (!s->stream)
		fail_start(s, &attach_err);
}

static void on_started(void *arg, const struct err *err)
{
	struct sandbox *s = arg;
	struct err lost;

	s->call = NULL;
	err_set(&lost, ERR_UPSTREAM, 0, "the sandbox ended while it started");
	if (err || s->state == ABANDONED || !s->stream)
		fail_start(s, err ? err : &lost);
	else if (s->greeted)
		become_ready(s);
	else
		enter(s, GREETING, GREETING_LIMIT_MS);
}

/* --- what the Engine says of its death, and deadlines --- */

/* Under runsc the Engine mostly misses that the memory limit was hit: docs/decisions/004. */
static enum sandbox_end how_it_exited(const struct sandbox *s, int64_t exit_code)
{
	if (s->out_of_memory)
		return SANDBOX_END_OUT_OF_MEMORY;
	return exit_code == EXIT_CODE_SIGKILL && !s->kill_asked ? SANDBOX_END_KILLED
								: SANDBOX_END_DIED;
}

void sandbox_on_die(struct sandbox *s, const struct docker_event *event)
{
	if (s->died || (s->state != READY && s->state != DYING))
		return;
	s->died = true;
	err_set(&s->why, ERR_GONE, (int)event->exit_code, "the sandbox exited with status %d",
		(int)event->exit_code);
	s->end = how_it_exited(s, event->exit_code);
	/* Output that came before the death is still in the stream: end with it, or soon. */
	if (s->stream)
		s->deadline_ms = clock_monotonic_ms() + DYING_LIMIT_MS;
	else
		end(s, s->end, &s->why);
}

void sandbox_engine_lost(struct sandbox *s)
{
	end(s, s->out_of_memory ? s->end : SANDBOX_END_ENGINE_LOST, &s->why);
}

void sandbox_expire(struct sandbox *s)
{
	struct err late;

	if (s->state == READY || s->state == DYING) {
		end(s, s->end, &s->why);
		return;
	}
	err_set(&late, ERR_UPSTREAM, 0, "the sandbox took too long %s", state_names[s->state]);
	fail_start(s, &late);
}

/* --- birth --- */

static uint32_t seconds(int64_t ms)
{
	return (uint32_t)(ms / 1000) + SANDBOX_GRACE_SECONDS;
}

static bool choose_name(struct sandbox *s)
{
	char nonce[17];

	if (!random_hex(nonce, sizeof(nonce) / 2))
		return false;
	snprintf(s->name, sizeof(s->name), "sandbox-%s-%s", s->order.environment->name, nonce);
	return true;
}

/* The agent's clock is set anew when a spare one gets its session; the label, which cannot change, says the latest possible end. */
static struct docker_call *create_container(struct sandbox *s, const char *session_id,
					    struct err *err)
{
	const struct config *config = s->fleet->config;
	const struct sandbox_order *o = &s->order;
	char lifetime[24], deadline[24];

	snprintf(lifetime, sizeof(lifetime), "%u",
		 seconds(o->spare_ms ? o->spare_ms : o->lifetime_ms));
	snprintf(deadline, sizeof(deadline), "%lld",
		 (long long)(clock_wall_ms() / 1000 + seconds(o->spare_ms + o->lifetime_ms)));
	const char *const argv[] = {ENVIRONMENT_AGENT, "--lifetime", lifetime, NULL};
	const struct docker_label labels[] = {
		{LABEL_OWNER, LABEL_OWNER_VALUE},          {LABEL_WORKER, config->worker_id},
		{LABEL_INSTANCE, s->fleet->instance},      {LABEL_SESSION, session_id},
		{LABEL_ENVIRONMENT, o->environment->name}, {LABEL_DEADLINE, deadline},
	};
	const struct docker_profile profile = {
		.image = o->environment->image,
		.runtime = config->use_gvisor ? config->gvisor_runtime : "",
		.home = ENVIRONMENT_HOME,
		.argv = argv,
		.labels = labels,
		.label_count = sizeof(labels) / sizeof(labels[0]),
	};
	return docker_create(s->fleet->docker, s->name, &profile, on_created, s, err);
}

struct sandbox *sandbox_new(struct fleet *f, const struct sandbox_order *order,
			    const struct sandbox_events *events, void *arg, struct err *err)
{
	struct sandbox *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(err, ERR_INTERNAL, 0, "no memory for a sandbox");
		return NULL;
	}
	*s = (struct sandbox){.fleet = f, .order = *order, .events = events, .arg = arg};
	s->since_ms = clock_monotonic_ms();
	s->deadline_ms = s->since_ms + STATE_LIMIT_MS;
	agent_link_init(&s->link, &link_events, s);
	pty_table_init(&s->ptys, send_frame, s, f->pace);
	if (!choose_name(s)) {
		err_set(err, ERR_INTERNAL, 0, "no random bytes");
		free(s);
		return NULL;
	}
	s->order.session_id = NULL;
	s->call = create_container(s, order->session_id, err);
	if (!s->call) {
		free(s);
		return NULL;
	}
	HASH_ADD_STR(f->sandboxes, name, s);
	return s;
}

bool sandbox_is_well(const struct sandbox *s)
{
	return s->state == READY && !s->deadline_ms;
}

void sandbox_claim(struct sandbox *s)
{
	uint8_t payload[4 + PONG_BYTES] = {0};

	s->claiming = true;
	put_u32(payload, seconds(s->order.lifetime_ms));
	send_frame(s, FRAME_DEADLINE, 0, payload, sizeof(payload));
}

void sandbox_set_owner(struct sandbox *s, const struct sandbox_events *events, void *arg)
{
	s->events = events;
	s->arg = arg;
}

const char *sandbox_name(const struct sandbox *s)
{
	return s->name;
}

struct pty_table *sandbox_ptys(struct sandbox *s)
{
	return &s->ptys;
}
