// A service manager's end of sd_notify(3): a real datagram socket, which Node.js does not have, so that socat reads it.

import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LIMIT_MS, until, within } from "./wait.js";

export class Manager {
	/* Every assignment in order, {text, ms}: when it came. */
	told = [];
	#folder = mkdtempSync(join(tmpdir(), "sandbox-manager-"));
	#wake = () => {};

	get path() {
		return join(this.#folder, "notify");
	}

	/* What the manager puts into the environment of a service. */
	get env() {
		return { NOTIFY_SOCKET: this.path };
	}

	async listen() {
		/* In a network namespace of its own a socket takes ten messages, whatever the host is set to. */
		this.child = spawn("unshare", ["--net", "socat", "-u", `UNIX-RECV:${this.path}`, "STDOUT"], { stdio: ["ignore", "pipe", "inherit"] });
		this.child.on("error", (error) => this.#wake(error));
		const orphan = () => this.child.kill("SIGKILL");
		process.once("exit", orphan);
		this.child.once("exit", () => process.removeListener("exit", orphan));
		createInterface({ input: this.child.stdout }).on("line", (text) => {
			this.told.push({ text, ms: performance.now() });
			this.#wake();
		});
		await until(() => existsSync(this.path), "socat listens");
		chmodSync(this.path, 0o666);
		return this;
	}

	/* Nobody listens any more, and the name is gone. */
	async leave() {
		const exited = new Promise((resolve) => this.child.once("exit", resolve));
		this.child.kill("SIGKILL");
		await within(exited, "socat ends");
		rmSync(this.path, { force: true });
	}

	async close() {
		await this.leave();
		rmSync(this.#folder, { recursive: true });
	}

	texts(from = 0) {
		return this.told.slice(from).map(({ text }) => text);
	}

	/* Resolves when the text has been said, counted from a place in `told`; to the place behind it. */
	async hears(text, from = 0, limitMs = LIMIT_MS) {
		const heard = () => this.texts(from).indexOf(text);
		const said = new Promise((resolve, reject) => {
			this.#wake = (error) => (error ? reject(error) : heard() >= 0 && resolve());
			this.#wake();
		});
		await within(said, () => `${text}; said was ${JSON.stringify(this.texts(from))}`, limitMs);
		return from + heard() + 1;
	}
}
