#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_codec.h"
#include "config/report.h"

/* Who may do what with a file that holds a secret: nobody beyond its owner and group. */
#define OTHERS 07

struct load {
	struct config *config;
	struct config_trace *trace; /* or NULL */
	struct report report;
	const struct config_file *file;
	const char *path;               /* of the file */
	unsigned seen_on[SETTINGS_MAX]; /* line in the file; 0: not yet */
	const struct setting *secret;   /* the first one that the file holds */
};

static bool is_secret(const struct setting *s)
{
	return s->flags & SETTING_SECRET;
}

/* Takes a value over the one before. False, and what would be right in `accepted`, when it is wrong. */
static bool take(struct load *l, const struct setting *s, const char *text,
		 enum config_source source, unsigned line, char accepted[CONFIG_TEXT_BYTES])
{
	if (!s->parse(s, text, (char *)l->config + s->offset, accepted, CONFIG_TEXT_BYTES))
		return false;
	if (l->trace) {
		struct config_origin *origin = &l->trace->origins[s - settings];
		free(origin->text);
		*origin = (struct config_origin){source, line, strdup(text)};
	}
	return true;
}

/* --- the environment --- */

static void load_variable(struct load *l, const struct setting *s, config_getenv_fn get)
{
	char accepted[CONFIG_TEXT_BYTES], shown[REPORT_SHOWN_BYTES];
	const char *text = get(s->name);

	if (!text || !*text || take(l, s, text, CONFIG_FROM_ENVIRONMENT, 0, accepted))
		return;
	report_add(&l->report, "%s: %s is not %s", s->name,
		   is_secret(s) ? "the value" : report_show(shown, "\"", text), accepted);
}

/* --- the file --- */

/* A value under an unknown name is not shown: the name may be a secret's with a slip. */
static void refuse_unknown(struct load *l, const struct config_member *m)
{
	char shown[REPORT_SHOWN_BYTES], name[SETTING_NAME_BYTES] = "";

	/* Whoever fills the list does not get a search for each line that has no room. */
	const struct setting *near_it =
		report_is_full(&l->report) ? NULL : settings_nearest(m->key);
	if (near_it)
		setting_json_name(near_it, name);
	report_add(&l->report, "%s:%u: %s: there is no such setting%s%s%s", l->path, m->line,
		   report_show(shown, *m->key ? "" : "\"", m->key),
		   near_it ? "; did you mean " : "", name, near_it ? "?" : "; --help lists all");
}

static const char *show_member(const struct setting *s, const struct config_member *m,
			       char shown[REPORT_SHOWN_BYTES])
{
	if (is_secret(s))
		return "the value";
	return m->shown ? report_show(shown, "", m->shown) : report_show(shown, "\"", m->text);
}

static void load_value(struct load *l, const struct setting *s, const struct config_member *m)
{
	char accepted[CONFIG_TEXT_BYTES], shown[REPORT_SHOWN_BYTES];
	bool right_type = m->text && (m->type & value_types(s));

	if (right_type && take(l, s, m->text, CONFIG_FROM_FILE, m->line, accepted))
		return;
	if (right_type) {
		report_add(&l->report, "%s:%u: %s: %s is not %s", l->path, m->line, m->key,
			   show_member(s, m, shown), accepted);
		return;
	}
	struct config ignored;
	s->parse(s, "", (char *)&ignored + s->offset, accepted, sizeof(accepted));
	report_add(&l->report, "%s:%u: %s: %s is %s; accepted is %s: %s", l->path, m->line, m->key,
		   show_member(s, m, shown), m->type_name, value_types_name(s), accepted);
}

static void on_member(const struct config_member *m, void *arg)
{
	struct load *l = arg;
	const struct setting *s = settings_find(m->key);

	if (!s) {
		refuse_unknown(l, m);
		return;
	}
	unsigned *seen_on = &l->seen_on[s - settings];
	if (is_secret(s) && !(m->text && !*m->text) && !l->secret)
		l->secret = s;
	if (*seen_on)
		report_add(&l->report, "%s:%u: %s: is already on line %u", l->path, m->line, m->key,
			   *seen_on);
	else
		*seen_on = m->line;
	load_value(l, s, m);
}

static void check_permissions(struct load *l)
{
	char name[SETTING_NAME_BYTES];

	if (!l->secret || !(l->file->mode & OTHERS))
		return;
	setting_json_name(l->secret, name);
	report_add(
		&l->report,
		"%s: holds %s, and mode %04o lets every user of this machine at it: chmod 640 %s",
		l->path, name, l->file->mode, l->path);
}

static void load_file(struct load *l)
{
	struct err err;

	if (!l->file->data)
		report_add(&l->report, "%s: %s", l->path, l->file->problem);
	else if (config_codec_each(l->file->data, l->file->len, on_member, l, &err) < 0)
		report_add(&l->report, "%s:%s", l->path, err.msg);
	check_permissions(l);
}

/* --- all of it --- */

static void name_worker(struct config *config)
{
	char host[64] = "";

	if (config->worker_id[0])
		return;
	gethostname(host, sizeof(host) - 1);
	snprintf(config->worker_id, sizeof(config->worker_id), "%s-%d",
		 host[0] ? host : "localhost", (int)config->port);
}

/* libwebsockets would serve both on one socket. */
static void check_ports(struct load *l)
{
	const struct config *config = l->config;

	if (config->metrics_port && config->metrics_port == config->port)
		report_add(&l->report, "METRICS_PORT: %d is PORT, too: choose another one",
			   (int)config->port);
}

int config_load_all(struct config *config, config_getenv_fn get, const struct config_file *file,
		    struct config_trace *trace, char *complaints, size_t size)
{
	char accepted[CONFIG_TEXT_BYTES];
	struct load l = {.config = config,
			 .trace = trace,
			 .report = {.text = complaints, .size = size},
			 .file = file,
			 .path = file ? file->path : NULL};

	memset(config, 0, sizeof(*config));
	complaints[0] = '\0';
	for (size_t i = 0; i < settings_count; i++)
		take(&l, &settings[i], settings[i].fallback, CONFIG_DEFAULT, 0, accepted);
	if (file)
		load_file(&l);
	for (size_t i = 0; i < settings_count; i++)
		load_variable(&l, &settings[i], get);
	check_ports(&l);
	name_worker(config);
	return l.report.count;
}

int config_load(struct config *config, config_getenv_fn get, char *complaints, size_t size)
{
	return config_load_all(config, get, NULL, NULL, complaints, size);
}

void config_trace_finish(struct config_trace *trace)
{
	for (size_t i = 0; i < settings_count; i++)
		free(trace->origins[i].text);
	*trace = (struct config_trace){0};
}

bool config_is_open(const struct config *config)
{
	return !config_is_loopback(config->host) && !config->api_key[0] &&
	       !config->allowed_origins.count && !config->frontend_origin.count;
}

bool config_is_loopback(const char *host)
{
	struct cidr_list loopback = {.count = 2};

	return cidr_parse("127.0.0.0/8", &loopback.blocks[0]) &&
	       cidr_parse("::1", &loopback.blocks[1]) && cidr_list_contains(&loopback, host);
}
