// Loads relocatable ELF files (ET_REL): amd64 kernel modules. There are no segments: sections that the
// kernel needs, symbols and relocation tables are laid out one after another, each at its alignment, and
// the section headers that tell where travel along as metadata.

import { EFTYPE, EIO, EPERM, errno } from "../../lib/errno";
import { burn } from "../../lib/fault";
import { guestText, peekGuest, zeroGuest } from "../../lib/guest";
import { print } from "../../lib/output";
import { profile } from "../../lib/profile";
import { hex } from "../../lib/text";
import { findFile, MODINFOMD_ELFHDR, MODINFOMD_SHDR, PreloadedFile } from "../preloaded";
import { tell } from "../verbosity";
import { ElfFile, openElf } from "./file";
import * as Elf from "./layout";
import { KERNEL_TYPE, Loaded } from "./linked";
import { Relocator, readModuleSet } from "./modmetadata";
import { applyTable, SymbolAddresses } from "./relocation";

const MODULE_TYPE = "elf obj module";
const MODULE_SET = "set_modmetadata_set";
const PAGE_MASK: u64 = 4095;

/** Bytes that a module may take in guest memory. */
const MODULE_LIMIT: u64 = 0x40000000;

/** Loads `path` at `dest`. Returns 0 and leaves the file in `loaded`, or an errno: EFTYPE when it is something else. */
export function loadObject(elf: Elf.ElfClass, path: string, dest: u64, loaded: Loaded): i32 {
  const source = openElf(elf, path);
  if (source === null) return errno;
  const error = loadOpened(source, dest, loaded);
  source.close();
  return error;
}

function loadOpened(source: ElfFile, dest: u64, loaded: Loaded): i32 {
  const header = source.header;
  const elf = source.elf;
  if (header.type != Elf.ET_REL) return EFTYPE;
  if (source.sectionTableSize == 0 || header.shoff == 0 || header.shentsize != elf.sectionSize) return EFTYPE;
  if (findFile(null, KERNEL_TYPE) === null) {
    source.say("obj_loadfile", "can't load module before kernel");
    return EPERM;
  }
  const file = new PreloadedFile(source.path, MODULE_TYPE);
  file.machine = elf.machine;
  file.entry = header.entry;
  tell(`${source.path} `);
  file.size = new ObjectImage(source, file, (dest + PAGE_MASK) & ~PAGE_MASK).load();
  tell("\n");
  if (file.size == 0 || file.addr == 0) {
    file.release();
    return EIO;
  }
  file.addMetadata(MODINFOMD_ELFHDR, source.page, elf.headerSize);
  loaded.file = file;
  return 0;
}

/** One module on its way into guest memory. A section's `addr` is its GPA, 0 when it is not loaded. */
class ObjectImage {
  private sections: Elf.Section[] = [];
  private symtab: i32 = -1;
  private last: u64;

  constructor(
    private readonly source: ElfFile,
    private readonly file: PreloadedFile,
    private readonly first: u64,
  ) {
    this.last = first;
  }

  /** Returns the bytes taken up in guest memory, 0 on failure. */
  load(): u64 {
    const source = this.source;
    const table = source.readTable(source.header.shoff, source.sectionTableSize, "section headers");
    if (table == 0) return this.fail("read section headers failed");
    this.sections = source.sections(table);
    let size: u64 = 0;
    if (this.place() && this.read()) {
      for (let i = 0; i < this.sections.length; i++) {
        source.elf.storeSectionAddress(table + i * source.elf.sectionSize, this.sections[i].addr);
      }
      this.file.addMetadata(MODINFOMD_SHDR, table, source.sectionTableSize);
      if (this.readMetadata()) {
        size = this.last - this.first;
        this.file.addr = this.first;
        tell(`size 0x${hex(size)} at 0x${hex(this.first)}`);
      }
    }
    heap.free(table);
    return size;
  }

  private fail(why: string): u64 {
    print("\n");
    this.source.say("obj_loadimage", why);
    return 0;
  }

  /** Gives every section that is loaded its address. */
  private place(): bool {
    const sections = this.sections;
    const header = this.source.header;
    for (let i = 0; i < sections.length; i++) sections[i].addr = 0;
    for (let i = 0; i < sections.length; i++) {
      const section = sections[i];
      if (section.size == 0 || !isLoaded(section.type) || (section.flags & Elf.SHF_ALLOC) == 0) continue;
      if (!this.append(i)) return false;
    }
    let tables = 0;
    for (let i = 0; i < sections.length; i++) {
      if (sections[i].type != Elf.SHT_SYMTAB) continue;
      tables++;
      this.symtab = i;
      // Until 13 room is taken here too, for what is then put behind it; the kernel doesn't mind.
      if (profile.generation >= 14) continue;
      sections[i].addr = this.last;
      if (!this.take(i)) return false;
    }
    if (tables != 1) {
      this.source.damaged(`ELF sections: ${tables} symbol tables, not 1`);
      return this.fail("file has no valid symbol table") != 0;
    }
    if (!this.append(this.symtab)) return false;
    const strings = sections[this.symtab].link;
    if (!this.isStringTable(strings)) return this.fail("file has invalid symbol strings") != 0;
    if (!this.append(strings)) return false;
    if (header.shstrndx == 0 || !this.isStringTable(header.shstrndx)) {
      return this.fail("file has no section names") != 0;
    }
    if (!this.append(header.shstrndx)) return false;
    for (let i = 0; i < sections.length; i++) {
      const section = sections[i];
      if (section.type != Elf.SHT_REL && section.type != Elf.SHT_RELA) continue;
      const target = section.info;
      if (target >= <u32>sections.length) {
        this.source.damaged(`ELF section ${i}: relocates section ${target} of ${sections.length}`);
        continue;
      }
      if ((sections[target].flags & Elf.SHF_ALLOC) != 0 && !this.append(i)) return false;
    }
    return true;
  }

