// Makes ELF files: kernels of both classes in the layouts that FreeBSD's linkers gave them over
// the years, shared-object modules (i386) and relocatable ones (amd64), all with module metadata. None runs.

import { align, ElfWriter, type ModuleInfo, moduleMetadata, PAGE, type Section } from "./elf_writer.js";

const PT_LOAD = 1;
const PT_DYNAMIC = 2;

export interface SegmentLayout {
  /** Bytes in the file and further ones that are zeros; the metadata are in the last segment. */
  size: number;
  bss?: number;
  writable?: boolean;
}

export interface KernelLayout extends ModuleInfo {
  bits: 64 | 32;
  segments: readonly SegmentLayout[];
  /** `p_paddr` as old kernels have it (the virtual address), or the physical address. */
  physical?: "virtual" | "physical";
  /** Program headers besides PT_LOAD and PT_DYNAMIC: types. */
  others?: readonly number[];
  symbols?: boolean;
  /** A section of constructors, in the text. */
  constructors?: boolean;
  /** A shared object (ET_DYN) linked at 0 instead of a kernel. */
  shared?: boolean;
  /** Which hash tables the dynamic symbols have. */
  hash?: "sysv" | "gnu" | "both" | "none";
  /** Virtual address of the first segment. */
  base?: bigint;
}

export interface LinkedFile {
  bytes: Buffer;
  entry: bigint;
  /** Where the segments are to be found: GPA (of a shared object: offset), place in the file, bytes there and behind. */
  segments: { at: number; offset: number; size: number; memory: number }[];
  symbols: { offset: number; size: number } | undefined;
  strings: { offset: number; size: number } | undefined;
}

