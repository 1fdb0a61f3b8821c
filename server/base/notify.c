#include "base/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_INTERVAL_MS 1000

/* A path, or with "@" in front a name that no file has. */
static void read_socket(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	n->fd = -1;
	if (len < 2 || len >= sizeof(n->address.sun_path) || !strchr("/@", name[0]))
		return;
	n->address.sun_family = AF_UNIX;
	memcpy(n->address.sun_path, name, len);
	if (name[0] == '@')
		n->address.sun_path[0] = '\0';
	n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* The watchdog is for the process that it names, or for whoever gets it. */
static void read_watchdog(struct notify *n)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (usec && (!pid || strtoll(pid, NULL, 10) == getpid()))
		n->watchdog_interval_ms = strtoull(usec, NULL, 10) / 1000 / 3;
}

void notify_init(struct notify *n)
{
	memset(n, 0, sizeof(*n));
	read_socket(n);
	read_watchdog(n);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_finish(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

static bool send_text(const struct notify *n, const char *name, const char *value)
{
	char text[32 + NOTIFY_STATUS_BYTES];
	int len = snprintf(text, sizeof(text), "%s=%s\n", name, value);

	return sendto(n->fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&n->address,
		      n->address_len) == len;
}

void notify_state(struct notify *n, const char *state)
{
	n->state = n->fd >= 0 && !send_text(n, state, "1") ? state : NULL;
	n->status_due_ms = 0;
}

void notify_status(struct notify *n, const char *status)
{
	snprintf(n->status, sizeof(n->status), "%s", status);
}

static void sweep_status(struct notify *n, uint64_t now_ms)
{
	if (now_ms < n->status_due_ms || strcmp(n->status, n->status_sent) == 0)
		return;
	if (!send_text(n, "STATUS", n->status))
		return;
	memcpy(n->status_sent, n->status, sizeof(n->status));
	n->status_due_ms = now_ms + STATUS_INTERVAL_MS;
}

void notify_sweep(struct notify *n, uint64_t now_ms)
{
	if (n->fd < 0)
		return;
	if (n->state)
		notify_state(n, n->state);
	if (n->watchdog_interval_ms && now_ms >= n->watchdog_due_ms &&
	    send_text(n, "WATCHDOG", "1"))
		n->watchdog_due_ms = now_ms + n->watchdog_interval_ms;
	sweep_status(n, now_ms);
}
