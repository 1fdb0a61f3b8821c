#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sandbox/canary.h"
#include "suite.h"
#include "world.h"

/* --- the report --- */

#define KERNEL     "kernel=[    0.000000] Starting gVisor...\r\n"
#define USER       "user=1000\r\n"
#define NO_CAPS    "capabilities=0000000000000000\r\n"
#define ROOT       "root=ro\r\nwritten=\r\n"
#define INTERFACES "interfaces=lo \r\n"
#define MEMORY     "memory=131072\r\n"
#define BEGIN      "\r\n<canary>\r\n"
#define END        "</canary>\r\n"
#define GOOD       BEGIN KERNEL USER NO_CAPS ROOT INTERFACES MEMORY END

static const enum canary_fact none = CANARY_FACT_COUNT;

/* A server that has asked for the sandbox 1000 ms before it started the probe. */
#define HOST_BOOT "6f7f1c0e-9d1d-4c1c-8f0e-3b1f6b8f2a11"
static const struct canary_origin origin = {.boot_id = HOST_BOOT, .age_ms = 1000};

static struct canary_view view_from(const char *text, const struct canary_origin *from)
{
	struct canary_view view;

	memset(&view, 0xff, sizeof(view));
	ck_assert(canary_probe_read(text, strlen(text), from, &view));
	return view;
}

static struct canary_view view_of(const char *text)
{
	return view_from(text, &origin);
}

START_TEST(a_good_report_proves_every_fact)
{
	struct canary_view view = view_of("$ anything" GOOD "anything");

	for (size_t i = 0; i < CANARY_FACT_COUNT; i++)
		ck_assert(view.facts[i]);
	ck_assert_str_eq(canary_kind_name(view.kind), "gvisor");
	ck_assert_ptr_null(view.doubt);
}
END_TEST

START_TEST(a_report_is_read_only_when_it_is_whole)
{
	struct canary_view view = {.kind = CANARY_KIND_HOST};

	for (size_t len = 0; len < strlen(GOOD); len++)
		ck_assert(!canary_probe_read(GOOD, len, &origin, &view));
	for (size_t i = 0; i < CANARY_FACT_COUNT; i++)
		ck_assert(!view.facts[i]);
	ck_assert(canary_probe_read(GOOD, strlen(GOOD), &origin, &view));
}
END_TEST

