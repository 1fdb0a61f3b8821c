#include "edge/control_queue.h"

#include <string.h>

#include "agent/protocol.h"

#define LENGTH_BYTES 4

bool control_queue_push(struct fifo *queue, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	uint8_t length[LENGTH_BYTES];

	if (!text || len > CONTROL_MESSAGE_MAX || LENGTH_BYTES + len > fifo_room(queue))
		return false;
	put_u32(length, (uint32_t)len);
	if (!fifo_push(queue, length, LENGTH_BYTES))
		return false;
	if (fifo_push(queue, text, len))
		return true;
	fifo_finish(queue); /* half a message is worse than none */
	return false;
}

size_t control_queue_take(struct fifo *queue, uint8_t *text)
{
	size_t len = get_u32(fifo_peek(queue));

	memcpy(text, fifo_peek(queue) + LENGTH_BYTES, len);
	fifo_drop(queue, LENGTH_BYTES + len);
	return len;
}
