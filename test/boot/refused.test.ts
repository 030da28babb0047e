// A machine that doesn't fit into guest memory is an error that names the part, what it needs and what there is.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { boot } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { userboot } from "../support/cli.js";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { FLAVOURS } from "../support/flavours.js";
import { guestImage } from "../support/guests.js";
import { MIB, prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";

const KERNEL = "/boot/kernel/kernel";
const small = linkedFile({ bits: 64, segments: [{ size: 9000 }, { size: 100, writable: true }] });
const large = linkedFile({ bits: 64, segments: [{ size: 9000 }, { size: 100, bss: 40 * MIB, writable: true }] });

describe.each(["amd64-ufs2-gpt", "i386-ufs1-mbr"] as const)("%s", (name) => {
  it.each(FLAVOURS)("with a megabyte: %s", async (start) => {
    const result = await boot({ disks: [guestImage(name)], start, clock: "virtual", isolation: "none", memory: MIB });
    expect(result).toMatchObject({ reason: "error", error: { name: "MemoryError" } });
    expect(result.error?.message).toMatch(
      /^kernel \/boot\/kernel\/kernel needs \d{7,} bytes of memory \(0x[0-9a-f]+ to 0x[0-9a-f]+\), .*there are 1048576 bytes \(up to 0x100000\)$/,
    );
    expect(result.memoryFaults).toBeGreaterThan(0);
    expect(result.modules).toEqual([]);
    expect(result.calls.at(-1)?.[0]).toBe("exec");
    expect(result.registers).toBeUndefined();
  });

  it("in a worker", async () => {
    const result = await boot({ disks: [guestImage(name)], start: "simp", clock: "virtual", memory: MIB });
    expect(result.error?.name).toBe("MemoryError");
  });
});

describe("which part", () => {
  const files = { [KERNEL]: small.bytes, "/large": large.bytes, "/m.ko": objectFile({ versions: [], bss: 3 * MIB }) };
  const end = Math.max(...small.segments.map(({ at, memory }) => at + memory));

  it("zeros count, and a module, and a raw file", async () => {
    const bss = await prompt(files, ["load /large", "boot"], { memory: 32 * MIB });
    expect(bss.result.error?.message).toMatch(/^kernel \/large needs /);
    const module = await prompt(files, [`load ${KERNEL}`, "load /m.ko", "boot"], { memory: end + 65536 });
    expect(module.result.error?.message).toMatch(/^module \/m.ko needs .*, boot data needs /);
    const raw = { ...files, "/raw": "x".repeat(MIB) };
    const file = await prompt(raw, [`load ${KERNEL}`, "load -t mfs_root /raw", "boot"], { memory: end + 65536 });
    expect(file.result.error?.message).toMatch(/^mfs_root \/raw needs /);
  });

  it("boot data alone", async () => {
    const { result } = await prompt(files, [`load ${KERNEL}`, "boot"], { memory: end + 4096 - (end % 4096) });
    expect(result.error?.message).toMatch(/^boot data needs \d+ bytes of memory \(0x[0-9a-f]+ to 0x[0-9a-f]+\); there/);
  });

  it("only what is handed over counts", async () => {
    const commands = ["load /large", "unload", `load ${KERNEL}`, "boot"];
    expect((await prompt(files, commands, { memory: 32 * MIB })).result.reason).toBe("exec");
    const other = ["load /large", "boot"];
    expect((await prompt(files, other, { memory: 64 * MIB })).result.reason).toBe("exec");
  });

  it("what a script writes for itself does not", async () => {
    const commands = ["create b 8 allot b 0x7ffffff0 8 copyin", `load ${KERNEL}`, "boot"];
    const { result } = await prompt(files, commands, { memory: 32 * MIB, start: "4th" });
    expect(result.memoryFaults).toBe(1);
    expect(result.reason).toBe("exec");
  });
});

describe("the command line", () => {
  const scratch = new Scratch();
  afterAll(() => scratch[Symbol.dispose]());
  const image = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
  const packed = join(scratch.path, "packed");
  // `run` needs a monitor to be installed, and never gets to start it.
  scratch.file("qemu-system-x86_64", "#!/bin/sh\nexit 0\n");

  it.each([["boot"], ["pack", "-o", packed]])("%s ends with status 1, a line and what was found", (...command) => {
    const args = [...command, "-d", image, "-m", "1M", "--console", "none", "--clock", "virtual", "--input", ""];
    const { status, stderr } = userboot(args);
    const [line, ...found] = stderr.trimEnd().split("\n");
    expect(found.filter((text) => !text.startsWith("  "))).toEqual([]);
    expect(found).toContain("  /boot/kernel/kernel: loaded, and not entered");
    expect(line).toMatch(
      /^userboot: kernel \/boot\/kernel\/kernel needs \d+ bytes of memory .* there are 1048576 bytes/,
    );
    expect(status).toBe(1);
    expect(existsSync(packed)).toBe(false);
  });
});