/* What each one of them must not prove, while everything else is still proved. */
static const struct {
	const char *text;
	enum canary_fact unproved;
} reports[] = {
	{BEGIN
	 "kernel=[    0.000000] Linux version 6.1.0\r\n" USER NO_CAPS ROOT INTERFACES MEMORY END,
	 CANARY_ISOLATED},
	{BEGIN "kernel=\r\n" USER NO_CAPS ROOT INTERFACES MEMORY END, CANARY_ISOLATED},
	{BEGIN "kernel=[   12.345678] Starting gVisor[42]: segfault at 0\r\n" USER NO_CAPS ROOT
		 INTERFACES MEMORY END,
	 CANARY_ISOLATED},
	{BEGIN
	 "kernel=[   12.345678] x] Starting gVisor...\r\n" USER NO_CAPS ROOT INTERFACES MEMORY END,
	 CANARY_ISOLATED},
	{BEGIN "kernel=Starting gVisor...\r\n" USER NO_CAPS ROOT INTERFACES MEMORY END,
	 CANARY_ISOLATED},
	{BEGIN USER NO_CAPS ROOT INTERFACES MEMORY END, CANARY_ISOLATED},
	{KERNEL BEGIN USER NO_CAPS ROOT INTERFACES MEMORY END, CANARY_ISOLATED},
	{BEGIN KERNEL KERNEL USER NO_CAPS ROOT INTERFACES MEMORY END, CANARY_ISOLATED},
	{BEGIN "kernel=\r\n" KERNEL USER NO_CAPS ROOT INTERFACES MEMORY END, CANARY_ISOLATED},
	{BEGIN KERNEL "user=0\r\n" NO_CAPS ROOT INTERFACES MEMORY END, CANARY_NOT_ROOT},
	{BEGIN KERNEL "user=\r\n" NO_CAPS ROOT INTERFACES MEMORY END, CANARY_NOT_ROOT},
	{BEGIN KERNEL "user=10000\r\n" NO_CAPS ROOT INTERFACES MEMORY END, CANARY_NOT_ROOT},
	{BEGIN KERNEL USER "capabilities=0000000000002000\r\n" ROOT INTERFACES MEMORY END,
	 CANARY_NO_CAPABILITIES},
	{BEGIN KERNEL USER "capabilities=\r\n" ROOT INTERFACES MEMORY END, CANARY_NO_CAPABILITIES},
	{BEGIN KERNEL USER "capabilities=0 \r\n" ROOT INTERFACES MEMORY END,
	 CANARY_NO_CAPABILITIES},
	{BEGIN KERNEL USER NO_CAPS "root=rw\r\nwritten=\r\n" INTERFACES MEMORY END,
	 CANARY_READ_ONLY_ROOT},
	{BEGIN KERNEL USER NO_CAPS "root=ro\r\nwritten=/var/tmp\r\n" INTERFACES MEMORY END,
	 CANARY_READ_ONLY_ROOT},
	{BEGIN KERNEL USER NO_CAPS "root=ro\r\n" INTERFACES MEMORY END, CANARY_READ_ONLY_ROOT},
	{BEGIN KERNEL USER NO_CAPS "written=\r\n" INTERFACES MEMORY END, CANARY_READ_ONLY_ROOT},
	{BEGIN KERNEL USER NO_CAPS ROOT "interfaces=lo eth0 \r\n" MEMORY END, CANARY_ONLY_LOOPBACK},
	{BEGIN KERNEL USER NO_CAPS ROOT "interfaces=\r\n" MEMORY END, CANARY_ONLY_LOOPBACK},
	{BEGIN KERNEL USER NO_CAPS ROOT INTERFACES "memory=24684092\r\n" END, CANARY_MEMORY_LIMIT},
	{BEGIN KERNEL USER NO_CAPS ROOT INTERFACES "memory=0\r\n" END, CANARY_MEMORY_LIMIT},
	{BEGIN KERNEL USER NO_CAPS ROOT INTERFACES "memory=12 \r\n" END, CANARY_MEMORY_LIMIT},
	{BEGIN KERNEL USER NO_CAPS ROOT INTERFACES
	 "memory=99999999999999999999999999999999999999999\r\n" END,
	 CANARY_MEMORY_LIMIT},
	{BEGIN KERNEL USER NO_CAPS ROOT INTERFACES MEMORY END END, none},
	{BEGIN KERNEL USER NO_CAPS ROOT INTERFACES MEMORY "=\r\nx=y\r\n\r\n" END, none},
	{"\n<canary>\n" KERNEL USER NO_CAPS ROOT INTERFACES MEMORY "</canary>\n", none},
};
#define REPORT_COUNT (sizeof(reports) / sizeof(reports[0]))

START_TEST(each_fact_is_true_only_where_the_report_proves_it)
{
	struct canary_view view = view_of(reports[_i].text);

	for (enum canary_fact i = 0; i < CANARY_FACT_COUNT; i++)
		ck_assert_msg(view.facts[i] == (i != reports[_i].unproved), "fact %d", (int)i);
}
END_TEST

START_TEST(a_value_without_end_proves_nothing)
{
	char text[CANARY_OUTPUT_MAX] = BEGIN "kernel=Starting gVisor";

	memset(text + strlen(text), 'x', 1000);
	strcat(text, "\r\n" USER END);
	struct canary_view view = view_of(text);
	ck_assert(!view.facts[CANARY_ISOLATED] && view.facts[CANARY_NOT_ROOT]);
}
END_TEST

/* --- whose kernel: what a guest of Kata Containers shows, and what could be taken for it --- */

#define LINUX "kernel=\r\n"
#define REST  USER NO_CAPS ROOT INTERFACES "memory=2050564\r\n"
#define BOOT  "boot=0a3a9f4e-7c55-4d0b-9a43-55a1d2a0c7de\r\n"
#define KATA  "guest=kata\r\n"
#define YOUNG "started=61\r\n"
#define GUEST LINUX REST "type=virtiofs\r\n" BOOT KATA YOUNG

