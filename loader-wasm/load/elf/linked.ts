// Loads linked ELF files: kernels (ET_EXEC) and shared-object modules (ET_DYN). Segments go where their
// program headers say, then the section headers and symbol table follow for the kernel's debugger, then the
// dynamic section leads to the module metadata.

import { defineVariable } from "../../environment/variables";
import { cstringAt } from "../../lib/bytes";
import { EFTYPE, EIO, ENOENT, EPERM, errno } from "../../lib/errno";
import { burn } from "../../lib/fault";
import { putGuest, zeroGuest } from "../../lib/guest";
import { print } from "../../lib/output";
import { hex } from "../../lib/text";
import {
  findFile,
  MODINFOMD_CTORS_ADDR,
  MODINFOMD_CTORS_SIZE,
  MODINFOMD_DYNAMIC,
  MODINFOMD_ELFHDR,
  MODINFOMD_ESYM,
  MODINFOMD_SHDR,
  MODINFOMD_SSYM,
  PreloadedFile,
} from "../preloaded";
import { marksSymbols, tell, tellsAll } from "../verbosity";
import { DynamicTags, LinkedRelocator } from "./dynamic";
import { ElfFile, openElf } from "./file";
import * as Elf from "./layout";
import { addModule, moduleNameOf, readModuleSet } from "./modmetadata";
import { symbolHash } from "./symbol_hash";

/** Type of a kernel in the metadata (the kernel's linker looks for it). */
export const KERNEL_TYPE = "elf kernel";
const MODULE_TYPE = "elf module";

/** What kernels of illumos name as their interpreter, behind a directory for their machine. */
const ILLUMOS_LINKER = "/krtld";
const FOREIGN = "a kernel of illumos, which this loader can't start";

const PAGE_MASK: u64 = 4095;
/** Kernels are linked high and loaded from the start of their 16 MiB: these bits of the address go. */
const HIGH_BITS_64: u64 = 0xffffffffff000000;
const HIGH_BITS_32: u64 = 0xff000000;

/** Where the last successful load ended up. */
export class Loaded {
  file: PreloadedFile | null = null;
}

/** Loads `path` at `dest` or, a kernel, where it belongs. Returns 0 and leaves the file in `loaded`, or an errno: EFTYPE when it is something else. */
export function loadLinked(elf: Elf.ElfClass, path: string, dest: u64, loaded: Loaded): i32 {
  const source = openElf(elf, path);
  if (source === null) return errno;
  const error = loadOpened(source, dest, loaded);
  source.close();
  return error;
}

function loadOpened(source: ElfFile, dest: u64, loaded: Loaded): i32 {
  const header = source.header;
  // A file of exactly a header's size is too small for the reference.
  if (source.pageSize <= <i32>source.elf.headerSize) return EFTYPE;
  const kernel = header.type == Elf.ET_EXEC;
  const before = findFile(null, KERNEL_TYPE);
  if (kernel) {
    if (before !== null) {
      source.say("loadfile", "kernel already loaded");
      return EPERM;
    }
    dest = header.entry & ~PAGE_MASK;
    if (dest == 0) {
      source.say("loadfile", "not a kernel (maybe static binary?)");
      return EPERM;
    }
  } else if (header.type != Elf.ET_DYN) {
    return EFTYPE;
  } else if (before === null) {
    source.say("loadfile", "can't load module before kernel");
    return EPERM;
  }
  dest = (dest + PAGE_MASK) & ~PAGE_MASK;
  const file = new PreloadedFile(source.path, kernel ? KERNEL_TYPE : MODULE_TYPE);
  file.machine = source.elf.machine;
  file.entry = header.entry;
  if (kernel) defineVariable("kernelname", source.path, null, null);
  if (!tellsAll()) tell(`${source.path} `);
  else if (kernel) print(`${source.path} entry at 0x${hex(header.entry)}\n`);
  const image = new LinkedImage(source, file, kernel, dest);
  file.size = image.load();
  if (file.size == 0 || file.addr == 0) {
    file.release();
    return image.isForeign ? EPERM : EIO;
  }
  file.addMetadata(MODINFOMD_ELFHDR, source.page, source.elf.headerSize);
  loaded.file = file;
  return 0;
}

