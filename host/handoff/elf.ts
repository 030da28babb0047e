// Writes ELF files (System V ABI, gABI 4.1): header, program headers, bodies. Used by the formats that a
// packed guest can have; reading guests' ELF is the core's business, not the host's.

/** A segment: a program header's fields, and all of its content. Its offset in the file is a multiple of `align`, unless that is 0. */
export interface ElfSegment {
  type: number;
  flags: number;
  vaddr: bigint;
  paddr: bigint;
  bytes: Uint8Array;
  align: number;
}

/** A section: a section header's fields and its content. */
export interface ElfSection {
  name: string;
  type: number;
  flags: number;
  addr: bigint;
  /** Content; a section of type SHT_NOBITS has only a size. */
  bytes: Uint8Array;
  size?: number;
  link?: number;
  info?: number;
  entrySize?: number;
}

/** A whole file, little endian: `bits` is its class, the numbers are those of the specification. */
export interface ElfFile {
  bits: 32 | 64;
  type: number;
  machine: number;
  entry: bigint;
  segments: readonly ElfSegment[];
  /** Numbered from 1; their names are added behind them. */
  sections?: readonly ElfSection[];
  /** Bytes right behind the program headers. */
  preamble?: Uint8Array;
}

const SECTION_ALIGN = 16;

/**
 * Numbers of the specification: kinds of files (ET), machines (EM), sections (SHT) and their flags (SHF), segments (PT)
 * and theirs (PF).
 */
export const ET_EXEC = 2;
export const ET_CORE = 4;
export const EM_386 = 3;
export const EM_X86_64 = 62;
export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_NOBITS = 8;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const PF_ALL = 7;
export const PF_R = 4;

/** The bytes of `file`. */
export function writeElf(file: ElfFile): Uint8Array<ArrayBuffer> {
  const { bits, segments, preamble = new Uint8Array() } = file;
  const sections = file.sections ? withNames(file.sections) : [];
  const wide = bits === 64;
  const headerSize = wide ? 64 : 52;
  const phdrSize = wide ? 56 : 32;
  const bodyAt = headerSize + phdrSize * segments.length + preamble.length;
  const offsets: number[] = [];
  let end = bodyAt;
  for (const { bytes, align } of segments) {
    const unit = Math.max(align, 1);
    end = Math.ceil(end / unit) * unit;
    offsets.push(end);
    end += bytes.length;
  }
  const sectionOffsets = sections.map(({ bytes }) => {
    const offset = Math.ceil(end / SECTION_ALIGN) * SECTION_ALIGN;
    end = offset + bytes.length;
    return offset;
  });
  const headersAt = Math.ceil(end / SECTION_ALIGN) * SECTION_ALIGN;
  const shdrSize = wide ? 64 : 40;
  const out = new Uint8Array(sections.length > 0 ? headersAt + shdrSize * (sections.length + 1) : end);
  const view = new DataView(out.buffer);
  let at = 0;
  const u16 = (value: number) => {
    view.setUint16(at, value, true);
    at += 2;
  };
  const u32 = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const word = (value: bigint | number) => {
    if (wide) view.setBigUint64(at, BigInt(value), true);
    else view.setUint32(at, Number(BigInt(value) & 0xffff_ffffn), true);
    at += wide ? 8 : 4;
  };

  out.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  at = 16;
  u16(file.type);
  u16(file.machine);
  u32(1);
  word(file.entry);
  word(segments.length > 0 ? headerSize : 0);
  word(sections.length > 0 ? headersAt : 0);
  u32(0);
  u16(headerSize);
  u16(phdrSize);
  u16(segments.length);
  u16(shdrSize);
  u16(sections.length > 0 ? sections.length + 1 : 0);
  u16(sections.length);
  for (const [index, segment] of segments.entries()) {
    u32(segment.type);
    if (wide) u32(segment.flags);
    word(offsets[index]!);
    word(segment.vaddr);
    word(segment.paddr);
    word(segment.bytes.length);
    word(segment.bytes.length);
    if (!wide) u32(segment.flags);
    word(segment.align);
    out.set(segment.bytes, offsets[index]!);
  }
  out.set(preamble, at);

  at = headersAt + shdrSize;
  let nameAt = 1;
  for (const [index, section] of sections.entries()) {
    u32(nameAt);
    nameAt += section.name.length + 1;
    u32(section.type);
    word(section.flags);
    word(section.addr);
    word(sectionOffsets[index]!);
    word(section.size ?? section.bytes.length);
    u32(section.link ?? 0);
    u32(section.info ?? 0);
    word(SECTION_ALIGN);
    word(section.entrySize ?? 0);
    out.set(section.bytes, sectionOffsets[index]!);
  }
  return out;
}

/** `sections` and, as the last one, their names. */
function withNames(sections: readonly ElfSection[]): ElfSection[] {
  const named = [...sections, { name: ".shstrtab", type: SHT_STRTAB, flags: 0, addr: 0n, bytes: new Uint8Array() }];
  const text = `\0${named.map(({ name }) => `${name}\0`).join("")}`;
  named[named.length - 1]!.bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  return named;
}

/** An ELF note: sizes, name, type, description, the latter two padded to four bytes. */
export function elfNote(name: string, type: number, description: Uint8Array): Uint8Array {
  const pad = (size: number) => (size + 3) & ~3;
  const nameSize = name.length + 1;
  const out = new Uint8Array(12 + pad(nameSize) + pad(description.length));
  const view = new DataView(out.buffer);
  view.setUint32(0, nameSize, true);
  view.setUint32(4, description.length, true);
  view.setUint32(8, type, true);
  for (let i = 0; i < name.length; i++) out[12 + i] = name.charCodeAt(i);
  out.set(description, 12 + pad(nameSize));
  return out;
}
