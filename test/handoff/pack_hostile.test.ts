// What results of sessions that were taken over are packed to: refused by name, or what they say. Found by host/pack.

import { HandoffError, pack } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import type { Entered } from "../../build/host/handoff/machine.js";
import { CpuState } from "../../build/host/handoff/registers.js";
import { bytesAt, packed } from "../../fuzz/host/pack.js";
import { readMachineFile } from "../support/machine_reader.js";

const MIB = 2 ** 20;
const LOW = 4 * MIB;

/** A result whose loader asked for these; `more` is what it says besides. */
function entered({
  cr3 = 0n,
  base = 0x3000n,
  ...more
}: { cr3?: bigint; base?: bigint } & Partial<Entered> = {}): Entered {
  const cpu = new CpuState();
  cpu.setcr(3, cr3);
  cpu.setgdt(base, 24);
  cpu.setreg(4, 0x1000n);
  cpu.rip = 0x20_0000n;
  return {
    ...{ reason: "exec", ...cpu.entryState(), calls: [["exec", "0x200000"]], modules: [] },
    guestMemory: { bytes: bytesAt(0, LOW), written: [[2 * MIB, 2 * MIB + 9]], low: LOW, high: 0 },
    ...more,
  };
}
const registers = (more: object) => ({ registers: { ...entered().registers!, ...more } });
const kernel = (more: object) => ({ modules: [{ address: "0x0", size: 1, metadata: [], ...more }] });

describe("a packed guest", () => {
  it.each(["multiboot", "pvh", "core", "machine"] as const)("is what the result says: %s", async (format) => {
    expect(await packed(entered(), format)).toBe(true);
    expect(await packed(entered({ cr3: 0x2000n }), format)).toBe(true);
  });

  it("as a machine file has its memory up to the last byte", async () => {
    const file = await pack(entered({ base: BigInt(LOW - 32) }), "machine");
    const { ranges } = readMachineFile(file);
    expect(ranges.map(({ gpa, bytes }) => [gpa, bytes.length])).toEqual([
      [BigInt(2 * MIB), 9],
      [BigInt(LOW - 32), 32],
    ]);
  });

  it.each<[string, Entered, string]>([
    ["a table just behind memory", entered({ base: BigInt(LOW - 31) }), "isn't in the guest's memory"],
    ["a table at the end of 32 bits", entered({ base: 0xffff_fff0n }), "isn't in the guest's memory"],
    ["a table of nothing", entered({ gdt: { gpa: "0x1000", hex: "" } }), "0 bytes at 0x1000"],
    [
      "two entries",
      entered({
        calls: [
          ["exec", "0x1"],
          ["exec", "0x1"],
        ],
      }),
      "no way to enter a kernel",
    ],
    [
      "a call with half a number",
      entered({
        calls: [
          ["setreg", 4, 0.5],
          ["exec", "0x1"],
        ],
      }),
      "0.5, which is no number",
    ],
    [
      "a call with a word",
      entered({
        calls: [
          ["setreg", 4, "x"],
          ["exec", "0x1"],
        ],
      }),
      "x, which is no number of 64",
    ],
    [
      "a register's number of 33 bits",
      entered({
        calls: [
          ["setcr", 2 ** 32, 1],
          ["exec", 1],
        ],
      }),
      "no number of 32 bits",
    ],
    ["an access of 64 bits", entered(registers({ cs_desc: [0, 0, "0x100000000"] })), "0x100000000, which is no number"],
    ["a selector of 17 bits", entered(registers({ cs: 0x1_0000 })), "CS is 65536, which is no number of 16 bits"],
    ["half a kernel", entered(kernel({ size: 0.5 })), "the kernel's size is 0.5"],
    ["less than no kernel", entered(kernel({ size: -1 })), "the kernel's size is -1"],
  ])("is refused: %s", async (_what, result, why) => {
    const refused = (async () => pack(result, "machine"))();
    await expect(refused).rejects.toThrow(HandoffError);
    await expect(refused).rejects.toThrow(why);
  });

  it.each<[string, Entered, string]>([
    ["page tables at 4 GiB", entered({ cr3: 2n ** 32n }), "CR3 of a packed guest is 4294967296"],
    ["a table of segments there", entered({ cr3: 0x2000n, base: 2n ** 32n }), "GDTR of a packed guest is 4294967296"],
    ["an entry of 64 bits in 32", entered(registers({ rip: "0x100000000" })), "RIP is 0x100000000"],
    [
      "flags of 33 bits",
      entered({ cr3: 0x2000n, ...registers({ rflags: "0x100000000" }) }),
      "RFLAGS of a packed guest is 4294967298",
    ],
  ])("with code of ours isn't one of another machine: %s", (_what, result, why) => {
    for (const format of ["multiboot", "pvh"] as const) expect(() => pack(result, format)).toThrow(why);
  });

  it("is seen by the kernel from 1 MiB on, and only as far as addresses go", async () => {
    const guestMemory = {
      ...{ bytes: new Uint8Array(), low: 2 ** 31, high: 0 },
      lend: (start: number, end: number) => new Uint8Array(end - start).map((_, i) => start + i),
      written: [
        [MIB - 5, MIB + 5],
        [2 ** 30 + 9, 2 ** 30 + 12],
      ] as [number, number][],
    };
    const segments = (result: Entered) => {
      const file = pack(result, "core");
      const view = new DataView(file.buffer);
      const wide = file[4] === 2;
      return Array.from({ length: view.getUint16(wide ? 56 : 44, true) - 1 }, (_, i) =>
        wide ? view.getBigUint64(64 + 56 * (i + 1) + 16, true) : view.getUint32(52 + 32 * (i + 1) + 8, true),
      );
    };
    const kernbase = 0xffff_ffff_8000_0000n;
    expect(segments(entered({ cr3: 0x2000n, guestMemory }))).toEqual([
      ...[BigInt(MIB - 5), BigInt(2 ** 30 + 9)],
      ...[kernbase + BigInt(MIB), kernbase + BigInt(2 ** 30 + 9)],
    ]);
    expect(segments(entered({ guestMemory }))).toEqual([0x3000, MIB - 5, 2 ** 30 + 9, 0xc000_0000 + MIB]);
  });
});
