// --machine and --save-machine: a set-up goes from the command line to a file and back, what is given wins, and a file of
// somebody else's names plain files only.

import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type BootResult, boot } from "userboot-wasm";
import { type Machine, machineOptions, parseMachine } from "userboot-wasm/machine";
import { afterAll, describe, expect, it } from "vitest";
import { userboot as run } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";
import { writeTree } from "../support/trees.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
mkdirSync(join(scratch.path, "machines"));
const IMAGE = scratch.file("machines/guest, one.img", guestImage(GUESTS.amd64));
const QUICK: Machine = { version: 1, start: "simp", interface: 4, clock: "virtual", console: "none" };

let count = 0;
const fileOf = (machine: object | string): string =>
  scratch.file(`machines/${count++}.json`, typeof machine === "string" ? machine : JSON.stringify(machine));
const userboot = (...args: string[]) => run(args, { encoding: "utf8" });
const booted = (...args: string[]): BootResult => {
  const { status, stdout, stderr } = userboot("boot", "--json", ...args);
  expect([status, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as BootResult;
};

describe("--machine", () => {
  const machine: Machine = {
    ...QUICK,
    memory: 64 * 1024 * 1024,
    disks: ["guest, one.img"],
    environment: { color: "grün", size: "1=2" },
    overlay: { "/boot/new": "text", "/boot/ünder": { base64: "/w==" }, "/boot/notes.txt": null },
  };

  it("boots as `boot` does with its options", async () => {
    const there = booted("--machine", fileOf(machine));
    const here = await boot({
      ...machineOptions(machine),
      disks: machine.disks!.map((name) => readFileSync(join(scratch.path, "machines", name as string))),
      isolation: "none",
    });
    expect(there.environment).toEqual(here.environment);
    expect(there.environment).toMatchObject({ boot_serial: "1", color: "gr\u00c3\u00bcn", size: "1=2" });
    expect(there.overlay).toEqual(here.overlay);
    expect(there.overlay).toHaveLength(3);
    expect(JSON.parse(JSON.stringify(here.registers))).toEqual(there.registers);
    here.release();
  });

  it("is for a machine, whose memory map the kernel is told", async () => {
    const entered = async (target?: Machine["target"]) => {
      const whole: Machine = { ...machine, ...(target && { target }) };
      const { stdout, status } = userboot("boot", "--json", "--measure", "--machine", fileOf(whole));
      expect(status).toBe(0);
      const { stateDigest } = (JSON.parse(stdout) as BootResult).measurements!;
      const disks = [readFileSync(IMAGE)];
      const here = await boot({ ...machineOptions(whole), disks, isolation: "none", measure: true });
      expect(stateDigest).toBe(here.measurements!.stateDigest);
      here.release();
      return stateDigest;
    };
    const digests = [await entered(), await entered("bhyve"), await entered("v86")];
    expect(digests[1]).toBe(digests[0]);
    expect(digests[2]).not.toBe(digests[0]);
  });

  it("gives way to what the command line says", () => {
    const own = scratch.file("own.img", guestImage(GUESTS.i386));
    const file = fileOf({ ...machine, disks: ["not there.img"] });
    const saved = join(scratch.path, "mixed.json");
    writeTree(join(scratch.path, "over"), new Map([["/boot/new", Buffer.from("mine")]]));
    const given = [
      "-d",
      own,
      "-m",
      "96M",
      "-e",
      "color=blue",
      "-e",
      "more=yes",
      "--overlay",
      join(scratch.path, "over"),
    ];
    const { arch, environment, overlay } = booted(
      "--machine",
      file,
      "--save-machine",
      saved,
      ...given,
    ) as BootResult & {
      arch: string;
    };
    expect(arch).toBe("i386");
    expect(environment).toMatchObject({ color: "blue", size: "1=2", more: "yes" });
    expect(parseMachine(readFileSync(saved, "utf8")).memory).toBe(96 * 1024 * 1024);
    expect(overlay?.map(({ path }) => path)).toEqual(["/boot/new", "/boot/\u00c3\u00bcnder", "/boot/notes.txt"]);
  });

  it("doesn't add the usual variables when it says so, unless nothing does", () => {
    expect(booted("--machine", fileOf({ ...machine, defaultEnvironment: false })).environment).not.toHaveProperty(
      "boot_serial",
    );
    expect(
      booted("--no-default-env", "--machine", fileOf({ ...machine, defaultEnvironment: true })).environment,
    ).not.toHaveProperty("boot_serial");
  });

  it("is for run and pack, too", () => {
    const file = fileOf(machine);
    const out = join(scratch.path, "guest.elf");
    expect(userboot("pack", "--machine", file, "-o", out)).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(out).subarray(0, 4).toString("latin1")).toBe("\x7fELF");
  });

  it("names no disks for a guest of run to write to", () => {
    const file = fileOf(machine);
    const { status, stderr } = userboot("run", "--accel", "tcg", "--write", "--machine", file);
    expect(stderr).toMatch(/^userboot: --write: disks that are to be written are named on the command line \(-d\)/);
    expect(status).toBe(2);
  });

  symlinkSync("/dev/null", join(scratch.path, "machines", "link"));
  it.each<[string, () => string[], RegExp]>([
    ["no file", () => ["/nonexistent"], /machine file \/nonexistent: no such file$/],
    ["a directory", () => [scratch.path], /machine file .*: is a directory/],
    ["no JSON", () => [fileOf("{")], /machine file .*: machine is no JSON: /],
    ["no text", () => [scratch.file("bytes.json", Uint8Array.of(0xff))], /machine file .*: is not text$/],
    [
      "a wrong key",
      () => [fileOf({ version: 1, memroy: 1 })],
      /unknown option "memroy" of machine \(did you mean "memory"\?\)$/,
    ],
    [
      "a device",
      () => [fileOf({ version: 1, disks: ["/dev/null"] })],
      /: \/dev\/null: is no plain file; a set-up names only those/,
    ],
    ["a link to one", () => [fileOf({ version: 1, disks: ["link"] })], /link: is no plain file/],
    [
      "a file of a disk that is one",
      () => [fileOf({ version: 1, disks: [{ image: "guest, one.img", files: ["/dev/zero"] }] })],
      /\/dev\/zero: is no plain file/,
    ],
    ["a disk that isn't there", () => [fileOf({ version: 1, disks: ["gone"] })], /machines\/gone: no such file$/],
    [
      "a URL",
      () => [fileOf({ version: 1, disks: ["https://example.org/a.img"] })],
      /https:\/\/example.org\/a.img is a URL, which pages open/,
    ],
    ["no disk", () => [fileOf({ version: 1 })], /no disk given/],
    [
      "a directory of the host to save",
      () => [fileOf(machine), "-h", scratch.path, "--save-machine", "x"],
      /--save-machine: a set-up has no directories of the host \(-h\)$/,
    ],
    [
      "a place that can't be written",
      () => [fileOf(machine), "--save-machine", "/dev/null/x"],
      /\/dev\/null\/x can't be written/,
    ],
    [
      "a device to save",
      () => [fileOf(machine), "-d", "/dev/zero", "--save-machine", join(scratch.path, "x")],
      /\/dev\/zero: is no plain file/,
    ],
  ])("is one line and status 2 for %s", (_, args, line) => {
    const { status, stderr, stdout } = userboot("boot", "--machine", ...args());
    expect(stderr).toMatch(/^userboot: [^\n]*\n$/);
    expect(stderr.trimEnd()).toMatch(line);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });
});

describe("--save-machine", () => {
  it("writes what was said, and the file says the same again", () => {
    const path = join(scratch.path, "machines", "saved.json");
    writeTree(
      join(scratch.path, "layer"),
      new Map([
        ["/boot/text", Buffer.from("grün\n")],
        ["/boot/bytes", Buffer.of(0, 255)],
      ]),
    );
    const said = booted(
      ...[
        "-d",
        `raw:${IMAGE.replaceAll(",", ",,")},sectorsize=512,ro`,
        "-m",
        "64M",
        "-e",
        "a=1",
        "-e",
        "a=2",
        "-e",
        "b=ü",
      ],
      ...["--start", "simp", "--interface", "4", "--clock", "virtual", "--console", "none", "--hash-seed", "0x10"],
      ...["--overlay", join(scratch.path, "layer"), "--overlay-without", "/boot/notes.txt", "--save-machine", path],
    );
    const saved = parseMachine(readFileSync(path, "utf8"));
    expect(saved).toEqual({
      ...QUICK,
      memory: 64 * 1024 * 1024,
      disks: [{ image: "guest, one.img", format: "raw", sectorSize: 512, readOnly: true }],
      environment: { a: "1", b: "ü" },
      defaultEnvironment: true,
      overlay: { "/boot/text": "grün\n", "/boot/bytes": { base64: "AP8=" }, "/boot/notes.txt": null },
      profile: "auto",
      hashSeed: 16,
    });
    const again = booted("--machine", path, "--save-machine", join(scratch.path, "again.json"));
    const facts = ({ environment, registers, overlay }: BootResult & { registers?: unknown }) => ({
      environment,
      registers,
      overlay,
    });
    expect(facts(again)).toEqual(facts(said));
    expect(said.environment.a).toBe("1");
    // From another directory the image has another name.
    const moved = parseMachine(readFileSync(join(scratch.path, "again.json"), "utf8"));
    expect(moved).toEqual({ ...saved, disks: [{ ...(saved.disks![0] as object), image: "machines/guest, one.img" }] });
  });

  it("replaces a link, and doesn't write where it leads", () => {
    const target = scratch.file("target", "as it was");
    const link = join(scratch.path, "saved-link");
    symlinkSync(target, link);
    booted("--machine", fileOf({ ...QUICK, disks: [IMAGE] }), "--save-machine", link);
    expect(readFileSync(target, "utf8")).toBe("as it was");
    expect(parseMachine(readFileSync(link, "utf8")).disks).toEqual([{ image: "machines/guest, one.img" }]);
  });
});
