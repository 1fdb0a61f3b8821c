// A group of tests with one server, which is there as it.server while they run.

import { after, before, describe } from "node:test";
import { startServer } from "./server.js";

export function describeWith(name, env, body) {
	describe(name, () => {
		const it = {};
		before(async () => {
			it.server = await startServer(env);
		});
		after(() => it.server.stop());
		body(it);
	});
}
