// The project's own guests, from the image to a running kernel: booted by every flavour, packed in every
// format, run by QEMU and v86, and what the kernel then says compared with what the loader's result says.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type BootResult, memoryMap, type PackFormat, pack } from "userboot-wasm";
import { afterAll, describe, expect, test } from "vitest";
import { INSTALLED } from "../support/flavours.js";
import { Scratch } from "../support/scratch.js";
import { ARCHES, bootGuest, output, type Report, report, testWith } from "./guest.js";

const MEMORY = 256 * 1024 * 1024;
const QEMU = "qemu-system-x86_64";
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

describe.each(ARCHES)("%s", (arch) => {
  describe.each(INSTALLED)("booted by %s", (flavour) => {
    const booted = bootGuest(arch, flavour, { memory: MEMORY, map: memoryMap("qemu", MEMORY) });

    test("enters the kernel with module and file", async () => {
      const result = await booted;
      expect(result).toMatchObject({ reason: "exec", arch, flavour, memoryFaults: 0, diagnostics: [] });
      expect(result.modules.map(({ name, args }) => [name, args])).toEqual([
        // The loader cuts arguments up as it parses them: the value is in the environment.
        ["/boot/kernel/kernel", "demo_argument"],
        ["/boot/kernel/ubdemo.ko", undefined],
        ["/boot/notes.txt", undefined],
      ]);
      expect(result.environment).toMatchObject({
        "demo.script": flavour === "lua" ? "loader.lua" : "loader.rc",
        demo_argument: "1",
        "demo.note": "a value with spaces",
        "vfs.root.mountfrom": arch === "amd64" ? "ufs:/dev/vtbd0p2" : "ufs:/dev/vtbd0s1a",
      });
    });

    const machines: [machine: string, format: PackFormat, more: string[]][] = [
      ["pc", "multiboot", []],
      ["q35", "multiboot", []],
      ["pc", "pvh", []],
      ["microvm", "pvh", ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]],
    ];
    for (const [machine, format, more] of machines) {
      testWith(QEMU)(`runs in QEMU's ${machine} as ${format}`, async () => {
        const result = await booted;
        expect(result.reason).toBe("exec");
        const path = join(scratch.path, `${arch}-${flavour}.${format}`);
        writeFileSync(path, pack(result, format));
        // Into a file: where the reader is slow, QEMU gives up bytes that a pipe doesn't take.
        const serial = join(scratch.path, `${arch}-${flavour}-${machine}.${format}.txt`);
        const options = [
          "-m",
          "256",
          "-display",
          "none",
          "-monitor",
          "none",
          "-serial",
          `file:${serial}`,
          "-no-reboot",
        ];
        output(QEMU, ["-M", machine, ...options, ...more, "-kernel", path]);
        expectReport(report(readFileSync(serial, "latin1")), result);
      });
    }

    testWith("gdb")("opens in gdb as a core, with symbols", async () => {
      const result = await booted;
      const paths = (["symbols", "core"] as const).map((format) => {
        const path = join(scratch.path, `${arch}-${flavour}.${format}`);
        writeFileSync(path, pack(result, format));
        return path;
      });
      // The i386 kernel starts at a physical address and is linked for a virtual one.
      const entry = arch === "amd64" ? "$pc" : "$pc+0xc0000000";
      const commands = ["p/x $pc", `info symbol ${entry}`, "x/1xw $sp", "x/1i $pc"].flatMap((line) => ["-ex", line]);
      const text = output("gdb", ["-q", "-batch", "-nx", ...commands, ...paths]);
      expect(text).toContain(`$1 = ${result.registers?.rip}`);
      expect(text).toContain("btext in section .text");
      expect(text).toMatch(arch === "amd64" ? /0x1000:\s+0x00000000/ : /0x1fdc:\s+0xbeefface/);
      expect(text).toMatch(/=> \S+( <\w+>)?:\s+cli/);
    });
  });
});

/** Checks that the kernel found what `result` says that the loader left. */
function expectReport(kernel: Report, result: BootResult): void {
  const { registers, bootData, modules, environment, guestMemory, arch } = result;
  const [cpu] = kernel.fields("cpu");
  const [entry] = kernel.fields("entry");
  expect(cpu).toMatchObject({
    rsp: registers?.rsp,
    rflags: "0x2",
    cr3: registers?.cr3 ?? "0x0",
    cr4: registers?.cr4,
    efer: registers?.efer,
    cs: "0x8",
    ss: arch === "amd64" ? "0x0" : "0x10",
    gdt: hex(Number([registers?.gdtr].flat()[0])),
  });
  // Bit 4 (ET) can't be cleared on anything newer than an 80386.
  expect(Number(cpu?.cr0) | 0x10).toBe(Number(registers?.cr0) | 0x10);
  expect(entry).toMatchObject({ modulep: bootData?.modulep, kernend: bootData?.kernend });
  expect(kernel.texts("env").sort()).toEqual(
    Object.entries(environment)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  );
  expect(kernel.fields("smap")).toEqual(
    memoryMap("qemu", MEMORY).map(({ base, length, type }) => ({
      base: hex(base),
      length: hex(length),
      type: hex(type),
    })),
  );
  expect(kernel.fields("file").map(({ name }) => name)).toEqual(modules.map(({ name }) => name));
  expect(kernel.texts("type")).toEqual(modules.map(({ type }) => type));
  expect(kernel.fields("record").map(({ size }) => Number(size))).toEqual(
    modules.flatMap(({ metadata }) => metadata.map(({ size }) => size)),
  );
  const loaded = kernel.fields("loaded");
  expect(loaded.map(({ addr, size }) => [addr, size])).toEqual(
    modules.map(({ address, size }) => [address, hex(size)]),
  );
  for (const { addr, of, crc32: sum } of loaded) {
    const start = Number(addr);
    const bytes = guestMemory.bytes.subarray(start, start + Number(of));
    expect(sum).toBe(crc32(bytes).toString(16).padStart(8, "0"));
  }
  expect(kernel.texts("end")).toHaveLength(1);
}

const hex = (value: number | bigint) => `0x${value.toString(16)}`;
