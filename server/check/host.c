#include "check/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/worker_lock.h"

#define PID_MAX_WANTED 4194304

/* --- configuration --- */

void host_check_config(struct report *r, const struct config *config)
{
	if (!config->use_gvisor)
		report_line(r, VERDICT_WARN,
			    "SANDBOX_USE_GVISOR=false: sandboxes share this host's kernel. Never "
			    "let strangers in; unset it to demand gVisor");
	if (config_is_open(config))
		report_line(r, VERDICT_WARN,
			    "HOST=%s without SANDBOX_API_KEY and SANDBOX_ALLOWED_ORIGINS: anybody "
			    "who reaches port %d gets a terminal. Set one of them, or "
			    "HOST=127.0.0.1",
			    config->host, (int)config->port);
	else
		report_line(r, VERDICT_OK, "HOST=%s: %s", config->host,
			    config_is_loopback(config->host) ? "reached from this host only"
							     : "with a key or a list of origins");
	if (config->metrics_port && !config_is_loopback(config->metrics_host))
		report_line(r, VERDICT_WARN,
			    "METRICS_HOST=%s: anybody who reaches port %d reads the metrics. Let a "
			    "firewall see to it, or METRICS_HOST=127.0.0.1",
			    config->metrics_host, (int)config->metrics_port);
}

/* --- the ports --- */

struct place {
	const char *host_name, *host; /* of the setting, and its value */
	const char *port_name;
	int port;
};

static socklen_t make_address(const struct place *place, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, place->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)place->port);
		return sizeof(*v4);
	}
	inet_pton(AF_INET6, place->host, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)place->port);
	return sizeof(*v6);
}

/* 0, or an errno. As for the server, a port whose connections have just ended is free. Not listening, we are in nobody's way. */
static int try_port(const struct place *place)
{
	struct sockaddr_storage address;
	socklen_t len = make_address(place, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1, error = 0;

	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, len) < 0)
		error = errno;
	close(fd);
	return error;
}

static void check_port(struct report *r, const struct place *place, bool server_runs)
{
	int error = try_port(place), port = place->port;

	if (!error)
		report_line(r, VERDICT_OK, "port %d of %s is free", port, place->host);
	else if (error == EADDRINUSE && server_runs)
		report_line(r, VERDICT_WARN, "port %d of %s is in use: a server is running", port,
			    place->host);
	else if (error == EADDRINUSE)
		report_line(r, VERDICT_FAIL,
			    "port %d of %s is in use by another program: end it, or choose another "
			    "%s",
			    port, place->host, place->port_name);
	else if (error == EADDRNOTAVAIL)
		report_line(r, VERDICT_FAIL, "%s is no address of this host: choose another %s",
			    place->host, place->host_name);
	else
		report_line(r, VERDICT_FAIL,
			    "port %d of %s cannot be listened on: %s. Choose another %s or %s",
			    port, place->host, strerror(error), place->port_name, place->host_name);
}

/* 0: the system will choose one; for the metrics: they have none of their own. */
static void check_ports(struct report *r, const struct config *config, bool server_runs)
{
	const struct place places[] = {
		{"HOST", config->host, "PORT", (int)config->port},
		{"METRICS_HOST", config->metrics_host, "METRICS_PORT", (int)config->metrics_port},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].port)
			check_port(r, &places[i], server_runs);
}

void host_check_server(struct report *r, const struct config *config)
{
	int lock = worker_lock_take(config->worker_id);

	if (lock >= 0) {
		close(lock); /* at once: a server may be starting */
		report_line(r, VERDICT_OK, "WORKER_ID %s is free", config->worker_id);
	} else if (errno == EADDRINUSE) {
		report_line(r, VERDICT_WARN,
			    "a server with WORKER_ID %s is running: a second one needs another",
			    config->worker_id);
	} else {
		report_line(r, VERDICT_FAIL,
			    "WORKER_ID %s cannot be locked: %s. Choose another one",
			    config->worker_id, strerror(errno));
	}
	check_ports(r, config, lock < 0);
}

/* --- room --- */

static void check_memory(struct report *r, size_t max, const struct capacity_host *host)
{
	long long mib = (long long)host->memory_kib / 1024;

	if (!host->memory_kib)
		report_line(r, VERDICT_FAIL,
			    "the host's memory is not known: mount /proc with meminfo in it");
	else if (max > host->by_memory)
		report_line(
			r, VERDICT_WARN,
			"%lld MiB of memory carry %zu full sandboxes, CIRCUIT_MAX_CONTAINERS=%zu "
			"allows more: lower it",
			mib, host->by_memory, max);
	else
		report_line(r, VERDICT_OK, "%lld MiB of memory carry %zu full sandboxes", mib,
			    host->by_memory);
}

static void check_pids(struct report *r, size_t max, const struct capacity_host *host)
{
	if (!host->pid_max)
		report_line(r, VERDICT_WARN, "kernel.pid_max is not known: mount /proc/sys");
	else if (host->by_pids < max || host->by_pids < host->by_memory)
		report_line(r, VERDICT_WARN,
			    "kernel.pid_max=%lld carries %zu full sandboxes only: sysctl -w "
			    "kernel.pid_max=%d",
			    (long long)host->pid_max, host->by_pids, PID_MAX_WANTED);
	else
		report_line(r, VERDICT_OK, "kernel.pid_max=%lld carries %zu full sandboxes",
			    (long long)host->pid_max, host->by_pids);
}

void host_check_room(struct report *r, const struct config *config, const struct capacity *capacity)
{
	struct capacity_host host = capacity_host(capacity);
	size_t max = capacity_report(capacity, 0).max_containers;

	check_memory(r, max, &host);
	check_pids(r, max, &host);
	report_line(r, VERDICT_OK, "at most %zu sandboxes at once%s", max,
		    config->max_containers ? ", as CIRCUIT_MAX_CONTAINERS says" : "");
}

/* --- the Engine's socket --- */

static const char *user_name(void)
{
	const struct passwd *user = getpwuid(geteuid());

	return user ? user->pw_name : "this user";
}

/* 0, or an errno. A full backlog is no answer yet, but somebody listens. */
static int try_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

	if (fd < 0)
		return errno;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EAGAIN)
		error = errno;
	close(fd);
	return error;
}

static void tell_socket_error(struct report *r, const char *path, int error)
{
	if (error == EACCES)
		report_line(r, VERDICT_FAIL,
			    "no permission for the Docker socket %s: add the user to group docker "
			    "(usermod -aG docker %s) and log in again",
			    path, user_name());
	else if (error == ENOENT)
		report_line(r, VERDICT_FAIL,
			    "there is no Docker socket %s: start Docker, or set DOCKER_HOST", path);
	else if (error == ENOTSOCK)
		report_line(r, VERDICT_FAIL, "%s is not a socket: set DOCKER_HOST", path);
	else if (error == ECONNREFUSED)
		report_line(r, VERDICT_FAIL,
			    "nobody listens at the Docker socket %s: start Docker, or set "
			    "DOCKER_HOST",
			    path);
	else
		report_line(r, VERDICT_FAIL,
			    "the Docker socket %s cannot be opened: %s. Set DOCKER_HOST", path,
			    strerror(error));
}

bool host_check_socket(struct report *r, const struct config *config)
{
	const char *path = config->docker_host + strlen("unix://");
	struct stat status;
	int error = stat(path, &status) == 0 ? 0 : errno;

	if (!error && !S_ISSOCK(status.st_mode))
		error = ENOTSOCK;
	if (!error)
		error = try_socket(path);
	if (error)
		tell_socket_error(r, path, error);
	return !error;
}
