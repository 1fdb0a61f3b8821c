#include "edge/assets.h"

#include <stdio.h>
#include <string.h>

#define DECLARE(symbol) extern const uint8_t symbol[], symbol##_end[]

/* web/assets.S */
DECLARE(asset_index_html);
DECLARE(asset_index_html_gz);
DECLARE(asset_terminal_js);
DECLARE(asset_terminal_js_gz);
DECLARE(asset_terminal_css);
DECLARE(asset_terminal_css_gz);
DECLARE(asset_favicon_svg);

static const struct asset {
	const char *path, *type;
	const uint8_t *data, *end, *gz, *gz_end; /* gz NULL: not compressed */
} assets[] = {
	{"/", "text/html; charset=utf-8", asset_index_html, asset_index_html_end,
	 asset_index_html_gz, asset_index_html_gz_end},
	{"/terminal.js", "text/javascript; charset=utf-8", asset_terminal_js, asset_terminal_js_end,
	 asset_terminal_js_gz, asset_terminal_js_gz_end},
	{"/terminal.css", "text/css; charset=utf-8", asset_terminal_css, asset_terminal_css_end,
	 asset_terminal_css_gz, asset_terminal_css_gz_end},
	{"/favicon.svg", "image/svg+xml", asset_favicon_svg, asset_favicon_svg_end, NULL, NULL},
};

/* FNV-1a, 64 bits (Fowler, Noll, Vo): names the content, guards nothing. */
static uint64_t hash(const uint8_t *p, const uint8_t *end)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; p < end; p++)
		h = (h ^ *p) * 0x100000001b3;
	return h;
}

static void add_headers(struct http_request *r, bool gzip, const char *etag)
{
	http_header(r, "etag: %s", etag);
	http_header(r, "cache-control: no-cache");
	http_header(r, "vary: accept-encoding");
	http_header(
		r, "content-security-policy: default-src 'self'; style-src 'self' 'unsafe-inline'; "
		   " object-src 'none'; base-uri 'self'; form-action "
		   "'none'; "
		   "frame-ancestors 'self'");
	http_header(r, "x-content-type-options: nosniff");
	http_header(r, "referrer-policy: no-referrer");
	if (gzip)
		http_header(r, "content-encoding: gzip");
}

static void answer(struct http_request *r, const struct asset *a)
{
	bool gzip = a->gz && r->accepts_gzip;
	const uint8_t *data = gzip ? a->gz : a->data, *end = gzip ? a->gz_end : a->end;
	char etag[24];

	snprintf(etag, sizeof(etag), "\"%016llx\"", (unsigned long long)hash(data, end));
	add_headers(r, gzip, etag);
	if (strcmp(r->if_none_match, etag) == 0)
		http_answer_empty(r, 304);
	else
		http_answer_data(r, 200, a->type, data, (size_t)(end - data));
}

bool assets_handle(struct http_request *r)
{
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
		if (strcmp(r->path, assets[i].path) == 0) {
			answer(r, &assets[i]);
			return true;
		}
	}
	return false;
}