START_TEST(a_kernel_that_kata_booted_for_the_sandbox_is_a_virtual_machines)
{
	static const char *const texts[] = {
		BEGIN GUEST END,
		BEGIN LINUX REST "type=9p\r\n" BOOT KATA YOUNG END,
		BEGIN "kernel=[    0.000000] Linux version 6.12.47\r\n" REST
		      "type=virtiofs\r\n" BOOT KATA YOUNG END,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct canary_view view = view_of(texts[i]);
		ck_assert_ptr_null(view.doubt);
		ck_assert_str_eq(canary_kind_name(view.kind), "vm");
		ck_assert(view.facts[CANARY_ISOLATED] && view.facts[CANARY_NOT_ROOT]);
		ck_assert(!view.facts[CANARY_MEMORY_LIMIT]);
	}
}
END_TEST

static const struct {
	const char *text, *doubt;
} doubtful[] = {
	/* runc on this host */
	{BEGIN LINUX REST "type=overlay\r\nboot=" HOST_BOOT "\r\nguest=\r\nstarted=8640000\r\n" END,
	 "the host's own"},
	/* runc on this host, which is a guest of Kata Containers itself, with a storage driver that shows it */
	{BEGIN LINUX REST "type=virtiofs\r\nboot=" HOST_BOOT "\r\n" KATA YOUNG END,
	 "the host's own"},
	/* runc on another host behind a forwarded socket, be it a virtual machine or not */
	{BEGIN LINUX REST "type=overlay\r\n" BOOT "guest=\r\nstarted=8640000\r\n" END, "older"},
	/* runc in a guest of Kata Containers elsewhere */
	{BEGIN LINUX REST "type=virtiofs\r\n" BOOT KATA "started=8640000\r\n" END, "older"},
	{BEGIN LINUX REST "type=virtiofs\r\n" BOOT KATA "started=98\r\n" END, "older"},
	{BEGIN LINUX REST "type=virtiofs\r\n" BOOT KATA "started=\r\n" END, "older"},
	{BEGIN LINUX REST "type=virtiofs\r\n" BOOT KATA "started=-61\r\n" END, "older"},
	{BEGIN LINUX REST "type=virtiofs\r\n" BOOT KATA "started=9999999999999\r\n" END, "older"},
	{BEGIN LINUX REST "type=virtiofs\r\n" BOOT KATA END, "older"},
	{BEGIN GUEST YOUNG END, "older"},
	/* a young kernel of somebody else's */
	{BEGIN LINUX REST "type=virtiofs\r\n" BOOT "guest=\r\n" YOUNG END, "not booted by Kata"},
	{BEGIN GUEST KATA END, "not booted by Kata"},
	{BEGIN LINUX REST "type=overlay\r\n" BOOT KATA YOUNG END, "root does not come"},
	{BEGIN LINUX REST BOOT KATA YOUNG END, "root does not come"},
	{BEGIN LINUX REST "type=virtiofs\r\nboot=\r\n" KATA YOUNG END, "no boot id"},
	{BEGIN LINUX REST "type=virtiofs\r\nboot=0a3a9f4e\r\n" KATA YOUNG END, "no boot id"},
	{BEGIN LINUX REST
	 "type=virtiofs\r\nboot=0A3A9F4E-7C55-4D0B-9A43-55A1D2A0C7DE\r\n" KATA YOUNG END,
	 "no boot id"},
	{BEGIN LINUX REST "type=virtiofs\r\n" KATA YOUNG END, "no boot id"},
	{BEGIN GUEST BOOT END, "no boot id"},
	{BEGIN END, "no boot id"},
};

#define DOUBTFUL_COUNT (sizeof(doubtful) / sizeof(doubtful[0]))

START_TEST(what_could_be_the_hosts_kernel_is_taken_for_it)
{
	struct canary_view view = view_of(doubtful[_i].text);

	ck_assert_int_eq(view.kind, CANARY_KIND_HOST);
	ck_assert_ptr_null(canary_kind_name(view.kind));
	ck_assert(!view.facts[CANARY_ISOLATED]);
	ck_assert_ptr_nonnull(strstr(view.doubt, doubtful[_i].doubt));
}
END_TEST

