// What the kernel says of a process and of its sockets.

import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/* {Name, Uid: "0\t0...", CapEff, ...} */
export function processStatus(pid) {
	const lines = readFileSync(`/proc/${pid}/status`, "utf8").trim().split("\n");
	return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
}

/* What is asked of a process may have gone: a descriptor that was closed, all of one that has ended, even when nobody has waited for it. */
function unlessGone(ask, otherwise) {
	try {
		return ask();
	} catch (error) {
		if (["ENOENT", "ESRCH", "EINVAL"].includes(error.code)) return otherwise;
		throw error;
	}
}

function inodesOf(pid) {
	const links = unlessGone(() => readdirSync(`/proc/${pid}/fd`), []).map((fd) => unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ""));
	return new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
}

/* The kernel prints each group of four bytes as a number of its own byte order: little-endian here. */
function address(hex) {
	const bytes = Buffer.concat(hex.match(/.{8}/g).map((word) => Buffer.from(word, "hex").reverse()));
	return bytes.length === 4 ? bytes.join(".") : bytes.toString("hex").replace(/(.{4})(?=.)/g, "$1:");
}

const isLoopback = (text) => /^127\./.test(text) || /^(0000:){7}0001$/.test(text) || /^(0000:){5}ffff:7f/.test(text);

/* [{address, port, loopback}] of the TCP sockets that a process listens on; none when it has ended. */
export function listening(pid) {
	const inodes = inodesOf(pid);
	const table = (name) => unlessGone(() => readFileSync(`/proc/${pid}/net/${name}`, "utf8"), "");
	const rows = ["tcp", "tcp6"].flatMap((name) => table(name).trim().split("\n").slice(1));
	return rows
		.map((row) => row.trim().split(/\s+/))
		.filter((fields) => fields[3] === "0A" && inodes.has(fields[9]))
		.map(([, local]) => local.split(":"))
		.map(([hex, port]) => ({ address: address(hex), port: parseInt(port, 16), loopback: isLoopback(address(hex)) }));
}

/* With which variables it was started. */
export function environmentOf(pid) {
	const text = unlessGone(() => readFileSync(`/proc/${pid}/environ`, "utf8"), "");
	return Object.fromEntries(text.split("\0").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}

/* Of all processes with that name. */
export function pidsNamed(name) {
	return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && unlessGone(() => readFileSync(`/proc/${entry}/comm`, "utf8"), "").trim() === name);
}
