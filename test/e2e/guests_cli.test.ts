// `userboot run` and `userboot pack` as a user types them.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLI, userboot } from "../support/cli.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { ARCHES, image, report, testWith } from "./guest.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const directory = scratch.path;
const disk = (arch: string) => join(directory, `${arch}.img`);
beforeAll(() => {
  for (const arch of ARCHES) writeFileSync(disk(arch), image(arch));
});

const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  userboot(args, { timeout: 60_000, env: { ...process.env, ...env } });

const FAST = ["--clock", "virtual", "--start", "simp", "--interface", "4", "-c", "none"];

describe.each(ARCHES)("%s", (arch) => {
  testWith("qemu-system-x86_64")("run: the kernel prints on the terminal and ends the machine", () => {
    const temporary = mkdtempSync(join(directory, "tmp-"));
    const { stdout, status } = run(["run", "-d", disk(arch), ...FAST, "--", "-accel", "tcg"], {
      TMPDIR: temporary,
    });
    const kernel = report(stdout);
    expect(kernel.lines[0]).toBe(`userboot-wasm test kernel, ${arch}`);
    expect(kernel.fields("smap")).toHaveLength(6);
    expect(status).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("pack: writes each format, and says which there are", () => {
    const file = join(directory, "packed");
    for (const format of ["multiboot", "pvh", "core", "symbols"]) {
      expect(run(["pack", "-d", disk(arch), "-o", file, "--format", format, ...FAST])).toMatchObject({
        status: 0,
        stderr: "",
      });
      expect(readFileSync(file).subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    }
    const bad = run(["pack", "-d", disk(arch), "-o", file, "--format", "tar", ...FAST]);
    expect(bad).toMatchObject({
      status: 2,
      stderr: 'userboot: unknown format "tar" (there are multiboot, pvh, core, symbols, machine)\n',
    });
  });
});

testWith("qemu-system-x86_64")("run: more arguments reach QEMU, whose status is the command's", () => {
  const { stdout, status } = run([
    ...["run", "--vmm", "microvm", "-d", inRepository("images/amd64-ufs2-gpt.img.gz"), ...FAST],
    ...["--", "-accel", "tcg", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
  ]);
  expect(report(stdout).texts("end")).toHaveLength(1);
  expect(status).toBe(1);
});

testWith("qemu-system-x86_64")("run --log json: the monitor's messages are events, too", () => {
  const told = (...more: string[]) =>
    run(["run", "-d", disk("amd64"), ...FAST, "--log", "json", "--", "-accel", "tcg", ...more])
      .stderr.trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(told().map(({ event }) => event)).toEqual(["start", "end", "machine", "exit"]);
  expect(told("-nonsense").slice(-2)).toMatchObject([
    { event: "monitor", message: expect.stringContaining("-nonsense") },
    { event: "exit", status: 1 },
  ]);
});

testWith("qemu-system-x86_64")("run: ends the machine and cleans up when it is told to end", async () => {
  const temporary = mkdtempSync(join(directory, "tmp-"));
  // -S: the machine stands still from the start.
  const args = ["run", "-d", disk("amd64"), ...FAST, "--", "-accel", "tcg", "-S"];
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: "ignore",
    env: { ...process.env, TMPDIR: temporary },
  });
  const ended = new Promise((done) => child.once("exit", done));
  while (readdirSync(temporary).length === 0) await setTimeout(20);
  await setTimeout(500);
  expect(child.exitCode).toBe(null);
  child.kill("SIGTERM");
  await ended;
  expect(readdirSync(temporary)).toEqual([]);
});

testWith("qemu-system-x86_64")("run: the guest is told the memory map that the machine has", () => {
  const { stdout } = run(["run", "--vmm", "q35", "-m", "4G", "-d", disk("amd64"), ...FAST, "--", "-accel", "tcg"]);
  expect(report(stdout).texts("smap")).toContain("base=0x100000000 length=0x80000000 type=0x1");
});

test("run: a guest that doesn't fit in its memory isn't run", () => {
  const { stderr, status } = run(["run", "-m", "2M", "-d", disk("amd64"), ...FAST]);
  expect(stderr).toMatch(
    /^userboot: kernel \/boot\/kernel\/kernel needs \d+ bytes .*; there are 2097152 bytes .*\n {2}what was looked at/,
  );
  expect(status).toBe(1);
});

test("run: doesn't let a guest write to a compressed image", () => {
  const { stderr, status } = run(["run", "--write", "-d", inRepository("images/amd64-ufs2-gpt.img.gz"), ...FAST]);
  expect(stderr).toMatch(/^userboot: --write: .*img.gz is compressed\n$/);
  expect(status).toBe(2);
});

test("run: says which package is missing", () => {
  const { stderr, status } = run(["run", "-d", disk("amd64"), ...FAST], { PATH: "/nonexistent" });
  expect(stderr).toMatch(/^userboot: qemu-system-x86_64 is not installed; .*qemu-system-x86.*\n$/);
  expect(status).toBe(2);
});

test("run and pack: a guest that doesn't boot gives the loader's status", () => {
  const empty = join(directory, "empty.img");
  writeFileSync(empty, Buffer.alloc(1 << 20));
  const file = join(directory, "nothing");
  const { stderr, status } = run(["pack", "-d", empty, "-o", file, ...FAST]);
  expect(stderr).toMatch(/^userboot: .+\n/);
  expect(status).toBe(1);
  expect(readdirSync(directory)).not.toContain("nothing");
});