/** A kernel, or a shared object with the same contents. */
export function linkedFile(layout: KernelLayout): LinkedFile {
  const { bits, segments, shared = false, symbols = true, others = [], physical = "virtual" } = layout;
  const hashed = layout.hash ?? "sysv";
  const writer = new ElfWriter(bits);
  const { wide, word } = writer;
  const high = wide ? 0xffffffff80000000n : 0xc0000000n;
  const base = shared ? 0n : (layout.base ?? high + 0x200000n);
  const symbolSize = wide ? 24 : 16;
  const headersEnd = (wide ? 64 : 52) + (wide ? 56 : 32) * (segments.length + 1 + others.length);

  // Where everything goes: the first segment begins with the headers, as linkers have it.
  let offset = 0;
  const placed = segments.map((segment, i) => {
    const size = i === 0 ? Math.max(segment.size, headersEnd + 64) : segment.size;
    const start = offset;
    offset = align(offset + size + (segment.bss ?? 0), PAGE);
    return { ...segment, size, offset: start, vaddr: base + BigInt(start) };
  });
  const last = placed.at(-1)!;
  const text = placed[0]!;
  const entry = shared ? 0n : text.vaddr + BigInt(headersEnd);

  placed.forEach(({ offset: from, size }, i) => {
    for (let j = i === 0 ? headersEnd : 0; j + 4 <= size; j += 4) writer.u32(from + j, (i << 28) | j);
  });

  // The last segment: dynamic section, hash table, symbols, strings, metadata, relocations.
  const names = ["", "__start_set_modmetadata_set", "__stop_set_modmetadata_set"];
  const nameAt = names.map((_, i) => names.slice(0, i).join("\0").length + (i > 0 ? 1 : 0));
  const strings = Buffer.from(`${names.join("\0")}\0`);
  const dynamic = last.offset + (placed.length === 1 ? align(headersEnd + 64, 8) : 0);
  const hash = dynamic + 16 * 2 * word;
  const gnuHash = align(hash + (hashed === "sysv" || hashed === "both" ? 4 * (2 + 1 + 3) : 0), 8);
  const symtab = align(gnuHash + (hashed === "gnu" || hashed === "both" ? 4 * (4 + 1 + 2) + word : 0), 8);
  const strtab = symtab + 3 * symbolSize;
  const metadataAt = align(strtab + strings.length, 8);
  const address = (at: number) => base + BigInt(at);
  const metadata = moduleMetadata(layout, bits, address(metadataAt));
  const rel = align(metadataAt + metadata.bytes.length, 8);
  const relSize = wide ? 24 : 8;
  const end = shared ? rel + metadata.pointers.length * relSize : rel;
  if (end > last.offset + last.size) {
    last.size = align(end - last.offset, 16);
  }
  const tags: [bigint, bigint | number][] = [
    ...(gnuHash > hash ? [[4n, address(hash)] satisfies [bigint, bigint]] : []),
    ...(symtab > gnuHash ? [[0x6ffffef5n, address(gnuHash)] satisfies [bigint, bigint]] : []),
    [5n, address(strtab)],
    [10n, strings.length],
    [6n, address(symtab)],
    [11n, symbolSize],
  ];
  if (shared) {
    tags.push([wide ? 7n : 17n, address(rel)], [wide ? 8n : 18n, metadata.pointers.length * relSize]);
  }
  tags.push([0n, 0]);
  tags.forEach(([tag, value], i) => {
    writer.address(dynamic + i * 2 * word, tag);
    writer.address(dynamic + i * 2 * word + word, value);
  });
  // One bucket: 1 -> 2 -> end. Symbols are looked up by name, so any order does.
  if (gnuHash > hash) {
    [1, 3, 1, 0, 2, 0].forEach((value, i) => {
      writer.u32(hash + 4 * i, value);
    });
  }
  if (symtab > gnuHash) {
    // One bucket again, from symbol 1 on, and a filter of one word that lets all pass.
    [1, 1, 1, 6].forEach((value, i) => {
      writer.u32(gnuHash + 4 * i, value);
    });
    writer.address(gnuHash + 16, -1n);
    const chain = names.slice(1).map((name, i) => (gnuHashOf(name) & ~1) | i);
    [1, ...chain].forEach((value, i) => {
      writer.u32(gnuHash + 16 + word + 4 * i, value);
    });
  }
  writer.symbol(symtab, 0, 0, 0n);
  writer.symbol(symtab + symbolSize, nameAt[1]!, 1, address(metadataAt));
  writer.symbol(symtab + 2 * symbolSize, nameAt[2]!, 1, address(metadataAt + metadata.setSize));
  writer.set(strtab, strings);
  writer.set(metadataAt, metadata.bytes);
  if (shared) {
    metadata.pointers.forEach((at, i) => {
      const entryAt = rel + i * relSize;
      writer.address(entryAt, address(metadataAt + at));
      // R_X86_64_RELATIVE and R_386_RELATIVE are both 8.
      writer.address(entryAt + word, 8);
      if (wide) writer.u64(entryAt + 16, metadata.bytes.readBigUInt64LE(at));
    });
  }

  placed.forEach(({ offset: from, vaddr, size, bss = 0, writable = false }, i) => {
    const paddr = physical === "virtual" ? vaddr : vaddr - high;
    const flags = writable ? 6 : 5;
    writer.segment(i, { type: PT_LOAD, flags, offset: from, vaddr, paddr, size, memory: size + bss });
  });
  const dynamicSize = tags.length * 2 * word;
  [PT_DYNAMIC, ...others].forEach((type, i) => {
    const vaddr = address(dynamic);
    writer.segment(placed.length + i, {
      ...{ type, flags: 6, offset: dynamic, vaddr, paddr: vaddr, size: dynamicSize, memory: dynamicSize },
    });
  });

  let at = align(Math.max(...placed.map((segment) => segment.offset + segment.size)), 8);
  let symbolPart: LinkedFile["symbols"];
  let stringPart: LinkedFile["strings"];
  let shoff = 0;
  if (symbols) {
    symbolPart = { offset: at, size: 3 * symbolSize };
    for (let i = 0; i < 3; i++) writer.symbol(at + i * symbolSize, nameAt[i]!, i === 0 ? 0 : 1, address(i * 64));
    at += symbolPart.size;
    stringPart = { offset: at, size: strings.length };
    writer.set(at, strings);
    at += strings.length;
    const sectionNames = Buffer.from("\0.symtab\0.strtab\0.shstrtab\0.ctors\0");
    writer.set(at, sectionNames);
    shoff = align(at + sectionNames.length, 8);
    writer.section(shoff, 0, { align: 0 });
    writer.section(shoff, 1, { name: 1, type: 2, ...symbolPart, link: 2, align: 8, entry: symbolSize });
    writer.section(shoff, 2, { name: 9, type: 3, ...stringPart });
    writer.section(shoff, 3, { name: 17, type: 3, offset: at, size: sectionNames.length });
    if (layout.constructors) writer.section(shoff, 4, { name: 27, type: 1, flags: 2, offset: headersEnd, size: 16 });
  }
  const headers = others.length + 1 + placed.length;
  writer.header(shared ? 3 : 2, entry, headers, shoff, symbols ? (layout.constructors ? 5 : 4) : 0, symbols ? 3 : 0);

  // Kernels are loaded where they are above the 16 MiB boundary below their entry.
  const boundary = shared ? 0n : entry & (wide ? 0xffffffffff000000n : 0xff000000n);
  return {
    ...{ bytes: writer.finish(), entry, symbols: symbolPart, strings: stringPart },
    segments: placed.map(({ vaddr, offset: from, size, bss = 0 }) => {
      return { at: Number(BigInt.asUintN(31, vaddr - boundary)), offset: from, size, memory: size + bss };
    }),
  };
}

