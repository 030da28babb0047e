// The dynamic section of a linked file that is in guest memory already (System V gABI, chapter 5): its tags,
// and relocation by its tables. elf/linked.ts finds the module metadata with them.

import { EOPNOTSUPP } from "../../lib/errno";
import { allocate } from "../../lib/fault";
import { copyout } from "../../protocol";
import { ElfFile } from "./file";
import * as Elf from "./layout";
import { Relocator } from "./modmetadata";
import { applyTable, NoSymbols } from "./relocation";

/** Bytes of a dynamic section that are looked at. */
const DYNAMIC_LIMIT: u64 = 1024 * 1024;

/** The entries of a dynamic section that matter here; addresses are GPAs. */
export class DynamicTags {
  hash: u64 = 0;
  gnuHash: u64 = 0;
  symtab: u64 = 0;
  strtab: u64 = 0;
  strsz: u64 = 0;
  rel: u64 = 0;
  relSize: u64 = 0;
  rela: u64 = 0;
  relaSize: u64 = 0;

  constructor(elf: Elf.ElfClass, gpa: u64, size: u64, shift: u64) {
    const bytes = min(size, DYNAMIC_LIMIT);
    const block = allocate(<usize>bytes);
    memory.fill(block, 0, <usize>bytes);
    copyout(gpa, block, <u32>bytes);
    for (let at: u64 = 0; at + elf.dynamicSize <= bytes; at += elf.dynamicSize) {
      const tag = elf.readWord(block + <usize>at);
      const value = elf.readWord(block + <usize>at + elf.word);
      if (tag == Elf.DT_NULL) break;
      if (tag == Elf.DT_HASH) this.hash = value + shift;
      else if (tag == Elf.DT_GNU_HASH) this.gnuHash = value + shift;
      else if (tag == Elf.DT_STRTAB) this.strtab = value + shift;
      else if (tag == Elf.DT_SYMTAB) this.symtab = value + shift;
      else if (tag == Elf.DT_STRSZ) this.strsz = value;
      else if (tag == Elf.DT_REL) this.rel = value + shift;
      else if (tag == Elf.DT_RELSZ) this.relSize = value;
      else if (tag == Elf.DT_RELA) this.rela = value + shift;
      else if (tag == Elf.DT_RELASZ) this.relaSize = value;
    }
    heap.free(block);
  }

  /** Whether the relocation tables can be in `source`, of which `bytes` are loaded. */
  relocationsFit(source: ElfFile, bytes: u64): bool {
    const size = max(this.relSize, this.relaSize);
    if (size <= bytes) return true;
    source.damaged(`ELF dynamic section: relocations of ${size} bytes in a file of which ${bytes} are loaded`);
    return false;
  }
}

/** Kernels are linked for their place; modules are relocated by their dynamic section's tables. */
export class LinkedRelocator extends Relocator {
  constructor(
    private readonly elf: Elf.ElfClass,
    private readonly kernel: bool,
    private readonly tags: DynamicTags,
    private readonly shift: u64,
  ) {
    super();
  }

  apply(gpa: u64, data: usize, size: u32): i32 {
    const error = this.relocate(gpa, data, size);
    if (error != EOPNOTSUPP) return error;
    this.shiftWord(data);
    return 0;
  }

  applyRecord(gpa: u64, data: usize, size: u32): i32 {
    const error = this.relocate(gpa, data, size);
    if (error != EOPNOTSUPP) return error;
    this.shiftWord(data + 8);
    this.shiftWord(data + 8 + this.elf.word);
    return 0;
  }

  private relocate(gpa: u64, data: usize, size: u32): i32 {
    if (this.kernel) return EOPNOTSUPP;
    const tags = this.tags;
    const none = new NoSymbols();
    const error = applyTable(this.elf, tags.rel, tags.relSize, false, this.shift, gpa, data, size, none);
    if (error != 0) return error;
    return applyTable(this.elf, tags.rela, tags.relaSize, true, this.shift, gpa, data, size, none);
  }

  private shiftWord(at: usize): void {
    const value = this.elf.readWord(at) + this.shift;
    if (this.elf.bits == 64) store<u64>(at, value);
    else store<u32>(at, <u32>value);
  }
}
