// Linked files at the edges of what they say of themselves: headers that just fit, section headers that are to be had or not,
// constructors, and which symbol table goes to the kernel.

import { describe, expect, it } from "vitest";
import { type KernelLayout, type LinkedFile, linkedFile } from "../support/elf_image.js";
import { guestBytes, type Prompt, prompt } from "../support/prompt.js";

const KERNEL = "/boot/kernel/kernel";
const PAGE = 4096;
const segments = [{ size: 8000 }, { size: 3000, bss: 5000, writable: true }];
const VERSIONS = [{ name: "kernel", version: 7 }];

/** Where the header of 64 bits has what, and sizes of its tables' entries. */
const [ENTRY, PROGRAM_HEADERS, SECTION_HEADERS, PROGRAM_COUNT, SECTION_COUNT, NAMES] = [24, 32, 40, 56, 60, 62];
const [HEADER_SIZE, PROGRAM_SIZE, SECTION_SIZE] = [64, 56, 64];
/** Fields of a section of 64 bits. */
const [NAME, TYPE, ADDRESS, OFFSET, SIZE, LINK] = [0, 4, 16, 24, 32, 40];
/** Sections of these kernels. */
const [SYMBOLS, STRINGS, SECTION_NAMES, CONSTRUCTORS] = [1, 2, 3, 4];
const SYMTAB = 2;

/** A kernel of 64 bits in which places are looked up and changed. */
class Kernel {
  readonly file: LinkedFile;
  readonly bytes: Buffer;

  constructor(layout: Partial<KernelLayout> = {}) {
    this.file = linkedFile({ bits: 64, segments, versions: VERSIONS, ...layout });
    this.bytes = this.file.bytes;
  }

  /** Where a field of section `index` is. */
  section(index: number, field: number): number {
    return Number(this.bytes.readBigUInt64LE(SECTION_HEADERS)) + index * SECTION_SIZE + field;
  }

  word(at: number, value: number): void {
    this.bytes.writeBigUInt64LE(BigInt(value), at);
  }

  /** Loads it and enters it, or says that it still runs. */
  load(size = this.bytes.length): Promise<Prompt> {
    return prompt({ [KERNEL]: this.bytes.subarray(0, size) }, [`load ${KERNEL}`, "lsmod", "boot", "echo alive"]);
  }
}

const failed = "load: can't load file '/boot/kernel/kernel': input/output error\n";

/** The kernel's metadata by name. */
const metadataOf = ({ result }: Prompt) => new Map(result.modules[0]?.metadata.map(({ name, value }) => [name, value]));

/** The two tables that were put behind the segments: their sizes, and all bytes of both with them. */
function symbolsOf(loaded: Prompt): { sizes: number[]; bytes: Buffer } | undefined {
  const metadata = metadataOf(loaded);
  if (!metadata.has("SSYM")) return undefined;
  const start = Number(metadata.get("SSYM"));
  const bytes = guestBytes(loaded.result, start, Number(metadata.get("ESYM")) - start);
  const first = Number(bytes.readBigUInt64LE(0));
  return { sizes: [first, Number(bytes.readBigUInt64LE(Math.ceil((8 + first) / 8) * 8))], bytes };
}

