// A shell to type into, whatever the way to it: what the two ways that are compared have in common, so
// that both bear the same cost of the client.

import { deferred, within } from "../../tests/integration/lib/wait.js";

const LIMIT_MS = 60_000;
const TAIL_BYTES = 400;

export class Line {
	/* What came while nobody was reading. */
	#early = [];
	#take = null;
	#done = null;
	#failure = null;

	/* For the subclass: output, in order. */
	_output(bytes) {
		if (!this.#take) return void this.#early.push(bytes);
		let value;
		try {
			value = this.#take(bytes);
		} catch (error) {
			return this._fail(error);
		}
		if (value === undefined) return;
		this.#take = null;
		this.#done.resolve(value);
	}

	/* For the subclass: no more output will come. */
	_fail(error) {
		this.#failure ??= error;
		if (!this.#take) return;
		this.#take = null;
		this.#done.reject(this.#failure);
	}

	/* For the subclass: what has come so far belongs to a shell that has ended. */
	_forget() {
		this.#early = [];
	}

	/* Hands each piece of output to take() until that gives something other than undefined, which
	 * read() resolves to. One at a time; throwing in take() ends the line. */
	read(take, what, limitMs = LIMIT_MS) {
		this.#done = deferred();
		this.#take = take;
		while (this.#early.length && this.#take) this._output(this.#early.shift());
		if (this.#failure) this._fail(this.#failure);
		return within(this.#done.promise, what, limitMs);
	}

	/* Resolves at the first output: performance.now() of its arrival. */
	firstByte() {
		return this.read(() => performance.now(), "first output");
	}

	/* Resolves when the output holds text. */
	readText(text) {
		let seen = "";
		return this.read(
			(bytes) => {
				seen += bytes.toString("latin1");
				return seen.includes(text) || undefined;
			},
			() => `${JSON.stringify(text)} in ${JSON.stringify(seen.slice(-TAIL_BYTES))}`,
		);
	}
}
