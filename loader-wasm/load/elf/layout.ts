// ELF on disk (System V ABI, ELF-64 and ELF-32 object file formats, little-endian): field offsets, and the
// records that the loader decodes from them. Nothing here reads files or checks values.

/** Machines. */
export const EM_386: u32 = 3;
export const EM_X86_64: u32 = 62;

/** Kinds of files: relocatable, linked, shared. */
export const ET_REL: u32 = 1;
export const ET_EXEC: u32 = 2;
export const ET_DYN: u32 = 3;

/** Segments: what they are for, and the flag of those that can be written. */
export const PT_LOAD: u32 = 1;
export const PT_DYNAMIC: u32 = 2;
export const PT_INTERP: u32 = 3;
export const PF_W: u32 = 2;

/** Sections: what they are for, the flag of those that are in memory, and the number of no section. */
export const SHT_PROGBITS: u32 = 1;
export const SHT_SYMTAB: u32 = 2;
export const SHT_STRTAB: u32 = 3;
export const SHT_RELA: u32 = 4;
export const SHT_NOBITS: u32 = 8;
export const SHT_REL: u32 = 9;
export const SHT_INIT_ARRAY: u32 = 14;
export const SHT_FINI_ARRAY: u32 = 15;
export const SHT_X86_64_UNWIND: u32 = 0x70000001;
export const SHF_ALLOC: u64 = 2;
export const SHN_UNDEF: u32 = 0;

/** Tags of the dynamic section, whose entries are a tag and a value. */
export const DT_NULL: u64 = 0;
export const DT_HASH: u64 = 4;
export const DT_STRTAB: u64 = 5;
export const DT_SYMTAB: u64 = 6;
export const DT_RELA: u64 = 7;
export const DT_RELASZ: u64 = 8;
export const DT_STRSZ: u64 = 10;
export const DT_REL: u64 = 17;
export const DT_RELSZ: u64 = 18;
export const DT_GNU_HASH: u64 = 0x6ffffef5;

/** In `info` of a symbol, the lower half: a function. */
export const STT_FUNC: u32 = 2;

/** Relocations of amd64 (System V ABI, AMD64 supplement, 4.4) that appear in what the loader looks at. */
export const R_X86_64_64: u32 = 1;
export const R_X86_64_RELATIVE: u32 = 8;
export const R_X86_64_IRELATIVE: u32 = 37;

const ELFCLASS32: u8 = 1;
const ELFCLASS64: u8 = 2;
const ELFDATA2LSB: u8 = 1;
const EV_CURRENT: u8 = 1;
const MAGIC: u32 = 0x464c457f;

/** What depends on the class: sizes of the records, and how to read them. */
export class ElfClass {
  constructor(
    /** 32 or 64. */
    readonly bits: i32,
    readonly machine: u32,
  ) {}

  private get wide(): bool {
    return this.bits == 64;
  }

  /** Bytes of an address, of a size, and of the records. */
  get word(): u32 {
    return this.wide ? 8 : 4;
  }
  get headerSize(): u32 {
    return this.wide ? 64 : 52;
  }
  get segmentSize(): u32 {
    return this.wide ? 56 : 32;
  }
  get sectionSize(): u32 {
    return this.wide ? 64 : 40;
  }
  get symbolSize(): u32 {
    return this.wide ? 24 : 16;
  }
  get dynamicSize(): u32 {
    return this.wide ? 16 : 8;
  }
  get relSize(): u32 {
    return this.wide ? 16 : 8;
  }
  get relaSize(): u32 {
    return this.wide ? 24 : 12;
  }

  /** An address or size at `at`. */
  readWord(at: usize): u64 {
    return this.wide ? load<u64>(at) : <u64>load<u32>(at);
  }

  /** Whether `at` holds the beginning of an ELF file of this class and machine, little-endian and of the current version. */
  accepts(at: usize): bool {
    return (
      load<u32>(at) == MAGIC &&
      load<u8>(at, 4) == (this.wide ? ELFCLASS64 : ELFCLASS32) &&
      load<u8>(at, 5) == ELFDATA2LSB &&
      load<u8>(at, 6) == EV_CURRENT &&
      load<u32>(at, 20) == <u32>EV_CURRENT &&
      <u32>load<u16>(at, 18) == this.machine
    );
  }

