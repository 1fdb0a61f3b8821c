// Debian's Chromium, and what a page in it shows and complains of.

import { chromium } from "playwright-core";
import { LIMIT_MS } from "../../integration/lib/wait.js";

export const SCREENSHOTS = "build/screenshots";

const ARGUMENTS = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

export function launch(env = process.env) {
	return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS, env });
}

/* The list that its exceptions, and its console's errors but for those about a file of that name, are added to. */
export function watch(page, ignored) {
	const complaints = [];
	page.setDefaultTimeout(LIMIT_MS);
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.on("console", (line) => line.type() === "error" && !(ignored && line.location().url.endsWith(ignored)) && complaints.push(line.text()));
	return complaints;
}

/* The rows of the terminal. */
export async function linesOf(page) {
	const rows = await page.locator(".xterm-rows > div").allTextContents();
	return rows.map((row) => row.replaceAll("\u00a0", " ").trimEnd());
}