/** One file on its way into guest memory. */
class LinkedImage {
  /** Added to a virtual address of the file, gives the GPA (modulo 2^64). */
  private readonly shift: u64;
  private readonly elf: Elf.ElfClass;
  private first: u64 = 0;
  private last: u64 = 0;
  private segments: Elf.Segment[] = [];
  /** Whether it is another system's kernel. */
  isForeign: bool = false;

  constructor(
    private readonly source: ElfFile,
    private readonly file: PreloadedFile,
    private readonly kernel: bool,
    dest: u64,
  ) {
    this.elf = source.elf;
    this.shift = kernel ? -(dest & (source.elf.bits == 64 ? HIGH_BITS_64 : HIGH_BITS_32)) : dest;
  }

  /** Returns the bytes taken up in guest memory, 0 on failure. The reference keeps that count in 32 bits. */
  load(): u64 {
    if (!this.readSegments() || !this.loadSegments()) return 0;
    this.last = (this.last + 7) & ~(<u64>7);
    this.loadSymbols();
    tell("\n");
    const size = <u64>(<i32>(this.last - this.first));
    this.file.addr = this.first;
    return this.readDynamic(size);
  }

  private readSegments(): bool {
    const phoff = this.source.header.phoff;
    const phnum = this.source.header.phnum;
    const pageSize = <u64>this.source.pageSize;
    const tableSize = <u64>phnum * this.elf.segmentSize;
    if (phoff > pageSize || tableSize > pageSize - phoff) {
      this.source.say("loadimage", "program header not within first page");
      this.source.damaged(`ELF header: program headers (${phnum} at offset ${phoff}) reach past the first page`);
      return false;
    }
    for (let i: u32 = 0; i < phnum; i++) {
      const segment = this.elf.segment(this.source.page + <usize>phoff + i * this.elf.segmentSize);
      this.segments.push(segment);
      if (!this.kernel || segment.type != Elf.PT_INTERP || !this.isIllumos(segment)) continue;
      this.source.say("loadfile", FOREIGN);
      this.source.damaged(`ELF kernel: ${FOREIGN}`);
      this.isForeign = true;
      return false;
    }
    return true;
  }

  /** Whether a kernel wants the linker of illumos, whose own loader starts it. */
  private isIllumos(segment: Elf.Segment): bool {
    const pageSize = <u64>this.source.pageSize;
    if (segment.offset >= pageSize) return false;
    const size = min<u64>(segment.filesz, pageSize - segment.offset);
    return cstringAt(this.source.page + <usize>segment.offset, <i32>size).endsWith(ILLUMOS_LINKER);
  }

  private loadSegments(): bool {
    for (let i = 0; i < this.segments.length; i++) {
      const segment = this.segments[i];
      if (segment.type != Elf.PT_LOAD) continue;
      burn(1);
      if (segment.memsz > Elf.SEGMENT_LIMIT) {
        // It would wrap around, and clear what was loaded before.
        this.source.damaged(`ELF segment ${i}: size in memory ${segment.memsz} exceeds ${Elf.SEGMENT_LIMIT}`);
        return false;
      }
      if (!this.loadSegment(segment)) {
        print("\n");
        this.source.say("loadimage", "read failed");
        this.source.damaged(
          `ELF segment ${i}: ${segment.filesz} bytes at offset ${segment.offset} are not all in the file`,
        );
        return false;
      }
      const gpa = segment.vaddr + this.shift;
      if (this.first == 0 || this.first > gpa) this.first = gpa;
      if (this.last == 0 || this.last < gpa + segment.memsz) this.last = gpa + segment.memsz;
    }
    return true;
  }

