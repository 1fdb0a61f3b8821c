#include "tests/fakes/sim_shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/sim_rules.h"

#define CTRL_C    0x03
#define CTRL_D    0x04
#define BACKSPACE 0x7f

/* Bytes of a line of a flood, with its end. */
#define FLOOD_LINE 16

/* What is typed is echoed in pieces of this size. */
#define ECHO_BYTES 512

/* The probe's report from a sandbox as it must be; the kernel's line is what makes the difference. */
#define REPORT(kernel)                                                                             \
	"\r\n<canary>\r\nkernel=" kernel "\r\nuser=1000\r\ncapabilities=0000000000000000\r\n"      \
	"root=ro\r\nwritten=\r\ninterfaces=lo \r\nmemory=131072\r\ntype=9p\r\nboot=\r\nguest=\r\n" \
	"started=12\r\n</canary>\r\n"

struct echo {
	uint8_t bytes[ECHO_BYTES];
	size_t len;
};

static struct sim_terminal *terminal_of(struct sim_agent *a, uint16_t number)
{
	return &a->terminals[number - 1];
}

static void print_text(struct sim_agent *a, uint16_t terminal, const char *text)
{
	sim_agent_print(a, terminal, text, strlen(text));
}

/* --- who is in the foreground --- */

static void set_program(struct sim_agent *a, uint16_t number, enum sim_program program)
{
	struct sim_terminal *t = terminal_of(a, number);
	bool background = program != SIM_PROMPT;

	t->program = program;
	if (!a->interactive || t->background == background)
		return;
	t->background = background;
	sim_agent_foreground(a, number, !background);
}

/* What was started has ended. */
static void back_to_prompt(struct sim_agent *a, uint16_t number)
{
	struct sim_terminal *t = terminal_of(a, number);

	if (t->once) {
		sim_agent_exit(a, number, EXIT_STATUS, 0);
		return;
	}
	set_program(a, number, SIM_PROMPT);
	if (a->interactive)
		print_text(a, number, "$ ");
}

/* --- a flood --- */

/* The bytes of a flood from `at` on. */
static void fill(uint8_t *out, size_t len, uint64_t at)
{
	char line[FLOOD_LINE + 1];
	size_t skip = at % FLOOD_LINE;

	snprintf(line, sizeof(line), "%014llu\r\n", (unsigned long long)(at / FLOOD_LINE));
	while (len) {
		size_t n = FLOOD_LINE - skip < len ? FLOOD_LINE - skip : len;
		memcpy(out, line + skip, n);
		out += n;
		len -= n;
		skip = 0;
		char *digit = line + FLOOD_LINE - 3;
		for (; digit > line && *digit == '9'; digit--)
			*digit = '0';
		++*digit;
	}
}

void sim_shell_more(struct sim_agent *a, uint16_t terminal)
{
	static uint8_t bytes[FRAME_PAYLOAD_MAX];
	struct sim_terminal *t = terminal_of(a, terminal);

	if (!t->open || t->program != SIM_FLOOD)
		return;
	while (t->flood_left && t->output_credit && !t->output.len && !a->full) {
		size_t n = t->flood_left < sizeof(bytes) ? t->flood_left : sizeof(bytes);
		n = n < t->output_credit ? n : t->output_credit;
		fill(bytes, n, t->flood_at);
		t->flood_at += n;
		t->flood_left -= n;
		sim_agent_print(a, terminal, bytes, n);
	}
	if (!t->flood_left)
		back_to_prompt(a, terminal);
}

static void flood(struct sim_agent *a, uint16_t number, const char *size)
{
	struct sim_terminal *t = terminal_of(a, number);

	t->flood_at = 0;
	t->flood_left = strtoull(size, NULL, 10);
	set_program(a, number, SIM_FLOOD);
	sim_shell_more(a, number);
}

/* --- lines --- */

