// Uses up what one sandbox may have. Each try is bounded by itself, so that it harms nothing where a limit is missing.

import { fail, ok } from "./report.js";

const LIMIT_MS = 60_000;
const FORKS_MAX = 200;
const HOME_FILES = 6; /* of 16 MiB: one file may have 32, the home 50 */
const MEMORY_MAX_MIB = 400;

const FORK = [
	`perl -e 'for (1..${FORKS_MAX}) { my $p = fork; last unless defined $p; if (!$p) { sleep 30; exit } push @k, $p }`,
	`print "forked " . @k; kill 9, @k; wait for @k'`,
].join(" ");

const FILL = [
	`for i in $(seq ${HOME_FILES}); do dd if=/dev/zero of=$HOME/fill$i bs=1M count=16 2>&1`,
	"| command grep -o 'No space left.*' && break; done; rm -f $HOME/fill*",
].join(" ");

const EAT = `perl -e '$| = 1; for (1..${MEMORY_MAX_MIB}) { push @a, "x" x 1048576 } print "ate it all"'`;

async function forks(terminal) {
	const { output } = await terminal.run(FORK, LIMIT_MS);
	const count = Number(/forked (\d+)/.exec(output)?.[1]);
	if (!(count < FORKS_MAX)) return fail(`${output || "no answer"}, and no end`);
	const { output: alive } = await terminal.run("printf alive");
	return alive === "alive" ? ok(`no more than ${count}; the shell goes on`) : fail("the shell is gone");
}

async function home(terminal) {
	const { output } = await terminal.run(FILL, LIMIT_MS);
	return /No space left/.test(output) ? ok("ENOSPC") : fail(`${16 * HOME_FILES} MiB were written`);
}

/* gVisor's kernel ends with all that is in it; another one may end the process alone. */
async function memory(terminal) {
	try {
		const { output, status } = await terminal.run(EAT, LIMIT_MS);
		return status === 137 ? ok("the process was killed") : fail(output || `status ${status}`);
	} catch (error) {
		if (!terminal.end) throw error;
	}
	const { code, reason } = terminal.end;
	return code === 4011 ? ok(`closed with ${code} (${reason})`) : fail(`closed with ${code} (${reason}), not 4011`);
}

/* The last one is the end of the sandbox. */
export async function bounds(report, terminal) {
	await report.check("processes come to an end, and the shell does not", () => forks(terminal));
	await report.check("a full home is told", () => home(terminal));
	await report.check("who takes too much memory is ended", () => memory(terminal));
}
