// Packing without a loader: machines made by hand, looked at as files. test/e2e runs real ones.

import { HandoffError, type MapProfile, memoryMap, type PackFormat, pack, v86Options } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { writeElf } from "../../build/host/handoff/elf.js";

const MIB = 1024 * 1024;

/** A machine with a stack at 4 KiB and a kernel at 2 MiB. */
function machine(arch: "amd64" | "i386", writes: [gpa: number, bytes: number[]][] = []) {
  const bytes = new Uint8Array(8 * MIB);
  const written: [number, number][] = [];
  for (const [gpa, content] of [[0x1000, [1, 2, 3, 4]], [2 * MIB, [0xf4, 0xeb, 0xfd]], ...writes] as [
    number,
    number[],
  ][]) {
    bytes.set(content, gpa);
    written.push([gpa, gpa + content.length]);
  }
  written.sort(([a], [b]) => a - b);
  const registers = {
    ...{ rip: "0xffffffff80200000", rsp: "0x1000", cr0: "0x80000021", cr3: "0x2000", cr4: "0x20", efer: "0x500" },
    ...{ rflags: "0x2", cs: 8, ds: 16, tr: 0, gdtr: ["0x5000", 23] as [string, number] },
  };
  const i386 = {
    rip: "0x200000",
    cr0: "0x21",
    cr4: "0x0",
    efer: "0x0",
    tr: 24,
    gdtr: ["0x3000", 31] as [string, number],
  };
  return {
    reason: "exec",
    arch,
    registers: arch === "amd64" ? registers : { ...registers, ...i386 },
    ...(arch === "i386" ? { gdt: { gpa: "0x3000", hex: "00".repeat(32) } } : {}),
    guestMemory: { bytes, written, low: bytes.length },
  };
}

/** Where an ELF says that its bytes go: [physical address, content]. */
function loaded(file: Uint8Array): [number, Uint8Array][] {
  const view = new DataView(file.buffer);
  const wide = file[4] === 2;
  const count = view.getUint16(wide ? 56 : 44, true);
  return Array.from({ length: count }, (_, i): [number, number, number, number] => {
    const at = wide ? 64 + 56 * i : 52 + 32 * i;
    const word = (wideOffset: number, offset: number) =>
      wide ? Number(view.getBigUint64(at + wideOffset, true)) : view.getUint32(at + offset, true);
    return [view.getUint32(at, true), word(24, 12), word(8, 4), word(32, 16)];
  })
    .filter(([type]) => type === 1)
    .map(([, address, offset, size]) => [address, file.subarray(offset, offset + size)]);
}