describe("headers", () => {
  it("of a file that ends with them are none, and with a byte more they are looked at", async () => {
    const { bytes } = new Kernel();
    const load = async (size: number) => {
      return (await prompt({ [KERNEL]: bytes.subarray(0, size) }, [`load ${KERNEL}`])).output[0];
    };
    expect(await load(HEADER_SIZE)).toBe(`load: don't know how to load module '${KERNEL}'\n`);
    expect(await load(HEADER_SIZE + 1)).toContain("program header not within first page\n");
  });

  it("of a kind that is neither kernel nor module are no format", async () => {
    const { bytes } = new Kernel();
    bytes.writeUInt16LE(4, 16);
    const { output } = await prompt({ [KERNEL]: bytes }, [`load ${KERNEL}`]);
    expect(output[0]).toBe(`load: don't know how to load module '${KERNEL}'\n`);
  });

  it.each([
    [0xfffn, "elf64_loadfile: not a kernel (maybe static binary?)\n"],
    [0x1000n, `${KERNEL} text=`],
  ])("with the entry %i: a kernel is linked above the first page", async (entry, message) => {
    const kernel = new Kernel({ base: 0x400000n });
    kernel.bytes.writeBigUInt64LE(entry, ENTRY);
    expect((await kernel.load()).output[0]).toContain(message);
  });

  it("of segments may end where the first page does", async () => {
    const kernel = new Kernel();
    const { bytes } = kernel;
    const size = bytes.readUInt16LE(PROGRAM_COUNT) * PROGRAM_SIZE;
    const headers = Buffer.from(bytes.subarray(HEADER_SIZE, HEADER_SIZE + size));
    const at = (offset: number) => {
      bytes.set(headers, offset);
      kernel.word(PROGRAM_HEADERS, offset);
      return kernel.load();
    };
    expect((await at(PAGE - size)).result.reason).toBe("exec");
    const behind = await at(PAGE - size + 1);
    expect(behind.output[0]).toBe(`${KERNEL} elf64_loadimage: program header not within first page\n${failed}`);
    expect(behind.diagnostics).toEqual([
      `${KERNEL}: ELF header: program headers (3 at offset ${PAGE - size + 1}) reach past the first page`,
    ]);
    // Nothing of it was put where there is nothing yet.
    expect(guestBytes(behind.result, 0, PAGE).every((byte) => byte === 0)).toBe(true);
    kernel.word(PROGRAM_HEADERS, PAGE + 1);
    bytes.writeUInt16LE(0, PROGRAM_COUNT);
    expect((await kernel.load()).output[0]).toContain("program header not within first page\n");
  });
});

describe("segments", () => {
  it("come in any order", async () => {
    const kernel = new Kernel();
    const [one, other] = [0, 1].map((i) => HEADER_SIZE + i * PROGRAM_SIZE) as [number, number];
    const first = Buffer.from(kernel.bytes.subarray(one, other));
    const straight = await kernel.load();
    kernel.bytes.copyWithin(one, other, other + PROGRAM_SIZE).set(first, other);
    const turned = await kernel.load();
    const placeOf = ({ result }: Prompt) => [result.modules[0]?.address, result.modules[0]?.size];
    expect(placeOf(turned)).toEqual(placeOf(straight));
    expect(turned.output[0]).toMatch(/ data=0xbb8\+0x1388 text=0x1f40 /);
    for (const { at, offset, size } of kernel.file.segments)
      expect(guestBytes(turned.result, at, size)).toEqual(Buffer.from(kernel.bytes.subarray(offset, offset + size)));
  });

  it("without zeros are told without them", async () => {
    const kernel = new Kernel({ segments: [{ size: 8000 }, { size: 3000, writable: true }] });
    expect((await kernel.load()).output[0]).toBe(`${KERNEL} text=0x1f40 data=0xbb8 syms=[0x8+0x48+0x8+0x38]\n`);
  });

  it("that the file doesn't have in full end the load with a line of their own", async () => {
    const kernel = new Kernel();
    const { output, diagnostics } = await kernel.load(2 * PAGE + 2999);
    expect(output[0]).toBe(`${KERNEL} text=0x1f40 data=0xbb8+0x1388 \nelf64_loadimage: read failed\n${failed}`);
    expect(output[3]).toBe("alive\n");
    expect(diagnostics).toEqual([`${KERNEL}: ELF segment 1: 3000 bytes at offset 8192 are not all in the file`]);
  });
});

