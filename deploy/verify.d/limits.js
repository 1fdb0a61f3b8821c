// Does one client get only its share? Needs SANDBOX_API_KEY: who has an admin's key has no limits.

import { fail, ok, skip } from "./report.js";
import { refusal } from "./sessions.js";

/* Enough for the default of 2; more would come near to the sessions of an hour. */
const TRIES = 4;

/* Each is another name for the client's address in front of some proxy. */
const ADDRESS = "198.51.100.77";
const FORGED = {
	"X-Forwarded-For": ADDRESS,
	"X-Real-IP": ADDRESS,
	"X-Client-IP": ADDRESS,
	"True-Client-IP": ADDRESS,
	"CF-Connecting-IP": ADDRESS,
	Forwarded: `for=${ADDRESS}`,
};

/* {made: ids, refused?: answer} */
async function fill(sessions) {
	const made = [];
	for (let i = 0; i < TRIES; i++) {
		const answer = await sessions.ask();
		if (answer.status !== 201) return { made, refused: answer };
		made.push(answer.json.sessionId);
	}
	return { made };
}

function judgeRefusal({ made, refused }) {
	if (!refused) return skip(`${TRIES} sessions at once were given: an admin's key, or limits higher than this tries`);
	if (refused.status !== 429 || !made.length) return fail(`after ${made.length} sessions: ${refusal(refused)}`);
	if (refused.headers["retry-after"] !== refused.json?.retryAfter?.toString()) return fail("Retry-After and retryAfter differ");
	return ok(`after ${made.length}: ${refusal(refused)}`);
}

async function forgery(sessions) {
	const believed = [];
	for (const [name, value] of Object.entries(FORGED)) {
		const { status, json } = await sessions.ask({ [name]: value });
		if (status !== 201) continue;
		believed.push(name);
		await sessions.end(json.sessionId);
	}
	return believed.length ? fail(`a client gets more by sending ${believed.join(", ")}`) : ok(Object.keys(FORGED).join(", "));
}

async function givenBack(sessions, id) {
	await sessions.end(id);
	const answer = await sessions.ask();
	return answer.status === 201 ? ok() : fail(refusal(answer));
}

export async function limits({ report, sessions, hasSessions }) {
	if (!hasSessions) return report.add("all of limits", skip("there are no sessions"));
	let filled;
	const refusing = await report.check("a client has so many sessions at once", async () => {
		filled = await fill(sessions);
		return judgeRefusal(filled);
	});
	if (refusing && filled.refused) {
		await report.check("a forged address does not make a new client", () => forgery(sessions));
		await report.check("a session that ends gives its place back", () => givenBack(sessions, filled.made[0]));
	} else {
		for (const name of ["a forged address does not make a new client", "a session that ends gives its place back"])
			report.add(name, skip("there was no limit to try it at"));
	}
	return sessions.endAll();
}
