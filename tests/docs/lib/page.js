// A page of the documentation, read as far as its tests need it: blocks, headings, links, tables.

import { readFileSync } from "node:fs";

const FENCE = /^```([^\n]*)\n(.*?)^```$/gms;
const HEADING = /^#{1,6} +(.+)$/gm;
const LINK = /!?\[[^\]]*\]\(([^()\s]+)\)/g;
const CODE = /`([^`\n]+)`/g;

/* As GitHub makes them: the words without their punctuation, joined by hyphens; a second one of the
 * same name gets a number. */
function anchorsOf(prose) {
	const seen = new Map();
	return [...prose.matchAll(HEADING)].map(([, heading]) => {
		const text = heading.replace(LINK, (link) => /\[([^\]]*)\]/.exec(link)[1]);
		const anchor = text.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
		const count = seen.get(anchor) ?? 0;
		seen.set(anchor, count + 1);
		return count ? `${anchor}-${count}` : anchor;
	});
}

export class Page {
	constructor(path, text = readFileSync(path, "utf8")) {
		this.path = path;
		this.text = text;
		/* {language, name, text}: ```js server.mjs has the name server.mjs. */
		this.blocks = [...text.matchAll(FENCE)].map(([, info, body]) => {
			const [language = "", name] = info.trim().split(/ +/);
			return { language, name, text: body };
		});
		this.prose = text.replace(FENCE, "");
		this.anchors = anchorsOf(this.prose);
		this.links = [...this.prose.matchAll(LINK)].map(([, target]) => target);
		/* What stands between single backquotes. */
		this.code = new Set([...this.prose.matchAll(CODE)].map(([, words]) => words));
	}

	/* The files that a reader is told to save: {name: text}. */
	get files() {
		const named = this.blocks.filter(({ language, name }) => name && language !== "sh");
		return Object.fromEntries(named.map(({ name, text }) => [name, text]));
	}

	/* The part below a heading, up to the next one of any level. */
	section(heading) {
		const [, rest] = this.prose.split(new RegExp(`^#+ ${heading}$`, "m"));
		if (rest === undefined) throw new Error(`${this.path} has no heading "${heading}"`);
		return rest.split(/^#+ /m)[0];
	}

	/* What stands in backquotes in the first column of the tables of a section. */
	firstColumn(heading) {
		const rows = this.section(heading).split("\n").filter((line) => line.startsWith("| "));
		return rows.flatMap((row) => [...row.split(" | ")[0].matchAll(CODE)].map(([, words]) => words));
	}
}
