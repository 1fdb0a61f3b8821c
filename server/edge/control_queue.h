/*
 * Messages that wait for a socket, whole and in order, in a fifo of bytes.
 */
#ifndef SANDBOX_EDGE_CONTROL_QUEUE_H
#define SANDBOX_EDGE_CONTROL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fifo.h"

/* Bytes of one message, at most. */
#define CONTROL_MESSAGE_MAX 65536

/* Only a client that sends nonsense and does not read can fill this. */
#define CONTROL_QUEUE_MAX 65536

/* False when it does not fit, or is NULL for want of memory. */
bool control_queue_push(struct fifo *queue, const char *text);

/* Moves the oldest message of a queue that is not empty to text, which holds CONTROL_MESSAGE_MAX bytes. Returns its length. */
size_t control_queue_take(struct fifo *queue, uint8_t *text);

#endif