/* The age is what proves it then. */
START_TEST(a_server_that_does_not_know_its_own_boot_id_still_tells_them_apart)
{
	const struct canary_origin blind = {.age_ms = 1000}, early = {.age_ms = 630};

	ck_assert_int_eq(view_from(BEGIN GUEST END, &blind).kind, CANARY_KIND_VM);
	ck_assert_int_eq(view_from(BEGIN GUEST END, &early).kind, CANARY_KIND_HOST);
	ck_assert_int_eq(view_from(doubtful[0].text, &blind).kind, CANARY_KIND_HOST);
	ck_assert_int_eq(view_from(doubtful[3].text, &blind).kind, CANARY_KIND_HOST);
}
END_TEST

/* --- the script, over files as a guest of Kata Containers shows them --- */

static char proc[] = "/tmp/sandbox-canary-XXXXXX";

#define KATA_CMDLINE                                                                               \
	"tsc=reliable no_timer_check reboot=k cryptomgr.notests net.ifnames=0 root=/dev/pmem0p1 "  \
	"ro rootfstype=ext4 console=hvc0 quiet panic=1 nr_cpus=4 selinux=0 "                       \
	"systemd.unit=kata-containers.target systemd.mask=systemd-networkd.service "               \
	"scsi_mod.scan=none\n"

static struct {
	const char *name, *text;
} proc_files[] = {
	{"cmdline", KATA_CMDLINE},
	{"mounts", "none / virtiofs ro,relatime 0 0\nproc /proc proc rw,nosuid 0 0\n"
		   "tmpfs /dev tmpfs rw 0 0\nkataShared /etc/hosts virtiofs rw 0 0\n"},
	{"self/status", "Name:\tsh\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n"},
	{"self/stat", "27 (sh) S 1 27 27 34816 27 4194304 160 0 0 0 0 0 0 0 20 0 1 0 61 2678784 "
		      "193 18446744073709551615\n"},
	{"net/dev", "Inter-|   Receive\n face |bytes\n    lo:       0       0    0\n"},
	{"meminfo", "MemTotal:        2050564 kB\nMemFree:         1900000 kB\n"},
	{"sys/kernel/random/boot_id", "0a3a9f4e-7c55-4d0b-9a43-55a1d2a0c7de\n"},
};

static void write_proc(void)
{
	char command[256], path[128];

	snprintf(command, sizeof(command), "mkdir -p %s/self %s/net %s/sys/kernel/random", proc,
		 proc, proc);
	ck_assert_int_eq(system(command), 0);
	for (size_t i = 0; i < sizeof(proc_files) / sizeof(proc_files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", proc, proc_files[i].name);
		FILE *file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		ck_assert_int_ge(fputs(proc_files[i].text, file), 0);
		ck_assert_int_eq(fclose(file), 0);
	}
}

/* The script as it is, but for where it looks. */
static void write_script(const char *path)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	for (const char *at = canary_probe_argv[2]; *at;) {
		if (strncmp(at, "/proc/", 6) == 0) {
			fprintf(file, "%s/", proc);
			at += 6;
		} else if (strncmp(at, "in / /var/tmp;", 14) == 0) {
			fputs("in;", file); /* this is the machine's own root */
			at += 14;
		} else {
			fputc(*at++, file);
		}
	}
	ck_assert_int_eq(fclose(file), 0);
}

/* What the script says when it is run over the files. */
static struct canary_view look_around(void)
{
	char path[64], command[128], report[CANARY_OUTPUT_MAX];

	write_proc();
	snprintf(path, sizeof(path), "%s/script", proc);
	write_script(path);
	snprintf(command, sizeof(command), "PATH=/usr/bin:/bin %s %s; rm -r %s",
		 canary_probe_argv[0], path, proc);
	FILE *output = popen(command, "r");
	ck_assert_ptr_nonnull(output);
	size_t len = fread(report, 1, sizeof(report) - 1, output);
	ck_assert_int_eq(pclose(output), 0);
	report[len] = '\0';
	return view_of(report);
}

