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
