// An Engine of a test's own, with runtimes that fail as the test likes, and what it holds on the host. DOCKER_HOST is
// set for everything that the test imports or starts after it.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function list(path) {
	try {
		return readdirSync(path);
	} catch {
		return []; /* removed meanwhile, or never made */
	}
}

function commandLine(pid) {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
	} catch {
		return ""; /* it ended while we were reading */
	}
}

function named(paths, id) {
	return paths.filter((path) => path.includes(id));
}

export class PrivateEngine {
	/* runtimes: {name: text of a script, or [path, argument...]}, called as runsc is. */
	constructor(runtimes) {
		this.directory = mkdtempSync(join(tmpdir(), "sandbox-engine-"));
		this.run = join(this.directory, "run");
		const paths = Object.entries(runtimes).map(([name, runtime]) => `${name}=${Array.isArray(runtime) ? runtime.join(",") : this.#write(name, runtime)}`);
		this.env = {
			...process.env,
			SANDBOX_ENGINE_DIR: join(this.directory, "data"),
			SANDBOX_ENGINE_RUN_DIR: this.run,
			SANDBOX_ENGINE_RUNTIMES: paths.join(" "),
			DOCKER_HOST: `unix://${this.run}/docker.sock`,
		};
		this.source = (process.env.DOCKER_HOST ?? "").replace(/^unix:\/\//, "");
		process.env.DOCKER_HOST = this.env.DOCKER_HOST;
		/* However this process ends, short of SIGKILL. */
		process.once("exit", () => this.stop());
		for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, () => process.exit(1));
	}

	#write(name, script) {
		const path = join(this.directory, name);
		writeFileSync(path, script);
		chmodSync(path, 0o755);
		return path;
	}

	/* What a test that has failed may have left mounted, the last one first. */
	#mounts() {
		const paths = readFileSync("/proc/self/mountinfo", "utf8").split("\n").map((line) => line.split(" ")[4] ?? "");
		return paths.filter((path) => path.startsWith(`${this.directory}/`)).reverse();
	}

	start() {
		execFileSync("scripts/engine", ["start"], { env: this.env, stdio: ["ignore", "ignore", "inherit"] });
		this.parent = JSON.parse(readFileSync(join(this.directory, "data/daemon.json"), "utf8"))["cgroup-parent"];
		this.namespace = this.parent.slice(1);
	}

	/* Takes the image from the Engine that the tests use, and gives it these names: a server looks for all, and its canary
	 * needs a real one. */
	copyImage(image, names) {
		const curl = "curl -sSf --noproxy '*' --unix-socket";
		const copy = `set -o pipefail; ${curl} "$1" "http://engine/images/$3/get" | ${curl} "$2" -T - -X POST http://engine/images/load`;
		const socket = `${this.run}/docker.sock`;
		execFileSync("bash", ["-c", copy, "copy", this.source, socket, image], { stdio: ["ignore", "ignore", "inherit"] });
		for (const name of names)
			execFileSync("curl", ["-sSf", "--noproxy", "*", "--unix-socket", socket, "-X", "POST",
				`http://engine/images/${image}/tag?repo=${encodeURIComponent(name)}&tag=latest`], { stdio: ["ignore", "ignore", "inherit"] });
	}

	/* Ends the Engine, so that nothing answers any more; its leaks stay. */
	async end(until) {
		const pid = Number(readFileSync(join(this.run, "dockerd.pid"), "utf8"));
		if (!commandLine(pid).includes(join(this.run, "dockerd.pid"))) throw new Error(`${pid} is not our Engine`);
		process.kill(pid, "SIGTERM");
		await until(() => commandLine(pid) === "", "the Engine ends");
	}

	stop() {
		if (this.stopped) return;
		this.stopped = true;
		execFileSync("scripts/engine", ["stop"], { env: this.env, stdio: ["ignore", "ignore", "inherit"] });
		for (const path of this.#mounts()) execFileSync("umount", [path]);
		rmSync(this.directory, { recursive: true, force: true });
	}

	get taskRoot() {
		return join(this.run, "exec/containerd/daemon/io.containerd.runtime.v2.task", this.namespace);
	}

	get stateRoot() {
		return join(this.run, "exec/runtime-runc", this.namespace);
	}

	/* The directories of our control groups, one for each controller. */
	get cgroupRoots() {
		const roots = ["", ...list("/sys/fs/cgroup")].map((name) => join("/sys/fs/cgroup", name, this.namespace));
		return roots.filter((path) => list(path).length > 0);
	}

	/* What the host holds of this Engine's containers, by kind: {shims: [command line], ...}; of one of them when id
	 * is given. */
	held(id = "") {
		const lines = list("/proc").filter((name) => /^\d+$/.test(name)).map(commandLine).filter((line) => line.includes(this.run));
		const children = (root) => list(root).map((name) => join(root, name));
		const cgroups = this.cgroupRoots.flatMap(children).filter((path) => /[0-9a-f]{64}$/.test(path));
		return {
			shims: named(lines.filter((line) => /^\S*containerd-shim/.test(line)), id),
			gofers: named(lines.filter((line) => /^runsc-gofer /.test(line)), id),
			sandboxes: named(lines.filter((line) => /^runsc-sandbox /.test(line)), id),
			bundles: named(children(this.taskRoot), id),
			states: named(children(this.stateRoot), id),
			fifos: named(children(join(this.run, "exec/containerd")).filter((path) => /[0-9a-f]{64}$/.test(path)), id),
			cgroups: named(cgroups, id),
		};
	}

	counts(id) {
		return Object.fromEntries(Object.entries(this.held(id)).map(([kind, found]) => [kind, found.length]));
	}
}
