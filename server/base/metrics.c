#include "base/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 16384

/* Up to here every whole number is a double. */
#define WHOLE_MAX 9007199254740992.0

#define NS_PER_S 1000000000

struct text {
	char *data;
	size_t len, size, max; /* bytes; one more is kept for the NUL */
	bool failed;
};

/* --- text --- */

static bool make_room(struct text *t, size_t len)
{
	size_t size = t->size ? t->size : FIRST_BYTES;

	if (t->failed || len > t->max - t->len) {
		t->failed = true;
		return false;
	}
	while (size < t->len + len + 1)
		size *= 2;
	if (size == t->size)
		return true;
	char *data = realloc(t->data, size);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->size = size;
	return true;
}

static void put(struct text *t, const char *data, size_t len)
{
	if (!make_room(t, len))
		return;
	memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

static void put_text(struct text *t, const char *text)
{
	put(t, text, strlen(text));
}

/* escaped: which characters get a backslash; a line break becomes \n in any case. */
static void put_escaped(struct text *t, const char *text, const char *escaped)
{
	while (*text) {
		size_t plain = strcspn(text, escaped);
		put(t, text, plain);
		text += plain;
		if (!*text)
			return;
		put(t, "\\", 1);
		put(t, *text == '\n' ? "n" : text, 1);
		text++;
	}
}

/* --- numbers: written by hand where there are many, since printf takes most of the time --- */

static void put_digits(struct text *t, uint64_t n, int width)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n || (int)(sizeof(digits) - at) < width);
	put(t, digits + at, sizeof(digits) - at);
}

static void put_seconds(struct text *t, uint64_t ns)
{
	uint64_t fraction = ns % NS_PER_S;
	int width = 9;

	put_digits(t, ns / NS_PER_S, 1);
	if (!fraction)
		return;
	for (; fraction % 10 == 0; width--)
		fraction /= 10;
	put(t, ".", 1);
	put_digits(t, fraction, width);
}

static void put_number(struct text *t, double n)
{
	char text[32];

	if (n >= 0 && n < WHOLE_MAX && n == floor(n)) {
		put_digits(t, (uint64_t)n, 1);
		return;
	}
	if (isnan(n) || isinf(n))
		snprintf(text, sizeof(text), "%s", isnan(n) ? "NaN" : n < 0 ? "-Inf" : "+Inf");
	else
		snprintf(text, sizeof(text), "%.15g", n);
	put_text(t, text);
}

/* --- series --- */

/* bound: the value of "le", or NULL where there is none; in ns, or UINT64_MAX for infinity. */
static void put_labels(struct text *t, const struct metric *m, const size_t *at,
		       const uint64_t *bound)
{
	const char *before = "{";

	for (size_t i = 0; i < METRIC_LABELS_MAX && m->labels[i].name; i++, before = ",") {
		put_text(t, before);
		put_text(t, m->labels[i].name);
		put_text(t, "=\"");
		put_escaped(t, m->labels[i].value(at[i]), "\\\"\n");
		put_text(t, "\"");
	}
	if (bound) {
		put_text(t, before);
		put_text(t, "le=\"");
		if (*bound == UINT64_MAX)
			put_text(t, "+Inf");
		else
			put_seconds(t, *bound);
		put_text(t, "\"");
	}
	put_text(t, bound || m->labels[0].name ? "} " : " ");
}

static void put_start(struct text *t, const struct metric *m, const char *suffix, const size_t *at,
		      const uint64_t *bound)
{
	put_text(t, m->name);
	put_text(t, suffix);
	put_labels(t, m, at, bound);
}

static void put_bucket(struct text *t, const struct metric *m, const size_t *at, uint64_t bound,
		       uint64_t count)
{
	put_start(t, m, "_bucket", at, &bound);
	put_digits(t, count, 1);
	put_text(t, "\n");
}

static void put_histogram(struct text *t, const struct metric *m, const size_t *at,
			  const struct histogram *h)
{
	uint64_t count = 0;

	for (size_t i = 0; i < h->bounds->count; i++) {
		count += h->counts[i];
		put_bucket(t, m, at, h->bounds->upper_ns[i], count);
	}
	count += h->counts[h->bounds->count];
	put_bucket(t, m, at, UINT64_MAX, count);
	put_start(t, m, "_sum", at, NULL);
	put_seconds(t, h->sum_ns);
	put_text(t, "\n");
	put_start(t, m, "_count", at, NULL);
	put_digits(t, count, 1);
	put_text(t, "\n");
}

static void put_series(struct text *t, const struct metric *m, const size_t *at, const void *source)
{
	if (m->type == METRIC_HISTOGRAM) {
		put_histogram(t, m, at, m->histogram(source, at));
		return;
	}
	put_start(t, m, "", at, NULL);
	put_number(t, m->number(source, at));
	put_text(t, "\n");
}

/* The next combination of the labels' values; false after the last. */
static bool advance(const struct metric *m, size_t at[METRIC_LABELS_MAX])
{
	for (size_t i = METRIC_LABELS_MAX; i-- > 0;) {
		if (m->labels[i].name && ++at[i] < m->labels[i].count)
			return true;
		at[i] = 0;
	}
	return false;
}

static void put_metric(struct text *t, const struct metric *m, const void *source)
{
	static const char *const types[] = {[METRIC_GAUGE] = " gauge\n",
					    [METRIC_COUNTER] = " counter\n",
					    [METRIC_HISTOGRAM] = " histogram\n"};
	size_t at[METRIC_LABELS_MAX] = {0};

	put_text(t, "# HELP ");
	put_text(t, m->name);
	put_text(t, " ");
	put_escaped(t, m->help, "\\\n");
	put_text(t, "\n# TYPE ");
	put_text(t, m->name);
	put_text(t, types[m->type]);
	do
		put_series(t, m, at, source);
	while (advance(m, at));
}

char *metrics_write(const struct metric *table, size_t count, const void *source, size_t max,
		    size_t *len)
{
	struct text t = {.max = max};

	for (size_t i = 0; i < count && !t.failed; i++)
		put_metric(&t, &table[i], source);
	if (t.failed || !make_room(&t, 0)) {
		free(t.data);
		return NULL;
	}
	t.data[t.len] = '\0';
	*len = t.len;
	return t.data;
}
