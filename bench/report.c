#include "bench/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *list, size_t count, size_t size)
{
	list = realloc(list, (count + 1) * size);
	if (!list)
		abort();
	return list;
}

void report_figure(struct report *r, const struct figure *f)
{
	r->figures = grow(r->figures, r->figure_count, sizeof(*f));
	r->figures[r->figure_count++] = *f;
}

void report_cost(struct report *r, const struct cost *c)
{
	r->costs = grow(r->costs, r->cost_count, sizeof(*c));
	r->costs[r->cost_count++] = *c;
}

void report_finish(struct report *r)
{
	free(r->figures);
	free(r->costs);
	*r = (struct report){0};
}

/* --- what follows from a figure --- */

double figure_ratio(const struct figure *f)
{
	double ours = f->ratio == RATIO_P99 ? f->ours.p99 : f->ours.p50;
	double reference = f->ratio == RATIO_P99 ? f->reference.p99 : f->reference.p50;

	return f->ratio == RATIO_NONE || reference == 0 ? 0 : ours / reference;
}

const char *figure_verdict(const struct figure *f)
{
	double ratio = figure_ratio(f);
	bool met = true;

	if (f->ratio_goal == 0 && f->p99_goal == 0)
		return "";
	if (f->ratio_goal != 0)
		met = f->is_rate ? ratio > f->ratio_goal : ratio < f->ratio_goal;
	if (f->p99_goal != 0)
		met &= f->ours.p99 < f->p99_goal;
	return met ? "met" : "missed";
}

static const char *cost_verdict(const struct cost *c)
{
	return c->goal == 0 ? "" : c->value < c->goal ? "met" : "missed";
}

char *report_round(char text[ROUNDED_BYTES], double value)
{
	int digits = value == 0 ? 0 : 2 - (int)floor(log10(fabs(value)));

	snprintf(text, ROUNDED_BYTES, "%.*f", digits < 0 ? 0 : digits > 4 ? 4 : digits, value);
	return text;
}

static const char *goal_text(const struct figure *f, char text[64])
{
	char ratio[ROUNDED_BYTES], p99[ROUNDED_BYTES];

	text[0] = '\0';
	if (f->ratio_goal != 0)
		snprintf(text, 64, "%s %s", f->is_rate ? "over" : "under",
			 report_round(ratio, f->ratio_goal));
	if (f->p99_goal != 0)
		snprintf(text + strlen(text), 64 - strlen(text), "%sp99 under %s %s",
			 text[0] ? ", " : "", report_round(p99, f->p99_goal), f->unit);
	return text;
}

/* --- tables --- */

static void print_summary(FILE *out, const char *title, const char *unit, const struct summary *s)
{
	char p50[ROUNDED_BYTES], p90[ROUNDED_BYTES], p99[ROUNDED_BYTES];

	fprintf(out, "| %-58s | %-4s | %6zu | %7s | %7s | %7s |", title, unit, s->count,
		report_round(p50, s->p50), report_round(p90, s->p90), report_round(p99, s->p99));
}

static void print_figure(FILE *out, const struct figure *f)
{
	char ratio[ROUNDED_BYTES], goal[64], title[96];

	print_summary(out, f->title, f->unit, &f->ours);
	fprintf(out, " %9s | %-30s | %-6s |\n", "", goal_text(f, goal), figure_verdict(f));
	if (!f->reference_title)
		return;
	snprintf(title, sizeof(title), "- %s", f->reference_title);
	print_summary(out, title, "", &f->reference);
	fprintf(out, " %5s%4s | %-30s | %-6s |\n",
		f->ratio ? report_round(ratio, figure_ratio(f)) : "",
		f->ratio == RATIO_P99 ? " p99" : "", "", "");
}

static void print_figures(const struct report *r, FILE *out)
{
	const char *group = "";

	for (size_t i = 0; i < r->figure_count; i++) {
		const struct figure *f = &r->figures[i];
		if (strcmp(f->group, group) != 0) {
			fprintf(out,
				"\n| %-58s | unit | %6s | %7s | %7s | %7s | %-9s | %-30s | %-6s "
				"|\n",
				f->group, "n", "p50", "p90", "p99", "to this", "goal", "");
			fprintf(out,
				"|%.60s|------|-------:|--------:|--------:|--------:|----------:|"
				"%.32s|--------|\n",
				"------------------------------------------------------------",
				"--------------------------------");
		}
		group = f->group;
		print_figure(out, f);
	}
}

static void print_costs(const struct report *r, FILE *out)
{
	char value[ROUNDED_BYTES], goal[ROUNDED_BYTES], bound[48];

	if (!r->cost_count)
		return;
	fprintf(out, "\n| %-58s | %-22s | %-16s | %-6s |\n", "costs", "", "goal", "");
	fprintf(out, "|%.60s|%.23s:|%.18s|--------|\n",
		"------------------------------------------------------------",
		"------------------------", "------------------");
	for (size_t i = 0; i < r->cost_count; i++) {
		const struct cost *c = &r->costs[i];
		snprintf(bound, sizeof(bound), c->goal != 0 ? "under %s" : "%.0s",
			 report_round(goal, c->goal));
		fprintf(out, "| %-58s | %7s %-14s | %-16s | %-6s |\n", c->title,
			report_round(value, c->value), c->unit, bound, cost_verdict(c));
	}
}

void report_print_tables(const struct report *r, FILE *out)
{
	print_figures(r, out);
	print_costs(r, out);
}

/* --- fields --- */

static void print_figure_fields(FILE *out, const struct figure *f)
{
	char ours[ROUNDED_BYTES], reference[ROUNDED_BYTES], ratio[ROUNDED_BYTES],
		p99[ROUNDED_BYTES];
	bool tail = f->ratio == RATIO_P99;

	report_round(ours, tail ? f->ours.p99 : f->ours.p50);
	report_round(reference, tail ? f->reference.p99 : f->reference.p50);
	report_round(ratio, figure_ratio(f));
	fprintf(out, "%s\t%s\t%s\t%s%s\t%s\t%s\t%s\t%s\t%s\n", f->group, f->title,
		f->is_rate ? "rate" : "time", tail ? "p99 " : "", f->unit, ours,
		f->ratio ? reference : "", f->ratio ? ratio : "", figure_verdict(f),
		tail ? "" : report_round(p99, f->ours.p99));
}

void report_print_fields(const struct report *r, FILE *out)
{
	char value[ROUNDED_BYTES];

	for (size_t i = 0; i < r->figure_count; i++)
		print_figure_fields(out, &r->figures[i]);
	for (size_t i = 0; i < r->cost_count; i++)
		fprintf(out, "%s\t%s\tcost\t%s\t%s\t\t\t%s\t\n", r->costs[i].group,
			r->costs[i].title, r->costs[i].unit, report_round(value, r->costs[i].value),
			cost_verdict(&r->costs[i]));
}
