// What a relocatable module is in memory: every section where the kernel is told it is, at its alignment, with the file's bytes.

import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { guestBytes, prompt } from "../support/prompt.js";

const KERNEL = "/boot/kernel/kernel";
const kernel = linkedFile({ bits: 64, segments: [{ size: 8000 }, { size: 3000, bss: 5000, writable: true }] }).bytes;

/** Fields of a section header of 64 bits. */
const SIZE = 64;
const TYPE = 4;
const FLAGS = 8;
const ADDRESS = 16;
const OFFSET = 24;
const LENGTH = 32;
const LINK = 40;
const INFO = 44;
const ALIGN = 48;
/** Types: symbols, texts, relocations, zeros. */
const [SYMTAB, STRTAB, RELA, NOBITS] = [2, 3, 4, 8];
const ALLOCATED = 2n;

describe("a module's sections", () => {
  it.each([1, 15, 16, 17, 99, 4096, 5001])("are placed one behind the other (text of %i bytes)", async (text) => {
    const file = objectFile({ text, bss: 77, versions: [{ name: "m", version: 1 }] });
    const { result } = await prompt({ [KERNEL]: kernel, "/m.ko": file }, ["load kernel", "load /m.ko", "boot"], {
      profile: 14,
    });
    const module = result.modules[1]!;
    const { gpa, size } = module.metadata.find(({ name }) => name === "SHDR")!;
    const told = guestBytes(result, Number(gpa), size);
    const table = file.subarray(Number(file.readBigUInt64LE(40)));
    expect(told.length % SIZE).toBe(0);
    const start = Number(module.address);
    const places: [number, number][] = [];
    for (let at = 0; at < told.length; at += SIZE) {
      const type = told.readUInt32LE(at + TYPE);
      const length = Number(told.readBigUInt64LE(at + LENGTH));
      const address = Number(told.readBigUInt64LE(at + ADDRESS));
      // All but the address is as the file has it.
      const own = Buffer.from(table.subarray(at, at + SIZE));
      own.writeBigUInt64LE(BigInt(address), ADDRESS);
      expect(told.subarray(at, at + SIZE)).toEqual(own);
      const kept = (told.readBigUInt64LE(at + FLAGS) & ALLOCATED) !== 0n || [SYMTAB, STRTAB, RELA].includes(type);
      expect(address !== 0).toBe(kept && length > 0);
      if (address === 0) continue;
      expect(address % Number(told.readBigUInt64LE(at + ALIGN))).toBe(0);
      places.push([address, address + length]);
      const offset = Number(told.readBigUInt64LE(at + OFFSET));
      const inFile = type === NOBITS ? Buffer.alloc(length) : file.subarray(offset, offset + length);
      if (at === SIZE || [SYMTAB, STRTAB, NOBITS].includes(type))
        expect(guestBytes(result, address, length)).toEqual(Buffer.from(inFile));
    }
    places.sort(([one], [other]) => one - other);
    expect(places[0]![0]).toBe(start);
    for (let i = 1; i < places.length; i++) {
      expect(places[i]![0]).toBeGreaterThanOrEqual(places[i - 1]![1]);
      // From 14 on no more is left out between two than the largest alignment.
      expect(places[i]![0] - places[i - 1]![1]).toBeLessThan(32);
    }
    expect(places.at(-1)![1]).toBe(start + module.size);
  });
});

