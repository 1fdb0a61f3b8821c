// The server's log, read back: one line per event.

const HEAD = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (error|warn|info|debug) ([a-z]+(?:\.[a-z_]+)?)/;
/* A quoted value is a string of JSON in ASCII. */
const FIELD = / ([a-z_]+)=(?:([-\w.:/@+,]+)|("(?:[ !#-[\]-~]|\\["\\]|\\u[0-9a-f]{4})*"))/y;
const LEVELS = ["error", "warn", "info", "debug"];

/* {time, level, event, ...fields}, all of them text; undefined for a line that is not of the log. */
export function parseText(line) {
	const head = HEAD.exec(line);
	if (!head) return undefined;
	const parsed = { time: head[1], level: head[2], event: head[3] };
	for (FIELD.lastIndex = head[0].length; FIELD.lastIndex < line.length; ) {
		const field = FIELD.exec(line);
		if (!field) return undefined;
		parsed[field[1]] = field[2] ?? JSON.parse(field[3]);
	}
	return parsed;
}

/* The same of a line with LOG_FORMAT=json; numbers stay numbers. */
export function parseJson(line) {
	if (!/^[ -~]+$/.test(line)) return undefined;
	try {
		const parsed = JSON.parse(line);
		const usual = HEAD.test(`${parsed.time} ${parsed.level} ${parsed.event}`) && LEVELS.includes(parsed.level);
		return usual ? parsed : undefined;
	} catch {
		return undefined;
	}
}

/* The events of a name, in order. */
export function events(server, name, parse = parseText) {
	return server.log.map(parse).filter((parsed) => parsed?.event === name);
}
