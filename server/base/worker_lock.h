/*
 * One process per worker id on a host, or each would remove the other's sandboxes.
 *
 * The lock is the name of an abstract Unix socket: free again when its process is gone, however it went. Each network
 * namespace has names of its own.
 */
#ifndef SANDBOX_BASE_WORKER_LOCK_H
#define SANDBOX_BASE_WORKER_LOCK_H

/* Returns a descriptor that holds the lock until it is closed; -1 with errno: EADDRINUSE when somebody
 * else has it. */
int worker_lock_take(const char *worker_id);

#endif