static void run_marked(struct sim_agent *a, uint16_t terminal, char *line, const char *mark)
{
	char *command = strstr(line, "eval $'");
	int nonce_len = (int)strcspn(mark + 5, ";");
	char text[128];

	if (!sim_expect(command != NULL, "an init command that is no command: %s", line))
		return;
	if (!a->interactive)
		print_text(a, terminal, line);
	snprintf(text, sizeof(text), "\r\n\033]7337;%.*s;s\a", nonce_len, mark + 5);
	print_text(a, terminal, text);
	if (strstr(command, "hang"))
		return;
	if (strstr(command, "exit")) {
		sim_agent_exit(a, terminal, EXIT_STATUS, 0);
		return;
	}
	snprintf(text, sizeof(text), "ran\r\n\033]7337;%.*s;%d\a$ ", nonce_len, mark + 5,
		 strstr(command, "false") != NULL);
	print_text(a, terminal, text);
}

static void say(struct sim_agent *a, uint16_t terminal, const char *before, const char *text)
{
	print_text(a, terminal, before);
	print_text(a, terminal, text);
	print_text(a, terminal, "\r\n");
	back_to_prompt(a, terminal);
}

static void say_size(struct sim_agent *a, uint16_t terminal)
{
	char text[32];

	snprintf(text, sizeof(text), "%u %u", terminal_of(a, terminal)->rows,
		 terminal_of(a, terminal)->cols);
	say(a, terminal, "", text);
}

/* The text behind the command, or NULL when the line is another one. */
static const char *after(const char *line, const char *command)
{
	size_t len = strlen(command);

	if (strncmp(line, command, len) != 0 || (line[len] && line[len] != ' '))
		return NULL;
	return line + len + (line[len] == ' ');
}

static void run_command(struct sim_agent *a, uint16_t terminal, const char *line)
{
	const char *rest;

	if ((rest = after(line, "exit")))
		sim_agent_exit(a, terminal, EXIT_STATUS, (uint8_t)atoi(rest));
	else if ((rest = after(line, "echo")))
		say(a, terminal, "", rest);
	else if (after(line, "size"))
		say_size(a, terminal);
	else if ((rest = after(line, "flood")))
		flood(a, terminal, rest);
	else if (after(line, "cat"))
		set_program(a, terminal, SIM_CAT);
	else if (after(line, "sleep"))
		set_program(a, terminal, SIM_SLEEP);
	else if ((rest = after(line, "die")))
		a->end = (uint8_t)atoi(rest);
	else if (*line || !a->interactive)
		say(a, terminal, "echo:", line);
	else
		back_to_prompt(a, terminal);
}

static void run_line(struct sim_agent *a, uint16_t terminal, char *line)
{
	const char *mark = strstr(line, "7337;");

	if (mark)
		run_marked(a, terminal, line, mark);
	else
		run_command(a, terminal, line);
}

/* The line leaves its queue before it runs: what it does may end the terminal, and the queue with it. */
static void end_line(struct sim_agent *a, uint16_t terminal)
{
	struct fifo line = terminal_of(a, terminal)->line;

	fifo_init(&terminal_of(a, terminal)->line, SIM_LINE_MAX);
	if (line.len == line.cap)
		line.len--;
	fifo_push(&line, "", 1);
	run_line(a, terminal, (char *)line.data + line.start);
	line.start = line.len = 0;
	if (terminal_of(a, terminal)->line.data)
		fifo_finish(&line);
	else
		terminal_of(a, terminal)->line = line;
}

/* --- typing --- */

static void flush_echo(struct sim_agent *a, uint16_t terminal, struct echo *e)
{
	if (e->len)
		sim_agent_print(a, terminal, e->bytes, e->len);
	e->len = 0;
}

static void put(struct sim_agent *a, uint16_t terminal, struct echo *e, const char *text,
		size_t len)
{
	if (e->len + len > sizeof(e->bytes))
		flush_echo(a, terminal, e);
	memcpy(e->bytes + e->len, text, len);
	e->len += len;
}

