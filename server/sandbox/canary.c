#include "sandbox/canary.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct canary {
	struct fleet *fleet;
	struct sandbox *sandbox; /* NULL: it has ended, or was ended by us */
	canary_done_fn done;
	void *arg;
	uint64_t started_ms, deadline_ms;
	bool demand_isolation;
	bool concluded; /* the result is final */
	struct canary_origin origin;
	struct canary_result result;
	char output[CANARY_OUTPUT_MAX];
	size_t len;
};

static void end_sandbox(struct canary *c)
{
	struct sandbox *s = c->sandbox;

	c->sandbox = NULL;
	sandbox_free(s);
}

/* Of several ends the first one counts. */
static void conclude(struct canary *c)
{
	c->concluded = true;
	c->result.took_ms = clock_monotonic_ms() - c->started_ms;
	end_sandbox(c);
}

__attribute__((format(printf, 2, 3))) static void fail(struct canary *c, const char *format, ...)
{
	va_list args;

	if (c->concluded)
		return;
	va_start(args, format);
	vsnprintf(c->result.problem, sizeof(c->result.problem), format, args);
	va_end(args);
	conclude(c);
}

static bool demanded(const struct canary *c, enum canary_fact fact)
{
	return fact == CANARY_ISOLATED ? c->demand_isolation : fact != CANARY_MEMORY_LIMIT;
}

static void judge(struct canary *c)
{
	c->result.reported = true;
	for (enum canary_fact i = 0; i < CANARY_FACT_COUNT; i++)
		if (!c->result.seen.facts[i] && demanded(c, i)) {
			const char *doubt = i == CANARY_ISOLATED ? c->result.seen.doubt : NULL;
			fail(c, "in a sandbox %s%s%s", canary_fact_texts[i].bad, doubt ? ": " : "",
			     doubt ? doubt : "");
			return;
		}
	c->result.ok = true;
	conclude(c);
}

/* --- the probe's terminal --- */

static void on_output(void *arg, const uint8_t *data, size_t len)
{
	struct canary *c = arg;

	if (c->concluded)
		return;
	if (len > sizeof(c->output) - c->len) {
		fail(c, "the probe in the sandbox says too much");
		return;
	}
	memcpy(c->output + c->len, data, len);
	c->len += len;
	if (canary_probe_read(c->output, c->len, &c->origin, &c->result.seen))
		judge(c);
}

static void on_room(void *arg)
{
	(void)arg;
}

static void on_exit_event(void *arg, enum exit_kind kind, unsigned value)
{
	fail(arg, "the probe in the sandbox ended with %s %u and without a report",
	     kind == EXIT_SIGNAL ? "signal" : "status", value);
}

static void on_lost(void *arg, const struct err *err)
{
	fail(arg, "the probe could not run: %s", err->msg);
}

static const struct pty_events pty_events = {
	.on_output = on_output, .on_room = on_room, .on_exit = on_exit_event, .on_lost = on_lost};

/* --- the sandbox --- */

static void on_ready(void *arg)
{
	struct canary *c = arg;
	struct err err;

	c->origin.age_ms = clock_monotonic_ms() - c->started_ms;
	if (!pty_open(sandbox_ptys(c->sandbox), canary_probe_argv, 24, 80, &pty_events, c, &err))
		on_lost(c, &err);
}

static void on_end(void *arg, enum sandbox_end end, const struct err *err)
{
	struct canary *c = arg;

	c->sandbox = NULL;
	fail(c, "%s: %s",
	     end == SANDBOX_END_START_FAILED ? "a sandbox does not start"
					     : "the sandbox ended too early",
	     err->msg);
}

static const struct sandbox_events sandbox_events = {.on_ready = on_ready, .on_end = on_end};

/* Not every server may read it: systemd's ProcSubset=pid hides it. */
static void read_boot_id(char boot_id[CANARY_BOOT_ID_BYTES])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file)
		return;
	if (!fgets(boot_id, CANARY_BOOT_ID_BYTES, file))
		boot_id[0] = '\0';
	fclose(file);
}

struct canary *canary_start(struct fleet *f, const struct environment *environment,
			    bool demand_isolation, canary_done_fn done, void *arg, uint64_t now_ms,
			    struct err *err)
{
	struct canary *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(err, ERR_INTERNAL, 0, "no memory for a canary");
		return NULL;
	}
	*c = (struct canary){
		.fleet = f, .demand_isolation = demand_isolation, .done = done, .arg = arg};
	read_boot_id(c->origin.boot_id);
	c->started_ms = clock_monotonic_ms();
	c->deadline_ms = now_ms + CANARY_LIMIT_MS;
	const struct sandbox_order order = {.environment = environment,
					    .session_id = CANARY_SESSION,
					    .lifetime_ms = CANARY_LIMIT_MS};
	c->sandbox = sandbox_new(f, &order, &sandbox_events, c, err);
	if (!c->sandbox) {
		free(c);
		return NULL;
	}
	snprintf(c->result.container, sizeof(c->result.container), "%s", sandbox_name(c->sandbox));
	return c;
}

void canary_cancel(struct canary *c)
{
	if (!c)
		return;
	c->concluded = true;
	end_sandbox(c);
	free(c);
}

void canary_sweep(struct canary *c, uint64_t now_ms)
{
	bool late = now_ms >= c->deadline_ms;

	if (late)
		fail(c, "a sandbox does not answer within %d s", CANARY_LIMIT_MS / 1000);
	if (!c->concluded || (c->result.ok && !late && fleet_knows(c->fleet, c->result.container)))
		return;
	struct canary_result result = c->result;
	canary_done_fn done = c->done;
	void *arg = c->arg;
	free(c);
	done(arg, &result);
}