static void set_file(const char *name, const char *text)
{
	for (size_t i = 0; i < sizeof(proc_files) / sizeof(proc_files[0]); i++)
		if (strcmp(proc_files[i].name, name) == 0)
			proc_files[i].text = text;
}

static void set_up_script(void)
{
	ck_assert_ptr_nonnull(mkdtemp(proc));
}

START_TEST(the_script_sees_a_guest_of_kata_containers)
{
	struct canary_view view = look_around();

	ck_assert_msg(view.kind == CANARY_KIND_VM, "%s", view.doubt);
	ck_assert(view.facts[CANARY_NO_CAPABILITIES] && view.facts[CANARY_READ_ONLY_ROOT] &&
		  view.facts[CANARY_ONLY_LOOPBACK] && !view.facts[CANARY_MEMORY_LIMIT]);
}
END_TEST

START_TEST(the_script_sees_the_parameters_of_katas_agent)
{
	set_file("cmdline", "quiet panic=1 nr_cpus=4 agent.log=info");
	ck_assert_int_eq(look_around().kind, CANARY_KIND_VM);
}
END_TEST

static const struct {
	const char *name, *text, *doubt;
} unlike[] = {
	{"cmdline", "quiet panic=1 my.agent.log=1 xsystemd.unit=kata-containers.target\n",
	 "not booted by Kata"},
	{"cmdline", "", "not booted by Kata"},
	{"mounts", "overlay / overlay ro,relatime,lowerdir=/x 0 0\nx /x virtiofs rw 0 0\n",
	 "root does not come"},
	{"self/stat",
	 "27 (sh) S 1 27 27 34816 27 4194304 160 0 0 0 0 0 0 0 20 0 1 0 8640000 2678784 61\n",
	 "older"},
	{"self/stat", "", "older"},
	{"sys/kernel/random/boot_id", "", "no boot id"},
	{"sys/kernel/random/boot_id", HOST_BOOT "\n", "the host's own"},
};
#define UNLIKE_COUNT (sizeof(unlike) / sizeof(unlike[0]))

START_TEST(the_script_sees_what_is_unlike_a_guest)
{
	set_file(unlike[_i].name, unlike[_i].text);
	struct canary_view view = look_around();
	ck_assert_int_eq(view.kind, CANARY_KIND_HOST);
	ck_assert_msg(strstr(view.doubt, unlike[_i].doubt) != NULL, "%s", view.doubt);
}
END_TEST

/* --- its life --- */

static struct owner {
	struct canary *canary;
	unsigned done;
	struct canary_result result;
	uint64_t ahead_ms; /* what its sweeps are told */
} owner;

static void on_done(void *arg, const struct canary_result *result)
{
	struct owner *o = arg;

	o->canary = NULL;
	o->done++;
	o->result = *result;
}

static void sweep(void)
{
	if (owner.canary)
		canary_sweep(owner.canary, clock_monotonic_ms() + owner.ahead_ms);
}

static bool is_done(void)
{
	sweep();
	return owner.done > 0;
}

static void start_demanding(const struct sim_plan *plan, bool gvisor)
{
	struct err err = {.msg = ""};

	memset(&owner, 0, sizeof(owner));
	sim_set_plan(world.sim, plan);
	owner.canary = canary_start(world.fleet, &environments[0], gvisor, on_done, &owner,
				    clock_monotonic_ms(), &err);
	ck_assert_msg(owner.canary != NULL, "%s", err.msg);
}

static void start(const struct sim_plan *plan)
{
	start_demanding(plan, true);
}

static struct sim_agent *agent(void)
{
	struct sim_container *c = sim_container_at(world.sim, 0);

	return c ? sim_container_agent(c) : NULL;
}

static bool is_probing(void)
{
	sweep();
	return agent() && agent()->terminals[0].open;
}

static void print(const char *text)
{
	world_until(is_probing);
	sim_agent_print(agent(), 1, text, strlen(text));
}

/* One result, a bad one, and nothing left. */
static void expect_problem(const char *part)
{
	world_until(is_done);
	ck_assert_msg(strstr(owner.result.problem, part) != NULL, "%s", owner.result.problem);
	ck_assert(!owner.result.ok);
	world_settle();
	ck_assert_uint_eq(owner.done, 1);
}

