// A terminal that is drawn over and over: the alternate screen, so that what stood there comes back, and no cursor. What has not changed
// does not flicker, because every line is written over in place, to its end, all in one write.

import { fit } from "./text.js";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

export class Screen {
	#out;
	#on = false;

	constructor(out) {
		this.#out = out;
	}

	/* Nobody may have told the terminal yet: it then says 0. */
	get size() {
		return { width: this.#out.columns || 80, height: this.#out.rows || 24 };
	}

	draw(lines) {
		const begin = this.#on ? "" : ENTER;
		this.#on = true;
		const { width, height } = this.size;
		const full = Array.from({ length: height }, (_, i) => fit(lines[i] ?? "", width));
		this.#out.write(`${begin}\x1b[H${full.join("\n")}`);
	}

	leave() {
		if (this.#on) this.#out.write(LEAVE);
		this.#on = false;
	}
}
