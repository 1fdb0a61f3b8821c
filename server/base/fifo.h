/*
 * A first-in-first-out queue of bytes with a cap, in one contiguous block of memory.
 *
 * The memory grows by doubling as bytes are pushed and is given back when the queue runs empty, so an
 * idle queue costs nothing but a small block that spares the next byte a malloc. A queue never holds more than `cap` bytes:
 * full is an answer, not an error.
 */
#ifndef SANDBOX_BASE_FIFO_H
#define SANDBOX_BASE_FIFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fifo {
	uint8_t *data;
	size_t start, len, alloc, cap; /* bytes */
	size_t front, peak;            /* of fifo_init_outbound() */
};

/* An empty queue for at most cap bytes; allocates nothing. */
void fifo_init(struct fifo *f, size_t cap);

/* The same for bytes that are sent from where they are: the `front` bytes before the oldest belong to the queue's user, who may
 * write a header there. And it may run empty after each frame of a stream, so it keeps a large block as long as it
 * needs one: until it has run empty without having held a quarter of it. */
void fifo_init_outbound(struct fifo *f, size_t cap, size_t front);

/* Frees the memory; the queue is empty and can be used again. Accepts NULL. */
void fifo_finish(struct fifo *f);

/* Bytes that still fit below the cap. */
size_t fifo_room(const struct fifo *f);

/* Appends all of data, or nothing: false when it does not fit below the cap or memory is out. */
bool fifo_push(struct fifo *f, const void *data, size_t len);

/* The oldest bytes, f->len of them, contiguous. Valid until the next push, drop or finish. */
uint8_t *fifo_peek(const struct fifo *f);

/* Removes the oldest n bytes; n is at most f->len. */
void fifo_drop(struct fifo *f, size_t n);

#endif
