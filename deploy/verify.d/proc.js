// What the kernel says of a process and of its sockets.

import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/* {Name, Uid: "0\t0...", CapEff, ...} */
export function processStatus(pid) {
	const lines = readFileSync(`/proc/${pid}/status`, "utf8").trim().split("\n");
	return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
}

function inodesOf(pid) {
	const inodes = new Set();
	for (const fd of readdirSync(`/proc/${pid}/fd`)) {
		try {
			const found = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`));
			if (found) inodes.add(found[1]);
		} catch {
			/* closed meanwhile */
		}
	}
	return inodes;
}

/* The kernel prints each group of four bytes as a number of its own byte order: little-endian here. */
function address(hex) {
	const bytes = Buffer.concat(hex.match(/.{8}/g).map((word) => Buffer.from(word, "hex").reverse()));
	return bytes.length === 4 ? bytes.join(".") : bytes.toString("hex").replace(/(.{4})(?=.)/g, "$1:");
}

const isLoopback = (text) => /^127\./.test(text) || /^(0000:){7}0001$/.test(text) || /^(0000:){5}ffff:7f/.test(text);

/* [{address, port, loopback}] of the TCP sockets that a process listens on. */
export function listening(pid) {
	const inodes = inodesOf(pid);
	const rows = ["tcp", "tcp6"].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, "utf8").trim().split("\n").slice(1));
	return rows
		.map((row) => row.trim().split(/\s+/))
		.filter((fields) => fields[3] === "0A" && inodes.has(fields[9]))
		.map(([, local]) => local.split(":"))
		.map(([hex, port]) => ({ address: address(hex), port: parseInt(port, 16), loopback: isLoopback(address(hex)) }));
}

/* Of all processes with that name. */
export function pidsNamed(name) {
	return readdirSync("/proc").filter((entry) => {
		try {
			return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/comm`, "utf8").trim() === name;
		} catch {
			return false; /* it has ended */
		}
	});
}
