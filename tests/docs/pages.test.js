// The pages against themselves and against the code: links lead somewhere, and what they say is there is there, all of it.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { scrape } from "../integration/lib/exposition.js";
import { get } from "../integration/lib/http.js";
import { withServer } from "../integration/lib/server.js";
import * as code from "./lib/code.js";
import { Page } from "./lib/page.js";

const pages = code.pages().map((path) => new Page(path));
const page = (path) => pages.find((each) => each.path === path) ?? assert.fail(`there is no ${path}`);
const unique = (list) => [...new Set(list)].sort();

function assertSame(told, real, what) {
	assert.ok(real.length > 0, `the code has ${what}`);
	assert.deepEqual(unique(told), unique(real), what);
}

describe("links", () => {
	const outside = /^(https?:|mailto:)/;

	function leadsNowhere(from, link) {
		const [file, anchor] = link.split("#");
		const path = normalize(join(dirname(from.path), file));
		if (file && !existsSync(path)) return true;
		return anchor !== undefined && !(file ? new Page(path) : from).anchors.includes(anchor);
	}

	function broken(from) {
		return from.links.filter((link) => !outside.test(link) && leadsNowhere(from, link));
	}

	test("every one of a page to another, or to a heading, leads there", (t) => {
		const found = pages.flatMap((each) => broken(each).map((link) => `${each.path}: ${link}`));
		assert.deepEqual(found, []);
		const count = pages.flatMap(({ links }) => links).length;
		assert.ok(count > 100, "there are links");
		t.diagnostic(`${pages.length} pages with ${count} links`);
	});

	test("a link to nothing is found", () => {
		const made = new Page("docs/made-up.md", "# A\n[a](README.md#all-pages) [b](none.md) [c](#a) [d](README.md#none)");
		assert.deepEqual(broken(made), ["none.md", "README.md#none"]);
	});

	test("the start page knows every page in docs/", () => {
		const { links } = page("docs/README.md");
		const here = pages.map(({ path }) => path).filter((path) => dirname(path) === "docs" && path !== "docs/README.md");
		assert.deepEqual(here.filter((path) => !links.includes(path.replace("docs/", ""))), []);
	});

	test("the architecture knows every decision", () => {
		const { links } = page("docs/architecture.md");
		const decisions = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/decisions/"));
		assert.deepEqual(decisions.filter((path) => !links.includes(path.replace("docs/", ""))), []);
	});
});

