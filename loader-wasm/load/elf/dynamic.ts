// The dynamic section of a linked file that is in guest memory already (System V gABI, chapter 5): its tags,
// its symbol hash table, and relocation by its tables. elf/linked.ts finds the module metadata with them.

import { EOPNOTSUPP } from "../../lib/errno";
import { allocate, burn } from "../../lib/fault";
import { guestText, guestU32, peekGuest } from "../../lib/guest";
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

/** Looks symbols up by name in a SysV hash table in guest memory, from a file of which so many bytes are loaded. */
export class SymbolHash {
  private readonly buckets: u32;
  private readonly chains: u32;
  /** Symbols that a chain may lead through: each has a word in the table. */
  private readonly longest: u64;

  constructor(
    private readonly source: ElfFile,
    private readonly tags: DynamicTags,
    bytes: u64,
  ) {
    this.buckets = guestU32(tags.hash);
    this.chains = guestU32(tags.hash + 4);
    this.longest = min(<u64>this.chains, bytes / 4);
  }

  /** The defined symbol `name`, or null. */
  lookup(name: string): Elf.Symbol | null {
    const elf = this.source.elf;
    if (this.buckets == 0) return this.corrupt("hash table without buckets");
    const buckets = this.tags.hash + 8;
    const chains = buckets + 4 * <u64>this.buckets;
    let index = guestU32(buckets + 4 * <u64>(hashOf(name) % this.buckets));
    for (let step: u32 = 0; index != 0; step++) {
      burn(1);
      if (index >= this.chains) return this.corrupt(`symbol ${index} of ${this.chains}`);
      if (<u64>step >= this.longest) return this.corrupt(`hash chain longer than ${this.longest} symbols`);
      const symbol = elf.symbol(peekGuest(this.tags.symtab + <u64>index * elf.symbolSize, elf.symbolSize));
      if (symbol.name == 0) return this.corrupt(`symbol ${index} without a name`);
      if (guestText(this.tags.strtab + symbol.name) == name) {
        const defined = symbol.section != Elf.SHN_UNDEF || (symbol.value != 0 && (symbol.info & 15) == Elf.STT_FUNC);
        return defined ? symbol : null;
      }
      index = guestU32(chains + 4 * <u64>index);
    }
    return null;
  }

  private corrupt(what: string): Elf.Symbol | null {
    this.source.say("lookup_symbol", "corrupt symbol table");
    this.source.damaged(`ELF symbol table: ${what}`);
    return null;
  }
}

/** The SysV ABI's hash of a symbol name. */
function hashOf(name: string): u32 {
  let hash: u32 = 0;
  for (let i = 0; i < name.length; i++) {
    hash = (hash << 4) + name.charCodeAt(i);
    const top = hash & 0xf0000000;
    hash = (hash ^ (top >>> 24)) & ~top;
  }
  return hash;
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
