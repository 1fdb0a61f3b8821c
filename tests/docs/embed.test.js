// The example of docs/embed.md, taken from the page and run: its backend, its page in Debian's Chromium, a real server.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { SCREENSHOTS, launch, linesOf, watch } from "../browser/lib/chromium.js";
import { deleteSession } from "../integration/lib/client.js";
import { freePort, startServer } from "../integration/lib/server.js";
import { until, within } from "../integration/lib/wait.js";
import { makeFolder, runPage } from "./lib/commands.js";
import { Page } from "./lib/page.js";

const KEY = "nobody-but-this-test-shows-it";
const SECRET = "secret-of-the-example-0123456789abcdef";

/* A line to the server that can be cut, as a train's tunnel does. */
async function startLine(server) {
	const open = new Set();
	const line = createServer((socket) => {
		const other = connect(Number(server.url.port), server.url.hostname);
		for (const [one, two] of [[socket, other], [other, socket]]) {
			open.add(one);
			one.pipe(two);
			one.on("error", () => two.destroy());
			one.on("close", () => {
				open.delete(one);
				two.destroy();
			});
		}
	});
	await new Promise((resolve) => line.listen(0, "127.0.0.1", resolve));
	const cut = () => open.forEach((socket) => socket.resetAndDestroy());
	return { url: `http://127.0.0.1:${line.address().port}`, cut, close: () => { cut(); line.close(); } };
}

async function startBackend(folder, port, url) {
	const env = { PATH: process.env.PATH, SANDBOX_URL: url, AUTH_SECRET: SECRET, PORT: String(port) };
	const child = spawn("node", ["server.mjs"], { cwd: folder, env, stdio: ["ignore", "inherit", "inherit"] });
	const ended = new Promise((resolve) => child.on("close", resolve));
	const origin = `http://localhost:${port}`;
	await until(() => fetch(origin).then((answer) => answer.ok, () => false), "the backend answers");
	return { origin, stop: () => (child.kill("SIGTERM"), within(ended, "the backend ends")) };
}

describe("the example of docs/embed.md", () => {
	let place, server, line, backend, browser, page, complaints;

	before(async () => {
		mkdirSync(SCREENSHOTS, { recursive: true });
		place = makeFolder();
		await runPage(new Page("docs/embed.md"), place);
		const port = await freePort();
		server = await startServer({ SANDBOX_API_KEY: KEY, AUTH_SECRET: SECRET, SANDBOX_ALLOWED_ORIGINS: `http://localhost:${port}`, LIMITS_LOGGED_IN: "100/1/8/0" });
		line = await startLine(server);
		backend = await startBackend(place.folder, port, line.url);
		browser = await launch();
	});
	after(async () => {
		await browser?.close();
		await backend?.stop();
		line?.close();
		await server?.stop();
		place.remove();
	});

	async function openPage() {
		page = await browser.newPage();
		complaints = watch(page, "/favicon.ico");
		await page.goto(backend.origin);
	}

	/* Leaving the page ends its session, and with it the sandbox. */
	async function leave() {
		await page.goto("about:blank");
		await page.close();
		await until(async () => (await server.containers()).length === 0, "the sandbox is gone");
	}

	const says = (words) => page.locator("#status").filter({ hasText: words }).waitFor();

	async function onScreen(wanted) {
		return until(async () => (await linesOf(page)).find((row) => (wanted instanceof RegExp ? wanted.test(row) : row === wanted)), `a line ${wanted}`);
	}

	async function enter(text) {
		await page.keyboard.type(text);
		await page.keyboard.press("Enter");
	}

	async function ready() {
		await says("Connected");
		await onScreen(/\$$/);
	}

	test("a page of another origin has a terminal, and leaving it takes the sandbox away", async () => {
		await openPage();
		await ready();
		await enter("pwd; echo $((6*7))");
		await onScreen("/tmp");
		await onScreen("42");
		await page.screenshot({ path: `${SCREENSHOTS}/embed.png` });
		await leave();
		assert.deepEqual(complaints, []);
	});

	test("a connection that breaks comes back by a ticket, to the same sandbox", async () => {
		await openPage();
		await ready();
		await enter("echo kept >~/note; echo done");
		await onScreen("done");
		line.cut();
		await says("Coming back");
		await ready();
		await enter("cat ~/note");
		await onScreen("kept");
		await leave();
	});

	test("a session that ended meanwhile is not made anew", async () => {
		await openPage();
		await ready();
		const [{ Labels: labels }] = await server.containers();
		line.cut();
		await deleteSession(server, labels["sandbox-api.session"], { "X-API-Key": KEY });
		await says("The session has ended.");
		assert.equal(await page.locator("#again").isVisible(), true);
		await leave();
	});

	test("a shell that exits is told, its place is free, and a new terminal is one click away", async () => {
		await openPage();
		await ready();
		await enter("exit");
		await says("The shell has exited.");
		await page.getByRole("button", { name: "New terminal" }).click();
		await ready();
		await leave();
		assert.deepEqual(complaints, []);
	});

	test("a visitor who has all that one may have is told so", async () => {
		await openPage();
		await ready();
		const answer = await page.evaluate(async () => {
			const response = await fetch("terminal", { method: "POST" });
			return { status: response.status, body: await response.json() };
		});
		assert.deepEqual([answer.status, answer.body.error], [429, "TooManySessions"]);
		assert.match(answer.body.message, /end one first/);
		await leave();
	});
});
