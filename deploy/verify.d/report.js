// The report: a line for each check, in groups, and the sum. A check gives one of the four verdicts; one that throws
// has failed.

export const ok = (text = "") => ({ verdict: "ok", text });
export const warn = (text) => ({ verdict: "warn", text });
export const fail = (text) => ({ verdict: "FAIL", text });
export const skip = (text) => ({ verdict: "skip", text });

/* Some errors have no message but others within (a name with several addresses), some a code alone. */
export function failure(error) {
	return fail(error.errors?.[0]?.message || error.message || error.code || String(error));
}

export class Interrupted extends Error {}

const TEXT_CHARS = 300;

/* What servers and sandboxes say is shown, but never obeyed by the operator's terminal. */
export function shown(text, chars = TEXT_CHARS) {
	const plain = String(text).replace(/[^\x20-\x7e]+/g, " ").trim();
	return plain.length > chars ? `${plain.slice(0, chars)}...` : plain;
}

export class Report {
	checks = [];
	#group = "";
	#write;
	#signal;
	#aborted;

	/* write(line) prints; no check begins or goes on once the signal is aborted. */
	constructor(write, signal) {
		this.#write = write;
		this.#signal = signal;
		this.#aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
		this.#aborted.catch(() => {}); /* told to the check under way, if there is one */
	}

	group(name) {
		this.#group = name;
		this.#write(`\n${name}`);
	}

	add(name, { verdict, text }) {
		const line = { group: this.#group, name, verdict, text: shown(text) };
		this.checks.push(line);
		this.#write(`${verdict.padEnd(6)}${name}${line.text && `: ${line.text}`}`);
		return line;
	}

	/* work() gives a verdict, or a promise of one. True when it is not FAIL. */
	async check(name, work) {
		const { verdict } = this.add(name, await this.#judge(work));
		return verdict !== "FAIL";
	}

	async #judge(work) {
		this.#signal.throwIfAborted();
		try {
			return await Promise.race([work(), this.#aborted]);
		} catch (error) {
			this.#signal.throwIfAborted();
			return failure(error);
		}
	}

	count(verdict) {
		return this.checks.filter((check) => check.verdict === verdict).length;
	}

	get sum() {
		const [problems, warnings, skipped] = ["FAIL", "warn", "skip"].map((verdict) => this.count(verdict));
		const parts = [problems ? `${problems} problem${problems > 1 ? "s" : ""}` : "all well"];
		if (warnings) parts.push(`${warnings} warning${warnings > 1 ? "s" : ""}`);
		if (skipped) parts.push(`${skipped} not looked at`);
		return `${parts.join(", ")} (${this.checks.length} checks)`;
	}
}
