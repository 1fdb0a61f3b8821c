// The server's process, as the kernel sees it.

import { unitState } from "./host_units.js";
import { environmentOf, listening, pidsNamed, processStatus } from "./proc.js";
import { fail, ok, skip, warn } from "./report.js";

const CADDY_ADMIN_PORT = 2019;

/* Where it is no service, by the port that it listens on. */
async function findServer({ systemd, options, target }) {
	const { LoadState, MainPID } = systemd ? await unitState("sandbox-api.service", ["LoadState", "MainPID"]) : {};
	if (LoadState === "loaded") return Number(MainPID) ? [MainPID] : [];
	const ports = [options.port, target.port];
	return pidsNamed("sandbox-api").filter((pid) => listening(pid).some(({ port }) => ports.includes(port)));
}

const uids = ({ Uid }) => Uid.split("\t");

function privileges(status) {
	const held = Object.entries(status).filter(([name, value]) => /^Cap/.test(name) && /[1-9a-f]/.test(value));
	if (held.length) return fail(held.map((pair) => pair.join(" ")).join(", "));
	return ok("none, and none to be had");
}

/* The metrics may be meant for another host. */
function sockets(pid) {
	const found = listening(pid);
	const metrics = Number(environmentOf(pid).METRICS_PORT);
	const beyond = found.filter(({ loopback }) => !loopback);
	const text = found.map(({ address, port }) => `${address}:${port}`).join(" ");
	if (!found.length) return fail("it listens nowhere");
	if (beyond.some(({ port }) => port !== metrics)) return fail(`${text}: set HOST=127.0.0.1, so that nobody goes past the proxy`);
	return beyond.length ? warn(`${text}: who reaches METRICS_PORT reads the metrics`) : ok(text);
}

/* Whoever took the server over could talk to any port on loopback. */
function proxyAdmin() {
	const pids = pidsNamed("caddy");
	if (!pids.length) return skip("no process named caddy is to be seen");
	const open = pids.flatMap(listening).filter(({ loopback, port }) => loopback || port === CADDY_ADMIN_PORT);
	if (!open.length) return ok();
	return fail(`Caddy listens on ${open.map(({ address, port }) => `${address}:${port}`).join(" ")}: set admin unix//run/caddy/admin.sock`);
}

export async function serverProcess(context) {
	const { report, systemd } = context;
	const pids = await findServer(context);
	if (pids.length !== 1) return report.add("the server's process is here", (pids.length || systemd ? fail : skip)(`${pids.length} were found`));
	const [pid] = pids;
	const status = processStatus(pid);
	await report.check("the server is not root", () => (uids(status).includes("0") ? fail(`its users are ${uids(status).join(" ")}`) : ok(`user ${uids(status)[0]}`)));
	await report.check("the server has no capabilities", () => privileges(status));
	await report.check("the server cannot gain privileges", () => (status.NoNewPrivs === "1" ? ok("NoNewPrivs") : fail("NoNewPrivileges is not set")));
	await report.check("the server's system calls are filtered", () => (status.Seccomp === "2" ? ok("seccomp") : fail("no seccomp filter")));
	await report.check("the server listens on loopback only", () => sockets(pid));
	await report.check("Caddy cannot be configured through a port", proxyAdmin);
}