describe("constructors", () => {
  /** What is told of them by a kernel to which `change` was done. */
  const told = async (change: (kernel: Kernel, names: number) => void = () => {}) => {
    const kernel = new Kernel({ constructors: true });
    kernel.word(kernel.section(CONSTRUCTORS, ADDRESS), 0x123456);
    change(kernel, Number(kernel.bytes.readBigUInt64LE(kernel.section(SECTION_NAMES, OFFSET))));
    const loaded = await kernel.load();
    expect(loaded.result.reason).toBe("exec");
    expect(symbolsOf(loaded)).toBeDefined();
    const metadata = metadataOf(loaded);
    const values = ["CTORS_ADDR", "CTORS_SIZE"]
      .map((name) => metadata.get(name))
      .filter((value) => value !== undefined);
    return [values.map(Number), loaded.diagnostics];
  };

  it.each([64, 32] as const)("of a kernel of %d bits are told to it", async (bits) => {
    const { bytes } = linkedFile({ bits, segments, versions: VERSIONS, constructors: true });
    if (bits === 64) bytes.writeUInt32LE(0x123456, Number(bytes.readBigUInt64LE(SECTION_HEADERS)) + 4 * 64 + 16);
    else bytes.writeUInt32LE(0x123456, bytes.readUInt32LE(32) + 4 * 40 + 12);
    const { result } = await prompt({ [KERNEL]: bytes }, [`load ${KERNEL}`, "boot"]);
    const found = result.modules[0]!.metadata.filter(({ name }) => name.startsWith("CTORS"));
    expect(found.map(({ name, value, size }) => [name, Number(value), size])).toEqual([
      ["CTORS_SIZE", 16, bits / 8],
      ["CTORS_ADDR", 0x123456, bits / 8],
    ]);
  });

  const NAME_AT = 27;
  const NAMES_SIZE = 34;
  it.each<[string, (kernel: Kernel, names: number) => void]>([
    ["of a part of the name", (k) => k.bytes.writeUInt32LE(NAME_AT + 1, k.section(CONSTRUCTORS, NAME))],
    ["of another name", (k, names) => k.bytes.write("d", names + NAME_AT + 2)],
    [
      "of more than the name",
      (k, names) => {
        k.bytes.write("x", names + NAME_AT + 6);
        k.word(k.section(SECTION_NAMES, SIZE), NAMES_SIZE + 1);
      },
    ],
    ["whose name ends behind its table", (k) => k.word(k.section(SECTION_NAMES, SIZE), NAMES_SIZE - 1)],
    [
      "without any names, wherever they are",
      (k) => {
        k.word(k.section(SECTION_NAMES, SIZE), 0);
        k.bytes.writeBigInt64LE(-1n, k.section(SECTION_NAMES, OFFSET));
      },
    ],
  ])("%s are none", async (_name, change) => {
    expect(await told()).toEqual([[0x123456, 16], []]);
    expect(await told(change)).toEqual([[], []]);
  });

  it("of several sections are those of the first", async () => {
    const values = await told((kernel) => {
      kernel.bytes.writeUInt32LE(NAME_AT, kernel.section(STRINGS, NAME));
      kernel.word(kernel.section(STRINGS, ADDRESS), 0x777);
    });
    expect(values).toEqual([[0x777, 56], []]);
  });

  it("need a table of names that is there", async () => {
    expect(await told((kernel) => kernel.bytes.writeUInt16LE(5, NAMES))).toEqual([
      [],
      [`${KERNEL}: ELF header: section name table 5 of 5 sections`],
    ]);
    const [values, diagnostics] = await told((kernel) => kernel.word(kernel.section(SECTION_NAMES, OFFSET), 1 << 20));
    expect(values).toEqual([]);
    expect(diagnostics).toEqual([`${KERNEL}: ELF section names: 34 bytes at offset 1048576 are not all in the file`]);
  });
});

