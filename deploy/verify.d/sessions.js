// The sessions that a verification has created. Each is ended, however the verification goes.

const SESSIONS = "/api/v1/sessions";

export class Sessions {
	/* Of every session that was ever created. */
	ids = [];
	#target;
	#alive = new Set();
	#pending = new Set();

	constructor(target) {
		this.#target = target;
	}

	/* Resolves to the answer, which may be a refusal. */
	async ask(headers = {}) {
		const pending = this.#target.post(SESSIONS, { toolPair: "verify" }, headers);
		this.#pending.add(pending);
		try {
			const answer = await pending;
			if (answer.status === 201) this.#keep(answer.json.sessionId);
			return answer;
		} finally {
			this.#pending.delete(pending);
		}
	}

	#keep(id) {
		if (!/^sess_[0-9a-f]{32}$/.test(id)) throw new Error("the id of the session is not one");
		this.ids.push(id);
		this.#alive.add(id);
	}

	async create() {
		const answer = await this.ask();
		if (answer.status !== 201) throw new Error(`no session: ${refusal(answer)}`);
		return answer;
	}

	/* Resolves to the answer. */
	async end(id) {
		const answer = await this.#target.request("DELETE", `${SESSIONS}/${id}`, { headers: this.#target.keyHeader });
		if (answer.status === 200) this.#alive.delete(id);
		return answer;
	}

	/* Those still under way too. Resolves to how many could not be ended. */
	async endAll() {
		await Promise.allSettled(this.#pending);
		await Promise.allSettled([...this.#alive].map((id) => this.end(id)));
		return this.#alive.size;
	}
}

export function refusal({ status, json, headers }) {
	const again = headers["retry-after"] ? `, try again in ${headers["retry-after"]} s` : "";
	return `${status} ${json?.error ?? ""}${json?.message ? ` (${json.message})` : ""}${again}`;
}
