// The page in Debian's Chromium, as a person uses it: clicks, keys, and what is on the screen.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, beforeEach, afterEach, describe, test } from "node:test";
import { startServer } from "../integration/lib/server.js";
import { until } from "../integration/lib/wait.js";
import { SCREENSHOTS, launch, linesOf, watch } from "./lib/chromium.js";

const KEY = "correct-horse-battery";

let browser;
let page;
let complaints;
let strangers;

before(async () => {
	mkdirSync(SCREENSHOTS, { recursive: true });
	browser = await launch();
});

after(() => browser.close());

async function openPage(server) {
	const context = await browser.newContext({ viewport: { width: 1100, height: 700 } });
	page = await context.newPage();
	complaints = watch(page);
	strangers = [];
	page.on("request", (each) => new URL(each.url()).host === server.host || strangers.push(each.url()));
	await page.goto(server.origin);
	await page.locator("#environment option").first().waitFor({ state: "attached" });
}

/* A policy violation, an exception or a request to another host spoils any of the tests. A status
 * that is not 2xx is a line on the console, too: those are the tests' own. */
async function closePage() {
	await page.context().close();
	assert.deepEqual(complaints.filter((text) => !/status of (401|404|503)/.test(text)), []);
	assert.deepEqual(strangers, []);
}

const lines = () => linesOf(page);

function line(wanted) {
	const fits = (text) => (wanted instanceof RegExp ? wanted.test(text) : text === wanted);
	return until(async () => (await lines()).find(fits), `a line ${wanted} on the screen`);
}

function says(selector, words) {
	return page.locator(selector).filter({ hasText: words }).waitFor();
}