describe("section headers", () => {
  it.each<[string, (kernel: Kernel) => void]>([
    ["nowhere", (k) => k.word(SECTION_HEADERS, 0)],
    ["of no sections", (k) => k.bytes.writeUInt16LE(0, SECTION_COUNT)],
  ])("%s are none", async (_name, change) => {
    const kernel = new Kernel();
    change(kernel);
    const loaded = await kernel.load();
    expect(loaded.output[0]).toBe(`${KERNEL} text=0x1f40 data=0xbb8+0x1388 \n`);
    expect(loaded.result.reason).toBe("exec");
    expect(loaded.diagnostics).toEqual([]);
    expect([...metadataOf(loaded).keys()]).not.toContain("SHDR");
  });

  it("that aren't all in the file are said, and not needed", async () => {
    const kernel = new Kernel();
    const loaded = await kernel.load(kernel.bytes.length - 1);
    expect(loaded.output[0]).toContain("\nelf64_loadimage: failed to read section headers\n");
    expect(loaded.diagnostics.join()).toMatch(/ELF section headers: 256 bytes at offset \d+ are not all in the file/);
    expect(loaded.output[1]).toContain("  modules: kernel.7 \n");
    expect(loaded.result.reason).toBe("exec");
    expect([...metadataOf(loaded).keys()]).not.toContain("SHDR");
  });
});

describe("symbols", () => {
  it.each([
    [0, false],
    [1, true],
  ])("in a segment are loaded with it, and %i behind its end they aren't in it", async (behind, copied) => {
    const kernel = new Kernel();
    const end = kernel.file.segments[1]!.offset + kernel.file.segments[1]!.size;
    const offset = end - kernel.file.symbols!.size + behind;
    kernel.word(kernel.section(SYMBOLS, OFFSET), offset);
    const symbols = symbolsOf(await kernel.load());
    expect(symbols?.bytes.subarray(8, 80)).toEqual(
      copied ? Buffer.from(kernel.bytes.subarray(offset, offset + 72)) : undefined,
    );
  });

  it("that begin where a segment does are in it, and a byte before they aren't", async () => {
    const kernel = new Kernel();
    const { offset } = kernel.file.segments[1]!;
    kernel.word(kernel.section(SYMBOLS, OFFSET), offset);
    expect(symbolsOf(await kernel.load())).toBeUndefined();
    kernel.word(kernel.section(SYMBOLS, OFFSET), offset - 1);
    expect(symbolsOf(await kernel.load())?.sizes).toEqual([72, 56]);
  });

  it("of several tables are those of the last", async () => {
    const kernel = new Kernel({ constructors: true });
    kernel.bytes.writeUInt32LE(SYMTAB, kernel.section(CONSTRUCTORS, TYPE));
    kernel.bytes.writeUInt32LE(STRINGS, kernel.section(CONSTRUCTORS, LINK));
    kernel.word(kernel.section(CONSTRUCTORS, OFFSET), kernel.file.symbols!.offset);
    kernel.word(kernel.section(CONSTRUCTORS, SIZE), 44);
    const symbols = symbolsOf(await kernel.load());
    // The size of the second one begins at a multiple of 8.
    expect(symbols?.sizes).toEqual([44, 56]);
    const { offset, size } = kernel.file.strings!;
    expect(symbols?.bytes.subarray(64, 64 + size)).toEqual(Buffer.from(kernel.bytes.subarray(offset, offset + size)));
    expect(symbols?.bytes.length).toBe(64 + size);
  });

  it("whose names are in no section go without them, and that is said", async () => {
    const kernel = new Kernel();
    kernel.bytes.writeUInt32LE(4, kernel.section(SYMBOLS, LINK));
    const loaded = await kernel.load();
    expect(loaded.diagnostics).toEqual([`${KERNEL}: ELF section 1: string table 4 of 4 sections`]);
    expect(symbolsOf(loaded)?.sizes).toEqual([72, 0]);
    kernel.bytes.writeUInt32LE(0x80000000, kernel.section(SYMBOLS, LINK));
    const without = await kernel.load();
    expect(symbolsOf(without)).toBeUndefined();
    expect(without.result.reason).toBe("exec");
  });

  it.each([SYMBOLS, STRINGS])("that can't be read (section %i) take no room, and that is said", async (index) => {
    const stripped = await new Kernel({ symbols: false }).load();
    const kernel = new Kernel();
    kernel.word(kernel.section(index, SIZE), 100_000);
    const loaded = await kernel.load();
    const offset = Number(kernel.bytes.readBigUInt64LE(kernel.section(index, OFFSET)));
    expect(loaded.output[0]).toContain(
      `\nelf64_loadimage: could not read symbols - skipped! (${kernel.bytes.length - offset} != 100000)\n`,
    );
    expect(loaded.diagnostics).toEqual([
      `${KERNEL}: ELF section ${index}: 100000 bytes at offset ${offset} are not all in the file`,
    ]);
    expect(symbolsOf(loaded)).toBeUndefined();
    expect(loaded.result.modules[0]!.size).toBe(stripped.result.modules[0]!.size);
    expect(loaded.result.reason).toBe("exec");
  });
});

