// The page as visitors get it: over https through caddy, in a Chromium that trusts caddy's authority and nothing more.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { startCaddy } from "../integration/lib/caddy.js";
import { startServer } from "../integration/lib/server.js";
import { LIMIT_MS, until } from "../integration/lib/wait.js";

const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

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
	const env = { ...process.env, HOME: trustingHome(site) };
	const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS, env });
	try {
		const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
		page.setDefaultTimeout(LIMIT_MS);
		const complaints = [];
		page.on("pageerror", (error) => complaints.push(String(error)));
		page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
		const answer = await page.goto(site.origin);
		assert.equal((await answer.securityDetails()).issuer, "Caddy Local Authority - ECC Intermediate");
		assert.equal(await page.evaluate(() => globalThis.isSecureContext), true);
		await page.getByRole("button", { name: "Start a terminal" }).click();
		await page.locator("#status").filter({ hasText: "Connected" }).waitFor();
		const lines = async () => (await page.locator(".xterm-rows > div").allTextContents()).map((row) => row.replaceAll("\u00a0", " ").trimEnd());
		await until(async () => (await lines()).find((line) => /[$#]$/.test(line)), "a prompt");
		await page.keyboard.type("echo $((6*7))");
		await page.keyboard.press("Enter");
		await until(async () => (await lines()).includes("42"), "42 on the screen");
		mkdirSync("build/screenshots", { recursive: true });
		await page.screenshot({ path: "build/screenshots/caddy.png" });
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
