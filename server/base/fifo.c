#include "base/fifo.h"

#include <stdlib.h>
#include <string.h>

#define ALLOC_MIN_BYTES 1024

/* An empty queue keeps a block of this size: a keystroke must not cost a malloc. */
#define ALLOC_KEEP_BYTES 4096

void fifo_init(struct fifo *f, size_t cap)
{
	*f = (struct fifo){.cap = cap};
}

void fifo_init_outbound(struct fifo *f, size_t cap, size_t front)
{
	*f = (struct fifo){.cap = cap, .front = front, .start = front};
}

void fifo_finish(struct fifo *f)
{
	if (!f)
		return;
	free(f->data);
	fifo_init_outbound(f, f->cap, f->front);
}

size_t fifo_room(const struct fifo *f)
{
	return f->cap - f->len;
}

static bool grow(struct fifo *f, size_t need)
{
	size_t alloc = f->alloc ? f->alloc : ALLOC_MIN_BYTES;

	while (alloc < need)
		alloc *= 2;
	uint8_t *data = realloc(f->data, alloc);
	if (!data)
		return false;
	f->data = data;
	f->alloc = alloc;
	return true;
}

static bool make_room(struct fifo *f, size_t len)
{
	if (f->start + f->len + len <= f->alloc)
		return true;
	if (f->start > f->front) {
		memmove(f->data + f->front, f->data + f->start, f->len);
		f->start = f->front;
	}
	return f->start + f->len + len <= f->alloc || grow(f, f->start + f->len + len);
}

bool fifo_push(struct fifo *f, const void *data, size_t len)
{
	if (len > fifo_room(f) || !make_room(f, len))
		return false;
	if (len)
		memcpy(f->data + f->start + f->len, data, len);
	f->len += len;
	if (f->len > f->peak)
		f->peak = f->len;
	return true;
}

uint8_t *fifo_peek(const struct fifo *f)
{
	return f->data ? f->data + f->start : NULL;
}

void fifo_drop(struct fifo *f, size_t n)
{
	f->len -= n;
	f->start += n;
	if (f->len)
		return;
	bool needed = f->front && f->peak > f->alloc / 4;
	f->start = f->front;
	f->peak = 0;
	if (f->alloc > ALLOC_KEEP_BYTES && !needed)
		fifo_finish(f);
}