describe("pack", () => {
  it.each<[string, [gpa: number, bytes: number[]][], [gpa: number, bytes: number[]][]]>([
    [
      "apart",
      [
        [0x2ff0, [1]],
        [0x3030, [2]],
      ],
      [
        [0x2ff0, [1]],
        [0x3030, [2]],
      ],
    ],
    [
      "at its ends",
      [
        [0x2fff, [1]],
        [0x3020, [2]],
      ],
      [
        [0x2fff, [1]],
        [0x3020, [2]],
      ],
    ],
    [
      "over its ends",
      [
        [0x2fff, [1, 9]],
        [0x301f, [9, 2]],
      ],
      [
        [0x2fff, [1]],
        [0x3020, [2]],
      ],
    ],
    [
      "in it",
      [
        [0x3000, [9]],
        [0x301f, [9]],
      ],
      [],
    ],
    [
      "over all of it",
      [[0x2ffe, [1, 2, ...new Array(32).fill(9), 3, 4]]],
      [
        [0x2ffe, [1, 2]],
        [0x3020, [3, 4]],
      ],
    ],
  ])("lays a table of descriptors over what is there: %s", (_, writes, left) => {
    const file = pack(machine("i386", writes), "core");
    const near = loaded(file).filter(([gpa]) => gpa > 0x2000 && gpa < 0x4000);
    const table: [number, number[]] = [0x3000, new Array(32).fill(0)];
    const wanted = [...left, table].sort(([a], [b]) => a - b);
    expect(near.map(([gpa, bytes]) => [gpa, [...bytes]])).toEqual(wanted);
  });

  it.each([64, 32] as const)(
    "ends an ELF of %s bits with the headers of its sections, whose last one has their names",
    (bits) => {
      const common = { type: 3, flags: 0, addr: 0n };
      const sections = ["ab", "c"].map((name) => ({ ...common, name, bytes: Uint8Array.of(7) }));
      const file = Buffer.from(writeElf({ bits, type: 2, machine: 62, entry: 0n, segments: [], sections }));
      const [headersAt, size] = bits === 64 ? [Number(file.readBigUInt64LE(40)), 64] : [file.readUInt32LE(32), 40];
      const [count, last] =
        bits === 64 ? [file.readUInt16LE(60), file.readUInt16LE(62)] : [file.readUInt16LE(48), file.readUInt16LE(50)];
      expect([count, last]).toEqual([4, 3]);
      expect(file.length).toBe(headersAt + count * size);
      const header = headersAt + last * size;
      const namesAt = bits === 64 ? Number(file.readBigUInt64LE(header + 24)) : file.readUInt32LE(header + 16);
      expect(file.toString("latin1", namesAt).split("\0")).toEqual(expect.arrayContaining(["ab", "c", ".shstrtab"]));
    },
  );

  it("makes no machine file of a result without all registers", async () => {
    const made = pack(machine("amd64"), "machine");
    await expect(made).rejects.toThrow(new HandoffError("the result doesn't have all that a machine file needs"));
  });

  it("puts the Multiboot header where loaders look", () => {
    const file = pack(machine("amd64"), "multiboot");
    const words = new Uint32Array(file.buffer.slice(0, 8192 & ~3 & file.length));
    const at = words.indexOf(0x1badb002);
    expect(at).toBeGreaterThan(0);
    expect((words[at]! + words[at + 1]! + words[at + 2]!) >>> 0).toBe(0);
  });

  it("gives the PVH entry point in a note", () => {
    const file = Buffer.from(pack(machine("i386"), "pvh"));
    const note = file.indexOf(Buffer.from([4, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0, 0x58, 0x65, 0x6e, 0]));
    expect(note).toBeGreaterThan(0);
    expect(file.readBigUInt64LE(note + 16)).toBe(0x201000n);
  });

  it.each(["multiboot", "pvh"] as const)(
    "%s: leaves memory below 1 MiB to the stub, which starts on a new page",
    (format) => {
      const pieces = loaded(pack(machine("amd64"), format));
      expect(pieces.map(([gpa]) => gpa)).toEqual([0x200000, 0x201000]);
      expect([...pieces[0]![1]]).toEqual([0xf4, 0xeb, 0xfd]);
      expect([...pieces[1]![1].subarray(-4)]).toEqual([1, 2, 3, 4]);
    },
  );

  it("joins pieces of the kernel that lie close together and keeps distant ones apart", () => {
    const pieces = loaded(
      pack(
        machine("amd64", [
          [2 * MIB + 5, [9]],
          [4 * MIB, [7]],
        ]),
        "pvh",
      ),
    );
    expect(pieces.map(([gpa, { length }]) => [gpa, length]).slice(0, 2)).toEqual([
      [0x200000, 6],
      [0x400000, 1],
    ]);
  });

  it("joins what lies up to 64 KiB apart, whatever lies before it, and nothing below 1 MiB", () => {
    const GAP = 64 * 1024;
    const writes: [number, number[]][] = [
      [0x1010, [1]],
      [3 * MIB, [1]],
      [3 * MIB + 1 + GAP, [2]],
      [3 * MIB + 2 + GAP, [3]],
      [3 * MIB + 3 + 2 * GAP + 1, [4]],
      [5 * MIB, [5]],
      [5 * MIB + 2, [6]],
    ];
    const file = pack(machine("amd64", writes), "core");
    const kernels = loaded(file).map(([gpa, { length }]) => [gpa, length]);
    const expected = [
      [0x1000, 4],
      [0x1010, 1],
      [2 * MIB, 3],
      [3 * MIB, 3 + GAP],
      [3 * MIB + 4 + 2 * GAP, 1],
      [5 * MIB, 3],
    ];
    // At physical addresses, then those above 1 MiB where the kernel sees them.
    expect(kernels).toEqual([...expected, ...expected.slice(2)]);
  });

  it.each([
    ["amd64", 112, 8, { 15: 0, 16: 0xffffffff80200000n, 17: 8, 18: 2, 19: 0x1000, 20: 0, 23: 16, 26: 16 }],
    ["i386", 72, 4, { 0: 0, 7: 16, 10: 16, 11: 0, 12: 0x200000, 13: 8, 14: 2, 15: 0x1000, 16: 16 }],
  ] as const)("writes %s registers where debuggers look for them", (arch, at, width, expected) => {
    const file = Buffer.from(pack(machine(arch), "core"));
    const status = file.indexOf(Buffer.from("CORE\0\0\0\0", "latin1")) + 8;
    const register = (index: number) =>
      width === 8 ? file.readBigUInt64LE(status + at + 8 * index) : file.readUInt32LE(status + at + 4 * index);
    for (const [index, value] of Object.entries(expected))
      expect([index, Number(register(Number(index)))]).toEqual([index, Number(value)]);
    const segments = arch === "amd64" ? [23, 24, 25, 26] : [7, 8, 9, 10];
    expect(segments.map((index) => Number(register(index)))).toEqual([16, 16, 16, 16]);
  });

  it("writes a core with memory at its physical and at the kernel's addresses", () => {
    const file = pack(machine("amd64"), "core");
    const view = new DataView(file.buffer);
    const addresses = Array.from({ length: view.getUint16(56, true) }, (_, i) =>
      view.getBigUint64(64 + 56 * i + 16, true),
    );
    expect(addresses.slice(1)).toEqual([0x1000n, 0x200000n, 0xffffffff80200000n]);
  });

  describe.each([
    ["amd64", { width: 2, machine: 62, word: 8, size: 24, info: 4, section: 6 }],
    ["i386", { width: 1, machine: 3, word: 4, size: 16, info: 12, section: 14 }],
  ] as const)("writes the symbols of %s kernels", (arch, { width, machine: number, word, size, info, section }) => {
    const AT = (2 << 20) + 16;
    const bytesOf = (value: number) => [value & 0xff, value >> 8, ...new Array(word - 2).fill(0)];
    /** Symbols of these kinds and sections, as the loader leaves them, or `content` in their place. */
    const symbols = (kinds: [info: number, section: number][], content?: number[]) => {
      const table = kinds.flatMap(([kind, index]) => {
        const symbol = new Array(size).fill(0);
        symbol[info] = kind;
        [symbol[section], symbol[section + 1]] = bytesOf(index);
        return symbol;
      });
      const padded = content ?? [
        ...bytesOf(table.length),
        ...table,
        ...bytesOf(6),
        ...Buffer.from("\0main\0", "latin1"),
      ];
      const metadata = [AT, AT + padded.length].map((gpa, i) => ({
        ...{ name: ["SSYM", "ESYM"][i]!, gpa: "0x0", size: word },
        value: `0x${gpa.toString(16)}`,
      }));
      const kernel = { name: "kernel", type: "elf kernel", args: "", address: "0x200000", size: 4096, metadata };
      return Buffer.from(pack({ ...machine(arch, [[AT, padded]]), modules: [kernel] } as never, "symbols"));
    };

    it("as an ELF file of theirs, all of its own section, local ones counted", () => {
      const [LOCAL, GLOBAL] = [0x02, 0x12];
      const file = symbols([
        [0, 0],
        [LOCAL, 7],
        [GLOBAL, 0xfeff],
        [GLOBAL, 0xff00],
        [GLOBAL, 0],
      ]);
      expect([file[4], file.readUInt16LE(18)]).toEqual([width, number]);
      const wide = width === 2;
      const headers = wide ? Number(file.readBigUInt64LE(40)) : file.readUInt32LE(32);
      const header = headers + 2 * (wide ? 64 : 40);
      const field = (at: number) => file.readUInt32LE(header + at);
      const [at, length, link, locals] = wide
        ? [field(24), field(32), field(40), field(44)]
        : [field(16), field(20), field(24), field(28)];
      expect([length, link, locals]).toEqual([5 * size, 3, 2]);
      const sections = [0, 1, 2, 3, 4].map((i) => file.readUInt16LE(at + i * size + section));
      expect(sections).toEqual([0, 1, 1, 0xff00, 0]);
      const names = file.toString("latin1").split("\0");
      expect(names).toEqual(expect.arrayContaining(["main", ".text", ".symtab", ".strtab", ".shstrtab"]));
    });

    it("but none that are damaged, nor of a kernel without them", () => {
      const damaged = new HandoffError("the kernel's symbols are damaged");
      const table = [...bytesOf(size), ...new Array(size).fill(0)];
      for (const content of [[1, 2], bytesOf(0), bytesOf(1), table, [...table, ...bytesOf(7), 1, 2, 3, 4, 5, 6]])
        expect(() => symbols([], content)).toThrow(damaged);
      const none = new HandoffError("the kernel was loaded without symbols");
      expect(() => pack(machine(arch), "symbols")).toThrow(none);
      expect(() => symbols([], [])).toThrow(none);
    });
  });

  it("refuses what can't be run", () => {
    expect(() => pack({ ...machine("amd64"), reason: "exit" })).toThrow(/no kernel was entered/);
    expect(() => pack(machine("amd64", [[0xb8000, [1]]]))).toThrow(/firmware/);
    const unknown = 'unknown format "tar" (there are multiboot, pvh, core, symbols, machine)';
    expect(() => pack(machine("amd64"), "tar" as PackFormat)).toThrow(unknown);
    expect(() => pack({ ...machine("amd64"), reason: "exit" }, "machine")).toThrow(/no kernel was entered/);
  });

  it.each(["multiboot", "pvh"] as const)(
    "%s: refuses what lies where the machine's map has no memory for it",
    (format) => {
      const map = memoryMap("firecracker", 4 * MIB);
      expect(pack(machine("amd64"), format, map).length).toBeGreaterThan(0);
      const refusal = (...writes: [number, number[]][]) => {
        expect(() => pack(machine("amd64", writes), format, map)).toThrow(HandoffError);
        return expect(() => pack(machine("amd64", writes), format, map));
      };
      refusal([0x9fbff, [1, 2]]).toThrow(/memory from 0x9fbff to 0x9fc01 isn't usable in the map of the machine/);
      refusal([5 * MIB, [1]]).toThrow(/memory from 0x500000 to 0x500001 isn't usable/);
      // The kernel fits, and the code that enters it doesn't.
      refusal([4 * MIB - 1, [1]]).toThrow(/memory from 0x400000 to 0x4\w+ isn't usable/);
      // Where kernels look for the place of ACPI's tables.
      refusal([0x40e, [1]]).toThrow(/memory at 0x40e lies in the firmware's part/);
    },
  );

  it("has amd64 guests refused by v86, and room there for two disks", () => {
    expect(() => v86Options(machine("amd64"))).toThrow(/i386 guests only/);
    const disk = new ArrayBuffer(512);
    expect(v86Options(machine("i386"), [disk])).toMatchObject({ memory_size: 8 * MIB, hda: { buffer: disk } });
    expect(() => v86Options(machine("i386"), [disk, disk, disk])).toThrow(/two disks/);
  });
});

describe("memoryMap", () => {
  const usable = (profile: MapProfile, memory: number) =>
    memoryMap(profile, memory)
      .filter(({ type }) => type === 1)
      .map(({ base, length }) => [Number(base), Number(base) + Number(length)]);

  it("follows the machines", () => {
    expect(usable("bhyve", 256 * MIB)).toEqual([
      [0, 0xa0000],
      [MIB, 256 * MIB],
    ]);
    expect(usable("qemu", 256 * MIB)).toEqual([
      [0, 0x9fc00],
      [MIB, 256 * MIB - 128 * 1024],
    ]);
    expect(usable("qemu", 4096 * MIB).at(-1)).toEqual([4096 * MIB, 5120 * MIB]);
    expect(usable("q35", 4096 * MIB)).toEqual([
      [0, 0x9fc00],
      [MIB, 2048 * MIB - 132 * 1024],
      [4096 * MIB, 6144 * MIB],
    ]);
    // With what one of these has in its last 128 KiB, there is nothing usable above 1 MiB.
    for (const memory of [MIB, MIB + 128 * 1024]) expect(usable("v86", memory)).toEqual([[0, 0x9fc00]]);
    expect(() => memoryMap("vmware" as MapProfile, MIB)).toThrow(/unknown memory map "vmware"/);
  });
});