START_TEST(a_good_report_is_told_once_and_when_the_container_is_gone)
{
	start(&(struct sim_plan){.create = SIM_OK});
	print(GOOD);
	world_until(is_done);
	ck_assert(owner.result.ok && owner.result.reported);
	ck_assert_str_eq(owner.result.problem, "");
	ck_assert_uint_eq(sim_container_count(world.sim), 0);
	ck_assert_uint_eq(fleet_containers(world.fleet), 0);
	world_settle();
	ck_assert_uint_eq(owner.done, 1);
}
END_TEST

START_TEST(its_container_is_a_sandbox_of_this_worker)
{
	start(&(struct sim_plan){.create = SIM_OK});
	world_until(is_probing);
	struct sim_container *c = sim_container_at(world.sim, 0);
	ck_assert_str_eq(sim_container_label(c, LABEL_WORKER), WORLD_WORKER);
	ck_assert_str_eq(sim_container_label(c, LABEL_OWNER), LABEL_OWNER_VALUE);
	ck_assert_str_eq(sim_container_label(c, LABEL_SESSION), "canary");
	char *name = strdup(sim_container_name(c));
	print(GOOD);
	world_until(is_done);
	ck_assert_str_eq(owner.result.container, name);
	free(name);
	world_settle();
}
END_TEST

START_TEST(a_good_result_does_not_wait_for_a_removal_that_takes_too_long)
{
	start(&(struct sim_plan){.remove = SIM_HANG});
	print(GOOD);
	world_turns(20);
	sweep();
	ck_assert_uint_eq(owner.done, 0);
	owner.ahead_ms = CANARY_LIMIT_MS;
	world_until(is_done);
	ck_assert(owner.result.ok);
	world_settle();
}
END_TEST

START_TEST(a_report_without_gvisor_is_a_problem_where_gvisor_is_demanded)
{
	start(&(struct sim_plan){.create = SIM_OK});
	print(BEGIN "kernel=\r\n" USER NO_CAPS ROOT INTERFACES MEMORY END);
	expect_problem("neither gVisor nor a virtual machine");
	ck_assert(owner.result.reported && !owner.result.seen.facts[CANARY_ISOLATED]);
	ck_assert(owner.result.seen.facts[CANARY_NO_CAPABILITIES]);
	start_demanding(&(struct sim_plan){.create = SIM_OK}, false);
	print(BEGIN "kernel=\r\n" USER NO_CAPS ROOT INTERFACES MEMORY END);
	world_until(is_done);
	ck_assert(owner.result.ok && !owner.result.seen.facts[CANARY_ISOLATED]);
	world_settle();
}
END_TEST

/* The simulated sandbox is asked for and there at once, so no kernel can have been booted in between. */
START_TEST(a_guest_that_is_older_than_its_sandbox_is_no_proof)
{
	start(&(struct sim_plan){.create = SIM_OK});
	print(BEGIN GUEST END);
	expect_problem("its kernel is older than the sandbox");
}
END_TEST

static bool is_asking_for_a_start(void)
{
	return sim_container_count(world.sim) == 1;
}

START_TEST(a_guest_that_was_booted_while_its_sandbox_was_started_is_one)
{
	start(&(struct sim_plan){.start = SIM_HANG});
	world_until(is_asking_for_a_start);
	for (uint64_t end_ms = clock_monotonic_ms() + 200; clock_monotonic_ms() < end_ms;)
		world_turns(1);
	sim_release(world.sim);
	print(BEGIN LINUX REST "type=virtiofs\r\n" BOOT KATA "started=12\r\n" END);
	world_until(is_done);
	ck_assert_msg(owner.result.ok, "%s", owner.result.problem);
	ck_assert_int_eq(owner.result.seen.kind, CANARY_KIND_VM);
	world_settle();
}
END_TEST

START_TEST(the_boot_id_of_this_host_gives_runc_away)
{
	char text[1024], boot[64];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(boot, sizeof(boot), file));
	fclose(file);
	boot[strcspn(boot, "\n")] = '\0';
	snprintf(text, sizeof(text), "%sboot=%s\r\n%s",
		 BEGIN LINUX REST "type=virtiofs\r\n" KATA "started=0\r\n", boot, END);
	start(&(struct sim_plan){.create = SIM_OK});
	print(text);
	expect_problem("its kernel is the host's own");
}
END_TEST