/** The hash of a symbol's name in tables of GNU's kind. */
function gnuHashOf(name: string): number {
  let hash = 5381;
  for (const byte of Buffer.from(name)) hash = (Math.imul(hash, 33) + byte) | 0;
  return hash;
}

export interface ObjectLayout extends ModuleInfo {
  /** Bytes of code and of zeros. */
  text?: number;
  bss?: number;
  /** What is in the list of functions to call first (.init_array), if there is one. */
  startup?: Uint8Array;
}

/** A relocatable module for amd64. */
export function objectFile({ text = 100, bss = 200, startup, ...info }: ObjectLayout): Buffer {
  const writer = new ElfWriter(64);
  const metadata = moduleMetadata(info, 64, 0n);
  const sectionNames = ["", ".text", "set_modmetadata_set", ".data", ".bss"];
  sectionNames.push(".relaset_modmetadata_set", ".rela.data", ".symtab", ".strtab", ".shstrtab", ".init_array");
  const names = Buffer.from(`${sectionNames.join("\0")}\0`);
  const nameAt = sectionNames.map((_, i) => sectionNames.slice(0, i).join("\0").length + (i > 0 ? 1 : 0));
  const strings = Buffer.from("\0data\0");
  let at = 64;
  const put = (bytes: Uint8Array) => {
    const offset = at;
    writer.set(offset, bytes);
    at = align(offset + bytes.length, 8);
    return { offset, size: bytes.length };
  };
  // Pointers in the object are zero: the relocations say all.
  const blank = Buffer.from(metadata.bytes);
  for (const pointer of metadata.pointers) blank.writeBigUInt64LE(0n, pointer);
  const rela = (inSet: boolean) => {
    const entries = metadata.pointers.filter((pointer) => pointer < metadata.setSize === inSet);
    const table = Buffer.alloc(24 * entries.length);
    entries.forEach((pointer, i) => {
      const target = Number(metadata.bytes.readBigUInt64LE(pointer));
      table.writeBigUInt64LE(BigInt(inSet ? pointer : pointer - metadata.setSize), 24 * i);
      // R_X86_64_64 against symbol 1, the data section.
      table.writeBigUInt64LE((1n << 32n) | 1n, 24 * i + 8);
      table.writeBigUInt64LE(BigInt(target - metadata.setSize), 24 * i + 16);
    });
    return table;
  };
  const symbols = Buffer.alloc(48);
  symbols.writeUInt32LE(1, 24);
  symbols.writeUInt16LE(3, 30);
  const parts = [
    put(Buffer.alloc(text, 0xcc)),
    put(blank.subarray(0, metadata.setSize)),
    put(blank.subarray(metadata.setSize)),
    { offset: at, size: bss },
    put(rela(true)),
    put(rela(false)),
    put(symbols),
    put(strings),
    put(names),
    ...(startup ? [put(startup)] : []),
  ];
  const kinds: Partial<Section>[] = [
    { type: 1, flags: 6, align: 16 },
    { type: 1, flags: 2, align: 8 },
    { type: 1, flags: 3, align: 8 },
    { type: 8, flags: 3, align: 32 },
    { type: 4, info: 2, link: 7, align: 8, entry: 24 },
    { type: 4, info: 3, link: 7, align: 8, entry: 24 },
    { type: 2, link: 8, align: 8, entry: 24 },
    { type: 3 },
    { type: 3 },
    ...(startup ? [{ type: 14, flags: 3, align: 8 }] : []),
  ];
  writer.section(at, 0, { align: 0 });
  kinds.forEach((kind, i) => {
    writer.section(at, i + 1, { name: nameAt[i + 1]!, ...parts[i], ...kind });
  });
  writer.header(1, 0n, 0, at, kinds.length + 1, 9);
  return writer.finish();
}

/** linker.hints: which file has which version of which module. */
export function linkerHints(entries: readonly { module: string; version: number; file: string }[]): Buffer {
  const writer = new ElfWriter(32);
  writer.u32(0, 1);
  let at = 4;
  for (const { module, version, file } of entries) {
    const start = at;
    writer.u32(start + 4, 3);
    writer.set(start + 8, Buffer.from([module.length, ...Buffer.from(module)]));
    const versionAt = 4 + align(start + 8 + 1 + module.length - 4, 4);
    writer.u32(versionAt, version);
    writer.set(versionAt + 4, Buffer.from([file.length, ...Buffer.from(file)]));
    at = align(versionAt + 5 + file.length, 4);
    writer.u32(start, at - start - 4);
  }
  const bytes = Buffer.alloc(at);
  writer.finish().copy(bytes);
  return bytes;
}
