// One session on the server and the socket of its terminal; knows nothing of the page.

// The server takes messages of at least 64 KiB; a paste goes in pieces well below that.
const PIECE_BYTES = 32 * 1024;

const encoder = new TextEncoder();

function endpoint(path) {
	return new URL(`api/v1/${path}`, document.baseURI);
}

export class Refusal extends Error {
	constructor(status, body) {
		super(`refused with ${status}`);
		this.status = status;
		this.body = body;
	}
}

async function request(path, options) {
	const response = await fetch(endpoint(path), options);
	const body = await response.json().catch(() => undefined);
	if (!response.ok || body === undefined) throw new Refusal(response.status, body);
	return body;
}

export async function environments() {
	return (await request("environments")).environments;
}

export function createSession(environment, key) {
	const headers = { "Content-Type": "application/json" };
	if (key) headers["X-API-Key"] = key;
	const body = JSON.stringify({ toolPair: "web", environment });
	return request("sessions", { method: "POST", headers, body });
}

/* A beacon outlives the page; it cannot carry a header, so the key travels in the body. */
export function destroySession(id, key) {
	const body = new Blob([JSON.stringify(key ? { apiKey: key } : {})], { type: "application/json" });
	navigator.sendBeacon(endpoint(`sessions/${id}/destroy`), body);
}

export class Link {
	/* session: what createSession() gave; its ticket opens one socket, so that no key needs to stand in a URL.
	 * on: {connected, output, initComplete, error, exit, closed}, each a function. After closed,
	 * which comes exactly once, nothing more is called. */
	constructor(session, { cols, rows }, on) {
		const url = endpoint(`sessions/${session.sessionId}/ws`);
		const ticket = new URL(session.wsUrl).searchParams.get("ticket");
		url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
		url.searchParams.set("cols", cols);
		url.searchParams.set("rows", rows);
		if (ticket) url.searchParams.set("ticket", ticket);
		this.on = on;
		this.socket = new WebSocket(url);
		this.socket.onmessage = (event) => this.#receive(event.data);
		this.socket.onclose = (event) => on.closed({ code: event.code, reason: event.reason });
	}

	/* A frame that begins with "{" is always the server's own: it wraps such output. */
	#receive(data) {
		if (!data.startsWith("{")) return this.on.output(data);
		const message = JSON.parse(data);
		if (message.type === "output") return this.on.output(message.data);
		return this.on[message.type]?.(message);
	}

	#send(data) {
		if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
	}

	/* Binary, because text that looks like a control message would be taken for one. */
	sendText(text) {
		this.sendBytes(encoder.encode(text));
	}

	sendBytes(bytes) {
		for (let at = 0; at < bytes.length; at += PIECE_BYTES)
			this.#send(bytes.subarray(at, at + PIECE_BYTES));
	}

	resize(cols, rows) {
		this.#send(JSON.stringify({ type: "resize", cols, rows }));
	}

	close() {
		this.socket.close(1000);
	}
}