static void echo(struct sim_agent *a, uint16_t terminal, struct echo *e, const char *text,
		 size_t len)
{
	if (a->interactive)
		put(a, terminal, e, text, len);
}

static void interrupt(struct sim_agent *a, uint16_t number, struct echo *e)
{
	struct sim_terminal *t = terminal_of(a, number);

	echo(a, number, e, "^C\r\n", 4);
	flush_echo(a, number, e);
	fifo_drop(&t->line, t->line.len);
	t->flood_left = 0;
	back_to_prompt(a, number);
}

static void erase(struct sim_agent *a, uint16_t number, struct echo *e)
{
	struct sim_terminal *t = terminal_of(a, number);

	if (!t->line.len)
		return;
	t->line.len--;
	echo(a, number, e, "\b \b", 3);
}

static void type_text(struct sim_agent *a, uint16_t number, struct echo *e, char byte)
{
	struct sim_terminal *t = terminal_of(a, number);
	char control[2] = {'^', (char)(byte ^ 0x40)};

	if (!fifo_push(&t->line, &byte, 1))
		echo(a, number, e, "\a", 1);
	else if ((unsigned char)byte < ' ' && byte != '\t')
		echo(a, number, e, control, 2);
	else
		echo(a, number, e, &byte, 1);
}

static void type_byte(struct sim_agent *a, uint16_t number, struct echo *e, char byte)
{
	if (byte == '\n' || (byte == '\r' && a->interactive)) {
		echo(a, number, e, "\r\n", 2);
		flush_echo(a, number, e);
		end_line(a, number);
	} else if (!a->interactive) {
		type_text(a, number, e, byte);
	} else if (byte == BACKSPACE) {
		erase(a, number, e);
	} else if (byte == CTRL_D && !terminal_of(a, number)->line.len) {
		sim_agent_exit(a, number, EXIT_STATUS, 0);
	} else {
		type_text(a, number, e, byte);
	}
}

/* What is typed while a program is in the foreground comes back at once, and is no line. */
static void type_to_program(struct sim_agent *a, uint16_t number, struct echo *e, char byte)
{
	if (byte == CTRL_D && terminal_of(a, number)->program == SIM_CAT) {
		flush_echo(a, number, e);
		back_to_prompt(a, number);
	} else {
		put(a, number, e, &byte, 1);
	}
}

void sim_shell_input(struct sim_agent *a, uint16_t terminal, const uint8_t *data, size_t len)
{
	struct sim_terminal *t = terminal_of(a, terminal);
	struct echo e = {.len = 0};

	for (size_t i = 0; i < len && t->open && !t->exiting && !t->mute && a->end < 0; i++) {
		if (data[i] == CTRL_C && a->interactive)
			interrupt(a, terminal, &e);
		else if (t->program == SIM_PROMPT)
			type_byte(a, terminal, &e, (char)data[i]);
		else
			type_to_program(a, terminal, &e, (char)data[i]);
	}
	flush_echo(a, terminal, &e);
}

/* --- the beginning --- */

static const char *last_of(const char *const *argv)
{
	while (argv[1])
		argv++;
	return *argv;
}

static void run_probe(struct sim_agent *a, uint16_t terminal)
{
	print_text(a, terminal,
		   a->canary == SIM_CANARY_GVISOR ? REPORT("[    0.000000] Starting gVisor...")
						  : REPORT("[    0.000000] Linux version 6.1.0"));
	sim_agent_exit(a, terminal, EXIT_STATUS, 0);
}

/* Of a program the last argument is run as a line: `sh -c LINE`. A test is a shell and its programs itself. */
void sim_shell_begin(struct sim_agent *a, uint16_t terminal, const char *const *argv)
{
	const char *line = argv[0] ? last_of(argv) : NULL;

	if (!line || a->canary == SIM_CANARY_TEST) {
		print_text(a, terminal, "$ ");
	} else if (strstr(line, "<canary>")) {
		run_probe(a, terminal);
	} else {
		terminal_of(a, terminal)->once = true;
		run_command(a, terminal, line);
	}
}