  header(at: usize): ElfHeader {
    const header = new ElfHeader();
    const tail = at + (this.wide ? 48 : 36);
    header.type = load<u16>(at, 16);
    header.entry = this.readWord(at + 24);
    header.phoff = this.readWord(at + 24 + this.word);
    header.shoff = this.readWord(at + 24 + 2 * this.word);
    header.phnum = load<u16>(tail, 8);
    header.shentsize = load<u16>(tail, 10);
    header.shnum = load<u16>(tail, 12);
    header.shstrndx = load<u16>(tail, 14);
    return header;
  }

  segment(at: usize): Segment {
    const segment = new Segment();
    segment.type = load<u32>(at);
    if (this.wide) {
      segment.flags = load<u32>(at, 4);
      segment.offset = load<u64>(at, 8);
      segment.vaddr = load<u64>(at, 16);
      segment.filesz = load<u64>(at, 32);
      segment.memsz = load<u64>(at, 40);
    } else {
      segment.offset = load<u32>(at, 4);
      segment.vaddr = load<u32>(at, 8);
      segment.filesz = load<u32>(at, 16);
      segment.memsz = load<u32>(at, 20);
      segment.flags = load<u32>(at, 24);
    }
    return segment;
  }

  section(at: usize): Section {
    const section = new Section();
    const word = this.word;
    section.name = load<u32>(at);
    section.type = load<u32>(at, 4);
    section.flags = this.readWord(at + 8);
    section.addr = this.readWord(at + 8 + word);
    section.offset = this.readWord(at + 8 + 2 * word);
    section.size = this.readWord(at + 8 + 3 * word);
    section.link = load<u32>(at + 8 + 4 * word);
    section.info = load<u32>(at + 8 + 4 * word, 4);
    section.align = this.readWord(at + 16 + 4 * word);
    return section;
  }

  /** Stores a section's (changed) address into its record at `at`. */
  storeSectionAddress(at: usize, addr: u64): void {
    if (this.wide) store<u64>(at, addr, 16);
    else store<u32>(at, <u32>addr, 12);
  }

  symbol(at: usize): Symbol {
    const symbol = new Symbol();
    symbol.name = load<u32>(at);
    if (this.wide) {
      symbol.info = load<u8>(at, 4);
      symbol.section = load<u16>(at, 6);
      symbol.value = load<u64>(at, 8);
    } else {
      symbol.value = load<u32>(at, 4);
      symbol.info = load<u8>(at, 12);
      symbol.section = load<u16>(at, 14);
    }
    return symbol;
  }
}

/** The header; names are those of `Elf64_Ehdr`. */
export class ElfHeader {
  type: u32 = 0;
  entry: u64 = 0;
  phoff: u64 = 0;
  shoff: u64 = 0;
  phnum: u32 = 0;
  shentsize: u32 = 0;
  shnum: u32 = 0;
  shstrndx: u32 = 0;
}

/** No segment is larger in memory: all addresses that guest memory has for the loader. */
export const SEGMENT_LIMIT: u64 = 0x7fffffff;

/** A program header. */
export class Segment {
  type: u32 = 0;
  flags: u32 = 0;
  offset: u64 = 0;
  vaddr: u64 = 0;
  filesz: u64 = 0;
  memsz: u64 = 0;
}

/** A section header. */
export class Section {
  name: u32 = 0;
  type: u32 = 0;
  flags: u64 = 0;
  addr: u64 = 0;
  offset: u64 = 0;
  size: u64 = 0;
  link: u32 = 0;
  info: u32 = 0;
  align: u64 = 0;
}

/** An entry of a symbol table; `section` is SHN_UNDEF where somebody else defines it. */
export class Symbol {
  name: u32 = 0;
  info: u32 = 0;
  section: u32 = 0;
  value: u64 = 0;
}
