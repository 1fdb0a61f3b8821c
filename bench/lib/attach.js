// The reference: the same agent in the same kind of container, spoken to directly over the Engine's
// hijacked attach connection. Nothing of sandbox-api lies in this way.

import { deferred, within } from "../../tests/integration/lib/wait.js";
import { FRAME, OUTPUT_WINDOW_MAX, PROTOCOL_VERSION, Records, encode, encodeCredit, encodeOpen } from "./frames.js";
import { Line } from "./line.js";

const STDOUT = 1;
const TERMINAL = 1;

export class AttachLine extends Line {
	#socket;
	#hello = deferred();
	#control = [];
	#exited = null;

	constructor(socket) {
		super();
		this.#socket = socket;
		this.hello = this.#hello.promise;
		this.hello.catch(() => {}); /* whoever waits for it still gets the error */
		const frames = new Records((header, part, last) => this.#onFramePart(header, part, last));
		const docker = new Records((header, part) => (header[0] === STDOUT ? frames.push(part) : this.#fail(`agent: ${part}`)));
		socket.on("data", (chunk) => docker.push(chunk));
		socket.on("error", (error) => this.#fail(error.message));
		socket.on("close", () => this.#fail("the attach stream has ended"));
	}

	/* Create, attach, start, hello, open: the same steps as the server's, in its order. Resolves when the open
	 * is sent; the container is {name} of the line. */
	static async start(containers, body) {
		const name = await containers.create(body);
		const line = new AttachLine(await containers.attach(name));
		line.name = name;
		await Promise.all([containers.start(name), within(line.hello, `hello of ${name}`)]);
		line.openShell();
		return line;
	}

	openShell() {
		this.#socket.write(encodeOpen(TERMINAL, { credit: OUTPUT_WINDOW_MAX }));
	}

	/* Resolves when the shell has ended; openShell() may follow. */
	async closeShell() {
		this.#exited = deferred();
		this.#socket.write(encode(FRAME.CLOSE, TERMINAL));
		await within(this.#exited.promise, "the shell's exit");
		this.#exited = null;
		this._forget();
	}

	#fail(text) {
		const error = new Error(text);
		this.#hello.reject(error);
		this.#exited?.reject(error);
		this._fail(error);
	}

	#onFramePart(header, part, last) {
		if (header[0] === FRAME.OUTPUT) {
			this.#socket.write(encodeCredit(TERMINAL, part.length));
			return this._output(part);
		}
		this.#control.push(part);
		if (!last) return;
		const payload = Buffer.concat(this.#control);
		this.#control = [];
		this.#onControl(header[0], payload);
	}

	#onControl(type, payload) {
		if (type === FRAME.HELLO) {
			const version = payload.readUInt16BE(0);
			if (version !== PROTOCOL_VERSION) return this.#fail(`the agent speaks version ${version}`);
			return this.#hello.resolve();
		}
		if (type === FRAME.EXIT && this.#exited) return this.#exited.resolve();
		if (type === FRAME.EXIT || type === FRAME.ERROR) this.#fail(`the shell has ended: ${payload.toString("hex")}`);
	}

	/* At most the agent's input window in all that has not been read yet: keystrokes and command lines. */
	send(text) {
		this.#socket.write(encode(FRAME.INPUT, TERMINAL, Buffer.from(text)));
	}

	close() {
		this.#socket.destroy();
	}
}