describe("names", () => {
	const folders = /^(server|agent|scripts|tests|docker|web|bench|deploy|docs)\/[\w./-]+$/;

	test("of files are those of files", () => {
		const told = pages.flatMap(({ path, code: words }) => [...words].filter((word) => folders.test(word)).map((word) => [path, word]));
		assert.ok(told.length > 30, "there are names of files");
		const missing = told.filter(([, word]) => !existsSync(word) && !existsSync(`${word}.js`));
		assert.deepEqual(missing, []);
	});

	test("of variables stand in a program", () => {
		const variables = pages.flatMap(({ path, prose }) => [...prose.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map(([, name]) => [path, name]));
		assert.ok(variables.length > 30, "there are names of variables");
		assert.deepEqual(variables.filter(([, name]) => !code.everything.includes(name)), []);
	});

	test("of targets are those of make", () => {
		const targets = new Set([...code.read("Makefile").matchAll(/^([a-z]+):.*## /gm)].map(([, name]) => name));
		const told = pages.flatMap(({ prose }) => [...prose.matchAll(/`make ([a-z]+)(?![\w/])/g)].map(([, name]) => name));
		assert.deepEqual(told.filter((name) => !targets.has(name)), []);
	});
});

describe("settings", () => {
	test("the tables are what make docs writes", () => {
		const { status, stdout, stderr } = spawnSync("scripts/write-docs", ["--check"], { encoding: "utf8" });
		assert.equal(status, 0, stdout + stderr);
	});

	test("mandoc has nothing to say of the manual page", () => {
		const { stdout, status } = spawnSync("mandoc", ["-T", "lint", "docs/sandbox-api.8"], { encoding: "utf8" });
		assert.deepEqual([stdout, status], ["", 0]);
		const shown = execFileSync("mandoc", ["-T", "ascii", "docs/sandbox-api.8"], { encoding: "utf8" });
		assert.match(shown.replace(/.\x08/g, ""), /^ +PORT \(\W3001\W\)$/m);
	});
});

describe("docs/operations.md", () => {
	const operations = page("docs/operations.md");

	test("has every event of the log, with its level, and no other", (t) => {
		const rows = operations.section("Events").matchAll(/^\| `([a-z_.]+)` \| ([a-z]+) \|/gm);
		const told = Object.fromEntries([...rows].map(([, event, level]) => [event, level]).sort());
		const real = code.events();
		assert.deepEqual(told, real);
		t.diagnostic(`the log's ${Object.keys(real).length} events, each with its level, are in docs/operations.md`);
	});

	test("is not alone in naming events, and no page names one that does not exist", () => {
		const real = code.events();
		const subjects = unique(Object.keys(real).map((event) => event.split(".")[0])).join("|");
		const event = new RegExp(`^(${subjects})\\.(?!c$|h$|m?js$|css$|json$)[a-z_]+$`);
		const told = pages.flatMap(({ path, code: words }) => [...words].filter((word) => event.test(word)).map((word) => [path, word]));
		assert.ok(told.some(([path]) => path !== operations.path));
		assert.deepEqual(told.filter(([, word]) => !(word in real)), []);
	});

	test("has every reason of /health", () => assertSame(operations.firstColumn("Reasons"), code.healthReasons(), "reasons of /health"));
	test("has every reason of /api/v1/status", () => assertSame(operations.firstColumn("Room"), code.roomReasons(), "reasons of /api/v1/status"));
	test("has every limit", () => assertSame(operations.firstColumn("Limits in the log"), code.limits(), "limits"));

	test("has every end, with its close code", () => {
		const rows = [...operations.section("Ends").matchAll(/^\| `([a-z_]+)` \| (\d+) \|/gm)];
		const told = rows.map(([, name, number]) => `${name} ${number}`);
		assertSame(told, code.endings().map((each) => `${each.name} ${each.code}`), "ends");
	});

	test("has every metric, with its type and labels", (t) =>
		withServer({}, async (server) => {
			const { families } = await scrape(server);
			const rows = operations.section("Metrics").matchAll(/^\| `([a-z_]+)` \| ([a-z]+) \|([^|]*)\|/gm);
			const told = [...rows].map(([, name, type, labels]) => `${name} ${type}${labels.replaceAll(/[`,]/g, "").trimEnd()}`);
			assertSame(told, [...families.values()].map(({ name, type, labels }) => [name, type, ...labels].join(" ")), "metrics");
			t.diagnostic(`${told.length} metrics, each with type and labels, are in docs/operations.md`);
		}));

	test("has the fields of /health and of /status", () =>
		withServer({}, async (server) => {
			const health = Object.keys((await get(server, "/health")).json);
			const status = Object.keys((await get(server, "/status")).json);
			assertSame(operations.firstColumn("`/health`"), [...health, "reasons"], "fields of /health");
			assertSame(operations.firstColumn("`/status`"), status.filter((name) => !health.includes(name)), "fields of /status");
		}));
});

describe("docs/protocol.md", () => {
	const protocol = page("docs/protocol.md");
	const closes = [...protocol.section("Close codes").matchAll(/^\| ([\d, ]+) \| ([^|]*)\|/gm)];

	/* 1002 and 1007 come from the library, by RFC 6455. The client that left sees no close. */
	test("has every close code with every text", () => {
		const told = closes.flatMap(([, codes, texts]) => codes.split(", ").flatMap((each) => [...texts.matchAll(/`([^`]+)`/g)].map(([, text]) => `${each} ${text}`)));
		const seen = code.endings().filter(({ name }) => name !== "abandoned");
		assertSame(told, seen.map((each) => `${each.code} ${each.text}`), "close codes");
	});

	test("has every code of an error answer", () => {
		const told = [...protocol.section("Errors").matchAll(/^\| \d{3} \| ([^|]+) \|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word));
		assertSame(told, code.httpCodes(), "codes of error answers");
	});

	test("has every code of an error message", () =>
		assertSame(protocol.firstColumn("Codes of `error` messages"), code.messageCodes(), "codes of error messages"));

	test("docs/embed.md has the same close codes, and the one that is none", () => {
		const embed = [...page("docs/embed.md").section("Coming back").matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, codes]) => codes.split(", "));
		assertSame(embed, ["1006", ...closes.flatMap(([, codes]) => codes.split(", "))], "close codes");
	});
});