START_TEST(each_other_fact_is_demanded_but_the_memory_limit)
{
	enum canary_fact unproved = reports[_i].unproved;

	start_demanding(&(struct sim_plan){.create = SIM_OK}, false);
	print(reports[_i].text);
	world_until(is_done);
	ck_assert(owner.result.ok == (unproved == none || unproved == CANARY_ISOLATED ||
				      unproved == CANARY_MEMORY_LIMIT));
	ck_assert(owner.result.ok == !owner.result.problem[0]);
	world_settle();
}
END_TEST

static const struct {
	struct sim_plan plan;
	const char *problem;
	uint64_t ahead_ms;
} failing[] = {
	{{.create = SIM_FAIL}, "does not start", 0},
	{{.attach = SIM_FAIL}, "does not start", 0},
	{{.start = SIM_FAIL}, "does not start", 0},
	{{.start = SIM_FAIL, .remove = SIM_FAIL}, "does not start", 0},
	{{.hello = SIM_HELLO_GARBAGE}, "does not start", 0},
	{{.hello = SIM_HELLO_WRONG_VERSION}, "rebuild the images", 0},
	{{.hello = SIM_HELLO_NONE, .cut_at_start = true}, "does not start", 0},
	{{.hello = SIM_HELLO_NONE}, "does not answer", CANARY_LIMIT_MS},
	{{.create = SIM_HANG}, "does not answer", CANARY_LIMIT_MS},
	{{.attach = SIM_HANG}, "does not answer", CANARY_LIMIT_MS},
	{{.start = SIM_HANG}, "does not answer", CANARY_LIMIT_MS},
	{{.start = SIM_HANG, .remove = SIM_HANG}, "does not answer", CANARY_LIMIT_MS},
	{{.open = SIM_OPEN_ERROR}, "could not run", 0},
	{{.open = SIM_OPEN_NEVER}, "does not answer", CANARY_LIMIT_MS},
};
#define FAILING_COUNT (sizeof(failing) / sizeof(failing[0]))

START_TEST(a_sandbox_that_fails_is_one_problem_and_leaves_nothing)
{
	start(&failing[_i].plan);
	world_turns(20);
	owner.ahead_ms = failing[_i].ahead_ms;
	expect_problem(failing[_i].problem);
	ck_assert(!owner.result.reported);
}
END_TEST

START_TEST(output_without_end_is_a_problem)
{
	char flood[CANARY_OUTPUT_MAX + 1];

	memset(flood, 'y', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	start(&(struct sim_plan){.create = SIM_OK});
	print(flood);
	expect_problem("too much");
}
END_TEST

START_TEST(a_probe_that_ends_without_a_report_is_a_problem)
{
	start(&(struct sim_plan){.create = SIM_OK});
	print(BEGIN KERNEL);
	world_turns(5);
	sim_agent_exit(agent(), 1, EXIT_STATUS, 127);
	expect_problem("status 127");
}
END_TEST

START_TEST(a_sandbox_that_dies_under_the_probe_is_a_problem)
{
	start(&(struct sim_plan){.create = SIM_OK});
	world_until(is_probing);
	sim_event(world.sim, sim_container_at(world.sim, 0), "die");
	sim_cut(sim_container_at(world.sim, 0));
	expect_problem("could not run");
}
END_TEST

START_TEST(an_agent_that_breaks_the_protocol_is_a_problem)
{
	start(&(struct sim_plan){.create = SIM_OK});
	world_until(is_probing);
	sim_agent_frame(agent(), FRAME_CREDIT, 7, "\0\0\0\1", 4);
	expect_problem("could not run");
}
END_TEST

START_TEST(an_engine_that_goes_away_is_a_problem)
{
	start(&(struct sim_plan){.create = SIM_OK});
	world_until(is_probing);
	sim_refuse(world.sim, true);
	sim_drop_connections(world.sim);
	world_until(is_done);
	ck_assert(!owner.result.ok);
	ck_assert_str_ne(owner.result.problem, "");
	sim_refuse(world.sim, false);
	world_settle();
	ck_assert_uint_eq(owner.done, 1);
}
END_TEST

START_TEST(who_cancels_it_hears_nothing_and_nothing_is_left)
{
	static const struct sim_plan plans[] = {{.create = SIM_HANG},
						{.attach = SIM_HANG},
						{.start = SIM_HANG},
						{.hello = SIM_HELLO_NONE},
						{.open = SIM_OPEN_NEVER}};

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		start(&plans[i]);
		world_turns(20);
		canary_cancel(owner.canary);
		owner.canary = NULL;
		world_settle();
		ck_assert_uint_eq(owner.done, 0);
	}
	canary_cancel(NULL);
}
END_TEST

