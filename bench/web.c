#include "bench/web.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX    65536
#define LIMIT_SECONDS 30L

#define SESSION_BODY "{\"toolPair\":\"bench\",\"environment\":\"bash\"}"

struct answer {
	char text[ANSWER_MAX];
	size_t len;
};

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct answer *a = arg;
	size_t len = size * count;

	if (len > sizeof(a->text) - a->len)
		return 0;
	memcpy(a->text + a->len, data, len);
	a->len += len;
	return len;
}

static CURLcode perform(const char *method, const char *url, const char *body, struct answer *a,
			long *status)
{
	CURL *curl = curl_easy_init();

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, LIMIT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	curl_easy_cleanup(curl);
	return code;
}

json_t *web_call(const struct server *s, const char *method, const char *path, const char *body,
		 long *status)
{
	static struct answer a;
	char url[256];

	a.len = 0;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", s->port, path);
	CURLcode code = perform(method, url, body, &a, status);
	json_t *root = code == CURLE_OK ? json_loadb(a.text, a.len, 0, NULL) : NULL;
	if (!root)
		bench_fail(s->bench, "%s %s: %s", method, path,
			   code == CURLE_OK ? "no JSON" : curl_easy_strerror(code));
	return root;
}

void web_expect(const struct server *s, const char *method, const char *path, const char *body,
		long status, const char *field, char *out, size_t size)
{
	long got;
	json_t *root = web_call(s, method, path, body, &got);
	const char *text = field ? json_string_value(json_object_get(root, field)) : "";

	if (got != status || !text || strlen(text) >= size)
		bench_fail(s->bench, "%s %s: status %ld", method, path, got);
	memcpy(out, text, strlen(text) + 1);
	json_decref(root);
}

void web_create_session(const struct server *s, char id[WEB_ID_BYTES])
{
	web_expect(s, "POST", "/api/v1/sessions", SESSION_BODY, 201, "sessionId", id, WEB_ID_BYTES);
}

void web_delete_session(const struct server *s, const char *id)
{
	char path[128], nothing[1];

	snprintf(path, sizeof(path), "/api/v1/sessions/%s", id);
	web_expect(s, "DELETE", path, NULL, 200, NULL, nothing, sizeof(nothing));
}
