// The page: one form, one terminal, and in words what is going on.

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { Link, Refusal, createSession, destroySession, environments } from "./session.js";
import { endWords, refusalWords, warningWords } from "./words.js";

const KEY_NAME = "sandbox-api.key";

/* So long a notice stays after what it speaks of is over. */
const PASSING_MS = 5500;

const THEME = {
	background: "#0d1117",
	foreground: "#e6eaf0",
	cursor: "#5ad1a5",
	selectionBackground: "#2f4a63",
	black: "#1c2330",
	red: "#ff7b72",
	green: "#5ad1a5",
	yellow: "#f0b35e",
	blue: "#79b8ff",
	magenta: "#d2a8ff",
	cyan: "#6fd6e8",
	white: "#c9d3df",
	brightBlack: "#6b7789",
};

const at = (id) => document.getElementById(id);
const terminal = new Terminal({
	fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
	fontSize: 15,
	cursorBlink: true,
	scrollback: 10000,
	theme: THEME,
});
const fit = new FitAddon();

/* The session that runs now: {id, key, link, exit, error}, or null. */
let current = null;

function enter(state, words) {
	document.body.dataset.state = state;
	at("status").textContent = words;
	at("start").hidden = state !== "idle" && !(state === "connecting" && current === null);
	at("go").disabled = state === "connecting";
	at("screen").hidden = at("start").hidden === false;
	at("stop").hidden = state !== "connected";
	at("ended").hidden = state !== "ended";
}

/* The timer that takes back what is true for a moment only. */
let passing;
/* Whether the notice on the screen says that nothing has been typed. */
let idleWarned = false;

function notice(words) {
	clearTimeout(passing);
	idleWarned = false;
	at("notice").textContent = words;
	at("notice").hidden = words === "";
}

function chosen() {
	return at("environment").selectedOptions[0];
}

function describe() {
	at("description").textContent = chosen()?.dataset.description ?? "";
}

async function fillEnvironments() {
	const list = await environments();
	at("environment").replaceChildren(...list.map((each) => {
		const option = new Option(each.name, each.name);
		option.dataset.description = each.description;
		return option;
	}));
	describe();
}

function askForKey(words) {
	sessionStorage.removeItem(KEY_NAME);
	at("key-row").hidden = false;
	enter("idle", "An API key is needed");
	notice(words);
	at("key").focus();
	at("key").select();
}

function refuse(error) {
	if (!(error instanceof Refusal)) {
		enter("idle", "Not connected");
		return notice("The server could not be reached.");
	}
	if (error.status === 401) {
		const missing = error.body?.error === "MissingApiKey";
		return askForKey(missing ? "This server asks for an API key." : "The server does not accept this API key.");
	}
	enter("idle", "Not connected");
	return notice(refusalWords(error.status, error.body));
}

function connect(session, key) {
	current = { id: session.sessionId, key, link: null, exit: null, error: null };
	enter("connecting", "Connecting…");
	/* Opened where it can be measured: in a hidden place its scroll bar would stay wrong. */
	if (!terminal.element) terminal.open(at("screen"));
	terminal.reset();
	fit.fit();
	current.link = new Link(session, { cols: terminal.cols, rows: terminal.rows }, handlers(session));
	terminal.focus();
}

function handlers(session) {
	const mine = current;
	const until = new Date(session.expiresAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
	return {
		connected: () => enter("connected", `Connected · ${at("environment").value} · until ${until}`),
		output: (text) => terminal.write(text),
		initComplete: (message) => message.success || notice(`The set-up commands failed: ${message.error}`),
		error: (message) => {
			mine.error = message.message;
			notice(warningWords(message));
			if (message.retryAfter) passing = setTimeout(() => notice(""), message.retryAfter * 1000 + PASSING_MS);
			idleWarned = message.code === "IdleWarning";
		},
		exit: (message) => (mine.exit = message),
		closed: (close) => end(mine, close),
	};
}

function end(session, close) {
	if (session !== current) return;
	const words = endWords({ ...close, exit: session.exit, error: session.error });
	destroySession(session.id, session.key);
	current = null;
	/* What was written before must be on the screen before the cursor goes. */
	terminal.write("\x1b[?25l");
	terminal.blur();
	enter("ended", "Ended");
	at("reason").textContent = words;
	at("again").focus();
	/* The bar below the terminal has taken rows from it. */
	fit.fit();
}

async function start() {
	const key = at("key").value || sessionStorage.getItem(KEY_NAME) || "";
	notice("");
	enter("connecting", "Starting a sandbox…");
	try {
		if (at("environment").options.length === 0) await fillEnvironments();
		const session = await createSession(at("environment").value, key);
		if (key) sessionStorage.setItem(KEY_NAME, key);
		at("key").value = "";
		at("key-row").hidden = true;
		connect(session, key);
	} catch (error) {
		refuse(error);
	}
}

at("start").addEventListener("submit", (event) => {
	event.preventDefault();
	start();
});
at("environment").addEventListener("change", describe);
at("stop").addEventListener("click", () => current?.link.close());
at("again").addEventListener("click", () => {
	notice("");
	enter("idle", "Ready");
	at("go").focus();
});

terminal.loadAddon(fit);
terminal.onData((text) => {
	if (idleWarned) notice("");
	current?.link.sendText(text);
});
terminal.onBinary((text) => current?.link.sendBytes(Uint8Array.from(text, (char) => char.charCodeAt(0))));
terminal.onResize(({ cols, rows }) => current?.link?.resize(cols, rows));
new ResizeObserver(() => at("screen").hidden || fit.fit()).observe(at("screen"));

/* A page that leaves takes its sandbox with it. */
window.addEventListener("pagehide", () => current && destroySession(current.id, current.key));

fillEnvironments().catch(refuse);
