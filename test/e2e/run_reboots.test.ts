// `userboot run` with guests that reboot, in QEMU.

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { CLI, userboot } from "../support/cli.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { ufsDisk } from "../support/ufs_image.js";
import { testWith } from "./guest.js";
import { emptyCounter, loopingGuest, rebootingGuest } from "./rebooting_guest.js";

const QEMU = "qemu-system-x86_64";
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const thrice = scratch.file("thrice.img", rebootingGuest());
const looping = scratch.file("looping.img", loopingGuest());
const inMenu = scratch.file("menu.img", bytesOf(ufsDisk({ "/boot/loader.rc": "echo loader\nreboot\n" })));

const FAST = ["--clock", "virtual", "--start", "simp", "--interface", "4", "-m", "64M"];
const run = (disk: string, more: readonly string[]) =>
  userboot(["run", "-d", disk, ...FAST, ...more], { timeout: 60_000 });
const counting = () => {
  const counter = join(scratch.path, "counter");
  writeFileSync(counter, emptyCounter());
  return ["--", "-drive", `file=${counter},if=ide,format=raw,snapshot=off`];
};
/** What loader and kernel print about themselves, in order. */
const passes = (text: string) => text.match(/^(loader|kernel.*)(?=\r?$)/gm);
const ALL = ["loader", "kernel 1", "loader", "kernel 2", "loader", "kernel 3"];

describe("a guest that reboots twice and powers off", () => {
  testWith(QEMU)("sees its loader three times, and the status is 0", () => {
    const { stdout, stderr, status } = run(thrice, ["--accel", "tcg", ...counting()]);
    expect(passes(stdout)).toEqual(ALL);
    // No warnings of QEMU's either.
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  testWith(QEMU)("does so with what this machine has, in one line where KVM is broken", () => {
    const { stdout, stderr, status } = run(thrice, counting());
    expect(passes(stdout)).toEqual(ALL);
    expect(stderr).toMatch(/^(userboot: KVM doesn't work here \(.*\); the guest runs without it \(--accel tcg\)\n)?$/);
    expect(status).toBe(0);
  });

  testWith(QEMU)("--no-reboot: is run once", () => {
    const { stdout, status } = run(thrice, ["--accel", "tcg", "--no-reboot", ...counting()]);
    expect(passes(stdout)).toEqual(["loader", "kernel 1"]);
    expect(status).toBe(3);
  });

  testWith(QEMU)("--json: results alone are on stdout, the guest's console is on stderr", () => {
    const { stdout, stderr, status } = run(thrice, ["--accel", "tcg", "--json", ...counting()]);
    const results = stdout.split(/(?<=^}\n)/m).map((text) => JSON.parse(text) as { reason: string });
    expect(results.map(({ reason }) => reason)).toEqual(["exec", "exec", "exec"]);
    expect(passes(stderr)).toEqual(ALL);
    expect(status).toBe(0);
  });
});

testWith(QEMU)("a guest that does nothing but reboot is ended with a line", () => {
  const { stdout, stderr, status } = run(looping, ["--accel", "tcg", "--max-reboots", "1"]);
  expect(passes(stdout)).toEqual(["loader", "kernel", "loader", "kernel"]);
  expect(stderr).toBe(
    "userboot: the guest has rebooted 2 times in a row, each time within 10 minutes, and is ended (--max-reboots)\n",
  );
  expect(status).toBe(1);
});

testWith(QEMU)("a reboot that the loader asks for counts as one", () => {
  const { stdout, stderr, status } = run(inMenu, ["--max-reboots", "2"]);
  expect(passes(stdout)).toEqual(["loader", "loader", "loader"]);
  expect(stderr).toMatch(/^userboot: the guest has rebooted 3 times in a row.*\n$/);
  expect(status).toBe(1);
  expect(run(inMenu, ["--max-reboots", "0"]).stderr).toBe(
    "userboot: the guest has rebooted once, within 10 minutes, and is ended (--max-reboots)\n",
  );
  expect(run(inMenu, ["--no-reboot"])).toMatchObject({ status: 3, stderr: "" });
});

testWith(QEMU)("a compressed image is unpacked once for all passes, and nothing of it is left", async () => {
  const packed = scratch.file("thrice.img.gz", gzipSync(rebootingGuest()));
  const temporary = join(scratch.path, "tmp");
  mkdirSync(temporary);
  const args = ["run", "-d", packed, ...FAST, "--accel", "tcg", ...counting()];
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ["ignore", "pipe", "pipe"], timeout: 50_000, env });
  let text = "";
  let complaints = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
    // From now on there is nothing to unpack.
    if (text.includes("kernel 1")) rmSync(packed, { force: true });
  });
  child.stderr.on("data", (chunk) => {
    complaints += chunk;
  });
  const status = await new Promise((done) => child.once("close", done));
  expect(complaints).toBe("");
  expect(passes(text)).toEqual(ALL);
  expect(status).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});

testWith(QEMU)("the loader takes keys in every pass", async () => {
  const asking = scratch.file("asking.img", loopingGuest("@read -p go: key"));
  const args = ["run", "-d", asking, ...FAST, "--accel", "tcg", "--max-reboots", "1"];
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ["pipe", "pipe", "ignore"], timeout: 50_000 });
  let text = "";
  let answered = 0;
  child.stdout.on("data", (chunk) => {
    text += chunk;
    if (text.split("go:").length - 1 <= answered) return;
    answered++;
    child.stdin.write("\r");
  });
  const status = await new Promise((done) => child.once("close", done));
  expect([answered, passes(text)]).toEqual([2, ["kernel", "kernel"]]);
  expect(status).toBe(1);
});

describe.each(["q35", "microvm"])("QEMU's %s", (vmm) => {
  testWith(QEMU)("tells a reset from a power-off, and its processor causes no warnings", () => {
    const { stdout, stderr, status } = run(looping, ["--vmm", vmm, "--accel", "tcg", "--no-reboot"]);
    expect(passes(stdout)).toEqual(["loader", "kernel"]);
    expect([stderr, status]).toEqual(["", 3]);
  });
});

test.each([
  ["--accel hvf", ["--accel", "hvf"], /argument 'hvf' is invalid. Allowed choices are auto, kvm, tcg/],
  ["--accel twice", ["--accel", "tcg", "--", "-accel", "kvm"], /--accel tcg: -accel behind -- says what to use, too/],
  ["--accel and -M", ["--accel", "kvm", "--", "-M", "pc,accel=tcg"], /--accel kvm: pc,accel=tcg behind --/],
  ["--max-reboots -1", ["--max-reboots=-1"], /--max-reboots: bad number '-1'/],
  ["--max-reboots many", ["--max-reboots", "many"], /--max-reboots: bad number 'many'/],
])("%s is refused in one line", (_, more, line) => {
  // The program is there wherever it isn't looked at.
  const { stderr, status } = userboot(["run", "-d", thrice, ...FAST, ...more], {
    env: { ...process.env, PATH: `${fakeQemu()}:${process.env.PATH}` },
  });
  expect(stderr).toMatch(line);
  expect(stderr).toMatch(/^userboot: .+\n$/);
  expect(status).toBe(2);
});

function fakeQemu(): string {
  writeFileSync(join(scratch.path, QEMU), "#!/bin/sh\n", { mode: 0o755 });
  return scratch.path;
}