START_TEST(a_probe_that_says_no_counts_as_no_failed_start)
{
	for (int i = 0; i < FLEET_FAILED_STARTS_MAX + 1; i++) {
		start(&(struct sim_plan){.create = SIM_OK});
		print(BEGIN END);
		expect_problem("in a sandbox");
	}
	ck_assert(!fleet_circuit_open(world.fleet, clock_monotonic_ms()));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("canary");
	TCase *report = tcase_create("report"), *life = tcase_create("life");

	tcase_add_test(report, a_good_report_proves_every_fact);
	tcase_add_test(report, a_report_is_read_only_when_it_is_whole);
	tcase_add_loop_test(report, each_fact_is_true_only_where_the_report_proves_it, 0,
			    REPORT_COUNT);
	tcase_add_test(report, a_value_without_end_proves_nothing);
	tcase_add_test(report, a_kernel_that_kata_booted_for_the_sandbox_is_a_virtual_machines);
	tcase_add_loop_test(report, what_could_be_the_hosts_kernel_is_taken_for_it, 0,
			    DOUBTFUL_COUNT);
	tcase_add_test(report, a_server_that_does_not_know_its_own_boot_id_still_tells_them_apart);
	TCase *script = tcase_create("script");
	tcase_add_checked_fixture(script, set_up_script, NULL);
	tcase_add_test(script, the_script_sees_a_guest_of_kata_containers);
	tcase_add_test(script, the_script_sees_the_parameters_of_katas_agent);
	tcase_add_loop_test(script, the_script_sees_what_is_unlike_a_guest, 0, UNLIKE_COUNT);
	suite_add_tcase(suite, script);
	tcase_add_checked_fixture(life, world_up, world_down);
	tcase_add_test(life, a_good_report_is_told_once_and_when_the_container_is_gone);
	tcase_add_test(life, its_container_is_a_sandbox_of_this_worker);
	tcase_add_test(life, a_good_result_does_not_wait_for_a_removal_that_takes_too_long);
	tcase_add_test(life, a_report_without_gvisor_is_a_problem_where_gvisor_is_demanded);
	tcase_add_test(life, a_guest_that_is_older_than_its_sandbox_is_no_proof);
	tcase_add_test(life, a_guest_that_was_booted_while_its_sandbox_was_started_is_one);
	tcase_add_test(life, the_boot_id_of_this_host_gives_runc_away);
	tcase_add_loop_test(life, each_other_fact_is_demanded_but_the_memory_limit, 0,
			    REPORT_COUNT);
	tcase_add_loop_test(life, a_sandbox_that_fails_is_one_problem_and_leaves_nothing, 0,
			    FAILING_COUNT);
	tcase_add_test(life, output_without_end_is_a_problem);
	tcase_add_test(life, a_probe_that_ends_without_a_report_is_a_problem);
	tcase_add_test(life, a_sandbox_that_dies_under_the_probe_is_a_problem);
	tcase_add_test(life, an_agent_that_breaks_the_protocol_is_a_problem);
	tcase_add_test(life, an_engine_that_goes_away_is_a_problem);
	tcase_add_test(life, who_cancels_it_hears_nothing_and_nothing_is_left);
	tcase_add_test(life, a_probe_that_says_no_counts_as_no_failed_start);
	suite_add_tcase(suite, report);
	suite_add_tcase(suite, life);
	return run_suite(suite);
}
