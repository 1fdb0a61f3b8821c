#include "agent/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int open_ends(struct pty *pty)
{
	pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (pty->master < 0 || grantpt(pty->master) < 0 || unlockpt(pty->master) < 0)
		return -1;
	if (ptsname_r(pty->master, pty->path, sizeof pty->path) != 0)
		return -1;
	pty->slave = open(pty->path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	return pty->slave < 0 ? -1 : 0;
}

int pty_open(struct pty *pty, uint16_t rows, uint16_t cols)
{
	struct termios settings;

	pty->master = pty->slave = -1;
	if (open_ends(pty) < 0 || pty_resize(pty, rows, cols) < 0 ||
	    tcgetattr(pty->slave, &settings) < 0)
		goto fail;
	settings.c_iflag |= IUTF8;
	if (tcsetattr(pty->slave, TCSANOW, &settings) < 0)
		goto fail;
	return 0;
fail:;
	int saved = errno;

	pty_close(pty);
	errno = saved;
	return -1;
}

void pty_close(struct pty *pty)
{
	if (pty->slave >= 0)
		close(pty->slave);
	if (pty->master >= 0)
		close(pty->master);
	pty->master = pty->slave = -1;
}

int pty_resize(const struct pty *pty, uint16_t rows, uint16_t cols)
{
	struct winsize size = {.ws_row = rows, .ws_col = cols};

	return ioctl(pty->master, TIOCSWINSZ, &size);
}

bool pty_readable(const struct pty *pty)
{
	struct pollfd p = {.fd = pty->master, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

size_t pty_queued(const struct pty *pty)
{
	int n = 0;

	return ioctl(pty->master, FIONREAD, &n) < 0 || n < 0 ? 0 : (size_t)n;
}

static int key_signal(const struct termios *t, uint8_t byte)
{
	if (byte == _POSIX_VDISABLE)
		return 0;
	if (byte == t->c_cc[VINTR])
		return SIGINT;
	if (byte == t->c_cc[VQUIT])
		return SIGQUIT;
	return byte == t->c_cc[VSUSP] ? SIGTSTP : 0;
}

size_t pty_find_signal_key(const struct termios *t, const uint8_t *bytes, size_t len, int *signal)
{
	if (!(t->c_lflag & ISIG))
		return len;
	for (size_t i = 0; i < len; i++)
		if ((*signal = key_signal(t, bytes[i])))
			return i;
	return len;
}

/* gVisor of 2022 has no TCFLSH: the input is read away instead. A line without its end can only be
 * read while the terminal is not in canonical mode. */
static void forget_input(const struct pty *pty, const struct termios *t)
{
	struct termios raw = *t;
	char sink[4096];

	raw.c_lflag &= ~(tcflag_t)ICANON;
	if (t->c_lflag & ICANON)
		tcsetattr(pty->slave, TCSANOW, &raw);
	while (read(pty->slave, sink, sizeof sink) > 0)
		;
	if (t->c_lflag & ICANON)
		tcsetattr(pty->slave, TCSANOW, t);
}

void pty_signal_key_effects(const struct pty *pty, const struct termios *t, uint8_t key)
{
	const char echo[2] = {'^', (char)(key ^ 0x40)};

	if (!(t->c_lflag & NOFLSH))
		forget_input(pty, t);
	/* As under Linux, an echo that finds no room is dropped. */
	if ((t->c_lflag & ECHO) && (t->c_lflag & ECHOCTL) && key < 0x20 &&
	    write(pty->slave, echo, sizeof echo) < 0)
		return;
}