describe("which sections are loaded", () => {
  const tableOf = (file: Buffer) => Number(file.readBigUInt64LE(40));
  const [TEXT, RELOCATIONS, SYMBOLS] = [1, 6, 7];

  /** Loads a module to which something was done; its sections as the kernel is told of them. */
  const load = async (change: (file: Buffer, section: (index: number) => number) => void, profile: 13 | 14 = 14) => {
    const file = objectFile({ versions: [{ name: "m", version: 1 }] });
    change(file, (index) => tableOf(file) + index * SIZE);
    const files = { [KERNEL]: kernel, "/m.ko": file };
    const { result, output, diagnostics } = await prompt(files, ["load kernel", "load /m.ko", "lsmod", "boot"], {
      profile,
    });
    const record = result.modules[1]?.metadata.find(({ name }) => name === "SHDR");
    const told = record && guestBytes(result, Number(record.gpa), record.size);
    const addressOf = (index: number) => Number(told?.readBigUInt64LE(index * SIZE + ADDRESS));
    return { output: output[1], listed: output[2], diagnostics, told, addressOf };
  };

  it.each([
    // Code and data, zeros, lists of what is called first and last, and how to unwind.
    ...[1, 8, 14, 15, 0x70000001].map((type) => [type, true] as const),
    ...[0, 7, 10, 13, 16, 0x70000000, 0x70000002].map((type) => [type, false] as const),
  ])("of type %i: %s", async (type, isLoaded) => {
    const { addressOf } = await load((file, section) => file.writeUInt32LE(type, section(TEXT) + TYPE));
    expect([TEXT, SYMBOLS].map((index) => addressOf(index) > 0)).toEqual([isLoaded, true]);
  });

  it.each([14, 15])("of type %i aren't by loaders before 14", async (type) => {
    const change = (file: Buffer, section: (index: number) => number) => file.writeUInt32LE(type, section(TEXT) + TYPE);
    expect((await load(change, 13)).addressOf(TEXT)).toBe(0);
  });

  it("none that take no memory, and no relocations of those", async () => {
    const without = await load((file, section) => file.writeBigUInt64LE(0n, section(TEXT) + FLAGS));
    expect([TEXT, RELOCATIONS].map((index) => without.addressOf(index) > 0)).toEqual([false, true]);
    const { addressOf } = await load((file, section) => file.writeUInt32LE(SYMBOLS, section(RELOCATIONS) + INFO));
    expect([TEXT, RELOCATIONS].map((index) => addressOf(index) > 0)).toEqual([true, false]);
  });

  it("of a section that isn't there there are none, which is said", async () => {
    const { addressOf, diagnostics, listed } = await load((f, section) =>
      f.writeUInt32LE(10, section(RELOCATIONS) + INFO),
    );
    expect(diagnostics).toEqual(["/m.ko: ELF section 6: relocates section 10 of 10"]);
    expect(addressOf(RELOCATIONS)).toBe(0);
    expect(listed).toContain("/m.ko");
  });

  it.each<[string, string, string[], (file: Buffer, section: (index: number) => number) => void]>([
    [
      "no symbols",
      "file has no valid symbol table",
      ["ELF sections: 0 symbol tables, not 1"],
      (f, section) => f.writeUInt32LE(7, section(SYMBOLS) + TYPE),
    ],
    [
      "two tables of symbols",
      "file has no valid symbol table",
      ["ELF sections: 2 symbol tables, not 1"],
      (f, section) => f.writeUInt32LE(SYMTAB, section(TEXT) + TYPE),
    ],
    [
      "names of symbols that aren't texts",
      "file has invalid symbol strings",
      ["ELF section 1 of 10 is not a string table"],
      (f, section) => f.writeUInt32LE(TEXT, section(SYMBOLS) + LINK),
    ],
    [
      "names of symbols in no section",
      "file has invalid symbol strings",
      ["ELF section 10 of 10 is not a string table"],
      (f, section) => f.writeUInt32LE(10, section(SYMBOLS) + LINK),
    ],
    ["no names of sections", "file has no section names", [], (f) => f.writeUInt16LE(0, 62)],
    [
      "names of sections that aren't texts",
      "file has no section names",
      ["ELF section 7 of 10 is not a string table"],
      (f) => f.writeUInt16LE(SYMBOLS, 62),
    ],
    [
      "an alignment that none has",
      "section 1 has no valid alignment",
      [`ELF section 1: alignment ${0x40000001} is not between 1 and ${0x40000000}`],
      (f, section) => f.writeBigUInt64LE(0x40000001n, section(TEXT) + ALIGN),
    ],
    [
      "a section that is too large",
      "read failed",
      [`ELF section 1: size ${0x40000001} makes the module larger than ${0x40000000}`],
      (f, section) => f.writeBigUInt64LE(0x40000001n, section(TEXT) + LENGTH),
    ],
    [
      "more than a section that is as large as all may be",
      "read failed",
      [`ELF section 2: size 16 makes the module larger than ${0x40000000}`],
      (f, section) => f.writeBigUInt64LE(0x40000000n, section(TEXT) + LENGTH),
    ],
    [
      "a section that the file doesn't have in full",
      "read failed",
      ["ELF section: 100 bytes at offset 1048576 are not all in the file"],
      (f, section) => f.writeBigUInt64LE(1n << 20n, section(TEXT) + OFFSET),
    ],
  ])("with %s there is no module", async (_name, message, said, change) => {
    const { output, diagnostics, told } = await load(change);
    expect(output).toBe(
      `/m.ko \nelf64_obj_loadimage: ${message}\n\nload: can't load file '/m.ko': input/output error\n`,
    );
    expect(diagnostics).toEqual(said.map((line) => `/m.ko: ${line}`));
    expect(told).toBeUndefined();
  });

  it.each(Array.from({ length: 9 }, (_, i) => i + 1))(
    "with section %i aligned to nothing there is none, either",
    async (index) => {
      const { output, diagnostics, told } = await load((f, section) => f.writeBigUInt64LE(0n, section(index) + ALIGN));
      expect(output).toContain(
        `elf64_obj_loadimage: section ${index} has no valid alignment\n\nload: can't load file '/m.ko': input/output error\n`,
      );
      expect(diagnostics).toHaveLength(1);
      expect(told).toBeUndefined();
    },
  );

  it("that together are too large there is none, either, nor with symbols that are", async () => {
    for (const profile of [13, 14] as const) {
      const { output, diagnostics } = await load((f, section) => {
        f.writeBigUInt64LE(0x40000000n, section(SYMBOLS) + LENGTH);
      }, profile);
      expect(output).toContain("elf64_obj_loadimage: read failed\n");
      expect(diagnostics).toEqual([
        `/m.ko: ELF section 7: size ${0x40000000} makes the module larger than ${0x40000000}`,
      ]);
    }
  });

  it("with another size of its sections it is no module", async () => {
    for (const [size, at] of [
      [63, 58],
      [0, 60],
    ] as const) {
      const { output } = await load((f) => f.writeUInt16LE(size, at));
      expect(output).toBe("load: don't know how to load module '/m.ko'\n");
    }
    const { output } = await load((f) => f.writeBigUInt64LE(0n, 40));
    expect(output).toBe("load: don't know how to load module '/m.ko'\n");
  });
});
