// What the page says to a person when a terminal ends or cannot begin.

const CLOSE_WORDS = {
	1000: "The session has ended.",
	1001: "The server is being stopped or restarted.",
	1006: "The connection to the server was lost.",
	1009: "A message was larger than the server accepts.",
	1011: "Something went wrong in the server.",
	4001: "This terminal was taken over from another window.",
	4004: "There is no such session any more.",
	4008: "The session was idle for too long.",
	4009: "The session reached its maximum lifetime.",
	4011: "The sandbox failed.",
	4029: "Too much was asked of the server in too short a time.",
};

function sentence(text) {
	const trimmed = text.trim();
	const start = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
	return /[.!?]$/.test(start) ? start : `${start}.`;
}

export function exitWords(message) {
	if (message.signal) return `The shell was ended by ${message.signal}.`;
	return `The shell exited with status ${message.code}.`;
}

/* An exit says more than the close that follows it; a server's own reason says more than its code. */
export function endWords({ exit, code, reason, error }) {
	if (exit) return exitWords(exit);
	const known = CLOSE_WORDS[code];
	if (reason && known && code !== 1000) return `${known} (${reason})`;
	if (reason) return sentence(reason);
	return known ?? error ?? `The connection was closed with code ${code}.`;
}

function duration(seconds) {
	return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`;
}

/* An error message of the socket; some say how long something lasts or is left. */
export function warningWords({ message, secondsLeft }) {
	return secondsLeft ? `${sentence(message)} ${duration(secondsLeft)} are left.` : sentence(message);
}

/* The body is what the server sent, undefined when that was no JSON. */
export function refusalWords(status, body) {
	const what = sentence(body?.message ?? `The server answered with status ${status}`);
	return body?.retryAfter ? `${what} Try again in ${duration(body.retryAfter)}.` : what;
}
