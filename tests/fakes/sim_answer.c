/* Answers to requests, and what may happen to them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/sim_internal.h"

#define GARBAGE "\x15\x03\x01\x00\x02\x02\x46 this is no HTTP\r\n\r\n"

#define JSON "application/json"

static void head(struct connection *c, int status, const char *type, long long length)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 %d Whatever\r\nContent-Type: %s\r\n"
		 "Content-Length: %lld\r\n\r\n",
		 status, type, length);
	sim_connection_text(c, text);
}

/* Half of the body is a whole chunk; of the other one a part is missing, and the end. */
static void send_chunks(struct connection *c, int status, const char *body)
{
	size_t len = strlen(body), half = len / 2;
	char *text = NULL;
	int n = asprintf(&text,
			 "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n"
			 "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%.*s\r\n%zx\r\n%s",
			 status, half + 1, (int)half + 1, half ? body : "  ", len + 1000,
			 half ? body + half + 1 : "");

	if (n > 0) {
		c->shape.left = n;
		sim_connection_write(c, text, (size_t)n);
	}
	free(text);
}

static void send_huge(struct connection *c, int status, int64_t bytes)
{
	char *body = malloc((size_t)bytes + 1);

	memset(body, ' ', (size_t)bytes);
	body[bytes] = '\0';
	head(c, status, JSON, bytes);
	sim_connection_write(c, body, (size_t)bytes);
	free(body);
}

/* Every id in the body is another one. */
static void send_with_id(struct connection *c, int status, const char *body, const char *id)
{
	json_t *root = json_loads(body, 0, NULL), *item;
	size_t i;

	if (json_is_object(root) && json_object_get(root, "Id"))
		json_object_set_new(root, "Id", json_string(id));
	json_array_foreach(root, i, item) json_object_set_new(item, "Id", json_string(id));
	char *text = json_dumps(root, JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(root);
	head(c, status, JSON, (long long)strlen(text ? text : body));
	sim_connection_text(c, text ? text : body);
	free(text);
}

static void send_spoilt(struct connection *c, const struct sim_fault *f, int status,
			const char *body)
{
	size_t len = strlen(body);

	switch (f->kind) {
	case SIM_FAULT_NEVER:
		break;
	case SIM_FAULT_GARBAGE:
		sim_connection_text(c, GARBAGE);
		break;
	case SIM_FAULT_CHUNK:
		send_chunks(c, status, body);
		break;
	case SIM_FAULT_JSON:
		head(c, status, JSON, (long long)(len / 2));
		sim_connection_write(c, body, len / 2);
		break;
	case SIM_FAULT_LENGTH:
		head(c, status, JSON, (long long)len + f->bytes);
		sim_connection_write(c, body, len);
		break;
	case SIM_FAULT_HUGE:
		send_huge(c, status, f->bytes);
		break;
	case SIM_FAULT_ID:
		send_with_id(c, status, body, f->body);
		break;
	default: /* the shape of the connection does the rest */
		head(c, status, strchr("{[", *body) ? JSON : "text/plain", (long long)len);
		sim_connection_write(c, body, len);
	}
}

static void set_shape(struct connection *c)
{
	const struct sim_fault *f = &c->fault;

	c->shape = (struct shape){.left = f->kind == SIM_FAULT_CLOSE ? f->bytes : -1};
	if (f->kind == SIM_FAULT_DRIP) {
		c->shape.piece = (size_t)f->bytes;
		c->shape.pause_ms = f->ms;
	}
}

/* A fault is for one answer. */
void sim_answer(struct connection *c, int status, const char *body)
{
	if (!c || c->closed)
		return;
	set_shape(c);
	send_spoilt(c, &c->fault, status, body);
	if (c->fault.kind != SIM_FAULT_NEVER)
		sim_connection_answered(c);
	c->fault.kind = SIM_FAULT_NONE;
}

void sim_answer_error(struct connection *c, int status)
{
	sim_answer(c, status, "{\"message\":\"as planned\"}");
}

/* Of a body that there is not, nothing can be wrong. */
void sim_answer_raw(struct connection *c, const char *text)
{
	if (!c || c->closed)
		return;
	set_shape(c);
	if (c->fault.kind == SIM_FAULT_GARBAGE)
		text = GARBAGE;
	if (c->fault.kind == SIM_FAULT_NEVER)
		return;
	sim_connection_text(c, text);
	sim_connection_answered(c);
	c->fault.kind = SIM_FAULT_NONE;
}
