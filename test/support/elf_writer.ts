// The parts of ELF files, of either class: headers, sections, symbols, and the metadata that modules have.

export interface Version {
  name: string;
  version: number;
}

export interface Dependency {
  name: string;
  minimum: number;
  preferred: number;
  maximum: number;
}

export interface ModuleInfo {
  versions?: readonly Version[];
  dependencies?: readonly Dependency[];
}

export const PAGE = 4096;
export const align = (value: number, unit: number) => Math.ceil(value / unit) * unit;

/** Bytes written at offsets; grows as needed. */
class Bytes {
  #bytes = Buffer.alloc(PAGE);
  length = 0;

  #reach(end: number): Buffer {
    if (end > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(end)]);
    this.length = Math.max(this.length, end);
    return this.#bytes;
  }

  u16(at: number, value: number): void {
    this.#reach(at + 2).writeUInt16LE(value, at);
  }

  u32(at: number, value: number): void {
    this.#reach(at + 4).writeInt32LE(value | 0, at);
  }

  u64(at: number, value: bigint): void {
    this.#reach(at + 8).writeBigUInt64LE(BigInt.asUintN(64, value), at);
  }

  set(at: number, bytes: Uint8Array): void {
    this.#reach(at + bytes.length).set(bytes, at);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }
}

/** Writes fields of either class. */
export class ElfWriter extends Bytes {
  constructor(readonly bits: 64 | 32) {
    super();
  }

  get wide(): boolean {
    return this.bits === 64;
  }

  get word(): number {
    return this.bits / 8;
  }

  address(at: number, value: bigint | number): void {
    if (this.wide) this.u64(at, BigInt(value));
    else this.u32(at, Number(BigInt.asUintN(32, BigInt(value))));
  }

  header(type: number, entry: bigint, phnum: number, shoff: number, shnum: number, shstrndx: number): void {
    const { wide, word } = this;
    this.set(0, Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1, 9]));
    this.u16(16, type);
    this.u16(18, wide ? 62 : 3);
    this.u32(20, 1);
    const size = wide ? 64 : 52;
    this.address(24, entry);
    this.address(24 + word, phnum > 0 ? size : 0);
    this.address(24 + 2 * word, shoff);
    const tail = 28 + 3 * word;
    const sizes = [size, phnum > 0 ? (wide ? 56 : 32) : 0, phnum, wide ? 64 : 40, shnum, shstrndx];
    sizes.forEach((value, i) => {
      this.u16(tail + 2 * i, value);
    });
  }

  segment(
    index: number,
    segment: {
      type: number;
      flags: number;
      offset: number;
      vaddr: bigint;
      paddr: bigint;
      size: number;
      memory: number;
    },
  ): void {
    const { type, flags, offset, vaddr, paddr, size, memory } = segment;
    const at = (this.wide ? 64 : 52) + index * (this.wide ? 56 : 32);
    this.u32(at, type);
    this.u32(at + (this.wide ? 4 : 24), flags);
    const words = [offset, vaddr, paddr, size, memory];
    words.forEach((value, i) => {
      this.address(at + (this.wide ? 8 : 4) + i * this.word, value);
    });
    this.address(at + (this.wide ? 48 : 28), PAGE);
  }

  section(table: number, index: number, section: Partial<Section>): void {
    const at = table + index * (this.wide ? 64 : 40);
    const { word } = this;
    const s = { name: 0, type: 0, flags: 0, offset: 0, size: 0, link: 0, info: 0, align: 1, entry: 0, ...section };
    this.u32(at, s.name);
    this.u32(at + 4, s.type);
    [s.flags, 0, s.offset, s.size].forEach((value, i) => {
      this.address(at + 8 + i * word, value);
    });
    this.u32(at + 8 + 4 * word, s.link);
    this.u32(at + 12 + 4 * word, s.info);
    this.address(at + 16 + 4 * word, s.align);
    this.address(at + 16 + 5 * word, s.entry);
  }

  symbol(at: number, name: number, section: number, value: bigint): void {
    this.u32(at, name);
    if (this.wide) {
      this.u16(at + 4, 0x10);
      this.u16(at + 6, section);
      this.u64(at + 8, value);
      this.u64(at + 16, 0n);
    } else {
      this.u32(at + 4, Number(BigInt.asUintN(32, value)));
      this.u32(at + 8, 0);
      this.u16(at + 12, 0x10);
      this.u16(at + 14, section);
    }
  }
}

export interface Section {
  name: number;
  type: number;
  flags: number;
  offset: number;
  size: number;
  link: number;
  info: number;
  align: number;
  entry: number;
}

/** Metadata as it lies in a module: pointers, records, and what they point to. `pointers` are places that hold addresses of the same block. */
export function moduleMetadata(info: ModuleInfo, bits: 64 | 32, base: bigint) {
  const writer = new ElfWriter(bits);
  const { word } = writer;
  const { versions = [], dependencies = [] } = info;
  const entries = [
    ...versions.map(({ name, version }) => ({ type: 3, name, words: [version] })),
    ...dependencies.map((d) => ({ type: 1, name: d.name, words: [d.minimum, d.preferred, d.maximum] })),
    // Declares a driver, which the loader passes over.
    { type: 2, name: "driver", words: [0] },
  ];
  const records = align(entries.length * word, 8);
  const recordSize = 8 + 2 * word;
  let at = records + entries.length * recordSize;
  const pointers: number[] = [];
  const point = (from: number, to: number) => {
    writer.address(from, base + BigInt(to));
    pointers.push(from);
  };
  entries.forEach(({ type, name, words }, i) => {
    const record = records + i * recordSize;
    point(i * word, record);
    writer.u32(record, 1);
    writer.u32(record + 4, type);
    words.forEach((value, j) => {
      writer.u32(at + 4 * j, value);
    });
    point(record + 8, at);
    at += 4 * words.length;
    writer.set(at, Buffer.from(`${name}\0`));
    point(record + 8 + word, at);
    at = align(at + name.length + 1, 8);
  });
  return { bytes: writer.finish(), setSize: entries.length * word, pointers };
}