  private loadSegment(segment: Elf.Segment): bool {
    const filesz = segment.filesz;
    const memsz = segment.memsz;
    const offset = segment.offset;
    const gpa = segment.vaddr + this.shift;
    if (tellsAll()) {
      print(`Segment: 0x${hex(filesz)}@0x${hex(offset)} -> 0x${hex(gpa)}-0x${hex(gpa + memsz - 1)}`);
    } else if ((segment.flags & Elf.PF_W) == 0) {
      tell(`text=0x${hex(filesz)} `);
    } else {
      tell(`data=0x${hex(filesz)}${filesz < memsz ? `+0x${hex(memsz - filesz)}` : ""} `);
    }
    // What the first page has of it, all the rest of the page, is here already.
    let done: u64 = 0;
    if (<u64>this.source.pageSize > offset) {
      done = <u64>this.source.pageSize - offset;
      putGuest(this.source.page + <usize>offset, gpa, <u32>done);
    }
    if (filesz > done && !this.source.readToGuest(offset + done, gpa + done, filesz - done)) return false;
    if (filesz < memsz) {
      if (tellsAll()) print(` (bss: 0x${hex(gpa + filesz)}-0x${hex(gpa + memsz - 1)})`);
      zeroGuest(gpa + filesz, memsz - filesz);
    }
    if (tellsAll()) print("\n");
    return true;
  }

  /** Keeps the section headers, constructors and symbols for the kernel. None of them is needed to boot. */
  private loadSymbols(): void {
    const shoff = this.source.header.shoff;
    const tableSize = this.source.sectionTableSize;
    if (tableSize == 0 || shoff == 0) return;
    const reachable = this.source.keepTail(this.segmentsEnd());
    const table = reachable ? this.source.readTable(shoff, tableSize, "section headers") : 0;
    if (table == 0) {
      print("\n");
      print(`elf${this.elf.bits}_loadimage: failed to read section headers`);
      return;
    }
    this.file.addMetadata(MODINFOMD_SHDR, table, tableSize);
    const sections = this.source.sections(table);
    heap.free(table);
    this.findConstructors(sections);
    const symtab = this.findSymbolTable(sections);
    if (symtab >= 0) this.copySymbols(sections, symtab);
  }

  /** Where the last loaded segment ends in the file. */
  private segmentsEnd(): u64 {
    let end = <u64>this.source.pageSize;
    for (let i = 0; i < this.segments.length; i++) {
      const segment = this.segments[i];
      if (segment.type == Elf.PT_LOAD && segment.filesz > 0) end = max(end, segment.offset + segment.filesz);
    }
    return end;
  }

  private findConstructors(sections: Elf.Section[]): void {
    const index = this.source.header.shstrndx;
    if (index >= <u32>sections.length) {
      this.source.damaged(`ELF header: section name table ${index} of ${sections.length} sections`);
      return;
    }
    const names = sections[index];
    if (names.size == 0) return;
    const table = this.source.readTable(names.offset, names.size, "section names");
    if (table == 0) return;
    for (let i = 0; i < sections.length; i++) {
      if (!nameIs(table, names.size, sections[i].name, ".ctors")) continue;
      this.addWord(MODINFOMD_CTORS_ADDR, sections[i].addr);
      this.addWord(MODINFOMD_CTORS_SIZE, sections[i].size);
      break;
    }
    heap.free(table);
  }

  private addWord(type: u32, value: u64): void {
    if (this.elf.bits == 64) this.file.addMetadata64(type, value);
    else this.file.addMetadata32(type, <u32>value);
  }

  /** The last symbol table that no segment contains, or -1. Those in a segment are loaded with it, and marked empty. */
  private findSymbolTable(sections: Elf.Section[]): i32 {
    let found = -1;
    for (let i = 0; i < sections.length; i++) {
      const section = sections[i];
      if (section.type != Elf.SHT_SYMTAB) continue;
      if (this.isInSegment(section)) {
        section.offset = 0;
        section.size = 0;
      }
      if (section.offset != 0 && section.size != 0) found = i;
    }
    return found;
  }

  private isInSegment(section: Elf.Section): bool {
    for (let i = 0; i < this.segments.length; i++) {
      const segment = this.segments[i];
      if (segment.type != Elf.PT_LOAD || section.offset < segment.offset) continue;
      const within = section.offset - segment.offset;
      if (within <= segment.filesz && section.size <= segment.filesz - within) return true;
    }
    return false;
  }

