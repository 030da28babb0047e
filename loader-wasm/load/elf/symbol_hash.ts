// Symbols of a linked file by name, through either of its hash tables in guest memory: the System V gABI's (chapter 5),
// or the one that GNU's linker began and newer kernels may have alone (DT_GNU_HASH). linked.ts finds the module
// metadata with them.

import { burn } from "../../lib/fault";
import { guestText, guestU32, peekGuest } from "../../lib/guest";
import { DynamicTags } from "./dynamic";
import { ElfFile } from "./file";
import * as Elf from "./layout";

/** Bytes of the GNU table's head: buckets, first symbol, words of the filter, a shift. */
const GNU_HEAD: u32 = 16;

/** Looks symbols up in a file of which so many bytes are loaded. */
export abstract class SymbolHash {
  /** Words that the table may have: no count of it can be larger, and no chain longer. */
  protected readonly most: u64;
  /** The symbol at which the last search ended. */
  protected found: Elf.Symbol | null = null;

  constructor(
    protected readonly source: ElfFile,
    protected readonly tags: DynamicTags,
    bytes: u64,
  ) {
    this.most = bytes / 4;
  }

  /** The defined symbol `name`, or null. */
  abstract lookup(name: string): Elf.Symbol | null;

  /** Whether the search for `name` ends at symbol `index`: it is called so, or damaged. `found` then has what came out. */
  protected endsAt(index: u64, name: string): bool {
    const elf = this.source.elf;
    const symbol = elf.symbol(peekGuest(this.tags.symtab + index * elf.symbolSize, elf.symbolSize));
    this.found = null;
    if (symbol.name == 0) {
      this.corrupt(`symbol ${index} without a name`);
      return true;
    }
    if (guestText(this.tags.strtab + symbol.name) != name) return false;
    const defined = symbol.section != Elf.SHN_UNDEF || (symbol.value != 0 && (symbol.info & 15) == Elf.STT_FUNC);
    if (defined) this.found = symbol;
    return true;
  }

  protected corrupt(what: string): Elf.Symbol | null {
    this.source.say("lookup_symbol", "corrupt symbol table");
    this.source.damaged(`ELF symbol table: ${what}`);
    return null;
  }
}

/** The gABI's table: for each symbol of a bucket the next one. */
class SysvHash extends SymbolHash {
  lookup(name: string): Elf.Symbol | null {
    const table = this.tags.hash;
    const buckets = guestU32(table);
    const symbols = guestU32(table + 4);
    if (buckets == 0) return this.corrupt("hash table without buckets");
    const longest = min(<u64>symbols, this.most);
    const chains = table + 8 + 4 * <u64>buckets;
    let index = guestU32(table + 8 + 4 * <u64>(sysvHashOf(name) % buckets));
    for (let step: u64 = 0; index != 0; step++) {
      burn(1);
      if (index >= symbols) return this.corrupt(`symbol ${index} of ${symbols}`);
      if (step >= longest) return this.corrupt(`hash chain longer than ${longest} symbols`);
      if (this.endsAt(index, name)) return this.found;
      index = guestU32(chains + 4 * <u64>index);
    }
    return null;
  }
}

/**
 * GNU's table: symbols of a bucket follow each other, and each has the hash of its name, whose lowest bit marks the last
 * one. The filter before the buckets saves look-ups of what isn't there; two names are not worth it.
 */
class GnuHash extends SymbolHash {
  lookup(name: string): Elf.Symbol | null {
    const table = this.tags.gnuHash;
    const head = peekGuest(table, GNU_HEAD);
    const buckets = load<u32>(head);
    const first = load<u32>(head, 4);
    const filter = load<u32>(head, 8);
    if (buckets == 0) return this.corrupt("GNU hash table without buckets");
    if (<u64>buckets > this.most) return this.corrupt(`GNU hash table with ${buckets} buckets of at most ${this.most}`);
    if (<u64>filter > this.most)
      return this.corrupt(`GNU hash table with ${filter} words of filter of at most ${this.most}`);
    const hash = gnuHashOf(name);
    const at = table + GNU_HEAD + <u64>filter * this.source.elf.word;
    const start = guestU32(at + 4 * <u64>(hash % buckets));
    if (start == 0) return null;
    if (start < first) return this.corrupt(`symbol ${start} in a GNU hash table from ${first} on`);
    const chain = at + 4 * <u64>buckets + 4 * <u64>(start - first);
    for (let step: u64 = 0; step < this.most; step++) {
      burn(1);
      const other = guestU32(chain + 4 * step);
      if ((other | 1) == (hash | 1) && this.endsAt(<u64>start + step, name)) return this.found;
      if ((other & 1) != 0) return null;
    }
    return this.corrupt(`GNU hash chain longer than ${this.most} symbols`);
  }
}

/** The table that a file has; the gABI's if it has both, and null if none. */
export function symbolHash(source: ElfFile, tags: DynamicTags, bytes: u64): SymbolHash | null {
  if (tags.hash != 0) return new SysvHash(source, tags, bytes);
  return tags.gnuHash != 0 ? new GnuHash(source, tags, bytes) : null;
}

/** The gABI's hash of a symbol's name. */
function sysvHashOf(name: string): u32 {
  let hash: u32 = 0;
  for (let i = 0; i < name.length; i++) {
    hash = (hash << 4) + name.charCodeAt(i);
    const top = hash & 0xf0000000;
    hash = (hash ^ (top >>> 24)) & ~top;
  }
  return hash;
}

/** GNU's. */
function gnuHashOf(name: string): u32 {
  let hash: u32 = 5381;
  for (let i = 0; i < name.length; i++) hash = hash * 33 + name.charCodeAt(i);
  return hash;
}
