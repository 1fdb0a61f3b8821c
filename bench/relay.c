#include "bench/relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/child.h"

#define PIECE_BYTES 65536
#define DESCRIPTORS 64

/* --- the process: one thread, which was measured to be faster than one for each direction --- */

/* Blocks until all is written: nobody sends more than keystrokes. */
static bool move(int from, int to)
{
	static char piece[PIECE_BYTES];
	ssize_t n = read(from, piece, sizeof(piece));

	return n > 0 && write(to, piece, (size_t)n) == n;
}

static void on_term(int number)
{
	(void)number;
	_exit(0);
}

void relay_run(const char *client, const char *engine)
{
	struct pollfd ends[2] = {{atoi(client), POLLIN, 0}, {atoi(engine), POLLIN, 0}};
	bool going = true;

	signal(SIGTERM, on_term);
	signal(SIGPIPE, SIG_IGN);
	while (going && poll(ends, 2, -1) > 0)
		for (size_t i = 0; i < 2 && going; i++)
			if (ends[i].revents)
				going = move(ends[i].fd, ends[1 - i].fd);
	_exit(0);
}

/* --- its two connections: made before it starts, which inherits them, so that nobody else finds a way to the Engine --- */

static int connect_engine(const char *docker_host)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", docker_host + strlen("unix://"));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address =
		(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	if (bind(fd, (struct sockaddr *)address, len) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &len) < 0)
		return -1;
	return fd;
}

/* The first connection, if it is this client's. */
static int take(int listener, int client)
{
	struct sockaddr_in ours = {0}, theirs = {0};
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);
	int on = 1, fd = accept(listener, (struct sockaddr *)&theirs, &theirs_len);

	if (fd < 0 || getsockname(client, (struct sockaddr *)&ours, &ours_len) < 0 ||
	    ours.sin_port != theirs.sin_port ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return -1;
	return fd;
}

/* Returns the relay's end of a connection whose other one is *client; -1 when there is none. */
static int connect_client(int *client)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address), fd = -1;

	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(*client, (struct sockaddr *)&address, sizeof(address)) == 0)
		fd = take(listener, *client);
	close(listener);
	return fd;
}

struct child *relay_start(struct bench *b, int *client)
{
	int ends[2] = {connect_client(client), connect_engine(b->docker_host)};
	char numbers[2][16];

	if (ends[0] < 0 || ends[1] < 0)
		bench_fail(b, "a relay cannot be connected");
	for (size_t i = 0; i < 2; i++)
		snprintf(numbers[i], sizeof(numbers[i]), "%d", ends[i]);
	const char *const argv[] = {"/proc/self/exe", RELAY_ARGUMENT, numbers[0], numbers[1], NULL};
	static const char *const environment[] = {NULL};
	struct child *c = child_start(b, "relay", argv, environment, DESCRIPTORS);
	close(ends[0]);
	close(ends[1]);
	return c;
}
