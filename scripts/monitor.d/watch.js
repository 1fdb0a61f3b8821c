// Looks again and again, and remembers the looks of the last minute, so that there are rates and waiting times of now.

import { LookError } from "./look.js";
import { describe } from "./model.js";

const REMEMBERED_MS = 60_000;
const START = "process_start_time_seconds";

export class Watch {
	#look;
	#intervalMs;
	#show;
	#looks = [];
	#trouble;
	#timer;
	#wake;
	#stopped = false;

	/* look() resolves to one or rejects with a LookError; show(model, trouble) draws: trouble says why the latest look failed, of
	 * which the model then is not. */
	constructor(look, intervalMs, show) {
		this.#look = look;
		this.#intervalMs = intervalMs;
		this.#show = show;
	}

	/* Until stop(); rejects when not even the first look succeeds. */
	async run() {
		while (!this.#stopped) {
			const begun = performance.now();
			await this.#once();
			this.show();
			await this.#pause(this.#intervalMs - (performance.now() - begun));
		}
	}

	async #once() {
		try {
			this.#remember(await this.#look());
			this.#trouble = undefined;
		} catch (error) {
			if (!(error instanceof LookError) || !this.#looks.length) throw error;
			this.#trouble = error.message;
		}
	}

	/* Counters of another run of the server begin anew, and cannot be compared. */
	#remember(now) {
		const same = this.#looks.at(-1)?.metrics.value(START) === now.metrics.value(START);
		this.#looks = [...(same ? this.#looks : []), now];
		while (this.#looks.length > 2 && now.atMs - this.#looks[0].atMs > REMEMBERED_MS) this.#looks.shift();
	}

	show() {
		if (!this.#stopped && this.#looks.length) this.#show(describe(this.#looks), this.#trouble);
	}

	#pause(ms) {
		return new Promise((resolve) => {
			this.#wake = resolve;
			this.#timer = setTimeout(resolve, Math.max(ms, 0));
		});
	}

	stop() {
		this.#stopped = true;
		clearTimeout(this.#timer);
		this.#wake?.();
	}
}
