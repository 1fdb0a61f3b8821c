// The page as visitors get it: over https through caddy, in a Chromium that trusts caddy's authority and nothing more.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startCaddy } from "../integration/lib/caddy.js";
import { startServer } from "../integration/lib/server.js";
import { until } from "../integration/lib/wait.js";
import { SCREENSHOTS, launch, linesOf, watch } from "./lib/chromium.js";

/* A home for Chromium whose certificate store has the one root. */
function trustingHome(site) {
	const store = join(site.folder, ".pki/nssdb");
	mkdirSync(store, { recursive: true });
	execFileSync("certutil", ["-d", `sql:${store}`, "-N", "--empty-password"]);
	execFileSync("certutil", ["-d", `sql:${store}`, "-A", "-n", "caddy", "-t", "C,,", "-i", site.rootPath]);
	return site.folder;
}

test("the page works over https: certificate, policy, a terminal, and a reload of caddy is told", async () => {
	const server = await startServer();
	const site = await startCaddy(server);
	const browser = await launch({ ...process.env, HOME: trustingHome(site) });
	try {
		const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
		const complaints = watch(page);
		const answer = await page.goto(site.origin);
		assert.equal((await answer.securityDetails()).issuer, "Caddy Local Authority - ECC Intermediate");
		assert.equal(await page.evaluate(() => globalThis.isSecureContext), true);
		await page.getByRole("button", { name: "Start a terminal" }).click();
		await page.locator("#status").filter({ hasText: "Connected" }).waitFor();
		await until(async () => (await linesOf(page)).find((line) => /[$#]$/.test(line)), "a prompt");
		await page.keyboard.type("echo $((6*7))");
		await page.keyboard.press("Enter");
		await until(async () => (await linesOf(page)).includes("42"), "42 on the screen");
		mkdirSync(SCREENSHOTS, { recursive: true });
		await page.screenshot({ path: `${SCREENSHOTS}/caddy.png` });
		await site.reload();
		await page.locator("#reason").filter({ hasText: "being stopped or restarted" }).waitFor();
		await page.goto("about:blank");
		assert.deepEqual(complaints, []);
	} finally {
		await browser.close();
		await site.stop();
		await server.stop();
	}
});