  private isStringTable(index: u32): bool {
    if (index < <u32>this.sections.length && this.sections[index].type == Elf.SHT_STRTAB) return true;
    this.source.damaged(`ELF section ${index} of ${this.sections.length} is not a string table`);
    return false;
  }

  /** Puts section `index` behind the others, at its alignment. */
  private append(index: i32): bool {
    const section = this.sections[index];
    const align = section.align;
    if (align == 0 || align > MODULE_LIMIT) {
      this.source.damaged(`ELF section ${index}: alignment ${align} is not between 1 and ${MODULE_LIMIT}`);
      return this.fail(`section ${index} has no valid alignment`) != 0;
    }
    const over = this.last % align;
    if (over != 0) this.last += align - over;
    section.addr = this.last;
    return this.take(index);
  }

  /** Takes the room of section `index`. */
  private take(index: i32): bool {
    const size = this.sections[index].size;
    if (size > MODULE_LIMIT || this.last + size - this.first > MODULE_LIMIT) {
      this.source.damaged(`ELF section ${index}: size ${size} makes the module larger than ${MODULE_LIMIT}`);
      return this.fail("read failed") != 0;
    }
    this.last += size;
    return true;
  }

  /** Clears the whole area, then reads the sections in the order in which they stand in the file. Of several at one offset the first is read. */
  private read(): bool {
    zeroGuest(this.first, this.last - this.first);
    let before: Elf.Section | null = null;
    while (true) {
      let next: Elf.Section | null = null;
      burn(this.sections.length);
      for (let i = 0; i < this.sections.length; i++) {
        const section = this.sections[i];
        if (section.addr == 0 || section.type == Elf.SHT_NOBITS) continue;
        if (before !== null && before.offset >= section.offset) continue;
        if (next === null || next.offset > section.offset) next = section;
      }
      if (next === null) return true;
      if (!this.source.readToGuest(next.offset, next.addr, next.size)) {
        this.source.damaged(`ELF section: ${next.size} bytes at offset ${next.offset} are not all in the file`);
        return this.fail("read failed") != 0;
      }
      before = next;
    }
  }

  /** Finds the module metadata set by its section's name. False on a relocation that can't be done. */
  private readMetadata(): bool {
    const names = this.sections[this.source.header.shstrndx];
    for (let i = 0; i < this.sections.length; i++) {
      const section = this.sections[i];
      if (section.type != Elf.SHT_PROGBITS || section.name == 0) continue;
      if (guestText(names.addr + section.name) != MODULE_SET) continue;
      const relocator = new ObjectRelocator(this.source.elf, this.sections, this.symtab);
      const end = section.addr + section.size;
      return readModuleSet(this.file, this.source.elf, relocator, section.addr, end, false, true).error == 0;
    }
    return true;
  }
}

/** Relocates by the relocation sections of the section that the words are in. */
class ObjectRelocator extends Relocator {
  private readonly symbols: ObjectSymbols;

  constructor(
    private readonly elf: Elf.ElfClass,
    private readonly sections: Elf.Section[],
    symtab: i32,
  ) {
    super();
    this.symbols = new ObjectSymbols(elf, sections, symtab);
  }

  apply(gpa: u64, data: usize, size: u32): i32 {
    for (let i = 0; i < this.sections.length; i++) {
      const table = this.sections[i];
      const withAddends = table.type == Elf.SHT_RELA;
      if (!withAddends && table.type != Elf.SHT_REL) continue;
      if (table.addr == 0 || table.info >= <u32>this.sections.length) continue;
      const target = this.sections[table.info];
      if (target.addr == 0 || gpa < target.addr || gpa + size > target.addr + target.size) continue;
      const base = target.addr;
      const error = applyTable(this.elf, table.addr, table.size, withAddends, base, gpa, data, size, this.symbols);
      if (error != 0) return error;
    }
    return 0;
  }
}

class ObjectSymbols extends SymbolAddresses {
  constructor(
    private readonly elf: Elf.ElfClass,
    private readonly sections: Elf.Section[],
    private readonly symtab: i32,
  ) {
    super();
  }

  addressOf(index: u32): u64 {
    const size = this.elf.symbolSize;
    const table = this.sections[this.symtab];
    if (<u64>index >= table.size / size) return 0;
    const symbol = this.elf.symbol(peekGuest(table.addr + <u64>index * size, size));
    if (symbol.section == Elf.SHN_UNDEF || symbol.section >= <u32>this.sections.length) return 0;
    const base = this.sections[symbol.section].addr;
    return base == 0 ? 0 : base + symbol.value;
  }
}

/** Whether sections of `type` that take memory are loaded. Those that list what runs first and last are from 14 on. */
function isLoaded(type: u32): bool {
  if (type == Elf.SHT_INIT_ARRAY || type == Elf.SHT_FINI_ARRAY) return profile.generation >= 14;
  return type == Elf.SHT_PROGBITS || type == Elf.SHT_NOBITS || type == Elf.SHT_X86_64_UNWIND;
}
