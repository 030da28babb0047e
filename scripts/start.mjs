// npm start: boots the project's own amd64 guest from power-on to its kernel's first instruction and shows
// what a machine would start with. Arguments go to `userboot boot`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { prepare, root } from "./prepare.mjs";

const GUEST = "amd64-ufs2-gpt";
prepare();
const directory = join(root, "out", "start");
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const image = join(directory, `${GUEST}.img`);
writeFileSync(image, gunzipSync(readFileSync(join(root, "images", `${GUEST}.img.gz`))));

const cli = join(root, "build", "host", "programs", "userboot.cjs");
const args = ["boot", "-d", image, "--out", directory, ...process.argv.slice(2)];
const { status, signal } = spawnSync(process.execPath, [cli, ...args], { stdio: "inherit" });
const { printable } = await import("../build/host/text.js");
if (status === 0) show(JSON.parse(readFileSync(join(directory, "result.json"), "utf8")));
if (signal !== null) process.kill(process.pid, signal);
process.exitCode = status ?? 1;

/** A few lines on what is in guest memory and registers now. The names in them are the guest's. */
function show(result) {
  const { rip, rsp, cr3 } = result.registers;
  const rows = [
    ["kernel entered", `${result.arch}, rip ${rip}, rsp ${rsp}${cr3 === undefined ? "" : `, cr3 ${cr3}`}`],
    ["interpreter", [result.flavour, ...result.swaps.map((name) => `(swapped to ${name})`)].join(" ")],
    ...result.modules.map(({ name, type, address, size }) => [name, `${type}, ${size} bytes at ${address}`]),
    ["memory written", `${result.memory.reduce((sum, { length }) => sum + length, 0)} bytes`],
    ["disk", `${result.disk.calls} reads, ${result.disk.bytes} bytes`],
    ["time", `${result.timeMs.total.toFixed(1)} ms`],
    ["files", `${join(directory, "result.json")}, mem.bin`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`\n${rows.map(([name, text]) => printable(`${name.padEnd(width)}  ${text}`)).join("\n")}`);
}
