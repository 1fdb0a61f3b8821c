// What somebody in a sandbox sees, and how much of it there is to have. The commands are typed into a terminal as a
// stranger would; what they answer is parsed, bounded, and believed only as far as it accuses.

import { fail, ok, skip, warn } from "./report.js";
import { Terminal } from "./terminal.js";
import { bounds } from "./isolation_bounds.js";

const MEMORY_MAX_KIB = 128 * 1024;
const PROCESSES_MAX = 64;
const WALK_LIMIT_MS = 60_000;

/* Those of gVisor's own kernel lead nowhere on the host. */
const HARMLESS_DEVICES = /^\/dev\/(null|zero|full|random|urandom|tty|ptmx|console|fuse|net\/tun|pts\/(\d+|ptmx))$/;

const WALK = [
	String.raw`find / \( -path /proc -o -path /sys \) -prune -o \( -type b -o -type c -o -type s -o -type f -perm /6000 \)`,
	String.raw`-printf '%y %p\n' 2>/dev/null | head -n 100`,
].join(" ");

const WRITE = "for d in / /etc /usr /opt /root /var /var/tmp; do (: >$d/.verify) 2>/dev/null && echo wrote $d; done";

/* First at a place where nobody listens, which shows that a try would be told. */
const TRY = "timeout 5 bash -c ': <>/dev/tcp/127.0.0.1/1' 2>&1 | command grep -q refused && echo tried";
const reach = (places) => `${TRY}; ${attempts(places)}`;
const attempts = (places) => places.map((place) => `timeout 5 bash -c ': <>/dev/tcp/${place}' 2>/dev/null && echo reached ${place}`).join("; ");

function kernel(output) {
	const lines = output.split("\n");
	if (lines.some((line) => /Starting gVisor/.test(line))) return ok("gVisor's");
	const root = lines.find((line) => line.startsWith("root "))?.slice(5);
	if (/^(virtiofs|kataShared)/.test(root)) return ok(`a virtual machine's (its root is ${root})`);
	return fail(`it is not gVisor's, and nothing shows a virtual machine: ${lines[0] || "dmesg is silent"}`);
}

function capabilities(output) {
	const sets = [...output.matchAll(/^Cap(Inh|Prm|Eff|Bnd|Amb):\s*([0-9a-f]+)/gm)];
	const held = sets.filter(([, , bits]) => /[1-9a-f]/.test(bits)).map(([line]) => line);
	if (!sets.some(([, name]) => name === "Eff")) return fail("CapEff does not show");
	return held.length ? fail(held.join(", ")) : ok(sets.map(([, name]) => `Cap${name}`).join(", ") + " are 0");
}

function readOnly(output) {
	const written = output.match(/^wrote .*/gm) ?? [];
	const mount = output.match(/^root (\S+)/m)?.[1] ?? "";
	if (written.length) return fail(written.join(", "));
	return mount.split(",").includes("ro") ? ok() : fail(`/ is mounted ${mount}`);
}

function network(output) {
	const names = [...output.matchAll(/^ *([^\s:|]+):/gm)].map(([, name]) => name);
	return names.length === 1 && names[0] === "lo" ? ok("lo") : fail(names.join(", ") || "not even lo");
}

function nothing(output) {
	if (output === "tried\ndone") return ok();
	return fail(/^tried\n/.test(output) ? output.replace(/^tried\n|\n?done$/g, "") : "it could not be tried");
}

/* A virtual machine has more than its container may use: that is tried at the end. */
function memory(output) {
	const kib = Number(/MemTotal:\s*(\d+) kB/.exec(output)?.[1]);
	const text = `${Math.round(kib / 1024)} MiB`;
	return kib > 0 && kib <= MEMORY_MAX_KIB ? ok(text) : warn(text);
}

function userLimits(output) {
	const [processes, files, core] = output.split(/\s+/);
	const text = `${processes} processes, ${files} files, core ${core}`;
	return Number(processes) <= PROCESSES_MAX && Number(files) <= 1024 && core === "0" ? ok(text) : fail(text);
}

function processes(output) {
	const names = output.split("\n");
	const strange = names.filter((name) => !/^(sandbox-agent|terminal|bash|cat)$/.test(name));
	return names[0] === "sandbox-agent" && strange.length === 0 ? ok(names.join(" ")) : fail(`seen: ${names.slice(0, 20).join(" ")}`);
}

function environment(output, { target }) {
	const names = [...output.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
	const secret = names.filter((name) => /KEY|SECRET|TOKEN|PASSW|DOCKER|CREDENTIAL/i.test(name));
	if (secret.length) return fail(secret.join(", "));
	if (target.key && output.includes(target.key)) return fail("the API key");
	return names.length ? ok([...new Set(names)].join(" ")) : fail("there is none");
}

/* [name, command line, judge(output, context)] */
const FACTS = [
	["the kernel is not the host's", `dmesg 2>/dev/null | head -n 1; awk '$2 == "/" { print "root", $3, $1 }' /proc/mounts`, kernel],
	["the user is nobody special", "echo $(id -u):$(id -G)", (output) => (output === "1000:1000" ? ok(output) : fail(output))],
	["the user has no capabilities", "cat /proc/self/status", capabilities],
	["the root is read-only", `${WRITE}; awk '$2 == "/" { print "root", $4 }' /proc/mounts`, readOnly],
	["the only network interface is loopback", "tail -n +3 /proc/net/dev", network],
	["nothing can be reached over the network", `${reach(["1.1.1.1/443", "8.8.8.8/53", "172.17.0.1/22", "10.0.0.1/80"])}; getent hosts example.org; echo done`, nothing],
	["cloud metadata cannot be reached", `${reach(["169.254.169.254/80", "100.100.100.200/80"])}; echo done`, nothing],
	["the memory that shows is what may be used", "head -n 3 /proc/meminfo", memory],
	["processes and files are limited", "echo $(ulimit -u) $(ulimit -n) $(ulimit -c)", userLimits],
	["processes of the host do not show", "cat /proc/[0-9]*/comm", processes],
	["the environment holds no secret", "tr '\\0' '\\n' </proc/1/environ; env", environment],
];

/* [name, what one line of the walk shows to be wrong] */
const FOUND = [
	["no socket of the host is there", (type) => type === "s"],
	["no device node is there but harmless ones", (type, path) => (type === "b" || type === "c") && !HARMLESS_DEVICES.test(path)],
	["no setuid or setgid file is there", (type) => type === "f"],
];

async function walk(report, terminal) {
	let lines;
	const walked = await report.check("the whole file system can be looked at", async () => {
		const { output } = await terminal.run(WALK, WALK_LIMIT_MS);
		lines = output.split("\n").filter(Boolean).map((line) => [line[0], line.slice(2)]);
		return lines.some(([, path]) => path === "/dev/null") ? ok() : fail("/dev/null was not found");
	});
	if (!walked) return;
	for (const [name, wrong] of FOUND)
		await report.check(name, () => {
			const found = lines.filter(([type, path]) => wrong(type, path)).map(([, path]) => path);
			return found.length ? fail(found.join(", ")) : ok();
		});
}

export async function isolation(context) {
	const { target, report, sessions, hasSessions } = context;
	if (!hasSessions) return report.add("all of isolation", skip("there are no sessions"));
	const { json } = await sessions.create();
	const terminal = await Terminal.open(target, json.wsUrl);
	for (const [name, command, judge] of FACTS)
		await report.check(name, async () => judge((await terminal.run(command)).output, context));
	await walk(report, terminal);
	await bounds(report, terminal);
	terminal.drop();
	return sessions.end(json.sessionId);
}