  /** Puts the symbol table and its strings behind the segments, each with its size before it. */
  private copySymbols(sections: Elf.Section[], symtab: i32): void {
    const word = this.elf.word;
    const start = this.last;
    const strings = <i32>sections[symtab].link;
    if (strings < 0) return;
    if (marksSymbols()) print("syms=[");
    for (let step = 0; step < 2; step++) {
      const index = step == 0 ? symtab : strings;
      const section = index < sections.length ? sections[index] : new Elf.Section();
      if (index >= sections.length) {
        this.source.damaged(`ELF section ${symtab}: string table ${index} of ${sections.length} sections`);
      }
      store<u64>(wordCell, section.size);
      putGuest(wordCell, this.last, word);
      this.last += word;
      if (tellsAll()) this.tellTable(section);
      else tell(`${index == strings ? "+" : ""}0x${hex(word)}+0x${hex(section.size)}`);
      const got = this.source.readUpTo(section.offset, this.last, section.size);
      if (got != <i64>section.size) {
        print("\n");
        print(`elf${this.elf.bits}_loadimage: could not read symbols - skipped! (${<u64>got} != ${section.size})`);
        this.source.damaged(
          `ELF section ${index}: ${section.size} bytes at offset ${section.offset} are not all in the file`,
        );
        this.last = start;
        return;
      }
      this.last = (this.last + section.size + (word - 1)) & ~(<u64>word - 1);
    }
    if (marksSymbols()) print("]");
    this.addWord(MODINFOMD_SSYM, start);
    this.addWord(MODINFOMD_ESYM, this.last);
  }

  /** Tells where a table of symbols or their names goes. */
  private tellTable(section: Elf.Section): void {
    const name = section.type == Elf.SHT_SYMTAB ? "symtab" : section.type == Elf.SHT_STRTAB ? "strtab" : "WHOA!!";
    const place = `0x${hex(this.last)}-0x${hex(this.last + section.size)}`;
    print(`\n${name}: 0x${hex(section.size)}@0x${hex(section.offset)} -> ${place}`);
  }

  /** Follows the dynamic section to the module metadata. Returns what the load shall return. */
  private readDynamic(size: u64): u64 {
    let dynamic: Elf.Segment | null = null;
    for (let i = 0; i < this.segments.length && dynamic === null; i++) {
      if (this.segments[i].type == Elf.PT_DYNAMIC) dynamic = this.segments[i];
    }
    if (dynamic === null) return size;
    this.addWord(MODINFOMD_DYNAMIC, dynamic.vaddr);
    const tags = new DynamicTags(this.elf, dynamic.vaddr + this.shift, dynamic.filesz, this.shift);
    if (tags.symtab == 0 || tags.strtab == 0 || tags.strsz == 0) return size;
    // Whatever the counts in these tables say, they came out of the file.
    const bytes = this.segmentsEnd();
    const symbols = symbolHash(this.source, tags, bytes);
    if (symbols === null) return size;
    if (!this.kernel && !tags.relocationsFit(this.source, bytes)) return 0;
    const start = symbols.lookup("__start_set_modmetadata_set");
    if (start === null) return 0;
    const stop = symbols.lookup("__stop_set_modmetadata_set");
    // The reference returns its errno as the size here, and goes on with it.
    if (stop === null) return <u64>ENOENT;
    const relocator = new LinkedRelocator(this.elf, this.kernel, tags, this.shift);
    const from = start.value + this.shift;
    const end = stop.value + this.shift;
    if (end > from && end - from > bytes) {
      this.source.damaged(`ELF module metadata: ${end - from} bytes in a file of which ${bytes} are loaded`);
      return 0;
    }
    const result = readModuleSet(this.file, this.elf, relocator, from, end, this.kernel, false);
    if (result.error == 0 && result.modules == 0) addModule(this.file, moduleNameOf(this.file.name), 1);
    return size;
  }
}

const wordCell: usize = memory.data(8, 8);

/** Whether the text at `offset` of `size` bytes at `table` is `name`. */
function nameIs(table: usize, size: u64, offset: u32, name: string): bool {
  if (<u64>offset + <u64>name.length + 1 > size) return false;
  const at = table + offset;
  for (let i = 0; i < name.length; i++) if (load<u8>(at + i) != <u8>name.charCodeAt(i)) return false;
  return load<u8>(at + name.length) == 0;
}
