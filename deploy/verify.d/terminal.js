// A terminal in a sandbox, worked like expect(1). What comes out of it is a stranger's: it is bounded, searched for
// what was expected, and otherwise only shown.

import { randomBytes } from "node:crypto";
import WebSocket from "ws";

export const LIMIT_MS = 20_000;
const TEXT_MAX = 1 << 18;
const MESSAGES_MAX = 100;
const GRACE_MAX_MS = 120_000;

/* Undefined when it is not JSON: of a server that is not ours. */
function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

export class Terminal {
	/* Output that no waitFor() has consumed. */
	text = "";
	messages = [];
	end = null;
	/* Resolves when the socket is open. */
	opened;
	#socket;
	#waiting = new Set();
	#graceMs = 0;

	/* url: a wsUrl, whose ticket opens it. */
	constructor(target, url, size = { cols: 80, rows: 24 }) {
		this.#socket = new WebSocket(`${url}&${new URLSearchParams(size)}`, { ...target.trust, handshakeTimeout: LIMIT_MS });
		this.#socket.on("message", (data, binary) => this.#onFrame(data.toString("utf8"), binary));
		this.#socket.on("close", (code, reason) => this.#onClose(code, String(reason)));
		this.opened = new Promise((resolve, reject) => {
			this.#socket.on("open", resolve);
			this.#socket.on("error", reject);
		});
		this.opened.catch(() => {}); /* told to who awaits it */
	}

	/* Resolves when the first prompt is there. */
	static async open(target, url, size) {
		const terminal = new Terminal(target, url, size);
		await terminal.opened;
		await terminal.message("connected");
		await terminal.message("initComplete");
		await terminal.prompt();
		return terminal;
	}

	#wake() {
		for (const wake of this.#waiting) wake();
	}

	#onFrame(text, binary) {
		if (binary) return this.#socket.close(1003);
		if (text.startsWith("{")) this.#onMessage(parsed(text));
		else this.#onOutput(text);
		return this.#wake();
	}

	#onMessage(message) {
		if (!message) return this.#socket.close(1007);
		if (message.type === "output") return this.#onOutput(String(message.data));
		/* Input then waits, and we with it. */
		if (message.code === "RateLimited") this.#graceMs = Math.min(this.#graceMs + 1000 * message.retryAfter, GRACE_MAX_MS);
		return this.messages.length < MESSAGES_MAX && this.messages.push(message);
	}

	#onOutput(text) {
		this.text = (this.text + text).slice(-TEXT_MAX);
	}

	#onClose(code, reason) {
		this.end = { code, reason };
		this.#wake();
	}

	/* The first value other than undefined that look() gives. */
	#until(look, what, limitMs, endIsFine = false) {
		return new Promise((resolve, reject) => {
			let timer;
			const finish = (settle, value) => {
				clearTimeout(timer);
				this.#waiting.delete(wake);
				settle(value);
			};
			const wake = () => {
				const value = look();
				if (value !== undefined) finish(resolve, value);
				else if (this.end && !endIsFine) finish(reject, new Error(`the socket closed with ${this.end.code} (${this.end.reason}) before ${what}`));
			};
			const late = () => {
				const more = this.#graceMs;
				this.#graceMs = 0;
				if (more) timer = setTimeout(late, more);
				else finish(reject, new Error(`no ${what} within ${limitMs / 1000} s`));
			};
			timer = setTimeout(late, limitMs);
			this.#waiting.add(wake);
			wake();
		});
	}

	/* Consumes the output up to the end of the match; the match's field `before` is what came first. */
	waitFor(regex, what, limitMs = LIMIT_MS) {
		return this.#until(() => {
			const match = regex.exec(this.text);
			if (!match) return undefined;
			match.before = this.text.slice(0, match.index);
			this.text = this.text.slice(match.index + match[0].length);
			return match;
		}, what, limitMs);
	}

	message(type, limitMs = LIMIT_MS) {
		return this.#until(() => {
			const index = this.messages.findIndex((each) => each.type === type);
			return index < 0 ? undefined : this.messages.splice(index, 1)[0];
		}, `message "${type}"`, limitMs);
	}

	closing(limitMs = LIMIT_MS) {
		return this.#until(() => this.end ?? undefined, "end of the socket", limitMs, true);
	}

	prompt() {
		return this.waitFor(/[$#](\x1b\[[\d;?]*[a-zA-Z])* (\x1b\[[\d;?]*[a-zA-Z])*$/, "prompt");
	}

	send(data, options = {}) {
		return new Promise((resolve, reject) => {
			this.#socket.send(data, options, (error) => (error ? reject(error) : resolve()));
		});
	}

	type(line) {
		return this.send(`${line}\r`);
	}

	/* Runs a line in the shell; resolves to {output, status}. The marks cannot be foreseen, and the shell's echo does not
	 * hold them. */
	async run(line, limitMs = LIMIT_MS) {
		const mark = randomBytes(8).toString("hex");
		await this.type(`printf '<%s:%s>' begin ${mark}; ${line}; printf '<%s:%s:%s>' end ${mark} $?`);
		await this.waitFor(new RegExp(`<begin:${mark}>`), "answer to a command", limitMs);
		const match = await this.waitFor(new RegExp(`<end:${mark}:(\\d+)>`), "answer to a command", limitMs);
		await this.prompt();
		return { output: match.before.replaceAll("\r\n", "\n").trim(), status: Number(match[1]) };
	}

	close() {
		this.#socket.close(1000);
		return this.closing();
	}

	/* For when nobody is interested in how it ends. */
	drop() {
		this.#socket.terminate();
	}
}