function prompt() {
	return line(/[$#]$/);
}

async function enter(text) {
	await page.keyboard.type(text);
	await page.keyboard.press("Enter");
}

async function start() {
	await page.getByRole("button", { name: "Start a terminal" }).click();
	await says("#status", "Connected");
	await prompt();
}

function screenshot(name) {
	return page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
}

describe("a page whose server asks for no key", () => {
	let server;

	before(async () => {
		server = await startServer();
	});
	after(() => server.stop());
	beforeEach(() => openPage(server));
	afterEach(closePage);

	test("one click, and what is typed is answered on the screen", async () => {
		await screenshot("start");
		await start();
		await enter("echo $((6*7))");
		await line("42");
		await enter("ls --color=always -d / /tmp; printf '\\033[1;35mgrüße λ ✓\\033[0m\\n'");
		await line("grüße λ ✓");
		await screenshot("terminal");
	});

	test("the shell has the size of the window, and follows it", async () => {
		await start();
		const drawn = () => page.locator(".xterm-rows > div").count();
		const told = async (round) => {
			await enter(`echo ${round}: $(stty size)`);
			return (await line(new RegExp(`^${round}: \\d+ \\d+$`))).split(" ").slice(1).map(Number);
		};
		const [rows, cols] = await told(1);
		assert.equal(rows, await drawn());
		await page.setViewportSize({ width: 700, height: 420 });
		await until(async () => (await drawn()) < rows, "fewer rows");
		const [rowsThen, colsThen] = await told(2);
		assert.equal(rowsThen, await drawn());
		assert.ok(colsThen < cols);
		await screenshot("small");
	});

	test("when the shell exits the page says how, and a new terminal is one click away", async () => {
		await start();
		await enter("exit 3");
		await says("#reason", "The shell exited with status 3.");
		await says("#status", "Ended");
		await screenshot("ended");
		await page.getByRole("button", { name: "New terminal" }).click();
		await start();
		await enter("echo $((6*7))");
		await line("42");
	});

	test("the chosen environment is the one that runs", async () => {
		await page.getByLabel("Environment").selectOption("python");
		await start();
		await says("#status", "python");
		await enter("python3 -c 'print(6*7)'");
		await line("42");
	});

	test("pasted text that looks like a control message is only text", async () => {
		await start();
		const text = '{"type":"resize","cols":20,"rows":5}';
		await enter("echo ready; cat"); /* from then on the shell does not bracket a paste */
		await line("ready");
		await page.evaluate((data) => {
			const clipboardData = new DataTransfer();
			clipboardData.setData("text/plain", data);
			const event = new ClipboardEvent("paste", { clipboardData, bubbles: true });
			document.querySelector(".xterm-helper-textarea").dispatchEvent(event);
		}, text);
		await page.keyboard.press("Enter");
		await until(async () => (await lines()).filter((each) => each === text).length === 2, "echo and answer of cat");
		await page.keyboard.press("Control+c");
		await enter("clear; stty size");
		assert.notEqual(await line(/^\d+ \d+$/), "5 20");
	});

	test("a flood ends up on the screen, and Ctrl-C stops an endless one", async () => {
		await start();
		await enter("seq 1 1000000");
		await line("1000000");
		await prompt();
		await enter("yes");
		await line("y");
		await page.keyboard.press("Control+c");
		await enter("clear; echo $((6*7))");
		await line("42");
	});

	test("leaving the page takes the sandbox away", async () => {
		await start();
		assert.equal((await server.containers()).length, 1);
		await page.goto("about:blank");
		await until(async () => (await server.containers()).length === 0, "the container is gone");
	});

	test("the button End ends the session", async () => {
		await start();
		await page.getByRole("button", { name: "End" }).click();
		await says("#reason", "ended");
		await until(async () => (await server.containers()).length === 0, "the container is gone");
	});

	test("the keyboard alone is enough, and the terminal has the focus", async () => {
		await page.getByLabel("Environment").focus();
		await page.keyboard.press("Tab");
		await page.keyboard.press("Enter");
		await says("#status", "Connected");
		await prompt();
		assert.equal(await page.evaluate(() => document.activeElement.className), "xterm-helper-textarea");
		assert.equal(await page.locator("#status").getAttribute("aria-live"), "polite");
	});
});

describe("a page whose server asks for a key", () => {
	let server;

	before(async () => {
		server = await startServer({ SANDBOX_API_KEY: KEY });
	});
	after(() => server.stop());
	beforeEach(() => openPage(server));
	afterEach(closePage);

	test("the field comes when it is needed; a wrong key is refused, a right one is kept for the tab", async () => {
		const field = page.getByLabel("API key");
		assert.equal(await field.isVisible(), false);
		await page.getByRole("button", { name: "Start a terminal" }).click();
		await says("#notice", "This server asks for an API key.");
		await field.fill("wrong");
		await page.keyboard.press("Enter");
		await says("#notice", "The server does not accept this API key.");
		await screenshot("key");
		await field.fill(KEY);
		await page.keyboard.press("Enter");
		await says("#status", "Connected");
		await prompt();
		await page.reload();
		await start();
		assert.equal(await field.isVisible(), false);
		assert.equal(await page.evaluate(() => JSON.stringify(localStorage)), "{}");
	});

	test("leaving the page takes the sandbox away, the key in the beacon's body", async () => {
		await page.getByRole("button", { name: "Start a terminal" }).click();
		await page.getByLabel("API key").fill(KEY);
		await page.keyboard.press("Enter");
		await says("#status", "Connected");
		await page.goto("about:blank");
		await until(async () => (await server.containers()).length === 0, "the container is gone");
	});
});

describe("a page whose server ends sessions", () => {
	test("the page says that the lifetime is over", async () => {
		const server = await startServer({ MAX_LIFETIME: "3s" });
		await openPage(server);
		await start();
		await says("#reason", "The session reached its maximum lifetime.");
		await closePage();
		await server.stop();
	});

	test("the page says that the server is going away", async () => {
		const server = await startServer();
		await openPage(server);
		await start();
		await server.stop();
		await says("#reason", "The server is being stopped or restarted.");
		await page.getByRole("button", { name: "New terminal" }).click();
		await page.getByRole("button", { name: "Start a terminal" }).click();
		await says("#notice", "The server could not be reached.");
		complaints.splice(0, complaints.length, ...complaints.filter((text) => !/ERR_CONNECTION_REFUSED/.test(text)));
		await closePage();
	});
});
