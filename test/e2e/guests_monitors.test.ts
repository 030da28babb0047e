// What `userboot pack` writes for Cloud Hypervisor and Firecracker, run by a monitor that is there and enters PVH images, too: QEMU. Its
// microvm's firmware enters at the note; the kernel then finds the loader's registers, and the map of the monitor that was named.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type MapProfile, memoryMap } from "userboot-wasm";
import { afterAll, describe, expect } from "vitest";
import { userboot } from "../support/cli.js";
import { GUESTS } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { ARCHES, output, report, testWith } from "./guest.js";

const QEMU = "qemu-system-x86_64";
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const hex = (value: number | bigint) => `0x${value.toString(16)}`;
const fast = ["--clock", "virtual", "--start", "simp", "--isolation", "none"];

describe.each(["cloud-hypervisor", "firecracker"] as MapProfile[])("%s", (map) => {
  const pack = (arch: (typeof ARCHES)[number], path: string, memory: string) =>
    userboot([
      ...["pack", "-d", inRepository(`images/${GUESTS[arch]}.img.gz`), "-m", memory, ...fast],
      ...["--format", "pvh", "--map", map, "-o", path],
    ]);

  describe.each(ARCHES)("%s", (arch) => {
    testWith(QEMU)("the packed guest is entered by its note", () => {
      const path = join(scratch.path, `${map}-${arch}`);
      expect(pack(arch, path, "128M")).toMatchObject({ status: 0, stderr: "" });
      const serial = `${path}.txt`;
      const quiet = ["-display", "none", "-monitor", "none", "-serial", `file:${serial}`, "-no-reboot"];
      const end = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"];
      output(QEMU, ["-M", "microvm", "-accel", "tcg", "-m", "128", ...quiet, ...end, "-kernel", path]);
      const kernel = report(readFileSync(serial, "latin1"));
      expect(kernel.lines[0]).toBe(`userboot-wasm test kernel, ${arch}`);
      expect(kernel.fields("smap")).toEqual(
        memoryMap(map, 128 * 1024 * 1024).map(({ base, length, type }) => ({
          base: hex(base),
          length: hex(length),
          type: hex(type),
        })),
      );
      expect(kernel.texts("end")).toHaveLength(1);
    });
  });
});