describe("the dynamic section", () => {
  const DYNAMIC = HEADER_SIZE + 2 * PROGRAM_SIZE;
  const at = 8192;

  it.each<[string, (bytes: Buffer) => void, boolean]>([
    ["isn't there", (bytes) => bytes.writeUInt32LE(6, DYNAMIC), false],
    [
      "has no symbols",
      (bytes) => bytes.writeBigUInt64LE(99n, bytes.indexOf(Buffer.from([6, 0, 0, 0, 0, 0, 0, 0]), at)),
      true,
    ],
    ["has no names", (bytes) => bytes.writeBigUInt64LE(99n, at + 16), true],
    ["has no size of its names", (bytes) => bytes.writeBigUInt64LE(99n, at + 32), true],
    ["has no hash table", (bytes) => bytes.writeBigUInt64LE(99n, at), true],
    ["ends before anything", (bytes) => bytes.writeBigUInt64LE(0n, at), true],
  ])("that %s leaves a kernel without modules", async (_name, change, told) => {
    const kernel = new Kernel();
    change(kernel.bytes);
    const loaded = await kernel.load();
    expect(loaded.result.reason).toBe("exec");
    expect(loaded.output[1]).not.toContain("modules:");
    expect(metadataOf(loaded).has("DYNAMIC")).toBe(told);
    expect(loaded.diagnostics).toEqual([]);
  });

  it.each([
    [65_535, true],
    [65_536, false],
  ])("with a set of very many entries: number %i, from 0, is looked at: %s", async (index, isRead) => {
    const dependencies = [{ name: "other", minimum: 1, preferred: 1, maximum: 1 }];
    const kernel = new Kernel({ segments: [{ size: 600_000 }, { size: 3000, writable: true }], dependencies });
    const { bytes } = kernel;
    const text = 0xffffffff80200000n;
    // Behind the dynamic section and its hash table: symbols, of which two tell where the set is.
    const value = kernel.file.segments[1]!.offset + 16 * 16 + 24 + 24 + 8;
    const set = Number(bytes.readBigUInt64LE(value) - text);
    const pointers = [0, 8].map((at) => bytes.readBigUInt64LE(set + at));
    const typeOf = (pointer: bigint) => bytes.readUInt32LE(Number(pointer - text) + 4);
    const [other, version] = pointers.sort((one, two) => typeOf(one) - typeOf(two)) as [bigint, bigint];
    expect([other, version].map(typeOf)).toEqual([1, 3]);
    const start = 4096;
    for (let i = 0; i <= 65_536; i++) bytes.writeBigUInt64LE(i === index ? version : other, start + 8 * i);
    bytes.writeBigUInt64LE(text + BigInt(start), value);
    bytes.writeBigUInt64LE(text + BigInt(start + 8 * 65_537), value + 24);
    const loaded = await kernel.load();
    expect(loaded.result.reason).toBe("exec");
    expect(loaded.output[1]).toContain(`  modules: kernel.${isRead ? 7 : 1} \n`);
  });

  it("without the name of the set's start is no kernel's", async () => {
    const kernel = new Kernel();
    kernel.bytes.write("X", kernel.bytes.indexOf("__start_set", at));
    expect((await kernel.load()).output[0]).toContain(failed);
  });

  it("with an empty set gives a kernel the name of its file", async () => {
    expect((await new Kernel({ versions: [] }).load()).output[1]).toContain("  modules: kernel.1 \n");
  });
});
